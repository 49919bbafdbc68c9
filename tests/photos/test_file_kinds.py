"""What is no picture that Poets reads is named, with what to do; one table says what is read."""

import hashlib
import io
import re
import struct
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.photos import digests, file_kinds, folders, pixels
from scripts.classifier.photos.digests import PhotoDigests
from scripts.classifier.photos.pixels import UnreadableImage
from tests.support.workplace import ROOT, draw_shape

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
SVG = '<svg xmlns="http://www.w3.org/2000/svg"/>'


def archive(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        for name in names:
            written.writestr(name, "content")
    return file.getvalue()


def encoded(kind: str, image: Image.Image | None = None, **options) -> bytes:
    file = io.BytesIO()
    (image or draw_shape("red", 1, (40, 30))).save(file, kind, **options)
    return file.getvalue()


NAMED = {
    "dds": (encoded("DDS"), "a DDS picture, which Poets does not read: save it as JPEG or PNG"),
    "sgi": (encoded("SGI"), "an SGI picture, which Poets does not read: save it as JPEG or PNG"),
    "pcx": (encoded("PCX"), "a PCX picture, which Poets does not read: save it as JPEG or PNG"),
    "icns": (encoded("ICNS"), "an ICNS icon, which Poets does not read: save it as JPEG or PNG"),
    "eps": (encoded("EPS"), "an EPS drawing, which Poets does not read: export it as PNG"),
    "pdf": (encoded("PDF"), "a PDF document, which Poets does not read: export its pages as JPEG"),
    "jxl": (b"\xff\x0a" + bytes(50), "a JPEG XL picture, which"),
    "jxl in a box": (b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(50), "a JPEG XL picture, which"),
    "cr2": (
        b"II*\0\x10\0\0\0CR\x02\0" + bytes(50),
        "a raw file of a Canon camera (CR2), which Poets does not read:",
    ),
    "cr3": (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "a raw file of a Canon camera (CR3), which"),
    "raf": (b"FUJIFILMCCD-RAW 0201FF383501", "a raw file of a Fujifilm camera (RAF), which"),
    "rw2": (b"IIU\0\x18\0\0\0" + bytes(50), "a raw file of a Panasonic camera (RW2), which"),
    "orf": (b"IIRO\x08\0\0\0" + bytes(50), "a raw file of an Olympus camera (ORF), which"),
    "cur": (b"\0\0\2\0\1\0\x10\x10\0\0\1\0\1\0" + bytes(50), "a Windows cursor, which"),
    "pam": (b"P7\nWIDTH 1\nHEIGHT 1\nDEPTH 1\nMAXVAL 255\nENDHDR\n\0", "a PAM picture, which"),
    "mp4": (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "a video, which Poets does not read: save frames of it as JPEG"),
    "mov": (b"\0\0\0\x14ftypqt  \0\0\2\0qt  ", "a video, which"),
    "docx": (
        archive("[Content_Types].xml", "word/document.xml"),
        "an Office document, which Poets does not read:",
    ),
    "zip": (archive("a.jpg"), "an archive, which Poets does not read: unpack it"),
    "svg": (SVG.encode(), "an SVG drawing, which Poets does not read: export it as PNG"),
    "svg with a mark": (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- drawn -->" + SVG.encode(), "an SVG drawing, which"),
    "svg of two bytes": (b"\xff\xfe" + SVG.encode("utf-16-le"), "an SVG drawing, which"),
    "html": (b"\r\n<!DOCTYPE HTML><html>", "a web page, which Poets does not read: save the picture itself"),
    "html with a mark": (b"\xef\xbb\xbf<html><svg>", "a web page, which"),
    "xml": (b"<?xml version='1.0'?><a/>", "an XML file, which Poets does not read"),
    "lfs": (POINTER, "a Git LFS pointer in place of the file: run `git lfs pull` to fetch it"),
    "text": (b"BMW, P5 and other names", "not an image"),
}


@pytest.mark.parametrize("kind", NAMED)
def test_other_kinds_are_named(kind):
    data, says = NAMED[kind]
    with pytest.raises(UnreadableImage, match=re.escape(says)):
        pixels.open_rgb(data, 1)


def test_cut_pictures_are_called_damaged_or_truncated():
    for kind in ("JPEG2000", "TGA", "ICO", "PPM", "QOI", "TIFF"):
        data = encoded(kind)
        for share in (0.1, 0.5, 0.95):
            with pytest.raises(UnreadableImage, match=r"truncated|damaged"):
                pixels.open_rgb(data[: int(len(data) * share)], 1)


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_an_icon_may_claim_no_more_pixels_than_others(kind):
    image = Image.new("RGBA", (32, 32), "red")
    data = bytearray(encoded("ICO", image, sizes=[(32, 32)], bitmap_format=kind.lower()))
    at = 22 + (16 if kind == "PNG" else 4)
    struct.pack_into(">II" if kind == "PNG" else "<ii", data, at, 20_000, 20_000)
    with pytest.raises(UnreadableImage, match=r"20000 x 20000 pixels, more than 178 megapixels|damaged"):
        pixels.open_rgb(bytes(data), 1)


def test_a_qoi_is_no_larger_than_a_screen():
    data = b"qoif" + struct.pack(">IIBB", 3000, 3000, 4, 0) + b"\xfd" * (9_000_000 // 62 + 1) + bytes(8)
    with pytest.raises(UnreadableImage, match="a QOI picture of 3000 x 3000 pixels, too slow to read: save it as PNG"):
        pixels.open_rgb(data, 1)


def large(**options) -> bytes:
    return encoded("JPEG2000", Image.new("L", (1600, 1200), "white"), **options)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"codeblock_size": (4, 4)}, "too many blocks for its size"),
        ({"precinct_size": (16, 16), "codeblock_size": (4, 4)}, "too many blocks for its size"),
        ({"tile_size": (16, 16)}, "of 7,500 tiles, too many for its size"),
    ],
)
def test_a_jpeg_2000_of_very_many_parts_is_refused(options, says):
    with pytest.raises(UnreadableImage, match=says):
        pixels.open_rgb(large(**options), 1)


