"""python -m scripts.evaluate, on a classifier of three colours."""

import json
import shutil

import numpy as np
import pytest

from scripts.classifier.photos.preprocessing import Preprocessing
from scripts.classifier.training import run_record
from tests.support.workplace import draw_shape


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """New photos of two labels, of no label, and a broken one. The original would write the label Blue! as blue."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name, kind in (("red", "red"), ("Blue!", "blue"), ("yellow", "yellow")):
        (folder / name).mkdir()
        for seed in range(10):
            draw_shape(kind, 500 + seed).save(folder / name / f"{seed}.jpg")
    (folder / "red" / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    # The same picture under two labels, once smaller.
    shutil.copy(folder / "red" / "3.jpg", folder / "Blue!" / "same.jpg")
    return folder


def evaluate(place, *words):
    return place.run("evaluate", f"--graph={place / 'retrained_graph.pb'}", *words)


def test_the_test_photos_get_the_figures_that_retrain_measured(retrained, tmp_path):
    done = evaluate(retrained, "--json", "--unknown", f"--report={tmp_path / 'deeper' / 'report.html'}")
    assert done.returncode == 0, done.stderr
    measured, record = json.loads(done.stdout), json.loads((retrained / "retrained_graph.json").read_text())
    assert measured["split"] == "testing"
    assert measured["accuracy"] == record["test"]["accuracy"] and measured["photos"] == record["test"]["photos"]
    for label, counts in record["test"]["per_label"].items():
        assert {key: measured["per_label"][label][key] for key in counts} == counts
    kept = 1 - measured["turned_away"] / measured["photos"]
    assert abs(kept - record["unknown"]["test_photos_kept"]) < 0.02
    page = (tmp_path / "deeper" / "report.html").read_text("utf-8")
    assert "<svg" in page and "retrained_graph.pb" in page and "http" not in page.replace("http-equiv", "")


def test_another_folder_is_measured_whole(retrained, elsewhere, tmp_path):
    done = evaluate(retrained, f"--image_dir={elsewhere}", f"--report={tmp_path / 'report.html'}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"evaluating {retrained / 'retrained_graph.pb'} on 22 photos of {elsewhere}\n")
    assert f"written: {tmp_path / 'report.html'}\nlook at it: {tmp_path / 'report.html'}, in any" in done.stdout
    assert "accuracy 95.2 % (95 % interval 77.3 to 99.2 %, N = 21)" in done.stdout  # one red photo is filed as blue
    assert "left out the folder yellow: the classifier has no such label (--unknown counts its photos" in done.stderr
    assert "left out 1 photo that cannot be read (red/broken.jpg" in done.stderr
    assert "same.jpg" in (tmp_path / "report.html").read_text("utf-8")


def test_photos_of_no_label_are_called_unknown(retrained, elsewhere):
    measured = json.loads(evaluate(retrained, f"--image_dir={elsewhere}", "--unknown", "--json").stdout)
    assert measured["photos"] == 21 and measured["strangers"]["photos"] == 10
    assert measured["strangers"]["turned_away"] >= 8
    told = retrained.label(
        f"--image={elsewhere / 'yellow'}", f"--image={elsewhere / 'red' / '1.jpg'}", "--unknown", "--json"
    ).stdout.splitlines()
    answers = [json.loads(line) for line in told]
    assert sum(each["unknown"] for each in answers[:10]) == measured["strangers"]["turned_away"]
    assert all(each["unknown"] == (each["distance"] > 1) and len(each["labels"]) == 3 for each in answers)
    text = retrained.label(f"--image={elsewhere / 'yellow'}", "--unknown", "--top_k=2").stdout
    blocks = [block.splitlines() for block in text.strip().split("\n\n")]
    assert all(len(block) == 3 for block in blocks)
    assert sum(block[1].startswith("unknown (distance=") for block in blocks) == measured["strangers"]["turned_away"]


WRONG = {
    "missing graph": (["--graph=nope.pb"], "nope.pb does not exist"),
    "missing folder": (["--image_dir=nope"], "nope does not exist"),
    "other labels": (["--image_dir={others}"], "is named like a label"),
    "one folder too high": (["--image_dir={above}"], "did you mean --image_dir={above}/photos?"),
    "nothing in the set": (["--image_dir={one}", "--split=validation"], "no validation photos"),
    "report is a folder": (["--report={others}"], "it is a folder"),
    "photos not recorded": (["--graph={bare}"], "does not say what it was trained on"),
    "unknown not recorded": (["--graph={bare}", "--unknown"], "without the data for recognising unknown photos"),
    "a stray word": (["report.html"], "unexpected argument"),
}


@pytest.fixture(scope="module")
def places(retrained, tmp_path_factory):
    """Unusable folders, and the classifier without its record."""
    folder = tmp_path_factory.mktemp("places")
    for name, label in (("others", "cat"), ("one", "red")):
        (folder / name / label).mkdir(parents=True)
        draw_shape("red", 1).save(folder / name / label / "1.jpg")
    for label in ("red", "blue"):
        (folder / "above" / "photos" / label).mkdir(parents=True)
        draw_shape(label, 1).save(folder / "above" / "photos" / label / "1.jpg")
    (folder / "bare").mkdir()
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(retrained / name, folder / "bare" / name)
    bare = folder / "bare" / "retrained_graph.pb"
    return {"others": folder / "others", "one": folder / "one", "above": folder / "above", "bare": bare}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_reported_in_one_line(retrained, places, case):
    words, says = WRONG[case]
    done = evaluate(retrained, *(word.format(**places) for word in words))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert says.format(**places) in done.stderr


def test_the_file_that_recognises_unknown_photos_belongs_to_one_graph(tmp_path):
    graph, other = tmp_path / "graph.pb", tmp_path / "other.pb"
    for path, tells in ((graph, b"one"), (other, b"two")):
        run_record.Written(path, tells, ("a", "b")).write(Preprocessing(8, 8, 0.0, 1.0), {}, tells)
    assert run_record.read_unknown(graph, run_record.read(graph)) == b"one"
    shutil.copy(run_record.unknown_beside(other), run_record.unknown_beside(graph))
    assert run_record.read_unknown(graph, run_record.read(graph)) is None
    run_record.Written(graph, b"one", ("a", "b")).write(Preprocessing(8, 8, 0.0, 1.0), {})
    assert not run_record.unknown_beside(graph).exists()


def test_a_long_training_is_recorded_in_a_hundred_points():
    from scripts.classifier.training.final_layer import Evaluation

    curve = run_record.curve([Evaluation(step, 0.5, 1 / 3, None, None) for step in range(10, 40_010, 10)])
    assert len(curve["step"]) == 100 and curve["step"][-1] == 40_000 and curve["cross_entropy"][0] == 0.33333
    assert np.all(np.diff(curve["step"]) == 400)
    assert run_record.curve([])["step"] == []


@pytest.mark.parametrize(
    ("command", "flag"),
    [("evaluate", "--image_dir"), ("export", "--image_dir"), ("evaluate", "--labels"), ("export", "--labels")],
)
def test_a_wrong_path_is_refused_before_tensorflow_is_loaded(retrained, tmp_path, command, flag):
    wrong = tmp_path / "wrong"
    if flag == "--image_dir":
        wrong.mkdir()
    flags = [f"--graph={retrained / 'retrained_graph.pb'}", f"{flag}={wrong}"]
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    done = retrained.run(command, *flags, cold=True, env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 1 and done.stderr.startswith(f"error: {wrong} "), done.stderr


def test_the_report_shows_what_spoke_for_its_mistakes(retrained, small_graph, elsewhere, tmp_path):
    report = tmp_path / "report.html"
    words = [f"--image_dir={elsewhere}", f"--report={report}"]
    assert evaluate(retrained, *words).returncode == 0
    page = report.read_text("utf-8")
    assert page.count('alt="What spoke for red"') == page.count('alt="What spoke for blue"') == 1
    assert "on the left the label that it gave, on the right the correct one" in page
    done = retrained.run("evaluate", f"--graph={small_graph}", *words)
    assert done.returncode == 0, done.stderr
    page = report.read_text("utf-8")
    assert "What spoke for" not in page and "cannot show what spoke for its answers: TensorFlow cannot go back" in page
