"""label_image, evaluate, serve and Python answer with as many labels as a promise takes, in every format."""

import csv
import io
import json
import shutil

import pytest

from scripts.classifier import load_classifier
from scripts.classifier.errors import UserError
from tests.support.server import serving
from tests.support.workplace import draw_shape

# A record of validation photos that makes sets of one, two and three labels: those of the fixture are all right.
NEEDED = {"photos": 99, "right_at_once": 50, "sums": [round(at / 49, 3) for at in range(1, 50)]}


@pytest.fixture(scope="module")
def picture(retrained):
    return retrained / "photos" / "red" / "red_003.jpg"


@pytest.fixture(scope="module")
def unsure(retrained, tmp_path_factory):
    """The fixture's classifier, recorded as one that is often wrong at first."""
    place = tmp_path_factory.mktemp("unsure")
    for ending in ("graph.pb", "labels.txt", "graph.unknown.npz"):
        shutil.copy(retrained / f"retrained_{ending}", place)
    record = json.loads((retrained / "retrained_graph.json").read_text())
    (place / "retrained_graph.json").write_text(json.dumps({**record, "sure": NEEDED}))
    return place / "retrained_graph.pb"


def label(place, graph, picture, *words):
    done = place.run("label_image", f"--graph={graph}", f"--image={picture}", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_training_records_what_its_validation_photos_needed(retrained):
    record = json.loads((retrained / "retrained_graph.json").read_text())
    assert record["sure"]["photos"] == record["validation"]["photos"] > 0
    assert record["sure"]["right_at_once"] == round(record["validation"]["accuracy"] * record["validation"]["photos"])
    assert set(record["calibration"]) >= {"temperature", "photos", "fitted_on", "why_not"}


def test_the_answer_comes_first_and_the_scores_follow(retrained, unsure, picture):
    everything = json.loads(label(retrained, unsure, picture, "--json", "--sure=99"))
    ranked = [each["label"] for each in everything["labels"]]
    assert ranked[0] == "red" and everything["sure"] == {"percent": 99, "labels": ranked}
    lines = label(retrained, unsure, picture, "--sure=99", "--top_k=1").splitlines()
    assert lines[0] == f"{ranked[0]}, {ranked[1]} or {ranked[2]} (99 % sure)"
    assert lines[1].startswith("red (score=") and len(lines) == 2
    assert label(retrained, unsure, picture, "--sure=50").splitlines()[0] == "red (50 % sure)"
    again = label(retrained, unsure, picture, "--sure=99", "--top_k=1").splitlines()
    assert again == lines


def test_csv_lists_the_whole_set(retrained, unsure, picture):
    rows = list(csv.DictReader(io.StringIO(label(retrained, unsure, picture, "--csv", "--sure=99", "--top_k=1"))))
    assert [row["sure"] for row in rows] == ["yes"] * 3 and [row["rank"] for row in rows] == ["1", "2", "3"]
    rows = list(csv.DictReader(io.StringIO(label(retrained, unsure, picture, "--csv", "--sure=50"))))
    assert [row["sure"] for row in rows] == ["yes", "no", "no"]


def test_unknown_pictures_are_still_unknown_first(retrained, unsure, tmp_path):
    draw_shape("yellow", 501).save(tmp_path / "yellow.jpg")
    words = ["--sure=50", "--unknown", f"--plot={tmp_path / 'plot.png'}"]
    lines = label(retrained, unsure, tmp_path / "yellow.jpg", *words).splitlines()
    assert lines[0].startswith("unknown (distance=") and not any("sure)" in line for line in lines)
    assert lines[2].endswith(")") and "(score=" in lines[2] and (tmp_path / "plot.png").exists()
    found = json.loads(label(retrained, unsure, tmp_path / "yellow.jpg", "--sure=50", "--unknown", "--json"))
    assert found["unknown"] is True and "sure" not in found


def test_names_are_said_and_labels_kept(retrained, unsure, picture, tmp_path):
    (tmp_path / "names.json").write_text(json.dumps({"red": "poppy", "green": "fern", "blue": "iris"}))
    words = [f"--category_names={tmp_path / 'names.json'}", "--sure=50"]
    assert label(retrained, unsure, picture, *words).startswith("poppy (50 % sure)\n")
    found = json.loads(label(retrained, unsure, picture, *words, "--json"))
    assert found["sure"] == {"percent": 50, "labels": ["red"], "names": ["poppy"]}


@pytest.mark.parametrize(
    ("kind", "words"),
    [(".tflite", []), (".tflite", ["--quantize=int8"]), (".onnx", []), (".keras", []), ("", ["--format=saved_model"])],
    ids=["tflite", "int8", "onnx", "keras", "saved_model"],
)
def test_every_format_carries_it(retrained, unsure, picture, tmp_path, kind, words):
    ending = [] if words and "format" in words[0] else [f"--format={kind[1:]}"]
    photos = [f"--image_dir={retrained / 'photos'}"] if "--quantize=int8" in words else []
    to = tmp_path / f"model{kind}"
    done = retrained.run("export", f"--graph={unsure}", f"--output={to}", *ending, *words, *photos)
    assert done.returncode == 0, done.stderr
    graph = json.loads(label(retrained, unsure, picture, "--json", "--sure=50"))["sure"]
    assert json.loads(label(retrained, to, picture, "--json", "--sure=50"))["sure"] == graph


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("0", "error: --sure=0: expected a percentage above 0 and below 100, such as 95"),
        ("100", "error: --sure=100: expected a percentage above 0 and below 100, such as 95"),
        ("101", "error: --sure=101: expected a percentage above 0 and below 100, such as 95"),
        ("nan", "error: --sure=nan: expected a percentage above 0 and below 100, such as 95"),
        ("0.95", "error: --sure=0.95: expected a percentage, not a share: did you mean 95?"),
        ("abc", "error: --sure=abc: expected a number"),
        ("99.9", "error: answers that are 99.9 % sure need 999 validation photos or more, and this classifier had 99"),
    ],
)
@pytest.mark.parametrize("command", ["label_image", "evaluate"])
def test_what_cannot_be_promised_is_refused(retrained, unsure, picture, command, value, message):
    words = [f"--image={picture}"] if command == "label_image" else [f"--image_dir={retrained / 'photos'}"]
    done = retrained.run(command, f"--graph={unsure}", f"--sure={value}", *words)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.startswith(message)
    assert done.stderr.count("\n") == 1