def test_a_jpeg_2000_of_very_many_layers_or_components_is_refused():
    data = bytearray(large(no_jp2=True))
    layers = data.index(b"\xff\x52") + 6
    data[layers : layers + 2] = b"\xff\xff"
    with pytest.raises(UnreadableImage, match="of more than 100 layers"):
        pixels.open_rgb(bytes(data), 1)
    components, tile = 16_000, struct.pack(">IIII", 16, 16, 0, 0)
    size = struct.pack(">HHIIII", 38 + 3 * components, 0, 1600, 1200, 0, 0) + tile + struct.pack(">H", components)
    bomb = b"\xff\x4f\xff\x51" + size + b"\x07\1\1" * components
    with pytest.raises(UnreadableImage):
        pixels.open_rgb(bomb + bytes(100), 1)


def test_a_large_jpeg_2000_is_reduced_but_still_large_enough():
    for size in ((1600, 1200), (1601, 1203), (1999, 1283)):
        picture = Image.fromarray(np.tile(np.linspace(0, 255, size[0]).astype(np.uint8), (size[1], 1)))
        found = pixels.open_rgb(encoded("JPEG2000", picture), 150)
        assert 150 <= min(found.size) < 700
        squeezed = np.asarray(found.resize((32, 32))).astype(int)
        assert np.abs(squeezed - np.asarray(picture.convert("RGB").resize((32, 32)))).max() < 8


def test_the_documentation_lists_what_is_read():
    listed = (ROOT / "docs" / "photos.md").read_text()
    names = {"WEBP": "WebP", "JPEG2000": "JPEG 2000", "PPM": "PPM", "PSD": "Photoshop", "ICO": "icons"}
    assert all(names.get(kind.name, kind.name) in listed for kind in file_kinds.READABLE)


