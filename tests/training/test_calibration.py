"""One number makes scores mean what they say, and no photo gets another first label."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, strategies as st

from scripts.classifier.training import calibrating, temperature
from scripts.classifier.training.examples import Examples, InMemory
from scripts.classifier.training.final_layer import Dense, FinalLayer, Trainer
from scripts.classifier.training.recipe import Recipe
from scripts.classifier.training.trained import Sets, Trained

VALUES, LABELS = 6, 4


def examples(photos: int, seed: int) -> Examples:
    """Labels that a linear layer can only guess at: the best one is right about two times of three."""
    random = np.random.default_rng(seed)
    values = random.standard_normal((photos, VALUES)).astype(np.float32)
    direction = np.random.default_rng(0).standard_normal((VALUES, LABELS))
    logits = values @ direction + random.gumbel(size=(photos, LABELS))
    return Examples(InMemory(values), logits.argmax(1).astype(np.uint8), [f"{seed}/{at}.jpg" for at in range(photos)])


def trained(training: Examples, validation: Examples, recipe: Recipe) -> Trained:
    trainer = Trainer(training, validation, LABELS, recipe)
    for _ in trainer.run():
        pass
    sets = Sets(training, validation, examples(2000, 9))
    return Trained(None, None, trainer.best, sets, trainer.step, trainer.best_step, False, [])


def loss(layer: FinalLayer, of: Examples) -> float:
    return temperature.cross_entropy(layer.logits(of.vectors.take(np.arange(len(of)))), of.labels, 1)


MEMORISING = Recipe(steps=400, hidden_units=(64,), optimizer="adam", learning_rate=0.02)


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 20), st.booleans())
def test_no_temperature_changes_a_first_label(seed, degrees, hidden):
    random = np.random.default_rng(seed)

    def dense(into: int, out: int) -> tuple[np.ndarray, np.ndarray]:
        return random.standard_normal((into, out)).astype(np.float32), random.standard_normal(out).astype(np.float32)

    layer = FinalLayer(*dense(VALUES, LABELS), (Dense(*dense(VALUES, VALUES)),) if hidden else ())
    vectors = random.standard_normal((50, VALUES)).astype(np.float32)
    # Two labels that are the same to within rounding are as good as each other.
    highest = np.sort(layer.logits(vectors), axis=1)
    clear = highest[:, -1] - highest[:, -2] > 1e-4
    before, after = (each.probabilities(vectors)[clear].argmax(1) for each in (layer, layer.cooled(degrees)))
    assert (before == after).all()
    np.testing.assert_allclose(layer.cooled(degrees).logits(vectors), layer.logits(vectors) / degrees, atol=1e-3)


@pytest.mark.parametrize("true", [0.5, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_with_is_found(true):
    random = np.random.default_rng(3)
    logits = 3 * random.standard_normal((5000, LABELS))
    labels = (logits / true + random.gumbel(size=logits.shape)).argmax(1)
    assert temperature.fit(logits, labels) == pytest.approx(true, rel=0.08)


def test_a_layer_that_gets_all_right_is_not_made_sure_without_limit():
    logits = np.array([[3.0, 0, 0, 0]] * 50)
    fitted = temperature.fit(logits, np.zeros(50, int))
    assert 0.3 < fitted < 1
    assert 1 - 1 / (1 + 3 * np.exp(-3 / fitted)) > 1e-4


@pytest.mark.parametrize(
    ("validation", "recipe", "folds"), [(300, None, None), (300, MEMORISING, None), (20, MEMORISING, 4)]
)
def test_a_layer_that_is_too_sure_of_itself_becomes_better_on_photos_it_never_saw(validation, recipe, folds):
    before = trained(examples(200, 1), examples(validation, 2), MEMORISING)
    after = calibrating.calibrate(before, calibrating.AUTO, recipe)
    found = after.calibration
    assert found.temperature > 1.2 and found.why_not is None and found.folds == folds
    assert found.photos == (220 if folds else 300) and found.after < found.before
    assert loss(after.layer, after.sets.testing) < 0.9 * loss(before.layer, before.sets.testing)
    assert "scores calibrated on" in found.describe()[0]
    assert found.as_record()["temperature"] == pytest.approx(found.temperature, abs=1e-4)


@pytest.mark.parametrize(
    ("choice", "validation", "recipe", "why_not"),
    [
        (calibrating.OFF, 300, None, "--calibrate=off"),
        (calibrating.AUTO, 49, None, "fewer than 50 photos"),  # the network was trained too
        (calibrating.AUTO, 0, None, "fewer than 50 photos"),
    ],
    ids=["switched off", "too few", "none"],
)
def test_otherwise_the_layer_stays_and_the_record_says_why(choice, validation, recipe, why_not):
    before = trained(examples(200, 1), examples(validation, 2), MEMORISING)
    after = calibrating.calibrate(before, choice, recipe)
    assert after.layer is before.layer and after.calibration.describe() == []
    assert why_not in after.calibration.as_record()["why_not"] and after.calibration.temperature == 1


def test_a_layer_whose_scores_are_right_mostly_stays_as_it_is():
    direction = np.random.default_rng(0).standard_normal((VALUES, LABELS)).astype(np.float32)
    exact = FinalLayer(direction, np.zeros(LABELS, np.float32))  # labels were drawn from these scores
    found = []
    for seed in range(20, 40):
        sets = Sets(examples(200, 1), examples(60, seed), examples(10, 9))
        after = calibrating.calibrate(Trained(None, None, exact, sets, 1, None, False, []), calibrating.AUTO)
        left = after.calibration.why_not is not None
        assert (after.layer is exact) == left and (not left or "no more than luck" in after.calibration.why_not)
        found.append(left)
    assert sum(found) >= 10


def test_distorted_views_of_a_photo_are_not_spread_over_folds():
    several = examples(200, 1)
    several = replace(several, paths=[f"{at // 4}.jpg" for at in range(200)])
    before = trained(several, examples(20, 2), replace(MEMORISING, steps=10))
    after = calibrating.calibrate(before, calibrating.AUTO, MEMORISING)
    assert after.layer is before.layer and after.calibration.why_not is not None


def test_ctrl_c_keeps_the_layer_as_it_is():
    class Stopped(InMemory):
        def take(self, positions: np.ndarray) -> np.ndarray:
            raise KeyboardInterrupt

    before = trained(examples(200, 1), examples(20, 2), replace(MEMORISING, steps=10))
    stopped = replace(before.sets.validation, vectors=Stopped(before.sets.validation.vectors.values))
    before = replace(before, sets=before.sets._replace(validation=stopped))
    after = calibrating.calibrate(before, calibrating.AUTO, MEMORISING)
    assert after.layer is before.layer and after.calibration.why_not == "it was stopped by Ctrl-C"


def test_folds_take_as_many_steps_as_early_stopping_chose():
    recipe = replace(MEMORISING, early_stopping=2, eval_step_interval=5)
    before = trained(examples(200, 1), examples(40, 2), recipe)
    assert before.best_step < recipe.steps
    after = calibrating.calibrate(before, calibrating.AUTO, recipe)
    assert after.calibration.photos == 240
    assert loss(after.layer, after.sets.testing) < 1.05 * loss(before.layer, before.sets.testing)
