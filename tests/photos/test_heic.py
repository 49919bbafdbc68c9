"""HEIC photos: turned once, of any depth, with transparency on white, and bounded in time and memory."""

import dataclasses
import io
import resource
import time
from concurrent.futures import ThreadPoolExecutor

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings
from PIL import Image

from scripts.classifier.photos import file_kinds, pixels, sizes
from scripts.classifier.photos.pixels import UnreadableImage
from tests.support import heic
from tests.support.heic import Item, alpha_of, coded, described, grid, ispe, mirrored, turned, write

RED, GREEN, BLUE, YELLOW = heic.COLOURS
WHITE = (255, 255, 255)
EIGHT = coded("eight")


def corners(data: bytes) -> list[tuple[int, ...]]:
    """The colours of the quarters, by rows."""
    image = pixels.open_rgb(data, 1)
    width, height = image.size
    at = [(x, y) for y in (height // 4, 3 * height // 4) for x in (width // 4, 3 * width // 4)]
    return [image.getpixel(each) for each in at]


# The first picture is the primary one unless it says otherwise.
SEEN = {
    "8 bits": (write(EIGHT), [RED, GREEN, BLUE, YELLOW]),
    "10 bits": (write(coded("ten")), [RED, GREEN, BLUE, YELLOW]),
    "grey": (write(coded("grey")), [(0, 0, 0), WHITE, WHITE, WHITE]),
    "transparent": (write(EIGHT, alpha_of(1)), [WHITE, GREEN, BLUE, YELLOW]),
    "turned": (write(coded("eight", turned(1))), [GREEN, YELLOW, RED, BLUE]),
    "turned, and EXIF says so too": (
        write(coded("eight", turned(3)), described(1, 6)),
        [BLUE, RED, YELLOW, GREEN],
    ),
    "EXIF alone turns nothing": (write(EIGHT, described(1, 6)), [RED, GREEN, BLUE, YELLOW]),
    "mirrored": (write(coded("eight", mirrored(1))), [GREEN, RED, YELLOW, BLUE]),
    "upside down": (write(coded("eight", mirrored(0))), [BLUE, YELLOW, RED, GREEN]),
    "the primary one of two": (write(EIGHT, coded("ten", turned(1)), primary=2), [GREEN, YELLOW, RED, BLUE]),
    "the same, turned": (
        write(Item(b"iden", b"", (ispe(64, 64), turned(1)), (b"dimg", (2,))), EIGHT),
        [GREEN, YELLOW, RED, BLUE],
    ),
    "another program's brand": (write(EIGHT, brands=b"mif1mif1heic"), [RED, GREEN, BLUE, YELLOW]),
    "something after it": (write(EIGHT) + b"\0\0\0\x0cmore\xff\xff\xff\xff\xff", [RED, GREEN, BLUE, YELLOW]),
}


@pytest.mark.parametrize("kind", SEEN)
def test_what_is_seen(kind):
    data, expected = SEEN[kind]
    assert np.abs(np.subtract(corners(data), expected)).max() <= 3
    assert file_kinds.is_picture(data[: file_kinds.SNIFFED_BYTES])


def test_tiles_make_one_picture():
    tiles = write(grid(2, 2, (128, 100), range(2, 6), turned(1)), *[EIGHT] * 4)
    found = np.asarray(pixels.open_rgb(tiles, 1)).astype(int)
    one = np.asarray(pixels.open_rgb(write(EIGHT), 1)).astype(int)
    whole = np.rot90(np.tile(one, (2, 2, 1))[:100])
    assert found.shape == (128, 100, 3) and np.abs(found - whole).max() <= 3


def test_avif_files_for_both_kinds_of_programs_are_left_to_pillow():
    file = io.BytesIO()
    Image.new("RGB", (32, 32), RED).save(file, "AVIF", quality=90)
    data = file.getvalue()
    head, rest = data[:8], data[12:]
    both = head + b"mif1" + rest
    for each in (data, both):
        assert file_kinds.readable(each).name == "AVIF"
        assert np.abs(np.subtract(pixels.open_rgb(each, 1).getpixel((9, 9)), RED)).max() < 9


GREY = coded("grey")
# The file says that there are 11 bits where there are 8, which makes pi-heif write beyond its memory.
DEEP = dataclasses.replace(
    GREY, properties=(GREY.properties[0].replace(b"\xfc\xfc\xf8\xf8", b"\xfc\xfc\xfb\xf8"), *GREY.properties[1:])
)
LAYERS = Item(b"iovl", bytes(20), (ispe(64, 64),), (b"dimg", (2,)))
_HUGE = (60_000, 60_000)
UNREADABLE = {
    "claims a size": (write(coded("eight", size=_HUGE)), "60000 x 60000 pixels, more than 178 megapixels; save it"),
    "claims a grid": (write(grid(2, 2, _HUGE, range(2, 6)), *[EIGHT] * 4), "more than 178 megapixels"),
    "claims to be larger than it is": (
        write(coded("eight", size=(3000, 2000))),
        "damaged: .*size.*; copy or download it",
    ),
    "two sizes": (write(coded("eight", ispe(9000, 9000))), "no size"),
    "no size": (write(dataclasses.replace(EIGHT, properties=EIGHT.properties[:1])), "no size"),
    "small grid of large tiles": (
        write(grid(2, 2, (64, 64), range(2, 6)), *[coded("eight", size=(9000, 9000))] * 4),
        "far more than the 64 x 64 pixels that it shows",
    ),
    "grid of 900 tiles that shows one": (
        write(grid(30, 30, (64, 64), range(2, 902)), *[EIGHT] * 900),
        "far more than the 64 x 64 pixels that it shows",
    ),
    "large opacity of a small picture": (
        write(EIGHT, dataclasses.replace(alpha_of(1), properties=(alpha_of(1).properties[0], ispe(9000, 9000)))),
        "far more than the 64 x 64 pixels that it shows",
    ),
    "grid of grids": (
        write(grid(1, 1, (64, 64), [2]), grid(1, 1, (64, 64), [3]), EIGHT),
        "tiles are made of others, which Poets does not read",
    ),
    "circle": (write(grid(1, 1, (64, 64), [1])), "tiles are made of others"),
    "layers": (write(LAYERS, EIGHT), "of the kind 'iovl', which Poets does not read: save it as JPEG"),
    "many parts": (write(*[EIGHT] * 1001), "more than 1000 parts"),
    "no primary": (write(EIGHT, primary=9), "no size"),
    "two descriptions of what it is": (write(EIGHT) + write(EIGHT), "says it twice"),
    "no still picture": (
        heic.box(b"ftyp", b"hevc\0\0\0\0msf1hevc") + heic.box(b"moov", bytes(9)),
        "without a still picture",
    ),
    "deep grey": (write(DEEP), "a grey HEIF picture of more than 8 bits, which Poets does not read: save it as"),
    "cut": (write(EIGHT)[:-20], "truncated: its end is missing; copy or download it again"),
    "cut early": (write(EIGHT)[:200], "truncated: its end is missing; copy or download it again"),
    "damaged": (write(EIGHT)[:-59] + bytes(59), "damaged: "),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_refused_in_one_line_before_any_work(kind):
    data, says = UNREADABLE[kind]
    began = time.process_time()
    with pytest.raises(UnreadableImage, match=says) as refused:
        pixels.open_rgb(data, 1)
    assert "\n" not in str(refused.value) and time.process_time() - began < 1


def test_what_lies_beside_the_picture_takes_no_memory():
    """Each of 500 pictures refers to the same description of 2 MB, which pi-heif would copy for each."""
    exif = Item(b"Exif", bytes(2 << 20), refers=(b"cdsc", tuple(range(1, 501))))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert np.abs(np.subtract(corners(write(*[EIGHT] * 500, exif)), [RED, GREEN, BLUE, YELLOW])).max() <= 3
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_several_threads_see_the_same():
    kinds = [SEEN[kind][0] for kind in ("8 bits", "10 bits", "transparent", "turned")]
    one_by_one = [pixels.decode(data, 48, 48) for data in kinds]
    with ThreadPoolExecutor(8) as pool:
        at_once = list(pool.map(lambda at: pixels.decode(kinds[at % len(kinds)], 48, 48), range(200)))
    assert all(np.array_equal(found, one_by_one[at % len(kinds)]) for at, found in enumerate(at_once))


@settings(max_examples=200)
@given(st.sampled_from(["transparent", "turned, and EXIF says so too", "grid"]), st.data())
def test_damage_anywhere_gives_a_picture_or_a_reason(kind, data):
    grids = write(grid(2, 2, (128, 100), range(2, 6)), *[EIGHT] * 4)
    damaged = bytearray(grids if kind == "grid" else SEEN[kind][0])
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    try:
        found = pixels.decode(bytes(damaged[: data.draw(st.integers(0, len(damaged)))]), 32, 32)
    except UnreadableImage as reason:
        assert str(reason) and "\n" not in str(reason)
    else:
        assert found.shape == (32, 32, 3)


def test_sizes_are_found_without_decoding(tmp_path):
    (tmp_path / "a.heic").write_bytes(write(coded("eight", size=(3000, 2000))))
    (tmp_path / "b.heic").write_bytes(b"\0\0\0\x18ftypheic")
    said = sizes.of(sorted(tmp_path.iterdir())).describe()
    assert said == "all 3000 x 2000 pixels, in colour; 1 cannot be opened"


def test_heic_photos_are_trained_on_and_labelled(workplace, photos):
    for number, label in enumerate(("red", "blue")):
        for copy in range(3):
            more = heic.box(b"free", bytes([number, copy]))  # no two photos are the same
            (photos / label / f"IMG_{copy}.HEIC").write_bytes(write(EIGHT) + more)
    (photos / "red" / "no ending").write_bytes(write(coded("ten")))
    done = workplace.retrain(photos)
    assert done.returncode == 0 and "warning: left out" not in done.stderr, done.stderr
    found = workplace.label(str(photos / "red" / "IMG_0.HEIC"))
    assert found.returncode == 0 and "score=" in found.stdout, found.stderr
