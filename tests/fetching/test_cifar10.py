"""python -m scripts.fetch cifar10, against a small archive of the same structure."""

import hashlib
import io
import os
import pickle
import tarfile

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.errors import UserError
from scripts.classifier.fetching import cifar10
from tests.support import file_server
from tests.support.fetch_command import check_one_line_error, run
from tests.support.file_server import File

LABELS = ("airplane", "cat", "frog")
EACH = 4


def batch(seed: int) -> dict[bytes, object]:
    random = np.random.default_rng(seed)
    pictures = random.integers(0, 256, (EACH, 3 * 32 * 32), dtype=np.uint8)
    return {b"data": pictures, b"labels": [seed % 3, 0, 1, 2], b"batch_label": b"one of them"}


BATCHES = {name: batch(seed) for seed, name in enumerate((*cifar10.TRAIN_BATCHES, *cifar10.TEST_BATCHES))}
META = {b"label_names": [label.encode() for label in LABELS], b"num_vis": 3072}


def packed(**changes: object) -> bytes:
    """The archive. A change of None leaves a file out, and bytes are not pickled."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as tar:
        for name, content in {**BATCHES, "batches.meta": META, **changes}.items():
            if content is None:
                continue
            content = content if isinstance(content, bytes) else pickle.dumps(content, protocol=2)
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return data.getvalue()


def fetch(destination, archive: bytes) -> None:
    with file_server.running() as server:
        server.script("/cifar.tar.gz", File(archive))
        published = cifar10.Archive(f"{server.address}/cifar.tar.gz", len(archive), hashlib.md5(archive).hexdigest())
        cifar10.fetch(destination, published)


def test_an_archive_becomes_folders_of_pictures(tmp_path):
    fetch(tmp_path / "cifar10", packed())
    assert os.listdir(tmp_path) == ["cifar10"]
    written = {path.relative_to(tmp_path / "cifar10").as_posix(): path for path in tmp_path.rglob("*.png")}
    assert len(written) == 6 * EACH and {name.split("/")[0] for name in written} == {"train", "test"}
    number = 0
    for name in cifar10.TRAIN_BATCHES:
        for row, label in zip(BATCHES[name][b"data"], BATCHES[name][b"labels"], strict=True):
            picture = np.asarray(Image.open(written[f"train/{LABELS[label]}/{number:05d}.png"]))
            assert np.array_equal(picture[..., 0].ravel(), row[:1024])  # red comes first, row by row
            assert np.array_equal(picture[..., 2].ravel(), row[2048:])
            number += 1


def test_files_left_by_an_earlier_run_do_no_harm(tmp_path):
    (tmp_path / "cifar10.writing/pictures/train").mkdir(parents=True)
    fetch(tmp_path / "cifar10", packed())
    assert len(list(tmp_path.rglob("*.png"))) == 6 * EACH and os.listdir(tmp_path) == ["cifar10"]


class Harm:
    def __reduce__(self):
        return os.system, ("touch harmed",)


DAMAGED = {
    "asks for a function": ({"data_batch_2": {**BATCHES["data_batch_2"], b"more": Harm()}}, "asks for .*system"),
    "cut short": ({"test_batch": pickle.dumps(BATCHES["test_batch"], 2)[:5000]}, "test_batch .* cannot be read"),
    "a file is missing": ({"data_batch_4": None}, "data_batch_4 .* missing"),
    "other pictures": (
        {"test_batch": {b"data": np.zeros((4, 100), np.uint8), b"labels": [0] * 4}},
        "not as CIFAR-10",
    ),
    "labels beyond the names": (
        {"data_batch_1": {**BATCHES["data_batch_1"], b"labels": [9] * 4}},
        "not as CIFAR-10",
    ),
    "labels outside": (
        {"batches.meta": {b"label_names": [b"../../cat", *META[b"label_names"][1:]]}},
        "names of folders",
    ),
    "one label twice": ({"batches.meta": {b"label_names": META[b"label_names"][:1] * 10}}, "names of folders"),
    "a pickle that fills the memory": ({"test_batch": b"\x80\x02}r\xff\xff\xff\x7f."}, "it numbers a value"),
    "a long name": ({"test_batch": b"\x80\x02c" + b"os" * 5000 + b"\nsystem\n."}, "asks for os.{0,300}; delete"),
    "no labels": ({"batches.meta": {b"names": []}}, "holds no label_names"),
}


@pytest.mark.parametrize(("changes", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_bad_archive_writes_nothing(tmp_path, monkeypatch, changes, message):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=message):
        fetch(tmp_path / "cifar10", packed(**changes))
    assert os.listdir(tmp_path) == ["cifar10.tar.gz"]


def test_an_archive_that_cannot_be_fetched_is_an_error(tmp_path):
    (tmp_path / "mirror").mkdir()
    process = run("cifar10", f"--destination={tmp_path / 'cifar10'}", POETS_MIRROR=str(tmp_path / "mirror"))
    check_one_line_error(process, "cifar-10-python.tar.gz", "POETS_MIRROR")
    assert os.listdir(tmp_path) == ["mirror"]


def test_another_archive_is_refused(tmp_path):
    place = tmp_path / "mirror/www.cs.toronto.edu/~kriz"
    place.mkdir(parents=True)
    (place / "cifar-10-python.tar.gz").write_bytes(packed())
    process = run("cifar10", f"--destination={tmp_path / 'cifar10'}", POETS_MIRROR=str(tmp_path / "mirror"))
    check_one_line_error(process, "170")
    assert not (tmp_path / "cifar10").exists()


def test_pictures_already_there_are_left_alone(tmp_path):
    fetch(tmp_path / "cifar10", packed())
    process = run("cifar10", f"--destination={tmp_path / 'cifar10'}")
    assert process.returncode == 0 and process.stdout.startswith("24 photos of 3 labels are in")
    assert "airplane" in process.stdout and "all 32 x 32 pixels" in process.stdout
