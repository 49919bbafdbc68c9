"""Files written by the previous version are found, read and continued: see tests/data/README.md."""

import json
import tarfile
from pathlib import Path

import pytest

from scripts.classifier.fetching import drawn_flowers
from tests.support import warm_commands
from tests.support.workplace import ROOT, Workplace

PACK = ROOT / "tests" / "data" / "written_by_the_version_before.tar.xz"
EXPORTS = ("tflite", "keras", "h5", "onnx", "saved_model")


@pytest.fixture
def before(tmp_path: Path) -> Workplace:
    with tarfile.open(PACK) as pack:
        pack.extractall(tmp_path, filter="data")
    return Workplace(tmp_path)


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_it_answers_as_before(before: Workplace, classifier: str, tolerance: float = 1e-4) -> None:
    expected = json.loads((before / "expected.json").read_text())[classifier]
    images = [f"--image={before / answer['image']}" for answer in expected]
    graph = f"--graph={before / classifier}"
    for more in ([], ["--unknown"]):
        done = before.run("label_image", graph, *images, "--json", *more)
        assert done.returncode == 0 and done.stderr == "", done.stderr
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        for answer, wanted in zip(answers, expected, strict=True):
            assert answer["image"] == str(before / wanted["image"])
            assert scores(answer) == pytest.approx(scores(wanted), abs=tolerance)
            assert answer["labels"][0]["label"] == wanted["labels"][0]["label"]
            if more:
                assert answer["unknown"] is wanted["unknown"]
                assert answer["distance"] == pytest.approx(wanted["distance"], rel=1e-3, abs=5 * tolerance)


def scores(answer: dict) -> dict[str, float]:
    return {each["label"]: each["score"] for each in answer["labels"]}


def test_all_bottlenecks_are_found_in_its_cache(before):
    cache, models = contents(before / "bottlenecks" / "small_network-dea5ce631d49"), contents(before / "models")
    remembered = (before / "bottlenecks" / "photo_digests.txt").read_text().splitlines()[1:]
    new_graph = before / "new" / "retrained_graph.pb"
    new_graph.parent.mkdir()
    network = f"--architecture={before / 'small_network.keras'}"
    done = before.retrain(before / "photos", network, f"--output_graph={new_graph}")
    assert done.returncode == 0, done.stderr
    assert "bottlenecks: 30 cached, 0 computed" in done.stdout
    assert contents(before / "bottlenecks" / "small_network-dea5ce631d49") == cache
    assert contents(before / "models") == models
    assert sorted(path.name for path in (before / "bottlenecks").iterdir()) == [
        "photo_digests.txt",
        "small_network-dea5ce631d49",
    ]
    # Its photos were elsewhere: their digests are kept. These photos are added once they are two seconds old.
    known = (before / "bottlenecks" / "photo_digests.txt").read_text().splitlines()[1:]
    assert set(remembered) <= set(known)
    assert all(str(before / "photos") in line for line in set(known) - set(remembered))


def test_its_graph_answers_as_before(before):
    assert_it_answers_as_before(before, "retrained_graph.pb")


@pytest.mark.parametrize("kind", EXPORTS)
def test_its_exports_answer_as_before(before, kind):
    if kind == "onnx":
        pytest.importorskip("onnxruntime", reason="ONNX is an extra: pip install -r requirements/onnx.txt")
    assert_it_answers_as_before(before, "saved_model" if kind == "saved_model" else f"retrained_graph.{kind}")


def test_its_export_in_8_bits_answers_nearly_as_before(before):
    """Rounding differs from machine to machine."""
    assert_it_answers_as_before(before, "int8.tflite", tolerance=0.03)


def test_its_record_is_read(before):
    """It lists the photos it was trained on, relative to the training's folder, and those held out."""
    words = ["scripts.evaluate", "--graph=retrained_graph.pb", "--json"]
    done = warm_commands.run(words, before.folder, before.environment())
    assert done.returncode == 0 and done.stderr == "", done.stderr
    evaluation = json.loads(done.stdout)
    assert (evaluation["image_dir"], evaluation["split"], evaluation["photos"]) == ("photos", "testing", 5)
    assert evaluation["accuracy"] == 1 and evaluation["cross_entropy"] == pytest.approx(1.0459, abs=1e-3)


def test_its_training_is_resumed(before):
    written = {
        "output_graph": "cnn.pb",
        "output_labels": "cnn.txt",
        "checkpoint": "cnn_checkpoint.npz",
        "summaries_dir": "log",
        "skipped_images": "skipped.txt",
        "plot_curves": "curves.png",
        "cache_dir": "cache",
    }
    places = [f"--{flag}={before / name}" for flag, name in written.items()]
    recipe = ["--image_size=8", "--precision=float32", "--epochs=2", "--resume"]
    done = before.run("train_cnn", f"--image_dir={before / 'dark'}", *recipe, *places)
    assert done.returncode == 0, done.stderr
    assert "resuming after epoch 1" in done.stdout and "epoch 1:" not in done.stdout and "epoch 2:" in done.stdout
    assert (before / "cnn.pb").exists()
    curve = json.loads((before / "cnn.json").read_text())["curve"]
    assert len(curve["step"]) == 2 and curve["accuracy"][0] == pytest.approx(9 / 23, abs=1e-4)


def test_its_drawn_flowers_are_recognised(before):
    folder = before / "drawn_flowers"
    for kind in drawn_flowers.KINDS:
        (folder / kind).mkdir()
        (folder / kind / f"{kind}_0001.jpg").write_bytes(b"drawn before")
    held = contents(folder)
    done = before.run("fetch", "drawn_flowers", "--per_kind=1", f"--destination={folder}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert contents(folder) == held
