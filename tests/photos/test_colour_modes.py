"""Every mode of Pillow's that a file can carry gives Pillow's own colours, on white where it is see-through, and every
format that carries the camera's orientation is turned upright."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.photos import pixels
from tests.support import orientations, tiffs

WIDE, HIGH = 24, 16
WHOLE = 1000  # pixels that a side shall have at least, so nothing is reduced
RANDOM = np.random.default_rng(3)
COARSE = RANDOM.integers(0, 256, (HIGH // 4, WIDE // 4, 3), dtype=np.uint8)
COLOURS = Image.fromarray(np.kron(COARSE, np.ones((4, 4, 1), np.uint8)))
ALPHA = Image.fromarray(np.linspace(0, 255, WIDE * HIGH).reshape(HIGH, WIDE).astype(np.uint8))


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def in_mode(mode: str) -> Image.Image:
    """The colours in this mode, see-through by degrees if it can be."""
    if mode == "LA":
        return Image.merge("LA", [COLOURS.convert("L"), ALPHA])
    if mode in ("RGBA", "PA"):
        image = COLOURS.copy()
        image.putalpha(ALPHA)
        if mode == "RGBA":
            return image
        return Image.frombytes("PA", COLOURS.size, _interleaved(COLOURS.quantize(64), ALPHA))
    if mode == "P":
        return COLOURS.quantize(64)
    return COLOURS.convert(mode)


def _interleaved(first: Image.Image, second: Image.Image) -> bytes:
    return np.stack([np.asarray(first), np.asarray(second)], -1).tobytes()


def expected(image: Image.Image) -> np.ndarray:
    """By NumPy: the colours that Pillow gives, on white."""
    if not image.has_transparency_data:
        return np.asarray(image.convert("RGB")).astype(float)
    rgba = np.asarray(image.convert("RGBA")).astype(float)
    opaque = rgba[..., 3:] / 255
    return rgba[..., :3] * opaque + 255 * (1 - opaque)


CARRIED = {
    "PNG": ["1", "L", "LA", "P", "RGB", "RGBA"],
    "TIFF": ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "LAB"],
    "GIF": ["1", "L", "P"],
    "BMP": ["1", "L", "P", "RGB"],
    "TGA": ["1", "L", "LA", "P", "RGB", "RGBA"],
    "JPEG": ["L", "RGB", "CMYK", "YCbCr"],
    "JPEG2000": ["L", "LA", "RGB", "RGBA", "YCbCr"],
    "WEBP": ["RGB", "RGBA"],
    "PPM": ["1", "L", "RGB"],
    "QOI": ["RGB", "RGBA"],
    "AVIF": ["RGB", "RGBA"],
}
LOSSLESS = {"WEBP": {"lossless": True, "exact": True}, "AVIF": {"quality": 100, "subsampling": "4:4:4"}}


@pytest.mark.parametrize(("kind", "mode"), [(kind, mode) for kind, modes in CARRIED.items() for mode in modes])
def test_each_mode_keeps_its_colours(kind, mode):
    image = in_mode(mode)
    data = encoded(image, kind, **LOSSLESS.get(kind, {}))
    found = np.asarray(pixels.open_rgb(data, WHOLE)).astype(float)
    stored = expected(Image.open(io.BytesIO(data)))  # what the file's own mode holds
    assert found.shape == (HIGH, WIDE, 3)
    assert np.abs(found - stored).max() <= 1  # of rounding
    close = 25 if kind in ("JPEG", "AVIF") or mode in ("P", "1", "CMYK", "LAB", "YCbCr") else 1
    assert np.median(np.abs(found - expected(image.convert("RGBA") if image.has_transparency_data else image))) <= close


def test_uncompressed_ycbcr_is_refused():
    """Pillow takes its three bytes a pixel for four."""
    data = encoded(in_mode("YCbCr"), "TIFF") + bytes(10_000)
    with pytest.raises(pixels.UnreadableImage, match="a TIFF of 3 x 8 bits, which Poets does not read"):
        pixels.open_rgb(data, WHOLE)


def test_transparency_may_be_premultiplied_or_belong_to_a_palette():
    rgba = np.asarray(in_mode("RGBA")).astype(int)
    multiplied = np.concatenate([rgba[..., :3] * rgba[..., 3:] // 255, rgba[..., 3:]], -1).astype(np.uint8)
    page = tiffs.Page([multiplied.tobytes()], (WIDE, HIGH), [8] * 4, 2, more={338: ("H", [1])})
    found = np.asarray(pixels.open_rgb(tiffs.write(page), WHOLE)).astype(float)
    assert np.abs(found - expected(in_mode("RGBA"))).max() < 4
    see_through = COLOURS.quantize(16)
    for kind in ("PNG", "GIF"):
        data = encoded(see_through, kind, transparency=see_through.getpixel((0, 0)))
        assert pixels.open_rgb(data, WHOLE).getpixel((0, 0)) == (255, 255, 255)
        at = next(spot for spot in np.ndindex(WIDE, HIGH) if see_through.getpixel(spot) != see_through.getpixel((0, 0)))
        assert pixels.open_rgb(data, WHOLE).getpixel(at) == see_through.convert("RGB").getpixel(at)
    data = encoded(Image.new("RGB", (4, 4), (10, 20, 30)), "PNG", transparency=(10, 20, 30))
    assert pixels.open_rgb(data, WHOLE).getpixel((0, 0)) == (255, 255, 255)
    both = tiffs.Page(
        [_interleaved(COLOURS.quantize(64), ALPHA)],
        (WIDE, HIGH),
        [8, 8],
        3,
        more={338: ("H", [2]), 320: ("H", [each * 257 for each in range(256)] * 3)},
    )
    grey = np.asarray(COLOURS.quantize(64)).astype(float)  # by this palette
    opaque = np.asarray(ALPHA) / 255
    found = np.asarray(pixels.open_rgb(tiffs.write(both), WHOLE)).astype(float)[..., 0]
    assert np.abs(found - (grey * opaque + 255 * (1 - opaque))).max() <= 1


def test_deep_greys_are_right():
    values = RANDOM.integers(0, 65536, (HIGH, WIDE), dtype=np.uint16)
    for kind in ("PNG", "TIFF", "JPEG2000", "PPM"):
        found = np.asarray(pixels.open_rgb(encoded(Image.fromarray(values), kind), WHOLE))[..., 0]
        assert np.abs(found.astype(int) - (values >> 8)).max() == 0, kind
    for dtype in (np.int32, np.float32):
        wide = (values - 30_000.0).astype(dtype)
        found = np.asarray(pixels.open_rgb(encoded(Image.fromarray(wide), "TIFF"), WHOLE))[..., 0]
        assert np.abs(found - (wide - wide.min()) * (255 / (wide.max() - wide.min()))).max() <= 0.51, dtype


def test_a_jpeg_2000_of_twelve_bits_is_not_dark():
    """Lossless coding keeps the differences from the middle, so only the header's depth has to change."""
    values = RANDOM.integers(0, 4096, (HIGH, WIDE))
    data = bytearray(encoded(Image.fromarray((values - 2048 + 32768).astype(np.uint16)), "JPEG2000", no_jp2=True))
    depth = data.index(b"\xff\x51") + 2 + 38
    assert data[depth] == 15
    data[depth] = 11
    assert np.array_equal(np.asarray(pixels.open_rgb(bytes(data), WHOLE))[..., 0], values >> 4)


