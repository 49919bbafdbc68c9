"""Opens JPEG 2000 files that are complete, and made of as many parts as encoders make.

The decoder keeps notes about each tile, block and layer, which a small file can claim by the million. It also shows a
picture whose last tiles are missing, without a word, as black there.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import Image

from .unreadable import CUT, Admit, UnreadableImage, damaged

_SIZE, _CODING, _COMPONENT_CODING = 0xFF51, 0xFF52, 0xFF53
_TILE_PART, _TILE_DATA, _END = 0xFF90, 0xFF93, 0xFFD9
_SIZES = struct.Struct(">HIIIIIIIIH")
_MOST_COMPONENTS = 4  # as many as Pillow knows
_MOST_LAYERS = 100  # encoders write up to about 20
# Parts that a picture may have, each with notes of a few hundred bytes; a tile has as many as this more.
_PARTS, _PIXELS_A_PART, _PARTS_A_TILE = 100_000, 128, 25
# A pixel takes so much memory, in units of what other formats take, if it is decoded in full.
_TIMES = 3


def opened(data: bytes, at_least: int, admit: Admit) -> Image.Image:
    """To be decoded at 1/2, 1/4 ... of its size, if the file allows it and no side gets shorter than `at_least`."""
    image = Image.open(io.BytesIO(data), formats=("JPEG2000",))
    try:
        stream = _Stream(data, _beginning(data))
        stream.check(image.size)
    except (struct.error, IndexError):
        raise UnreadableImage(CUT) from None
    halvings = max(each for each in range(stream.halvings + 1) if each == 0 or _fits(image.size, each, at_least))
    image.reduce = halvings  # type: ignore[method-assign, assignment]  # this format's own
    admit(*image.size, times=1 if halvings else _TIMES)
    return image


def _fits(size: tuple[int, int], halvings: int, at_least: int) -> bool:
    """Pillow rounds a side to the nearest number and the decoder rounds it up, so they have to agree."""
    whole = 1 << halvings
    return all((side + whole // 2) // whole == -(-side // whole) and side >> halvings >= at_least for side in size)


def _beginning(data: bytes) -> int:
    """Where the codestream begins: at once, or in a box."""
    at = 0
    while data[at : at + 2] != b"\xff\x4f":
        length, kind = struct.unpack_from(">I4s", data, at)
        inside = 8
        if length == 1:
            (length,) = struct.unpack_from(">Q", data, at + 8)
            inside = 16
        if kind == b"jp2c":
            return at + inside
        if length < inside:
            raise damaged("a JPEG 2000 without a picture")
        at += length
    return at


@dataclass(frozen=True)
class _Coding:
    """How a tile's components are cut up."""

    block: int  # pixels in a block
    precincts: tuple[int, ...]  # pixels in a precinct of each resolution, the smallest first

    def parts(self, pixels: int, tiles: int) -> int:
        """An upper bound of blocks and precincts in one component."""
        levels = len(self.precincts)
        blocks = pixels // self.block + 3 * tiles * levels
        precincts = sum((pixels >> 2 * (levels - 1 - at)) // size + tiles for at, size in enumerate(self.precincts))
        return blocks + precincts


class _Stream:
    def __init__(self, data: bytes, at: int):
        self._data, self._at = data, at + 2
        self.halvings = 32  # how many times the decoder can halve the picture

    def check(self, told: tuple[int, int]) -> None:
        """Refuses what costs too much or is incomplete; `told` is the size that the file's header gives."""
        tiles, pixels, components = self._check_size(told)
        self._check_header(pixels, tiles, components)
        seen = set()
        while (part := self._tile_part(pixels, tiles, components)) is not None:
            seen.add(part)
        if len(seen) < tiles:
            raise UnreadableImage(CUT)

    def _check_size(self, told: tuple[int, int]) -> tuple[int, int, int]:
        marker, _, start = self._segment()
        if marker != _SIZE:
            raise damaged("a JPEG 2000 that does not say its size")
        _, right, bottom, left, top, tile_width, tile_height, tile_left, tile_top, components = _SIZES.unpack_from(
            self._data, start
        )
        if (right - left, bottom - top) != told:
            raise damaged(f"{right - left} x {bottom - top} pixels in a file of {told[0]} x {told[1]}")
        if not 1 <= components <= _MOST_COMPONENTS or not tile_width or not tile_height:
            raise UnreadableImage(f"a JPEG 2000 of {components} components, expected 1 to {_MOST_COMPONENTS}")
        tiles = -(-(right - tile_left) // tile_width) * -(-(bottom - tile_top) // tile_height)
        if left or top:
            self.halvings = 0  # Pillow would round the sides wrong
        pixels = told[0] * told[1]
        if tiles * components * _PARTS_A_TILE > _PARTS + pixels // _PIXELS_A_PART:
            raise UnreadableImage(f"a JPEG 2000 of {tiles:,} tiles, too many for its size")
        return tiles, pixels, components

    def _check_header(self, pixels: int, tiles: int, components: int) -> None:
        """Reads the segments up to the next tile's, or its data."""
        while self._marker() not in (_TILE_PART, _TILE_DATA):
            marker, _, start = self._segment()
            if marker == _CODING:
                (layers,) = struct.unpack_from(">H", self._data, start + 2)
                if layers > _MOST_LAYERS:
                    raise UnreadableImage(f"a JPEG 2000 of more than {_MOST_LAYERS} layers")
                coding = self._coding(self._data[start], start + 5)
            elif marker == _COMPONENT_CODING:
                coding = self._coding(self._data[start + 1], start + 2)
            else:
                continue
            self.halvings = min(self.halvings, len(coding.precincts) - 1)
            if components * coding.parts(pixels, tiles) > _PARTS + pixels // _PIXELS_A_PART:
                raise UnreadableImage("a JPEG 2000 of too many blocks for its size")

    def _tile_part(self, pixels: int, tiles: int, components: int) -> int | None:
        """The number of the tile that the next part belongs to; None at the end."""
        if self._at + 2 > len(self._data) or self._marker() == _END:
            return None
        start = self._at
        marker, _, inside = self._segment()
        if marker != _TILE_PART:
            return None
        number, length = struct.unpack_from(">HI", self._data, inside)
        self._check_header(pixels, tiles, components)
        self._at = start + length if length else len(self._data)
        if self._at > len(self._data) or (length and length < 14):
            raise UnreadableImage(CUT)
        return number

    def _marker(self) -> int:
        return struct.unpack_from(">H", self._data, self._at)[0]

    def _segment(self) -> tuple[int, int, int]:
        """The next segment's marker, length and first byte; moves behind it."""
        marker, length = struct.unpack_from(">HH", self._data, self._at)
        start = self._at + 4
        if marker < 0xFF00 or length < 2:
            raise damaged("a JPEG 2000 with segments that make no sense")
        self._at += 2 + length
        return marker, length, start

    def _coding(self, style: int, at: int) -> _Coding:
        levels, width, height = self._data[at : at + 3]
        sizes = self._data[at + 5 : at + 6 + levels] if style & 1 else b"\xff" * (levels + 1)
        if len(sizes) < levels + 1:
            raise IndexError
        precincts = tuple(1 << ((size & 15) + (size >> 4)) for size in sizes)
        return _Coding(1 << ((width & 15) + (height & 15) + 4), precincts)
