"""label_image with only LiteRT, NumPy, Pillow and their requirements installed."""

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from scripts.classifier.formats import tflite
from scripts.classifier.formats.model import Wishes
from tests.support import heic, small_classifiers
from tests.support.workplace import ROOT, draw_folder

INSTALLED = ("ai-edge-litert", "numpy", "pillow")


class Alone:
    """A virtual environment with few packages, a classifier and photos."""

    def __init__(self, folder: Path):
        self.python = environment_with(INSTALLED, folder / "environment")
        self.contents = small_classifiers.contents(small_classifiers.backbone("color_texture", folder))
        self.classifier = folder / "classifier.tflite"
        tflite.write(self.classifier, self.contents)
        self.photos = sorted(draw_folder(folder / "photos", each=2).rglob("*.jpg"))

    def run(self, *words: object) -> subprocess.CompletedProcess:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [str(self.python), *map(str, words)]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)

    def label(self, *words: object) -> subprocess.CompletedProcess:
        return self.run("-m", "scripts.label_image", f"--graph={self.classifier}", *words)


def environment_with(names: tuple[str, ...], folder: Path) -> Path:
    """A virtual environment with these packages and their requirements, linked from the tests' own environment.

    pip would fetch the same files from the network.
    """
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    place = next(folder.glob("lib/python*/site-packages"))
    for name in closure(names):
        installed = importlib.metadata.distribution(name)
        for file in installed.files:
            if ".." not in file.parts and "__pycache__" not in file.parts:
                (place / file).parent.mkdir(parents=True, exist_ok=True)
                (place / file).symlink_to(installed.locate_file(file))
    return folder / "bin" / "python"


def closure(names: tuple[str, ...]) -> set[str]:
    found, waiting = set(), list(names)
    while waiting:
        name = canonicalize_name(waiting.pop())
        if name not in found:
            found.add(name)
            required = [Requirement(each) for each in importlib.metadata.requires(name) or []]
            waiting += [each.name for each in required if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


@pytest.fixture(scope="module")
def alone(tmp_path_factory) -> Alone:
    return Alone(tmp_path_factory.mktemp("alone"))


def test_nothing_else_is_installed(alone):
    absent = ["absl", "tensorflow", "keras", "h5py", "tensorboard", "matplotlib", "sklearn", "pytest", "pip"]
    code = f"import importlib.util; print([name for name in {absent} if importlib.util.find_spec(name)])"
    assert alone.run("-c", code).stdout == "[]\n"
    assert alone.run("-c", "import absl").returncode == 1


def test_photos_are_labelled_as_elsewhere(alone):
    done = alone.label("--json", alone.photos[0], "--top_k", "2", *alone.photos[1:], "--unknown")
    assert done.returncode == 0 and done.stderr == ""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["image"] for answer in answers] == [str(path) for path in alone.photos]
    model = tflite.open_model(alone.classifier, Wishes())
    run = model.open_runner()
    for path, answer in zip(alone.photos, answers, strict=True):
        scores = run(model.preprocessing.apply(path.read_bytes())[None])[0][0]
        best = np.argsort(-scores)[:2]
        assert [each["label"] for each in answer["labels"]] == [alone.contents.labels[at] for at in best]
        assert [each["score"] for each in answer["labels"]] == pytest.approx(scores[best], abs=1e-5)
        assert answer["unknown"] in (True, False)


def test_every_lossless_format_gives_the_same_answer(alone, tmp_path):
    picture = Image.open(alone.photos[0]).resize((64, 48))
    for ending in ("png", "tif", "jp2", "tga", "qoi", "ppm", "bmp"):
        picture.save(tmp_path / f"red.{ending}")
    done = alone.label("--json", tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    answers = [json.loads(line)["labels"] for line in done.stdout.splitlines()]
    assert len(answers) == 7 and all(answer == answers[0] for answer in answers)


def test_help_is_the_same_as_elsewhere(alone, workplace):
    assert alone.label("--help").stdout == workplace.run("label_image", "--help").stdout


def test_mistakes_are_reported_in_one_line(alone, tmp_path):
    graph = tmp_path / "graph.pb"
    graph.write_bytes(alone.contents.graph_def.SerializeToString())
    photo = alone.photos[0]
    for words, said in [
        (["--jsno", photo], "Did you mean --json?"),
        (["--top_k=0", photo], "top_k=0"),
        (["--nojson=1", photo], "--nojson=1"),
        ([tmp_path / "none.jpg"], "none.jpg does not exist"),
        ([], "no picture given"),
        ([f"--graph={graph}", photo], "the package tensorflow is not installed"),
        ([f"--graph={photo}", photo], "the package tensorflow is not installed"),
    ]:
        done = alone.label(*words)
        assert done.returncode == 1 and done.stdout == "", words
        assert done.stderr.startswith("error: ") and said in done.stderr and done.stderr.count("\n") == 1, words
    (tmp_path / "a.heic").write_bytes(heic.write(heic.coded("eight")))
    done = alone.label(tmp_path / "a.heic")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "a HEIC picture, for which the package pi-heif is needed: pip install pi-heif" in done.stderr
    (tmp_path / "broken.jpg").write_bytes(photo.read_bytes()[:300])
    done = alone.label(tmp_path / "broken.jpg", photo, "--top_k=1")
    assert done.returncode == 1 and "broken.jpg" in done.stderr and "(score=" in done.stdout
