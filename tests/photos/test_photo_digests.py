"""Remembered digests that make no sense are forgotten, and their photos read again."""

import zlib

import pytest

from scripts.classifier.photos.digests import PhotoDigests


@pytest.mark.parametrize("content", [b"00" * 17, b"00" * 15, b"", b"no" * 16])
def test_a_digest_of_another_length_is_none(tmp_path, content):
    file, photo = tmp_path / "photo_digests.txt", tmp_path / "photos" / "a.jpg"
    lines = b"%s 1 %s\n" % (content, str(photo).encode())
    file.write_bytes(b"%08x\n" % zlib.crc32(lines) + lines)
    remembered = PhotoDigests(file, photo.parent)
    remembered.put("b.jpg", "1", bytes(16))
    remembered.save()
    assert len(file.read_bytes().splitlines()) == 2
