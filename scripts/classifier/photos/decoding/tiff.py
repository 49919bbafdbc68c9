"""Opens TIFF files: greys by the depth that they have, and the largest preview of a DNG."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageOps
from PIL.ExifTags import Base
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from . import depths
from .unreadable import Admit, UnreadableImage, damaged

_DNG = 0xC612  # the tag that only DNG files have
_SUBDIRECTORIES, _IS_REDUCED = 330, 1
# What sensors see, before it is a picture.
_SENSOR = (32803, 34892)
_WHITE_IS_ZERO, _YCBCR = 0, 6
_UNSIGNED, _SIGNED, _SEPARATE = 1, 2, 2
_TILE_WIDTH, _TILE_LENGTH = 322, 323
# Of a DNG. A picture any smaller shows little more than colours.
_SMALLEST_PREVIEW = 256
# Files hold a page or two, DNG files a few previews; thousands would only take time.
_MOST_DIRECTORIES = 64
_TO_DO = "develop it into a JPEG with the camera's program"


def opened(data: bytes, admit: Admit) -> Image.Image:
    """The first page, 8 bits deep and upright."""
    directories = _directories(data)
    if not directories:
        raise damaged("it starts like an image, but its header makes no sense")
    first = directories[0]
    if _DNG in first.tags:
        return _preview(data, directories, admit)
    if any(each.photometric in _SENSOR for each in directories):
        raise UnreadableImage(f"a camera's raw file, which Poets does not read: {_TO_DO}")
    if first.is_reduced:
        first = max(directories, key=lambda each: each.pixels)
    image = _page(data, first, admit)
    if image is None:
        raise UnreadableImage(f"a TIFF {first.described()}, which Poets does not read: save it as JPEG or PNG")
    return image


@dataclass(frozen=True)
class _Directory:
    """What the file says about one of its pictures."""

    offset: int
    tags: ImageFileDirectory_v2

    def number(self, tag: int, default: int) -> int:
        value = self.tags.get(tag, default)
        value = value[0] if isinstance(value, tuple) and value else value
        return value if isinstance(value, int) else default

    @property
    def is_reduced(self) -> bool:
        return bool(self.number(Base.NewSubfileType, 0) & _IS_REDUCED)

    @property
    def photometric(self) -> int:
        return self.number(Base.PhotometricInterpretation, 1)

    @property
    def size(self) -> tuple[int, int]:
        return self.number(Base.ImageWidth, 0), self.number(Base.ImageLength, 0)

    @property
    def pixels(self) -> int:
        return self.size[0] * self.size[1]

    def described(self) -> str:
        samples, bits = self.number(Base.SamplesPerPixel, 1), self.number(Base.BitsPerSample, 1)
        kind = {1: "", 2: " signed", 3: " floating-point"}.get(self.number(Base.SampleFormat, 1), " unusual")
        named = f"of {samples} x {bits}{kind} bits" if samples > 1 else f"of {bits}{kind} bits"
        compression = self.number(Base.Compression, 1)
        return named if compression == 1 else f"{named} with compression {compression}"


def _directories(data: bytes) -> list[_Directory]:
    """Those of all pages, each followed by those inside it. Parts that cannot be read are left out."""
    found: list[_Directory] = []
    header = data[: _header_size(data)]
    try:
        waiting, seen = [ImageFileDirectory_v2(header).next], set()
        while waiting and len(found) < _MOST_DIRECTORIES:
            offset = waiting.pop()
            if not isinstance(offset, int) or not 0 < offset < len(data) or offset in seen:
                continue
            seen.add(offset)
            tags = ImageFileDirectory_v2(header)
            file = io.BytesIO(data)
            file.seek(offset)
            tags.load(file)
            found.append(_Directory(offset, tags))
            inside = tags.get(_SUBDIRECTORIES, ())
            waiting += [tags.next, *reversed(inside if isinstance(inside, tuple) else (inside,))]
    except (SyntaxError, struct.error, ValueError, TypeError, IndexError, OverflowError):
        return found
    return found


def _preview(data: bytes, directories: list[_Directory], admit: Admit) -> Image.Image:
    """The largest picture in a DNG that is no raw one, turned like the raw one."""
    ready = [each for each in directories if each.photometric not in _SENSOR and max(each.size) >= _SMALLEST_PREVIEW]
    for each in sorted(ready, key=lambda each: -each.pixels):
        image = _page(data, each, admit)
        if image is not None:
            turned = directories[0].number(Base.Orientation, 1)
            if Base.Orientation not in each.tags and turned != 1:
                image.getexif()[Base.Orientation] = turned
                ImageOps.exif_transpose(image, in_place=True)
            return image
    raise UnreadableImage(f"a raw file (DNG) without a preview that Poets reads: {_TO_DO}")


def _page(data: bytes, directory: _Directory, admit: Admit) -> Image.Image | None:
    """The picture of a directory; None if Pillow does not know its kind."""
    try:
        image = Image.open(io.BytesIO(_beginning_at(data, directory.offset)), formats=("TIFF",))
    except Image.UnidentifiedImageError:
        return None
    bits = directory.number(Base.BitsPerSample, 1)
    if not image.use_load_libtiff:  # type: ignore[attr-defined]  # not compressed: Pillow reads these two wrong
        apart = directory.number(Base.PlanarConfiguration, 1) == _SEPARATE and len(image.getbands()) > 1
        if (directory.photometric == _YCBCR and len(image.getbands()) > 1) or (apart and bits > 8):
            return None
    # A tile is decoded as a whole, however little of it the picture shows.
    admit(
        max(image.width, directory.number(_TILE_WIDTH, 0)),
        max(image.height, directory.number(_TILE_LENGTH, 0)),
    )
    image.load()
    # Greys of 8 bits are never signed: files that say so hold unsigned ones.
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _grey(_values(image, directory, bits), directory, bits)
    return image


def _beginning_at(data: bytes, offset: int) -> bytes:
    """The same file with another first page."""
    size = _header_size(data)
    if ImageFileDirectory_v2(data[:size]).next == offset:
        return data
    # The second half of the header holds the first page's offset.
    order: Literal["little", "big"] = "little" if data.startswith(b"I") else "big"
    return data[: size // 2] + offset.to_bytes(size // 2, order) + data[size:]


def _header_size(data: bytes) -> int:
    """That of a BigTIFF is larger."""
    return 16 if b"+" in data[2:4] else 8


def _values(image: Image.Image, directory: _Directory, bits: int) -> np.ndarray:
    """The file's own values, [height, width]."""
    values = np.asarray(image)
    is_signed = directory.number(Base.SampleFormat, _UNSIGNED) == _SIGNED
    if image.mode == "I" and is_signed and bits == 16:
        values = values.astype(np.int16)
    elif image.mode == "I" and not is_signed:
        values = values.view(np.uint32)
    # libtiff has brought the bytes into this machine's order already, and Pillow turns them around once more.
    if (
        image.mode in ("I", "F") and directory.tags.prefix == b"MM" and image.use_load_libtiff  # type: ignore[attr-defined]
    ):
        values = values.byteswap()
    return values