def test_pillow_says_nothing_of_its_own(workplace, photos, retrained):
    """Its log and the decoders' would not say which file they mean."""
    data = bytearray(encoded("TIFF", compression="tiff_lzw"))
    data[8:60] = b"\xff" * 52
    (workplace / "odd.tif").write_bytes(data)
    samples = encoded("TIFF").replace(struct.pack("<HHIH", 277, 3, 1, 3), struct.pack("<HHIH", 277, 3, 1, 60_000))
    (workplace / "samples.tif").write_bytes(samples)
    done = retrained.label(f"--image={workplace / 'odd.tif'}", f"--image={workplace / 'samples.tif'}")
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 2
    assert all(line.startswith(f"error: {workplace.folder}/") for line in done.stderr.splitlines())


def test_other_files_in_a_folder_are_counted_in_one_line(workplace, photos, retrained):
    for name in ("mp4", "svg", "dds", "lfs"):
        (photos / "red" / f"other.{name if name != 'lfs' else 'jpg'}").write_bytes(NAMED[name][0])
    done = retrained.label(f"--image={photos / 'red'}", "--top_k=1")
    assert done.stdout.count("score=") == 24
    assert done.stderr.splitlines() == [
        f"warning: 2 files are not photos and are left out, such as {photos}/red/other.mp4 ({NAMED['mp4'][1]})",
        f"error: {photos}/red/other.dds: {NAMED['dds'][1]}",
        f"error: {photos}/red/other.jpg: {NAMED['lfs'][1]}",
    ]
    done = workplace.retrain(photos)
    assert done.returncode == 0 and "warning: 2 files are not photos and are left out, such as" in done.stderr
    listed = (workplace / "skipped_images.txt").read_text().splitlines()
    assert listed == [
        f"{photos}/red/other.{name}\t{NAMED[kind][1]}"
        for name, kind in (("dds", "dds"), ("jpg", "lfs"), ("mp4", "mp4"), ("svg", "svg"))
    ]


def test_a_folder_without_a_picture_says_what_it_holds(workplace, retrained, tmp_path):
    for label in ("a", "b"):
        (tmp_path / "films" / label).mkdir(parents=True)
        (tmp_path / "films" / label / "1.mp4").write_bytes(NAMED["mp4"][0])
    held = f"2 files are not photos and are left out, such as {tmp_path}/films/a/1.mp4 (a video, which"
    done = retrained.label(f"--image={tmp_path / 'films'}")
    assert done.returncode == 1 and f"holds no pictures ({held}" in done.stderr
    done = workplace.retrain(tmp_path / "films")
    assert done.returncode == 1 and f"holds no folder with photos (it holds a and b; {held}" in done.stderr
    for path in (tmp_path / "films").rglob("*.mp4"):
        path.with_suffix(".jpg").write_bytes(POINTER)
    done = workplace.retrain(tmp_path / "films")
    assert done.returncode == 1 and "git lfs pull" in done.stderr and done.stderr.count("error:") == 1


def test_only_photos_that_are_decoded_differently_get_new_digests(tmp_path):
    """A file of digests from before holds those of TIFFs by their content alone, whatever their names."""
    contents = {"a.jpg": encoded("JPEG"), "b.png": encoded("PNG"), "c.tif": encoded("TIFF"), "d.jpg": encoded("TIFF")}
    lines = b""
    for name, data in contents.items():
        (tmp_path / name).write_bytes(data)
        plain = hashlib.sha256(data).digest()[: digests.DIGEST_BYTES]
        assert (digests.digest(data) == plain) == (name in ("a.jpg", "b.png"))
        stamp = folders.stamp(tmp_path, name)
        lines += f"{plain.hex()} {stamp} {tmp_path}/{name}\n".encode()
    file = tmp_path / "photo_digests.txt"
    file.write_bytes(b"%08x\n" % zlib.crc32(lines) + lines)
    known = PhotoDigests(file, tmp_path)
    for name, data in contents.items():
        assert known.get(name) == (digests.digest(data) if name in ("a.jpg", "b.png") else None)
        known.put(name, folders.stamp(tmp_path, name), digests.digest(data))
    known.save()
    again = PhotoDigests(file, tmp_path)
    assert all(again.get(name) == digests.digest(data) for name, data in contents.items())


def test_one_call_takes_no_longer_for_files_of_white_space():
    """Patterns that look for a word further on look in the first bytes only."""
    assert file_kinds.why_not(b"<!--" * 1_000_000) == "not an image"
