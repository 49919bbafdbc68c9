"""TensorFlow Datasets: a small set made here becomes folders."""

import sys

import numpy as np
import pytest

from scripts.classifier.errors import UserError
from scripts.classifier.fetching import tfds_photos


def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow_datasets", None)
    with pytest.raises(UserError, match=r"pip install -r requirements/datasets\.txt"):
        tfds_photos.fetch("beans", tmp_path / "beans", None)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A data folder as TensorFlow Datasets keeps it, with one set of JPEG pictures."""
    tfds = pytest.importorskip("tensorflow_datasets", reason="needs requirements/datasets.txt")
    place = tmp_path_factory.mktemp("tfds")
    features = tfds.features.FeaturesDict(
        {
            "image": tfds.features.Image(shape=(None, None, 3), encoding_format="jpeg"),
            "label": tfds.features.ClassLabel(names=["red", "green/blue"]),
        }
    )

    def examples(count):
        return [(at, {"image": np.full((20 + at, 30, 3), 9 * at, np.uint8), "label": at % 2}) for at in range(count)]

    tfds.dataset_builders.store_as_tfds_dataset(
        name="small_set",
        version="1.0.0",
        features=features,
        data_dir=place,
        split_datasets={"train": examples(6), "validation": examples(4), "test": examples(2), "extra": examples(2)},
    )
    return place


def test_a_set_becomes_folders(prepared, workplace):
    done = workplace.run(
        "fetch",
        "tfds:small_set",
        f"--destination={workplace / 'set'}",
        f"--plot={workplace / 'sheet.png'}",
        env={"TFDS_DATA_DIR": str(prepared)},
    )
    assert done.returncode == 0, done.stderr
    begins, first = done.stdout.splitlines()[:2]
    assert begins == f"fetching tfds:small_set with TensorFlow Datasets into {workplace / 'set'}"
    assert first == f"12 photos of 2 labels are in {workplace / 'set'}"
    assert "pictures: all 30 x " not in done.stdout and "20 to 25 high" in done.stdout
    assert "left out the splits extra: only" in done.stderr
    places = sorted(path.relative_to(workplace / "set").as_posix() for path in workplace.folder.glob("set/*/*/*"))
    assert [each.rpartition("/")[0] for each in places] == (
        ["test/green_blue", "test/red"]
        + 3 * ["train/green_blue"]
        + 3 * ["train/red"]
        + 2 * ["valid/green_blue"]
        + 2 * ["valid/red"]
    )
    assert all((workplace / "set" / each).read_bytes().startswith(b"\xff\xd8\xff") for each in places)
    assert sorted(path.name for path in workplace.folder.iterdir()) == ["set", "sheet.png"]


@pytest.mark.parametrize(("name", "says"), [("smal_set", "has no set"), ("glue", "expected pictures with one label")])
def test_sets_that_cannot_be_fetched_are_errors(prepared, tmp_path, monkeypatch, name, says):
    monkeypatch.setenv("TFDS_DATA_DIR", str(prepared))
    with pytest.raises(UserError, match=says):
        tfds_photos.fetch(name, tmp_path / "set", None)
    assert list(tmp_path.iterdir()) == []