CARRY_ORIENTATION = ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "MPO"]


@pytest.mark.parametrize("orientation", orientations.ORIENTATIONS)
@pytest.mark.parametrize("kind", CARRY_ORIENTATION)
def test_pictures_are_turned_upright(kind, orientation):
    upright = Image.fromarray(np.kron([[250, 30, 120], [60, 160, 200]], np.ones((16, 16))).astype(np.uint8)).convert(
        "RGB"
    )
    stored, exif = orientations.stored(upright, orientation)
    options = {"exif": exif, "quality": 95, **({"save_all": True, "append_images": [stored]} if kind == "MPO" else {})}
    found = np.asarray(pixels.open_rgb(encoded(stored, kind, **options), WHOLE)).astype(int)
    assert found.shape == (32, 48, 3) and np.abs(found - np.asarray(upright)).max() < 12


@pytest.mark.parametrize("orientation", orientations.ORIENTATIONS)
def test_deep_greys_are_turned_upright_too(orientation):
    values = RANDOM.integers(0, 4096, (HIGH, WIDE))
    stored = Image.fromarray(values.astype(np.int32))
    stored = np.asarray(orientations.stored(stored, orientation)[0])
    page = tiffs.Page([tiffs.packed(stored, 12)], stored.shape[::-1], [12], more={274: ("H", [orientation])})
    assert np.array_equal(np.asarray(pixels.open_rgb(tiffs.write(page), WHOLE))[..., 0], values >> 4)


