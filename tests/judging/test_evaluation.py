"""The figures of an evaluation, and how they are printed."""

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from sklearn.metrics import confusion_matrix, log_loss, precision_recall_fscore_support, top_k_accuracy_score

from scripts.classifier.drawing.text_columns import columns, cut, fit
from scripts.classifier.judging import findings, near_duplicates, record as records, words
from scripts.classifier.judging.judged import Judged, Strangers
from scripts.classifier.judging.measures import SMALLEST_SCORE, Measures
from scripts.classifier.judging.perceptual_hash import Hashes
from scripts.classifier.training import accuracy


def judge(truth, scores, labels=None, splits=None, unknown=None):
    scores = np.asarray(scores, np.float32)
    labels = labels or tuple(f"label {at}" for at in range(scores.shape[1]))
    paths = [f"{labels[each]}/{at}.jpg" for at, each in enumerate(truth)]
    return Judged(labels, paths, np.asarray(truth, np.int64), scores, splits or ["testing"] * len(paths), unknown)


def random_judged(seed, photos, labels, sureness=2.0):
    random = np.random.default_rng(seed)
    truth = random.integers(0, labels, photos)
    logits = random.normal(0, 1.5, (photos, labels))
    logits[np.arange(photos), truth] += sureness
    odds = np.exp(logits)
    return judge(truth, odds / odds.sum(axis=1, keepdims=True))


someone = st.builds(
    random_judged, st.integers(0, 2**32), st.integers(1, 60), st.integers(2, 9), st.sampled_from([0.0, 1.0, 4.0])
)


def as_numbers(values):
    return [math.nan if value is None else value for value in values]


@given(someone)
@settings(max_examples=60)
def test_the_figures_agree_with_scikit_learn(judged):
    measures, known = Measures(judged), range(len(judged.labels))
    overall = measures.overall
    guesses = judged.scores.argmax(axis=1)
    assert measures.confusion.tolist() == confusion_matrix(judged.truth, guesses, labels=known).tolist()
    expected = precision_recall_fscore_support(judged.truth, guesses, labels=known, zero_division=np.nan)
    for each, name in zip(expected, ("precision", "recall", "f1", "photos"), strict=True):
        ours = as_numbers(getattr(label, name) for label in measures.per_label)
        assert ours == pytest.approx(each.tolist(), nan_ok=True)
    means = measures.macro_precision, measures.macro_recall, measures.macro_f1
    assert means == pytest.approx([np.nanmean(each) for each in expected[:3]])
    assert overall.cross_entropy == pytest.approx(log_loss(judged.truth, judged.scores, labels=known), rel=1e-4)
    if len(known) > 5:
        assert overall.top_5 == pytest.approx(top_k_accuracy_score(judged.truth, judged.scores, k=5, labels=known))
    else:
        assert overall.top_5 is None
    assert overall.accuracy == pytest.approx((guesses == judged.truth).mean())
    low, high = overall.interval_95
    assert 0 <= low <= overall.accuracy <= high <= 1


@given(someone)
def test_the_calibration_error_is_the_sum_over_fifteen_bins(judged):
    calibration, expected = Measures(judged).overall.calibration, 0.0
    for at in range(15):
        inside = [
            row for row, scores in enumerate(judged.scores) if at / 15 < np.float64(scores.max()) <= (at + 1) / 15
        ]
        assert calibration.bins[at].photos == len(inside)
        if inside:
            right = np.mean([judged.scores[row].argmax() == judged.truth[row] for row in inside])
            sure = np.mean([judged.scores[row].max() for row in inside])
            assert (calibration.bins[at].accuracy, calibration.bins[at].mean_score) == pytest.approx((right, sure))
            expected += len(inside) / len(judged) * abs(right - sure)
        else:
            assert calibration.bins[at].accuracy is None
    assert calibration.error == pytest.approx(expected, abs=1e-6)


