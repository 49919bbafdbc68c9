"""Greys of more than 8 bits become greys of 8 bits by what the file says of them, and the raw files of cameras too."""

import io
import tracemalloc

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.photos import pixels
from scripts.classifier.photos.pixels import UnreadableImage
from tests.support import tiffs
from tests.support.tiffs import Page

WIDE, HIGH = 5, 4
RANDOM = np.random.default_rng(5)
UNSIGNED, SIGNED, FLOAT = 1, 2, 3


def decoded(data: bytes) -> np.ndarray:
    """The grey values, all channels of which are equal."""
    found = np.asarray(pixels.open_rgb(data, 1))
    assert (found == found[..., :1]).all()
    return found[..., 0]


def grey(values: np.ndarray, sample_format: int, order: str = "<", **more) -> bytes:
    strip = values.astype(values.dtype.newbyteorder(order)).tobytes()
    tags = {339: ("H", [sample_format]), **more.pop("more", {})}
    return tiffs.write(Page([strip], (WIDE, HIGH), [values.itemsize * 8], more=tags, **more), order=order)


def stretched(values: np.ndarray, black: float, white: float) -> np.ndarray:
    return np.rint((values.astype(float) - black) * 255 / (white - black))


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("wide", [4, 5])
def test_twelve_bits_are_not_taken_for_sixteen(wide, compression):
    values = RANDOM.integers(0, 4096, (HIGH, wide))
    page = Page([tiffs.packed(values, 12)], (wide, HIGH), [12], compression=compression)
    assert np.array_equal(decoded(tiffs.write(page)), values >> 4)


@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("kind", ["int16", "int32", "float32", "uint32"])
def test_numbers_without_a_usual_white_are_stretched(kind, order, compression):
    """Pillow turns around the bytes of compressed ones once too often, if they are in the other order."""
    values = (RANDOM.random((HIGH, WIDE)) * 3000).astype(kind)
    if kind != "uint32":
        values -= np.array(1000, kind)
    else:
        values += np.array(4_000_000_000, kind)  # beyond what Pillow's own numbers hold
    sample_format = {"i": SIGNED, "u": UNSIGNED, "f": FLOAT}[values.dtype.kind]
    data = grey(values, sample_format, order, compression=compression)
    if kind == "uint32" and order == ">":
        with pytest.raises(UnreadableImage, match=r"a TIFF of 32 bits( with compression 8)?, which Poets"):
            decoded(data)
    else:
        assert np.array_equal(decoded(data), stretched(values, float(values.min()), float(values.max())))


def test_white_may_be_zero():
    values = RANDOM.integers(0, 65536, (HIGH, WIDE)).astype(np.uint16)
    assert np.array_equal(decoded(grey(values, UNSIGNED, photometric=0)), 255 - (values >> 8))
    values = RANDOM.random((HIGH, WIDE)).astype(np.float32)
    inverted = stretched(values, values.max(), values.min())
    assert np.array_equal(decoded(grey(values, FLOAT, photometric=0)), inverted)


@pytest.mark.parametrize("tags", [(280, 281), (340, 341)])
def test_the_file_may_say_what_black_and_white_are(tags):
    values = RANDOM.integers(100, 4000, (HIGH, WIDE)).astype(np.uint16)
    said = {tag: ("H", [value]) for tag, value in zip(tags, (50, 4095), strict=True)}
    assert np.array_equal(decoded(grey(values, UNSIGNED, more=said)), stretched(values, 50, 4095))
    values[0, 0] = 5000  # so the file is wrong about its white
    assert np.array_equal(decoded(grey(values, UNSIGNED, more=said)), values >> 8)


def test_numbers_that_are_none_are_black_or_white():
    values = np.array([[0.0, 1.0, np.nan, np.inf, -np.inf]] * HIGH, np.float32)
    assert decoded(grey(values, FLOAT))[0].tolist() == [0, 255, 0, 255, 0]
    assert not decoded(grey(np.full((HIGH, WIDE), np.nan, np.float32), FLOAT)).any()


@pytest.mark.parametrize("bits", [10, 14])
def test_depths_that_pillow_does_not_know_are_named(bits):
    page = Page([tiffs.packed(np.zeros((HIGH, WIDE), int), bits)], (WIDE, HIGH), [bits])
    with pytest.raises(UnreadableImage, match=f"a TIFF of {bits} bits, which Poets does not read: save it as JPEG"):
        decoded(tiffs.write(page))


@pytest.mark.parametrize("compression", [1, 8])
def test_sixteen_bits_with_each_colour_apart_are_right_or_refused(compression):
    values = RANDOM.integers(0, 65536, (HIGH, WIDE, 3)).astype("<u2")
    planes = [values[..., at].tobytes() for at in range(3)]
    data = tiffs.write(Page(planes, (WIDE, HIGH), [16] * 3, 2, compression, planar=2))
    if compression == 8:
        assert np.array_equal(np.asarray(pixels.open_rgb(data, 1)), values >> 8)
    else:  # Pillow takes them for 8 bits
        with pytest.raises(UnreadableImage, match="a TIFF of 3 x 16 bits"):
            pixels.open_rgb(data, 1)