def test_a_classifier_without_the_data_says_so(retrained, picture, tmp_path):
    graph = tmp_path / "retrained_graph.pb"
    for ending in ("graph.pb", "labels.txt"):
        shutil.copy(retrained / f"retrained_{ending}", tmp_path)
    done = retrained.run("label_image", f"--graph={graph}", f"--image={picture}", "--sure=95")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"error: {graph} was written without the data for sure answers: train it again" in done.stderr
    with pytest.raises(UserError, match="without the data for sure answers"):
        load_classifier(graph).predict(picture, sure=0.9)


def test_evaluate_measures_coverage_and_the_size_of_answers(retrained, unsure, tmp_path):
    words = [f"--graph={unsure}", f"--image_dir={retrained / 'photos'}", "--split=all"]
    done = retrained.run("evaluate", *words, "--sure=99", f"--report={tmp_path / 'report.html'}")
    assert done.returncode == 0, done.stderr
    assert "with --sure=99, answers that hold the right label: 100.0 % (95 % interval" in done.stdout
    assert 'id="sure"' in (tmp_path / "report.html").read_text("utf-8")
    for percent, size in ((99, 3), (50, 1)):
        found = json.loads(retrained.run("evaluate", *words, f"--sure={percent}", "--json").stdout)["sure"]
        assert (
            found["percent"] == percent and found["photos"] == 72 and found["mean_size"] == pytest.approx(size, abs=1)
        )
        assert found["coverage"] == found["covered"] / 72 and set(found["per_label"]) == {"red", "green", "blue"}
        assert sum(each["covered"] for each in found["per_label"].values()) == found["covered"]
    alone = retrained.run("evaluate", *words, "--sure=50").stdout
    assert "its first label alone is right often enough, so answers cover more than was promised" in alone


def test_the_server_answers_as_surely_as_it_is_asked_to(retrained, unsure, picture):
    data = picture.read_bytes()
    with serving(retrained, unsure) as server:
        found = server.post("/label?sure=99&top_k=1", data).json
        assert found["sure"]["labels"][0] == "red" and found["sure"]["percent"] == 99 and len(found["labels"]) == 1
        assert "sure" not in server.post("/label", data).json
        for word in ("0", "100", "abc", "nan", ""):
            refused = server.post(f"/label?sure={word}", data)
            assert refused.status == 400 and "expected a percentage above 0" in refused.json["error"]
        refused = server.post("/label?sure=0.95", data)
        assert refused.status == 400 and "not a share: did you mean 95?" in refused.json["error"]
        refused = server.post("/label?sure=99.9", data)
        assert refused.status == 400 and "need 999 validation photos" in refused.json["error"]
        page = server.get("/").body.decode()
        assert 'data-sure="95"' in page and 'id="sure"' in page


def test_python_gives_a_pair_as_before_with_more_to_ask(unsure, picture):
    classifier = load_classifier(unsure, unknown=True)
    probabilities, names = found = classifier.predict(picture, top_k=2, sure=0.99)
    assert isinstance(found, tuple) and len(found) == 2 and found.names is names
    assert found.probabilities is probabilities and probabilities.shape == (2,)
    assert found.sure[0] == names[0] == "red" and found.unknown is False and found.distance < 1
    plain = load_classifier(unsure).predict(picture)
    assert plain.sure is None and plain.unknown is None and plain.distance is None
    for share in (0, 1, 95, float("nan")):
        with pytest.raises(UserError, match="expected a share above 0 and below 1"):
            classifier.predict(picture, sure=share)


def test_calibration_can_be_left_out(photos, workplace):
    done = workplace.retrain(photos, "--calibrate=off", "--hidden_units=20")
    assert done.returncode == 0 and "calibrated" not in done.stdout
    record = json.loads((workplace / "retrained_graph.json").read_text())
    assert record["calibration"]["why_not"] == "--calibrate=off" and record["calibration"]["temperature"] == 1