def test_scores_of_0_and_1_are_measured_too():
    measures = Measures(judge([0, 1], [[1, 0], [1, 0]]))
    assert measures.overall.cross_entropy == pytest.approx(-math.log(SMALLEST_SCORE) / 2)
    assert measures.overall.calibration.bins[14].photos == 2
    assert measures.overall.calibration.error == pytest.approx(0.5)
    assert [(each.precision, each.recall) for each in measures.per_label] == [(0.5, 1), (None, 0)]


def test_chance_alone_makes_few_photos_look_badly_calibrated_but_not_many():
    random = np.random.default_rng(0)
    found = []
    for photos in (30, 30_000):
        top = random.uniform(0.5, 1, photos)
        truth = (random.random(photos) > top).astype(int)  # right as often as the score says
        found.append(Measures(judge(truth, np.stack([top, 1 - top], axis=1))))
    assert found[0].overall.calibration.error_by_chance > 0.08
    assert found[1].overall.calibration.error_by_chance < 0.01
    assert found[1].overall.calibration.error < 0.02


def test_figures_without_photos_are_undefined():
    scores = [[0.9, 0.1, 0.0], [0.6, 0.4, 0.0]]
    measures = Measures(judge([0, 1], scores, ("cat", "dog", "cow")))
    cat, dog, cow = measures.per_label
    assert (cat.precision, cat.recall, cat.f1) == (0.5, 1, pytest.approx(2 / 3))
    assert (dog.precision, dog.recall, dog.f1) == (None, 0, 0)
    assert (cow.precision, cow.recall, cow.f1) == (None, None, None)
    assert measures.macro_f1 == pytest.approx(1 / 3)
    assert measures.confusions == [("dog", "cat", 1, 1)]
    nothing = Measures(judge([], np.empty((0, 3)), ("cat", "dog", "cow")))
    means = nothing.macro_precision, nothing.macro_recall, nothing.macro_f1
    assert (nothing.results.accuracy, nothing.overall, *means) == (None,) * 5
    assert words.describe(nothing) == ["no photos of its labels to evaluate on: nothing was measured"]


def test_the_first_of_equal_scores_always_counts_as_the_highest():
    measures = Measures(judge([0, 5, 6], np.full((3, 7), 1 / 7)))
    assert measures.overall.accuracy == measures.overall.top_5 == pytest.approx(1 / 3)


def test_each_set_can_be_judged_alone():
    away, splits = np.array([True, False, True]), ["training", "testing", "validation"]
    judged = judge([0, 1, 0], [[0.9, 0.1]] * 3, splits=splits, unknown=away)
    part = judged.of("testing", "validation")
    assert part.paths == judged.paths[1:]
    assert part.splits == ["testing", "validation"]
    assert part.truth.tolist() == [1, 0]
    assert part.unknown.tolist() == [False, True]


def test_the_record_is_plain_json_and_holds_every_figure(tmp_path):
    judged = random_judged(1, 80, 7)
    judged = judge(judged.truth, judged.scores, unknown=np.arange(80) < 20)
    strangers = Strangers(tmp_path, ["a.jpg", "b.jpg"], judged.scores[:2], np.array([True, False]))
    record = json.loads(json.dumps(records.of_measures(Measures(judged), strangers), allow_nan=False))
    assert record["photos"] == 80
    assert record["accuracy"] == Measures(judged).overall.accuracy
    assert record["per_label"]["label 3"].keys() == {"right", "photos", "guessed", "precision", "recall", "f1"}
    assert np.array(record["confusion"]).sum() == 80
    assert sum(each["photos"] for each in record["calibration_bins"]) == 80
    assert {"interval_95", "cross_entropy", "top_5_accuracy", "macro", "calibration_error"} <= record.keys()
    assert record["turned_away"] == 20
    assert record["accuracy_of_answered"] == pytest.approx((judged.guesses == judged.truth)[20:].mean())
    assert record["strangers"] == {"photos": 2, "turned_away": 1}
    empty = records.of_measures(Measures(judge([], np.empty((0, 2)))))
    assert json.loads(json.dumps(empty, allow_nan=False)) == {"accuracy": None, "photos": 0}


