"""When pictures in use are said to differ from the test photos."""

import numpy as np
import pytest

from scripts.classifier.judging import drift, drift_words
from scripts.classifier.judging.drift import Tally
from scripts.classifier.training.expected import Expected

LABELS = ("daisy", "rose", "tulip", "dandelion", "sunflower")
EVEN = (0.2,) * 5
UNEVEN = (0.8, 0.1, 0.05, 0.03, 0.02)


def draw(random, count: int, shares=EVEN, unknown: float = 0.05, hard: float = 0.2):
    """Labels, highest scores and unknown, as of a real classifier: mostly sure, now and then far from it."""
    scores = np.where(random.random(count) < hard, random.uniform(0.2, 1, count), 1 - random.beta(0.6, 12, count))
    return random.choice(len(shares), count, p=shares), scores, (random.random(count) < unknown).tolist()


def expected_of(guesses, scores, unknown) -> Expected:
    shares = np.bincount(guesses, minlength=len(LABELS)) / len(guesses)
    by_label = dict(zip(LABELS, shares.tolist(), strict=True))
    return Expected("testing", len(guesses), float(np.mean(unknown)), scores.mean(), scores.std(), by_label)


def tally_of(guesses, scores, unknown) -> Tally:
    return Tally.of(guesses, scores, unknown, len(LABELS))


def found(random, **changed) -> list[str]:
    """The ways in which 200 pictures differ from 370 test photos."""
    tally, expected = tally_of(*draw(random, 200, **changed)), expected_of(*draw(random, 370))
    return [each.way for each in drift.compare(tally, expected)]


@pytest.mark.parametrize("photos", [10, 48, 370, 3000])
@pytest.mark.parametrize("pictures", [50, 200])
@pytest.mark.parametrize("shares", [EVEN, UNEVEN], ids=["even", "uneven"])
def test_pictures_like_the_test_photos_raise_a_note_in_at_most_one_of_a_hundred_windows(photos, pictures, shares):
    random, windows = np.random.default_rng([photos, pictures]), 1000
    notes = sum(
        bool(drift.compare(tally_of(*draw(random, pictures, shares)), expected_of(*draw(random, photos, shares))))
        for _ in range(windows)
    )
    # If the rate is 1 %, a thousand windows have up to 17 in 99 of 100 cases.
    assert notes <= 17, notes


def test_a_stream_like_the_test_photos_stays_quiet_whenever_one_looks():
    """The window slides, as in serve, over streams that each begin with test photos of their own."""
    random, looks, notes = np.random.default_rng(5), 0, 0
    for _ in range(60):
        expected, (guesses, scores, unknown) = expected_of(*draw(random, 370)), draw(random, 1200)
        for end in range(200, 1201, 25):
            window = slice(end - 200, end)
            tally = tally_of(guesses[window], scores[window], unknown[window])
            notes += bool(drift.compare(tally, expected))
            looks += 1
    assert notes <= 0.01 * looks, (notes, looks)


@pytest.mark.parametrize(
    ("changed", "ways"),
    [
        ({"unknown": 0.3}, [drift.UNKNOWN]),
        ({"hard": 0.6}, [drift.SCORE]),
        ({"shares": UNEVEN}, [drift.LABELS]),
        ({"unknown": 0.3, "hard": 0.6, "shares": UNEVEN}, [drift.UNKNOWN, drift.SCORE]),
    ],
    ids=["unknown", "score", "labels", "all"],
)
def test_other_pictures_are_noticed(changed, ways):
    for seed in range(20):
        assert set(ways) <= set(found(np.random.default_rng(seed), **changed))


def test_fewer_than_fifty_pictures_and_small_differences_are_not_spoken_of():
    random = np.random.default_rng(0)
    strange = draw(random, 49, UNEVEN, unknown=1.0, hard=1.0)
    assert drift.compare(tally_of(*strange), expected_of(*draw(random, 370))) == []
    # Four points more, which a hundred thousand pictures prove beyond doubt.
    many = draw(random, 100_000, unknown=0.09)
    before = expected_of(*draw(random, 100_000, unknown=0.05))
    assert drift.at_least(sum(many[2]), 100_000, round(before.unknown * 100_000), 100_000) < 1e-9
    assert drift.compare(tally_of(*many), before) == []


def test_unknown_is_compared_only_where_it_was_asked_for():
    random = np.random.default_rng(1)
    guesses, scores, _ = draw(random, 200)
    before = expected_of(*draw(random, 370))
    assert drift.compare(tally_of(guesses, scores, [None] * 200), before) == []
    assert drift.compare(tally_of(guesses, scores, [True] * 30 + [None] * 170), before) == []
    (one,) = drift.compare(tally_of(guesses, scores, [True] * 60 + [None] * 140), before)
    assert (one.way, one.found) == (drift.UNKNOWN, 1.0)


def test_the_exact_test_is_fishers():
    # Fisher's tea: 3 of 4 cups right where 1 of 4 would be.
    assert drift.at_least(3, 4, 1, 4) == pytest.approx(17 / 70)
    assert drift.at_least(0, 4, 4, 4) == pytest.approx(1)
    assert drift.at_least(4, 4, 0, 4) == pytest.approx(1 / 70)
    assert drift.either_way(4, 4, 0, 4) == drift.either_way(0, 4, 4, 4) == pytest.approx(1 / 35)
    assert drift.at_least(400_000, 1_000_000, 390_000, 1_000_000) < 1e-40


def test_the_notes_are_plain_sentences():
    random = np.random.default_rng(2)
    before = Expected("testing", 370, 0.05, 0.91, 0.14, dict(zip(LABELS, EVEN, strict=True)))
    guesses, _, _ = draw(random, 200)
    unknown = [True] * 62 + [False] * 138
    notes = [
        drift_words.note(each, "the last 200 pictures", before, LABELS)
        for each in drift.compare(tally_of(guesses, np.full(200, 0.71), unknown), before)
    ]
    assert notes == [
        "Of the last 200 pictures, 31 % look like nothing it learned from; of its 370 test photos, 5 % did. "
        "Its measured accuracy says nothing about pictures like those.",
        "For the last 200 pictures, its highest score is 71 % on average; for its 370 test photos it was 91 %. "
        "It is less sure of these, and may be wrong more often.",
    ]
    daisies = tally_of(np.array([0] * 160 + [1] * 40), np.full(200, 0.91), [False] * 200)
    (only,) = drift.compare(daisies, before)
    assert drift_words.note(only, "the last 200 pictures", before, LABELS) == (
        "Of the last 200 pictures, 80 % were called daisy; of its 370 test photos, 20 % were. "
        "That may just be another day."
    )
