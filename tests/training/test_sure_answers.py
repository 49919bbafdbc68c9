"""Sure answers: the smallest sets of labels that hold the right one as often as promised."""

import numpy as np
import pytest
from hypothesis import given, strategies as st

from scripts.classifier.errors import UserError
from scripts.classifier.training import record_check, sure
from scripts.classifier.training.sure import Sure


def scored(photos: int, labels: int, seed: int, sharpness: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that mean what they say, and right labels drawn from them."""
    random = np.random.default_rng(seed)
    logits = sharpness * random.standard_normal((photos, labels))
    odds = np.exp(logits)
    truth = (logits + random.gumbel(size=logits.shape)).argmax(1)
    return (odds / odds.sum(1, keepdims=True)).astype(np.float32), truth


@given(st.integers(1, 300), st.integers(2, 8), st.integers(0, 2**32 - 1), st.floats(1, 99))
def test_as_many_validation_photos_as_promised_are_covered_by_their_own_sets(photos, labels, seed, percent):
    scores, truth = scored(photos, labels, seed)
    found = Sure.of_scores(scores, truth)
    if not found.promises(percent):
        assert (photos + 1) * percent / 100 > photos
        return
    covered = sum(label in found.members(each, percent) for each, label in zip(scores, truth, strict=True))
    assert covered >= (photos + 1) * percent / 100 - 1e-6


@given(st.integers(0, 2**32 - 1), st.floats(1, 90), st.floats(1, 90))
def test_sets_begin_with_the_first_label_and_grow_with_the_promise(seed, one, other):
    scores, truth = scored(60, 6, seed)
    found = Sure.of_scores(scores, truth)
    for each in scores[:10]:
        smaller, larger = (found.members(each, percent) for percent in sorted((one, other)))
        assert smaller[0] == each.argmax() and larger[: len(smaller)] == smaller
        assert (np.diff(each[larger]) <= 0).all()


@pytest.mark.parametrize("photos", [40, 5000])
@pytest.mark.parametrize("percent", [80, 90, 95])
def test_new_photos_are_covered_as_promised(photos, percent):
    """On average over classifiers: each has its own validation photos."""
    shares = []
    for seed in range(40 if photos < 1000 else 4):
        found = Sure.of_scores(*scored(photos, 6, seed))
        scores, truth = scored(500, 6, 10_000 + seed)
        shares.append(np.mean([t in found.members(s, percent) for s, t in zip(scores, truth, strict=True)]))
    assert percent / 100 - 0.02 <= np.mean(shares) <= percent / 100 + 0.05


def test_of_many_photos_a_thousand_numbers_are_kept_none_of_them_too_small():
    scores, truth = scored(8000, 6, 1)
    order = np.argsort(-scores, axis=1, kind="stable")
    above = np.cumsum(np.take_along_axis(scores, order, 1), axis=1, dtype=np.float64)
    places = (order == truth[:, None]).argmax(1)
    exact = np.sort(np.where(places, above[np.arange(8000), places - 1], 0))
    found = Sure.of_scores(scores, truth)
    assert len(found.sums) == 1000 and found.right_at_once == np.count_nonzero(places == 0)
    for percent in np.linspace(1, 99.98, 200):
        wanted = exact[int(np.ceil(round(8001 * percent / 100, 9))) - 1]
        assert wanted <= found.limit(percent) <= wanted + 0.02


def test_a_classifier_that_is_right_more_often_than_promised_answers_with_one_label():
    scores = np.tile(np.array([[0.7, 0.2, 0.1]], np.float32), (100, 1))
    found = Sure.of_scores(scores, np.array([0] * 97 + [1] * 3))
    assert found.limit(95) == 0 and found.members(scores[0], 95) == [0]
    assert found.members(scores[0], 98) == [0, 1]


def test_too_few_validation_photos_are_said_in_one_line():
    scores, truth = scored(18, 3, 0)
    few = Sure.of_scores(scores, truth)
    assert not few.promises(95) and Sure.of_scores(*scored(19, 3, 0)).promises(95)
    with pytest.raises(UserError) as refused:
        few.limit(95)
    assert str(refused.value).startswith("answers that are 95 % sure need 19 validation photos or more")
    assert "this classifier had 18: ask for 94.7 % at most" in str(refused.value)
    assert few.limit(94.7) >= 0


@pytest.mark.parametrize("percent", [0, 100, 101, -5, float("nan"), float("inf")])
def test_what_nobody_can_promise_is_refused(percent):
    with pytest.raises(UserError, match="expected a percentage above 0 and below 100"):
        sure.check(percent)


@given(st.integers(1, 400), st.integers(0, 2**32 - 1))
def test_the_record_holds_all_of_it(photos, seed):
    found = Sure.of_scores(*scored(photos, 4, seed))
    assert Sure.of_record({"sure": found.as_record()}) == found
    size = {"input_height": 8, "input_width": 8, "input_mean": 0, "input_std": 1, "fit": "squeeze", "channels": "rgb"}
    size |= {"input_layer": "a", "output_layer": "b"}
    assert record_check.fault({"preprocessing": size, "labels": ["a"], "sure": found.as_record()}) is None