@pytest.mark.parametrize("white", [1, 15, 100, 255, 256, 1023, 4095, 65535])
@pytest.mark.parametrize("kind", ["P2", "P3", "P5", "P6"])
def test_the_white_of_a_pgm_or_ppm_is_white(kind, white):
    channels = 3 if kind in ("P3", "P6") else 1
    values = RANDOM.integers(0, white + 1, (HIGH, WIDE, channels))
    values.flat[:2] = 0, white
    header = f"{kind}\n# a comment\n{WIDE} {HIGH}\n{white}\n".encode()
    if kind in ("P2", "P3"):
        body = " ".join(map(str, values.ravel())).replace(" ", " # 7\n", 1).encode()
    else:
        body = values.astype(np.uint8 if white < 256 else ">u2").tobytes()
    found = np.asarray(pixels.open_rgb(header + body, 1)).astype(int)
    assert np.abs(found - values * 255 / white).max() < 1.01
    assert found.flat[0] == 0 and found.max() == 255
    cut = body.rpartition(b" ")[0] if kind in ("P2", "P3") else body[:-1]
    with pytest.raises(UnreadableImage, match="truncated"):
        pixels.open_rgb(header + cut, 1)
    if white not in (255, 65535):
        number = white + 1
        beyond = f"{number} ".encode() if kind in ("P2", "P3") else number.to_bytes(1 + (white > 254), "big")
        with pytest.raises(UnreadableImage, match="its white is"):
            pixels.open_rgb(header.replace(b"5 4", b"1 1") + beyond * channels, 1)


def test_a_bitmap_in_text_is_black_where_it_is_one():
    data = b"P1\n3 2\n101\n0 1 0\n"
    assert decoded(data).tolist() == [[0, 255, 0], [255, 0, 255]]
    for wrong, says in ((b"P1\n3 2\n101", "truncated"), (b"P1\n3 2\n10120111", "other characters")):
        with pytest.raises(UnreadableImage, match=says):
            pixels.open_rgb(wrong, 1)


def rgb(colour: tuple[int, int, int], size: tuple[int, int], **more) -> Page:
    return Page([bytes(colour) * (size[0] * size[1])], size, [8] * 3, 2, **more)


DNG, THUMBNAIL, TURNED = {50706: ("B", [1, 4, 0, 0])}, {254: ("I", [1])}, {274: ("H", [6])}


def dng(*inside: Page) -> bytes:
    raw = Page([bytes(2 * 16 * 16)], (16, 16), [16], 32803)
    return tiffs.write(rgb((9, 9, 9), (8, 8), more={**DNG, **THUMBNAIL, **TURNED}, inside=[raw, *inside]))


def test_a_dng_shows_its_largest_preview_upright():
    small, large = rgb((200, 0, 0), (256, 200), more=THUMBNAIL), rgb((0, 200, 0), (400, 300), more=THUMBNAIL)
    found = pixels.open_rgb(dng(small, large), 1)
    assert found.size == (300, 400) and found.getpixel((5, 5)) == (0, 200, 0)


@pytest.mark.parametrize("preview", [[], [rgb((200, 0, 0), (100, 80), more=THUMBNAIL)]])
def test_a_dng_without_a_preview_of_some_size_is_named(preview):
    with pytest.raises(UnreadableImage, match=r"a raw file \(DNG\) without a preview that Poets reads: develop it"):
        pixels.open_rgb(dng(*preview), 1)


def test_the_thumbnail_of_a_cameras_raw_file_is_not_taken_for_its_picture():
    raw = Page([bytes(2 * 16 * 16)], (16, 16), [16], 32803)
    data = tiffs.write(rgb((9, 9, 9), (160, 120), more=THUMBNAIL, inside=[raw]), order=">")
    with pytest.raises(UnreadableImage, match="a camera's raw file, which Poets does not read"):
        pixels.open_rgb(data, 1)


def test_a_thumbnail_before_the_picture_is_passed_over():
    found = pixels.open_rgb(tiffs.write(rgb((9, 9, 9), (8, 8), more=THUMBNAIL), rgb((0, 200, 0), (40, 30))), 1)
    assert found.size == (40, 30) and found.getpixel((5, 5)) == (0, 200, 0)


def test_of_several_pages_the_first_is_taken():
    found = pixels.open_rgb(tiffs.write(rgb((0, 200, 0), (8, 8)), rgb((9, 9, 9), (40, 30))), 1)
    assert found.size == (8, 8) and found.getpixel((5, 5)) == (0, 200, 0)


def test_a_tile_that_is_larger_than_any_picture_is_refused():
    tiles = {322: ("I", [30_000]), 323: ("I", [30_000]), 324: ("I", [8]), 325: ("I", [100])}
    with pytest.raises(UnreadableImage, match="30000 x 30000 pixels, more than 178 megapixels"):
        pixels.open_rgb(tiffs.write(Page([bytes(100)], (8, 8), compression=8, more=tiles)), 1)


def test_large_pictures_take_no_more_memory_than_they_must():
    file = io.BytesIO()
    Image.fromarray(np.full((1000, 1000), 40_000, np.int32)).save(file, "TIFF")
    for data in (file.getvalue(), b"P5 1000 1000 4095\n" + bytes(2_000_000)):
        tracemalloc.start()
        try:
            pixels.open_rgb(data, 1)
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()
