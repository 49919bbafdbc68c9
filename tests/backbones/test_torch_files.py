"""Damaged and malicious files of PyTorch: one line, whatever is wrong with them."""

import io
import pickle
import tracemalloc
import zipfile

import numpy as np
import pytest

from scripts.classifier.backbones import torch_files
from scripts.classifier.errors import UserError
from scripts.classifier.fetching import pickle_memory
from tests.fuzzing.targets import torch_files as made

(SAMPLE, COMPRESSED, STREAM) = (each["weights.pth"] for each in made.TARGET.samples())


def read(folder, data):
    path = folder / "weights.pth"
    path.write_bytes(data)
    return torch_files.read(path)


def refused(folder, data) -> str:
    with pytest.raises(UserError) as error:
        read(folder, data)
    assert "\n" not in str(error.value)
    return str(error.value)


def pickled(described: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("archive/data.pkl", described)
    return data.getvalue()


@pytest.mark.parametrize("data", [SAMPLE, COMPRESSED, STREAM])
def test_both_formats_are_read(tmp_path, data):
    found = read(tmp_path, data)
    assert found["features.weight"].shape == (2, 3, 4) and found["count"].shape == ()
    np.testing.assert_array_equal(found["features.turned"][1], [5, 9, 13])


@pytest.mark.parametrize("number", [1 << 27, (1 << 31) - 1])
def test_a_pickle_that_numbers_its_values_too_high_does_not_fill_the_memory(tmp_path, number):
    described = b"\x80\x02}r" + number.to_bytes(4, "little") + b"."
    assert "it numbers a value" in refused(tmp_path, pickled(described))
    tracemalloc.start()
    try:
        with pytest.raises(pickle.UnpicklingError):
            pickle_memory.check(io.BytesIO(described))
        assert tracemalloc.get_traced_memory()[1] < 1e6
    finally:
        tracemalloc.stop()


def test_compressed_data_that_cannot_be_unpacked(tmp_path):
    at = COMPRESSED.index(b"archive/data.pkl") + len(b"archive/data.pkl")
    assert "is damaged or cut short" in refused(tmp_path, COMPRESSED[:at] + b"\xff" * 8 + COMPRESSED[at + 8 :])


def test_an_encrypted_archive(tmp_path):
    at = SAMPLE.index(b"PK\1\2") + 8  # the flags of the first member in the directory
    assert "is encrypted" in refused(tmp_path, SAMPLE[:at] + b"\1\0" + SAMPLE[at + 2 :])


def test_names_that_are_no_text(tmp_path):
    assert "expected tensors by name" in refused(tmp_path, STREAM.replace(b"X\x04\x00\x00\x00half", b"K\x01"))


def test_what_a_file_names_is_shown_on_one_line(tmp_path):
    text = refused(tmp_path, pickled(b"\x80\x02cos\x1b[31m\nsystem\n."))
    assert "holds os\\x1b[31m.system: expected" in text
    assert len(refused(tmp_path, pickled(b"\x80\x02c" + b"os" * 5000 + b"\nsystem\n."))) < 500
