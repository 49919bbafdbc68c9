"""Photos in every format, as training and labelling decode them."""

from __future__ import annotations

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from scripts.classifier.judging import perceptual_hash
from scripts.classifier.photos import distortions, pixels, sizes
from scripts.classifier.photos.distortions import Distortions, View
from tests.support import heic

from ..mutations import number
from ..target import Files, Target, alone

_SIDE = 64
_DISTORTED = View(Distortions(True, 20, 20, 20))


def _samples() -> list[Files]:
    rng = np.random.default_rng(1)
    rgb = Image.fromarray(rng.integers(0, 256, (23, 37, 3), np.uint8))
    grey, deep = rgb.convert("L"), Image.fromarray(rng.integers(0, 65536, (9, 11), np.uint16))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned
    seen = rgb.convert("RGBA")
    seen.putalpha(grey)
    palette = rgb.convert("P", palette=Image.Palette.ADAPTIVE)
    small = Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8))
    made = [
        *(_saved(rgb, "JPEG", **more) for more in ({}, {"progressive": True}, {"exif": exif}, {"subsampling": 0})),
        *(_saved(each, "JPEG") for each in (grey, rgb.convert("CMYK"))),
        *(_saved(each, "PNG") for each in (rgb, grey, seen, deep, palette, grey.convert("1"), grey.convert("LA"))),
        *(_saved(palette, "PNG", bits=bits) for bits in (1, 2, 4)),
        _saved(palette, "PNG", transparency=3),
        _saved(rgb, "PNG", exif=exif),
        *(_saved(each, "GIF") for each in (palette, grey)),
        _saved(palette, "GIF", save_all=True, append_images=[palette.rotate(90)], transparency=1, disposal=2),
        *(_saved(each, "BMP") for each in (rgb, grey, palette, grey.convert("1"), seen)),
        *(_saved(each, "TIFF") for each in (rgb, deep, seen, grey.convert("1"), grey.convert("F"), palette)),
        *(_saved(rgb, "TIFF", compression=by) for by in ("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg")),
        *(_saved(grey.convert("1"), "TIFF", compression=by) for by in ("group3", "group4", "tiff_ccitt")),
        *(_saved(rgb, "WEBP", **more) for more in ({}, {"lossless": True}, {"exif": exif})),
        _saved(seen, "WEBP"),
        _saved(small, "WEBP", save_all=True, append_images=[small.rotate(90)]),
        *(_saved(each, "AVIF") for each in (small, seen)),
        *(_saved(each, "JPEG2000", **more) for each in (rgb, grey, seen) for more in ({}, {"tile_size": (16, 16)})),
        *(_saved(each, "TGA", **more) for each in (rgb, grey, palette) for more in ({}, {"compression": "tga_rle"})),
        *(
            _saved(each, "ICO", sizes=[(16, 16), (32, 32)], bitmap_format=kind)
            for each in (seen,)
            for kind in ("bmp", "png")
        ),
        *(_saved(each, "QOI") for each in (rgb, seen)),
        *(_saved(each, "PPM") for each in (rgb, grey, grey.convert("1"), deep)),
        heic.write(heic.coded("eight"), heic.alpha_of(1)),
        *((heic.DATA / f"{name}.heic").read_bytes() for name in ("eight", "grey", "ten")),
        _saved(rgb, "MPO", save_all=True, append_images=[rgb]),
    ]
    return [{"photo": data} for data in made]


def _saved(image: Image.Image, kind: str, **more: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **more)
    return file.getvalue()


def _read(path: Path) -> None:
    squared = pixels.decode(path.read_bytes(), _SIDE, _SIDE)
    assert squared.shape == (_SIDE, _SIDE, 3) and squared.dtype == np.uint8
    # What training with distortions, evaluate and show_image do besides.
    (view,) = distortions.look(path.read_bytes(), _SIDE, [_DISTORTED])
    assert view.shape == squared.shape
    perceptual_hash.of_bytes(path.read_bytes())
    sizes.of([path]).describe()


def _png_chunks(data: bytes, chance: random.Random) -> bytes | None:
    """A chunk changed, doubled, moved or left out, with checksums that fit."""
    if not data.startswith(b"\x89PNG"):
        return None
    chunks, at = [], 8
    while at + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        chunks.append((data[at + 4 : at + 8], data[at + 8 : at + 8 + length]))
        at += 12 + length
    which = chance.randrange(len(chunks)) if chunks else None
    if which is None:
        return None
    kind, content = chunks[which]
    done = chance.choice(["change", "change", "change", "double", "leave out", "move", "rename"])
    if done == "change" and content:
        at = chance.randrange(len(content))
        unpacked = _inflated(content) if kind == b"IDAT" and chance.random() < 0.7 else None
        if unpacked:
            at = chance.randrange(len(unpacked))
            content = zlib.compress(unpacked[:at] + chance.randbytes(chance.choice([1, 4])) + unpacked[at + 1 :])
        else:
            written = (number(chance) & 0xFFFFFFFF).to_bytes(4, "big")[-chance.choice([1, 2, 4]) :]
            content = content[:at] + written + content[at + len(written) :]
        chunks[which] = kind, content
    elif done == "double":
        chunks.insert(which, chunks[which])
    elif done == "leave out":
        del chunks[which]
    elif done == "move":
        chunks.insert(chance.randrange(len(chunks)), chunks.pop(which))
    else:
        names = [b"tRNS", b"PLTE", b"IDAT", b"IEND", b"gAMA", b"iCCP", b"eXIf", b"zTXt", b"acTL", b"fcTL", b"pHYs"]
        chunks[which] = chance.choice(names), content
    packed = (struct.pack(">I", len(body)) + kind + body for kind, body in chunks)
    sums = (struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    return data[:8] + b"".join(part + end for part, end in zip(packed, sums, strict=True))


def _inflated(content: bytes) -> bytes:
    try:
        return zlib.decompress(content)
    except zlib.error:
        return b""


TARGET = Target(
    "pictures",
    _samples,
    alone(_read),
    inputs=1500,
    own=(_png_chunks,),
    fine=(pixels.UnreadableImage,),
    megabytes=1500,
)