def test_figures_are_printed_as_text():
    truth = [0] * 8 + [1] * 4 + [2] * 8
    guess = [0] * 7 + [2] + [1] * 4 + [2] * 6 + [0, 0]
    scores = np.full((20, 3), 0.1)
    scores[np.arange(20), guess] = 0.8
    judged = judge(truth, scores, ("daisy", "rose", "sunflower"), unknown=np.arange(20) == 19)
    assert words.describe(Measures(judged)) == [
        "accuracy 85.0 % (95 % interval 64.0 to 94.8 %, N = 20)",
        "  17 of 20 photos right; on more photos like these, probably between 64.0 % and 94.8 %",
        "  for comparison: always answering daisy would be right 40.0 % of the time",
        "cross entropy 0.535 (0 is perfect, guessing gives 1.099)",
        "calibration error 5.0 %, the gap between how sure it is and how often it is right",
        f"  20 photos would vary by {100 * Measures(judged).overall.calibration.error_by_chance:.1f} % by chance alone",
        "wrongly called unknown: 5.0 % (95 % interval 0.9 to 23.6 %, N = 20)",
        "accuracy on the others 89.5 % (95 % interval 68.6 to 97.1 %, N = 19)",
        "",
        "                      photos  precision   recall       F1",
        "  daisy                    8     77.8 %   87.5 %   82.4 %",
        "  rose                     4    100.0 %  100.0 %  100.0 %",
        "  sunflower                8     85.7 %   75.0 %   80.0 %",
        "  mean of the labels             87.8 %   87.5 %   87.5 %",
        "",
        "confusion matrix (row: what it is; column: what it was taken for)",
        "                 1  2  3",
        "   1  daisy      7  ·  1",
        "   2  rose       ·  4  ·",
        "   3  sunflower  2  ·  6",
    ]


letters = st.characters(exclude_categories=["Cs", "Cc"])


@given(st.lists(st.text(letters, min_size=1), min_size=2, max_size=15, unique=True))
def test_the_tables_fit_a_terminal_whatever_the_labels_are_called(labels):
    judged = random_judged(3, 300, len(labels), 0.5)
    lines = words.describe(Measures(judge(judged.truth, judged.scores, tuple(labels))))
    tables = lines[lines.index("") :]
    assert max(columns(line) for line in tables) <= 100
    rows = [line for line in tables if line.endswith("%")]
    assert len(rows) == len(labels) + 1
    assert len({columns(line) for line in rows}) == 1  # aligned


def test_texts_are_fitted_by_the_columns_they_take():
    assert [columns(text) for text in ("rose", "薔薇", "e\u0301", "")] == [4, 4, 1, 0]
    assert fit("rose", 6) == "rose  "
    assert cut("sunflower", 5) == "sunf…"
    assert fit("薔薇薔薇", 6) == "薔薇… "


def test_mistakes_come_surest_first_and_doubts_closest_first():
    scores = [[0.9, 0.1], [0.55, 0.45], [0.2, 0.8], [0.51, 0.49], [0.6, 0.4]]
    judged = judge([0, 1, 0, 0, 1], scores)
    assert findings.worst_mistakes(judged).tolist() == [2, 4, 1]
    assert findings.least_certain(judged).tolist() == [3, 1]
    alone = judge([0, 0], [[1.0], [1.0]])
    assert findings.worst_mistakes(alone).tolist() == findings.least_certain(alone).tolist() == []


