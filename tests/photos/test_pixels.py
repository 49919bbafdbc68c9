"""A picture gives the same pixels in any format; unreadable bytes give a reason."""

import io
import re
import struct
import tracemalloc
import zlib

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scripts.classifier.photos import file_kinds, pixels
from scripts.classifier.photos.pixels import UnreadableImage
from tests.support import orientations
from tests.support.workplace import draw_shape

SIZE = 32


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def two_halves(left=(200, 30, 30), right=(30, 30, 200), size=(64, 48)) -> Image.Image:
    image = Image.new("RGB", size, left)
    image.paste(right, (size[0] // 2, 0, size[0], size[1]))
    return image


def png16(value: int) -> bytes:
    """A grey PNG with 16 bits a pixel and a single value."""
    return encoded(Image.fromarray(np.full((20, 20), value, np.uint16)), "PNG")


HALVES = two_halves()
READABLE = {
    "jpeg": encoded(HALVES, "JPEG", quality=95),
    "progressive jpeg": encoded(HALVES, "JPEG", quality=95, progressive=True),
    "cmyk jpeg": encoded(HALVES.convert("CMYK"), "JPEG", quality=95),
    "png": encoded(HALVES, "PNG"),
    "palette png": encoded(HALVES.convert("P", palette=Image.Palette.ADAPTIVE), "PNG"),
    "alpha png": encoded(HALVES.convert("RGBA"), "PNG"),
    "gif": encoded(HALVES, "GIF"),
    "animated gif": encoded(HALVES, "GIF", save_all=True, append_images=[Image.new("RGB", HALVES.size, "white")]),
    "bmp": encoded(HALVES, "BMP"),
    "webp": encoded(HALVES, "WEBP", lossless=True),
    "tiff": encoded(HALVES, "TIFF"),
    "phone's jpeg of two pictures": encoded(HALVES, "MPO", save_all=True, append_images=[HALVES], quality=95),
}


@pytest.mark.parametrize("kind", READABLE)
def test_every_kind_gives_the_same_pixels(kind):
    found = pixels.decode(READABLE[kind], SIZE, SIZE)
    assert found.shape == (SIZE, SIZE, 3) and found.dtype == np.uint8
    expected = np.asarray(HALVES.resize((SIZE, SIZE), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(found.astype(int)[:, :12] - expected[:, :12]).max() < 12
    assert np.abs(found.astype(int)[:, -12:] - expected[:, -12:]).max() < 12
    assert file_kinds.is_picture(READABLE[kind][: file_kinds.SNIFFED_BYTES])


def test_a_grey_jpeg_has_three_equal_channels():
    found = pixels.decode(encoded(HALVES.convert("L"), "JPEG"), SIZE, SIZE)
    assert (found[..., 0] == found[..., 1]).all() and (found[..., 1] == found[..., 2]).all()


@pytest.mark.parametrize("value", [0, 255, 256, 32768, 65535])
def test_sixteen_bits_keep_their_brightness(value):
    assert abs(int(pixels.decode(png16(value), 8, 8)[0, 0, 0]) - value // 257) <= 1


def test_transparent_parts_are_white():
    image = Image.new("RGBA", (40, 40), (255, 0, 0, 0))
    assert (pixels.decode(encoded(image, "PNG"), 8, 8) == 255).all()


@pytest.mark.parametrize("orientation", orientations.ORIENTATIONS)
def test_pictures_are_upright_for_every_camera_orientation(orientation):
    upright = two_halves()
    stored, exif = orientations.stored(upright, orientation)
    found = pixels.decode(encoded(stored, "JPEG", quality=95, exif=exif), SIZE, SIZE).astype(int)
    assert found[:, :12, 0].min() > 150 and found[:, -12:, 2].min() > 150


def test_a_large_jpeg_is_reduced_but_still_large_enough():
    data = encoded(draw_shape("red", 1, (1600, 1200)), "JPEG")
    image = pixels.open_rgb(data, 150)
    assert 150 <= min(image.size) < 1200


def test_normalise_is_the_originals_formula():
    levels = np.arange(256, dtype=np.uint8)
    found = pixels.normalise(levels, 128, 128)
    assert found.dtype == np.float32 and np.allclose(found, (levels.astype(float) - 128) / 128)
    assert np.allclose(pixels.normalise(levels, 0, 255), levels / 255)


def huge_png(width: int, height: int) -> bytes:
    """A PNG that claims a size and contains almost nothing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100))


JPEG = READABLE["jpeg"]
BROKEN = {
    "empty": (b"", "empty file"),
    "text": (b"hello, I am no picture", "not an image"),
    "web page": (b"<!DOCTYPE html><html></html>", "web page"),
    "truncated jpeg": (encoded(draw_shape("red", 3), "JPEG")[:2000], "truncated"),
    "truncated png": (READABLE["png"][:-60], "truncated"),
    "truncated webp": (encoded(draw_shape("red", 3), "WEBP")[:200], "truncated: its end is missing"),
    "jpeg header only": (JPEG[:3], "damaged"),
    "absurdly large": (huge_png(20_000, 10_000), "20000 x 10000 pixels, more than 178 megapixels"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF file without a still picture"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_unreadable_bytes_come_with_a_reason(kind):
    data, says = BROKEN[kind]
    with pytest.raises(UnreadableImage, match=says):
        pixels.decode(data, SIZE, SIZE)


@settings(max_examples=300)
@given(st.sampled_from(sorted(READABLE)), st.data())
def test_damage_anywhere_gives_a_picture_or_a_reason(kind, data):
    damaged = bytearray(READABLE[kind])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = pixels.decode(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), SIZE, SIZE)
    except UnreadableImage as reason:
        assert str(reason) and "\n" not in str(reason)
    else:
        assert found.shape == (SIZE, SIZE, 3)


def test_unreadable_photos_are_skipped_counted_and_listed(workplace, photos):
    for name, (data, _) in BROKEN.items():
        (photos / "red" / f"{name}.jpg").write_bytes(data)
    (photos / "red" / "notes.txt").write_text("not a photo")
    done = workplace.retrain(photos)
    assert done.returncode == 0, done.stderr
    assert f"warning: left out {len(BROKEN)} photos that cannot be read" in done.stderr
    listed = dict(line.split("\t") for line in (workplace / "skipped_images.txt").read_text().splitlines())
    assert len(listed) == len(BROKEN) + 1
    for name, (_, says) in BROKEN.items():
        assert re.search(says, listed[f"{photos}/red/{name}.jpg"])
    # A run without broken photos removes the list of an earlier run.
    for name in [*BROKEN, "notes"]:
        (photos / "red" / f"{name}.{'txt' if name == 'notes' else 'jpg'}").unlink()
    assert workplace.retrain(photos).returncode == 0
    assert not (workplace / "skipped_images.txt").exists()


def test_a_folder_of_mostly_broken_photos_stops_the_run(workplace, photos):
    for number, path in enumerate(sorted(photos.rglob("*.jpg"))):
        if number % 5:
            path.write_bytes(b"\xff\xd8\xff broken")
    done = workplace.retrain(photos)
    assert done.returncode == 1
    assert "57 of 72 photos" in done.stderr and "cannot be read" in done.stderr
    assert (workplace / "skipped_images.txt").exists() and not (workplace / "retrained_graph.pb").exists()


def progressive(scans: int) -> bytes:
    """A JPEG whose last scan is repeated."""
    file = io.BytesIO()
    Image.effect_noise((64, 64), 50).convert("RGB").save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * scans + data[-2:]


def test_a_jpeg_of_very_many_scans_is_refused():
    assert pixels.decode(progressive(20), 8, 8).shape == (8, 8, 3)
    with pytest.raises(pixels.UnreadableImage, match="more than 100 scans"):
        pixels.decode(progressive(200), 8, 8)


def test_what_follows_a_jpeg_is_not_taken_for_scans():
    data = progressive(1)
    assert np.array_equal(pixels.decode(data + b"\xff\xda" * 500, 8, 8), pixels.decode(data, 8, 8))
    noted = data[:2] + b"\xff\xfe" + (1002).to_bytes(2, "big") + b"\xff\xda" * 500 + data[2:]  # a comment
    assert np.array_equal(pixels.decode(noted, 8, 8), pixels.decode(data, 8, 8))


def test_sixteen_bits_take_no_more_memory_than_they_must():
    image = Image.fromarray(np.full((1000, 1000), 40_000, np.uint16))
    tracemalloc.start()
    try:
        assert pixels._to_rgb(image).getpixel((0, 0)) == (156, 156, 156)
        assert tracemalloc.get_traced_memory()[1] < 12_000_000
    finally:
        tracemalloc.stop()
