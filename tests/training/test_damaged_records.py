"""Records whose values make no sense: one line, in every format and for every command that reads them."""

import hashlib
import json
import math
import random
import shutil

import pytest

from scripts.classifier.errors import UserError
from scripts.classifier.judging import drift
from scripts.classifier.judging.drift import Tally
from scripts.classifier.training import expected, record_check, run_record

SIZE = {"input_height": 32, "input_width": 32, "input_mean": 0, "input_std": 1}
EXPECTED = {
    **{"split": "testing", "photos": 8, "unknown": 0.1, "mean_score": 0.9, "score_deviation": 0.1},
    "label_shares": {"blue": 0.5, "green": 0.25, "red": 0.25},
}
FAULTS = {
    "preprocessing": [
        *(None, 5, [], {"input_height": "32"}, {"input_height": -1}, {"input_width": 10**9}),
        *(dict(SIZE, fit="stretch"), dict(SIZE, fit=["crop"])),
    ],
    "labels": [None, "red", [1, 2, 3], [], {"a": 1}],
    "options": [5, {"image_dir": 7}, {"testing_percentage": "many"}, {"validation_percentage": 1e999}],
    "backbone": ["x", {"views": 0}, {"views": "1"}, {"bottleneck_tensor": 3}],
    "recipe": [[], {"hidden_units": 5}],
    "unknown": [1, {"test_photos_kept": "all"}],
    "calibration": [1, {"temperature": 0}, {"temperature": "1"}],
    "sure": [
        *(5, {}, {"photos": 3}, {"photos": 3, "right_at_once": 3, "sums": [0.5]}),
        *({"photos": 9, "right_at_once": 7, "sums": sums} for sums in (None, [], [0.1, 0.2, 0.3], [0.9, 0.1], ["a"])),
        *({"photos": 9, "right_at_once": 7, "sums": sums} for sums in ([[0.1]], [0.5, 1e999], [0.5, 1.5])),
    ],
    "seen": [
        *(5, "", [], {}, {"training": ""}, {"training": "", "validation": 5}, {"training": [[]], "validation": ""})
    ]
    + [{"training": "", "validation": each} for each in ("AAAA", "?" * 12, "AAAAAAAAAAA", "é" * 12)],
    "photos": [{"red": 3}, {"red": {"training": None}}],
    "test": ["good", {"photos": "5"}, {"interval_95": [1]}],
    "category_names": [["a"], {"red": 1}],
    "expected": [
        *(7, [], {}, {"photos": 5}),
        *(dict(EXPECTED, **{key: None}) for key in EXPECTED if key != "unknown"),
        *(dict(EXPECTED, photos=photos) for photos in (0, -1, 2.5, "8", 10**400)),
        *(dict(EXPECTED, split=split) for split in ("test", ["testing"])),
        *(dict(EXPECTED, unknown=share) for share in (-0.1, 1.5, math.nan, "none", [0])),
        *(dict(EXPECTED, mean_score=score) for score in (-1, math.nan, math.inf, 10**400, [0.9])),
        *(dict(EXPECTED, score_deviation=score) for score in (-1, math.nan, math.inf, "wide")),
        *(dict(EXPECTED, label_shares=shares) for shares in ([], {}, {"red": None}, {"red": 2}, {"red": {"red": 1}})),
    ],
}
DAMAGED = [(key, value) for key, values in FAULTS.items() for value in values]


@pytest.fixture(scope="module")
def record(retrained):
    return json.loads((retrained / "retrained_graph.json").read_text("utf-8"))


@pytest.mark.parametrize(("key", "value"), DAMAGED)
def test_every_fault_is_named(record, key, value):
    assert record_check.fault(record) is None
    assert f"its {key}" in record_check.fault({**record, key: value})


def copy_with(retrained, place, record):
    """The classifier with another record that is said to be this graph's."""
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(retrained / name, place)
    checksum = hashlib.sha256((place / "retrained_graph.pb").read_bytes()).hexdigest()
    (place / "retrained_graph.json").write_text(json.dumps({**record, "graph_sha256": checksum}))
    return place / "retrained_graph.pb"


