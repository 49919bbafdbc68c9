"""A few kB, in any format, are not unpacked to hundreds of megabytes."""

import contextlib
import io
import pickle
import random
import struct
import tracemalloc
import zipfile
from collections import OrderedDict
from pathlib import Path

import h5py
import numpy as np
import pytest

from scripts.classifier.backbones import torch_files
from scripts.classifier.errors import UserError
from scripts.classifier.fetching import unpacked_sizes
from scripts.classifier.formats import tflite_metadata
from scripts.classifier.graphs import hdf5_contents, keras_files
from scripts.classifier.training import unknown
from scripts.classifier.training.convnet import checkpoints
from scripts.classifier.training.convnet.recipes import CnnRecipe

MEGABYTES = 100
SAYS = r"unpack to more than 64 MB"
ELSEWHERE = "takes weights from another file"
DAMAGE = (OSError, RuntimeError, KeyError, ValueError, OverflowError, MemoryError)


def bomb(name: str, start: bytes = b"", method: int = zipfile.ZIP_DEFLATED, **others: bytes) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        with archive.open(name, "w") as member:
            member.write(start)
            for _ in range(MEGABYTES):
                member.write(bytes(1_000_000))
        for key, value in others.items():
            archive.writestr(key.replace("_", "."), value)
    return data.getvalue()


def array(count: int) -> bytes:
    header = f"{{'descr': '|i1', 'fortran_order': False, 'shape': ({count},)}}\n".encode()
    return b"\x93NUMPY\1\0" + struct.pack("<H", len(header)) + header


def read_tflite(path, data):
    tflite_metadata.read(data, path)


def read_file(reader):
    def read(path, data):
        path.write_bytes(data)
        reader(path)

    return read


read_npz = read_file(lambda path: unknown.from_bytes(path.read_bytes(), path))
# The bombs are made by the tests: whoever only collects them need not wait for that.
READERS = {
    "tflite": (read_tflite, lambda: bomb("labels.txt"), SAYS),
    "tflite, another method": (
        read_tflite,
        lambda: bomb("labels.txt", method=zipfile.ZIP_LZMA),
        "another method than deflate",
    ),
    "keras": (
        read_file(keras_files.load),
        lambda: bomb("model.weights.h5", config_json=b'{"class_name": "Functional"}'),
        SAYS,
    ),
    "npz": (read_npz, lambda: bomb("mean.npy", array(MEGABYTES * 1_000_000)), "cannot read .*: train or export again"),
    "checkpoint": (
        read_file(lambda path: checkpoints.read(path, CnnRecipe(), "float32")),
        lambda: bomb("state_0.npy", array(MEGABYTES * 1_000_000)),
        "cannot be read: it is damaged or not a checkpoint",
    ),
    "pth": (read_file(torch_files.read), lambda: bomb("archive/data/0"), SAYS),
}


@pytest.mark.parametrize("kind", READERS)
def test_files_that_unpack_to_far_more_than_their_size_are_refused(tmp_path, kind):
    read, make, says = READERS[kind]
    data = make()
    assert len(data) < 400_000
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=says) as error:
            read(tmp_path / "model", data)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()
    assert "\n" not in str(error.value)


@pytest.fixture(scope="module")
def keras_model():
    import keras

    layers = [keras.Input((8, 8, 3)), keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(4, "softmax", name="d")]
    return keras.Sequential(layers)


def in_h5(folder, model, change) -> Path:
    path = folder / "model.h5"
    model.save(path)
    with h5py.File(path, "r+") as file:
        change(file[f"model_weights/d/{model.name}/d"], "kernel")
    return path


def in_keras(folder, model, change) -> Path:
    path, weights = folder / "model.keras", folder / "weights.h5"
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    weights.write_bytes(members["model.weights.h5"])
    with h5py.File(weights, "r+") as file:
        change(file["layers/dense/vars"], "0")
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**members, "model.weights.h5": weights.read_bytes()}.items():
            archive.writestr(name, data)
    return path


def stated_only(group, name):
    """HDF5 keeps no place for values that were never written."""
    del group[name]
    group.create_dataset(name, (20_000, 5_000), "f4", chunks=(100, 100))