def _grey(values: np.ndarray, directory: _Directory, bits: int) -> Image.Image:
    """Black and white are where the file says, if no value is beyond; else at the ends of unsigned numbers up to 16
    bits, and at the smallest and largest value of others, which have no usual white."""
    low, high = depths.extent(values)
    said = _said_range(directory)
    white_is_zero = directory.photometric == _WHITE_IS_ZERO
    usual = (0, (1 << bits) - 1) if values.dtype.kind == "u" and bits <= 16 else None
    if said is None or not said[0] <= low <= high <= said[1]:
        said = usual
    if said is not None and said == usual:
        grey = depths.upper_eight(values, bits)
        return ImageOps.invert(grey) if white_is_zero else grey
    if said is not None:
        low, high = said
    return depths.stretched(values, *((high, low) if white_is_zero else (low, high)))


def _said_range(directory: _Directory) -> tuple[float, float] | None:
    """The smallest and largest value that the file gives."""
    for low, high in ((Base.SMinSampleValue, Base.SMaxSampleValue), (Base.MinSampleValue, Base.MaxSampleValue)):
        ends = [directory.tags.get(tag) for tag in (low, high)]
        black, white = (end[0] if isinstance(end, tuple) and end else end for end in ends)
        if isinstance(black or 0, (int, float)) and isinstance(white, (int, float)) and (black or 0) < white:
            return float(black or 0), float(white)
    return None