@pytest.mark.parametrize(("command", "flags"), [("label_image", ["--image"]), ("evaluate", []), ("quantize_graph", [])])
def test_commands_say_in_one_line_what_is_wrong(retrained, record, tmp_path, command, flags):
    graph = copy_with(retrained, tmp_path, {**record, "preprocessing": {**record["preprocessing"], "input_std": 0}})
    more = [f"{flag}={retrained / 'photos' / 'red' / 'red_000.jpg'}" for flag in flags]
    if command == "quantize_graph":
        more = [f"--output={tmp_path / 'small.pb'}"]
    done = retrained.run(command, f"--{'input' if command == 'quantize_graph' else 'graph'}={graph}", *more)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "is damaged (its preprocessing.input_std should be a number other than 0): delete it" in done.stderr


def test_mutations_anywhere_give_an_answer_or_one_line(retrained, record, tmp_path):
    from scripts.classifier.formats import classifiers
    from scripts.classifier.formats.model import Wishes

    chance = random.Random(7)
    others = [None, 0, -1, 1e400, "", "x" * 50, [], {}, [[]], True, {"a": {"b": []}}]
    for _ in range(40):
        changed = json.loads(json.dumps(record))
        place, key = changed, chance.choice(list(changed))
        while isinstance(place[key], dict) and place[key] and chance.random() < 0.7:
            place = place[key]
            key = chance.choice(list(place))
        place[key] = chance.choice(others)
        graph = copy_with(retrained, tmp_path, changed)
        try:
            classifiers.load(graph, None, Wishes(), None)
        except UserError as error:
            assert "\n" not in str(error)


CURVE = {"step": [0, 10], "accuracy": [0.5, 1.0], "cross_entropy": [1.0, float("nan")]}
VALIDATED = {**CURVE, "validation_accuracy": [None, 0.5], "validation_cross_entropy": [None, float("inf")]}


def test_curves_of_every_version_are_curves():
    empty = {name: [] for name in VALIDATED}
    assert all(map(record_check.is_curve, (CURVE, VALIDATED, empty)))


@pytest.mark.parametrize(
    "change",
    [
        {"step": [0]},
        {"step": None},
        {"step": [0, "10"]},
        {"step": [0, -1]},
        {"accuracy": [0.5, [0.5]]},
        {"accuracy": [0.5, 7]},
        {"cross_entropy": [0.5, 10**400]},
        {"validation_accuracy": None},
        {"validation_cross_entropy": [0.1]},
    ],
)
def test_a_damaged_curve_is_named_before_anything_is_drawn(record, tmp_path, change):
    assert "its curve" in record_check.fault({**record, "curve": {**VALIDATED, **change}})
    (tmp_path / "r.json").write_text(json.dumps({"curve": {**VALIDATED, **change}}))
    with pytest.raises(UserError, match="holds no training curve"):
        run_record.read_curve(tmp_path / "r.json")


def test_json_nested_without_end_is_no_curve(tmp_path):
    (tmp_path / "r.json").write_text("[" * 100_000)
    with pytest.raises(UserError, match="cannot read"):
        run_record.read_curve(tmp_path / "r.json")


@pytest.mark.parametrize("missing", ["accuracy", "interval_95"])
def test_a_test_without_its_figures_is_named(record, missing):
    test = {name: value for name, value in record["test"].items() if name != missing}
    assert "its test should be" in record_check.fault({**record, "test": test})
    assert record_check.fault({**record, "test": {"photos": 0, "accuracy": None}}) is None


def test_what_to_expect_may_be_missing_and_may_be_large(record):
    assert record_check.fault({**record, "expected": None}) is None
    large = {**EXPECTED, "photos": 10**12, "mean_score": 1e29, "score_deviation": 1e29, "unknown": None}
    assert record_check.fault({**record, "expected": large}) is None
    before = expected.of_record({"expected": large}, ("blue", "green", "red"))
    found = drift.compare(Tally.of([0] * 60, [0.9] * 60, [True] * 60, 3), before)
    assert [each.way for each in found] == [drift.SCORE, drift.LABELS]
    assert expected.of_record({"expected": large}, ("blue", "red")) is None  # of other labels