def test_swapped_labels_are_suspected_and_the_right_ones_suggested():
    judged = random_judged(5, 600, 4, 6.0)
    sure = np.flatnonzero(judged.right & (judged.top > 0.97))[:20]
    truth = judged.truth.copy()
    truth[sure] = (truth[sure] + 1) % 4
    found = findings.suspicious_labels(judge(truth, judged.scores))
    named = {each.row: each.suggested for each in found}
    assert sum(named.get(row) == judged.truth[row] for row in sure) >= 18
    wrong = {int(row) for row in np.flatnonzero(~judged.right)} | {int(row) for row in sure}
    assert named.keys() <= wrong
    leads = [judged.scores[each.row, each.suggested] - judged.scores[each.row, truth[each.row]] for each in found]
    assert leads == sorted(leads, reverse=True)


def test_training_photos_are_compared_only_with_training_photos():
    # Training photos score 0.99, the others 0.7: among the others, 0.8 for another label is suspicious.
    scores = [[0.99, 0.01, 0.0]] * 5 + [[0.01, 0.99, 0.0]] * 5 + [[0.7, 0.1, 0.2]] * 5 + [[0.05, 0.7, 0.25]] * 5
    scores += [[0.8, 0.05, 0.15], [0.9, 0.05, 0.05]]
    truth = [0] * 5 + [1] * 5 + [0] * 5 + [1] * 5 + [1, 1]
    splits = ["training"] * 10 + ["testing"] * 11 + ["training"]
    found = findings.suspicious_labels(judge(truth, scores, splits=splits))
    assert [(each.row, each.suggested) for each in found] == [(20, 0)]
    # A label without photos to compare with is never suggested.
    only = judge([0, 0, 0], [[0.9, 0.1], [0.9, 0.1], [0.01, 0.99]])
    assert findings.suspicious_labels(only) == []


def test_only_the_highest_score_is_suggested_and_only_if_it_is_above_typical():
    # Typical scores are 0.9 for the first label and 0.6 for the second. The last photo scores highest for the first.
    typical = [[0.9, 0.05, 0.05]] * 4 + [[0.2, 0.6, 0.2]] * 4 + [[0.05, 0.05, 0.9]] * 4
    doubtful = [[0.7, 0.25, 0.05], [0.95, 0.0, 0.05], [0.3, 0.65, 0.05], [0.5, 0.42, 0.08]]
    found = findings.suspicious_labels(judge([0] * 4 + [1] * 4 + [2] * 8, typical + doubtful))
    assert [(each.row, each.suggested) for each in found] == [(13, 0), (14, 1)]


def test_findings_are_described():
    scores, splits = [[0.9, 0.1], [0.58, 0.42], [0.05, 0.95]], ["testing", "testing", "training"]
    judged = judge([0, 1, 0], scores, ("cat", "dog"), splits)
    hashes = Hashes(np.array([5, 5, 4], np.uint64), np.ones(3, bool))
    near = near_duplicates.find(hashes, judged.splits, judged.truth)
    found = findings.find(judged.of("testing"), judged, near)
    assert words.describe_findings(found) == [
        "mistakes, the surest first: 1",
        "  dog/1.jpg: taken for cat (58.0 %)",
        "close calls, the closest first: 1",
        "  dog/1.jpg: cat (58.0 %) or dog (42.0 %)",
        "labels worth a look: none",
        "photos nearly identical to one in another set: 2",
        "  cat/0.jpg (test) and cat/2.jpg (training)",
        "  dog/1.jpg (test) and cat/2.jpg (training)",
        "photos nearly identical to one under another label: 2",
        "  cat/0.jpg (test) and dog/1.jpg (test)",
        "  cat/2.jpg (training) and dog/1.jpg (test)",
    ]


def test_the_test_accuracy_of_each_label_is_described():
    results = accuracy.Results(np.array([0, 0, 1]), np.array([0, 1, 1]), 3, ["a", "b", "c"])
    assert accuracy.describe(results, ("cat", "dog", "cow")) == [
        "test accuracy 66.7 % (95 % interval 20.8 to 93.9 %, N = 3)",
        "  cat   50.0 %  (1 of 2)",
        "  dog  100.0 %  (1 of 1)",
        "  cow      no test photos",
    ]