def from_another_file(group, name):
    del group[name]
    group.create_dataset(name, (3, 4), "f4", external=[("/etc/passwd", 0, 48)])


def behind_a_link(group, name):
    del group[name]
    group[name] = h5py.ExternalLink("/tmp/other.h5", "secret")


@pytest.mark.parametrize("make", [in_h5, in_keras])
@pytest.mark.parametrize(
    ("change", "says"),
    [(stated_only, SAYS), (from_another_file, ELSEWHERE), (behind_a_link, ELSEWHERE)],
)
def test_weights_that_a_keras_file_does_not_hold_are_refused(tmp_path, keras_model, make, change, says):
    with pytest.raises(UserError, match=says) as error:
        keras_files.load(make(tmp_path, keras_model, change))
    assert "\n" not in str(error.value)


def test_looking_through_a_damaged_hdf5_file_ends_in_an_ordinary_error(tmp_path, keras_model):
    path, rng = in_h5(tmp_path, keras_model, lambda group, name: None), random.Random(3)
    whole = path.read_bytes()
    for _ in range(200):
        data = bytearray(whole)
        for _ in range(rng.choice([1, 3, 20])):
            data[rng.randrange(8, len(data))] = rng.randrange(256)
        with contextlib.suppress(*DAMAGE), h5py.File(io.BytesIO(data), "r") as file:
            hdf5_contents.check(file, len(data), Path("model.h5"))


@pytest.mark.parametrize("make", [in_h5, in_keras])
def test_a_sound_keras_file_is_read(tmp_path, keras_model, make):
    keras_files.load(make(tmp_path, keras_model, lambda group, name: None))


def test_centres_of_other_shapes_than_their_steps_do_not_fill_the_memory():
    data = io.BytesIO()
    some = np.ones((50_000, 1), np.int8)
    np.savez_compressed(data, mean=some, deviation=some, centres=some.reshape(1, 1, -1), steps=some, units=some)
    with pytest.raises(UserError, match="cannot read it, which recognises unknown photos"):
        unknown.from_bytes(data.getvalue(), "it")


class Storage:
    def __init__(self, count):
        self.persistent = ("storage", FLOATS, "0", "cpu", count)


class Global:
    """Pickled as the name of something in PyTorch, which need not be there."""

    def __init__(self, name):
        self.name = name


FLOATS = Global("torch FloatStorage")


class Pickler(pickle._Pickler):
    """Writes what PyTorch would."""

    def persistent_id(self, obj):
        return obj.persistent if isinstance(obj, Storage) else None

    def save(self, obj, save_persistent_id=True):
        if isinstance(obj, Global):
            module, name = obj.name.split()
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        elif isinstance(obj, tuple) and obj and isinstance(obj[0], Global):
            self.save(obj[0])
            super().save(obj[1:])
            self.write(pickle.REDUCE)
        else:
            super().save(obj, save_persistent_id)


def pth(**tensors) -> bytes:
    """Each tensor is views of one storage of a single float: its shape, with steps of 0."""
    made = OrderedDict()
    for name, shape in tensors.items():
        made[name] = (Global("torch._utils _rebuild_tensor_v2"), Storage(1), 0, shape, (0,) * len(shape), False, None)
    described, data = io.BytesIO(), io.BytesIO()
    Pickler(described, protocol=2).dump(made)
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("a/data.pkl", described.getvalue())
        archive.writestr("a/data/0", np.float32(7).tobytes())
    return data.getvalue()


def test_a_value_repeated_without_end_is_refused(tmp_path):
    path = tmp_path / "a.pth"
    path.write_bytes(pth(scale=(2, 3)))
    np.testing.assert_array_equal(torch_files.read(path)["scale"], np.full((2, 3), 7, np.float32))
    path.write_bytes(pth(scale=(20_000, 20_000)))
    with pytest.raises(UserError, match=SAYS):
        torch_files.read(path)


def test_files_may_unpack_to_a_hundred_times_their_size():
    unpacked_sizes.check(100_000_000, 1_000_000)
    unpacked_sizes.check(60_000_000, 10)
    with pytest.raises(unpacked_sizes.TooLarge):
        unpacked_sizes.check(100_000_001, 1_000_000)
