"""What a training records about the answers to expect."""

import json

import pytest


def recorded(place) -> dict | None:
    return json.loads((place / "retrained_graph.json").read_text("utf-8"))["expected"]


def measured(place, split: str) -> dict:
    done = place.run("evaluate", f"--graph={place / 'retrained_graph.pb'}", f"--split={split}", "--unknown", "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def assert_is_what_evaluate_measures(expected: dict, found: dict) -> None:
    assert expected["photos"] == found["photos"] > 0
    # One photo may lie on the threshold itself: of the validation photos, one has set it.
    assert expected["unknown"] == pytest.approx(found["turned_away"] / found["photos"], abs=1.01 / found["photos"])
    top = sum(each["photos"] * each["mean_score"] for each in found["calibration_bins"] if each["photos"])
    assert expected["mean_score"] == pytest.approx(top / found["photos"], abs=1e-4)
    shares = {label: each["guessed"] / found["photos"] for label, each in found["per_label"].items()}
    assert expected["label_shares"] == pytest.approx(shares)
    assert 0 <= expected["score_deviation"] < 0.5


def test_it_is_measured_on_the_test_photos(retrained):
    expected = recorded(retrained)
    assert expected["split"] == "testing"
    assert_is_what_evaluate_measures(expected, measured(retrained, "testing"))


def test_without_test_photos_it_is_measured_on_the_validation_photos(workplace, photos):
    assert workplace.retrain(photos, "--testing_percentage=0", "--validation_percentage=20").returncode == 0
    expected = recorded(workplace)
    assert expected["split"] == "validation"
    assert_is_what_evaluate_measures(expected, measured(workplace, "validation"))


def test_without_validation_photos_nothing_is_expected_about_unknown_ones(workplace, photos):
    assert workplace.retrain(photos, "--testing_percentage=20", "--validation_percentage=0").returncode == 0
    assert (recorded(workplace)["split"], recorded(workplace)["unknown"]) == ("testing", None)


def test_without_both_nothing_is_expected(workplace, photos):
    assert workplace.retrain(photos, "--testing_percentage=0", "--validation_percentage=0").returncode == 0
    assert recorded(workplace) is None