def tga(depth: int, body: bytes, descriptor: int, palette: bytes = b"") -> bytes:
    kind = (1, 1, len(palette) // 2, 16) if palette else (0, 2, 0, 0)
    header = struct.pack("<BBBHHBHHHHBB", 0, kind[0], kind[1], 0, *kind[2:], 0, 0, 2, 1, depth, descriptor)
    return header + palette + body


def test_the_transparency_of_a_tga_is_taken_with_care():
    red = struct.pack("<H", 31 << 10)
    marked = struct.pack("<H", 31 << 10 | 1 << 15)
    for data in (tga(16, red + marked, 0x20), tga(16, red + marked, 0x21), tga(8, b"\0\1", 0x20, red + marked)):
        found = pixels.open_rgb(data, WHOLE)
        assert [found.getpixel((at, 0)) for at in (0, 1)] == [(255, 0, 0)] * 2
    unused = pixels.open_rgb(tga(32, bytes([9, 8, 7, 0] * 2), 0x20) + bytes(26), WHOLE)
    assert unused.getpixel((0, 0)) == (7, 8, 9)
    used = pixels.open_rgb(tga(32, bytes([9, 8, 7, 0, 9, 8, 7, 255]), 0x28) + bytes(26), WHOLE)
    assert [used.getpixel((at, 0)) for at in (0, 1)] == [(255, 255, 255), (7, 8, 9)]


def test_the_largest_picture_of_an_icon_is_taken():
    for kind in ("png", "bmp"):
        small, large = Image.new("RGBA", (16, 16), "red"), Image.new("RGBA", (48, 32), (0, 128, 0, 255))
        data = encoded(large, "ICO", sizes=[(16, 16), (48, 32)], append_images=[small], bitmap_format=kind)
        found = pixels.open_rgb(data, WHOLE)
        assert found.size == (48, 32) and found.getpixel((3, 3)) == (0, 128, 0)


def psd(mode: int, channels: list[bytes], layers: int | None = None, flattened: bool = True, bits: int = 8) -> bytes:
    """A Photoshop file of 2 x 1 pixels."""
    version = struct.pack(">4sHBBI", b"8BIM", 1057, 0, 0, 6) + struct.pack(">IBB", 1, flattened, 0)
    count = b"" if layers is None else struct.pack(">Ih", 2, layers)
    header = struct.pack(">4sH6xHIIHH", b"8BPS", 1, len(channels), 1, 2, bits, mode)
    return header + bytes(4) + _sized(version) + _sized(count) + bytes(2) + b"".join(channels)


def _sized(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def test_the_flattened_picture_of_a_photoshop_file_is_taken():
    colours = [bytes([200, 10]), bytes([100, 20]), bytes([50, 30])]
    for layers in (None, 1):  # a fourth channel is a saved selection then
        for channels in (colours, [*colours, bytes([0, 255])]):
            found = pixels.open_rgb(psd(3, channels, layers), WHOLE)
            assert [found.getpixel((at, 0)) for at in (0, 1)] == [(200, 100, 50), (10, 20, 30)]
    found = pixels.open_rgb(psd(3, [*colours, bytes([0, 255])], -1), WHOLE)
    assert [found.getpixel((at, 0)) for at in (0, 1)] == [(255, 255, 255), (10, 20, 30)]
    for data, says in (
        (psd(3, colours, flattened=False), "a Photoshop file saved without its flattened picture: save it as JPEG"),
        (psd(3, colours, bits=16), "a Photoshop picture of colour mode 3 with 16 bits"),
        (psd(0, [b"\0"], bits=1), "a Photoshop picture of colour mode 0 with 1 bits"),
    ):
        with pytest.raises(pixels.UnreadableImage, match=says):
            pixels.open_rgb(data, WHOLE)
