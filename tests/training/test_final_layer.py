"""The training loop of the final layer: it learns the right thing, and the same thing every time."""

import numpy as np
import pytest

from scripts.classifier.bottlenecks.cache import BottleneckCache
from scripts.classifier.errors import UserError
from scripts.classifier.photos.image_lists import Photo
from scripts.classifier.training import accuracy
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.recipe import Recipe


def examples(folder, count=300, size=20, labels=3, seed=0, shares=None):
    random = np.random.default_rng(seed)
    truth = random.choice(labels, count, p=shares)
    centres = np.random.default_rng(99).normal(0, 1, (labels, size))
    vectors = (centres[truth] + random.normal(0, 1.2, (count, size))).astype(np.float32)
    cache = BottleneckCache(folder / f"{seed}", "test", size)
    keys = [random.bytes(16) for _ in range(count)]
    cache.add(keys, vectors)
    photos = [Photo(f"{at}.jpg", int(label), "training") for at, label in enumerate(truth)]
    return Examples.of(photos, {photo.path: [key] for photo, key in zip(photos, keys, strict=True)}, cache)


def train(training, validation, recipe, **kwargs):
    trainer = Trainer(training, validation, 3, recipe)
    return trainer, [at for some in trainer.run(**kwargs) for at in some]


def in_numpy(training, validation, recipe):
    """The same recipe in NumPy: the trainer's batches, plain gradient descent."""
    trainer = Trainer(training, validation, 3, recipe)
    weights, biases = trainer.layer.weights.astype(float), trainer.layer.biases.astype(float)
    for _ in range(recipe.steps):
        rows = trainer._batches.draw(recipe.batch_size)
        vectors, wanted = training.vectors.take(rows).astype(float), np.eye(3)[training.labels[rows]]
        odds = np.exp(vectors @ weights + biases)
        error = (odds / odds.sum(axis=1, keepdims=True) - wanted) / len(rows)
        weights -= recipe.learning_rate * vectors.T @ error
        biases -= recipe.learning_rate * error.sum(axis=0)
    return weights, biases


def test_the_compiled_loop_is_plain_gradient_descent(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 60, seed=1)
    recipe = Recipe(steps=57, learning_rate=0.1, batch_size=30)
    trainer, _ = train(training, validation, recipe)
    weights, biases = in_numpy(training, validation, recipe)
    assert np.allclose(trainer.layer.weights, weights, atol=1e-5)
    assert np.allclose(trainer.layer.biases, biases, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
def test_starting_over_is_like_a_new_training(tmp_path, optimizer):
    first, second, validation = (examples(tmp_path, count, seed=count) for count in (300, 280, 60))
    recipe = Recipe(steps=120, optimizer=optimizer, hidden_units=(8,), dropout=0.2)
    again, _ = train(first, validation, recipe)
    again.start_over(second)
    found = [at for some in again.run() for at in some]
    anew, wanted = train(second, validation, recipe)
    assert found == wanted and again.step == anew.step
    assert [each.tobytes() for each in again.layer.arrays] == [each.tobytes() for each in anew.layer.arrays]


def test_the_same_seed_gives_the_same_result_to_the_bit(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 60, seed=1)
    runs = [train(training, validation, Recipe(steps=250, seed=seed))[0].layer.weights for seed in (5, 5, 6)]
    assert runs[0].tobytes() == runs[1].tobytes() != runs[2].tobytes()


def test_evaluating_or_storing_more_often_does_not_change_the_result(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 60, seed=1)
    one, _ = train(training, validation, Recipe(steps=230, eval_step_interval=10))
    recipe = Recipe(steps=230, eval_step_interval=7, validation_batch_size=-1)
    other, _ = train(training, validation, recipe, pause_every=33)
    assert one.layer.weights.tobytes() == other.layer.weights.tobytes()


@pytest.mark.parametrize(("steps", "interval", "expected"), [(25, 10, [10, 20, 25]), (20, 10, [10, 20]), (3, 10, [3])])
def test_evaluations_come_after_every_interval_and_at_the_end(tmp_path, steps, interval, expected):
    recipe = Recipe(steps=steps, eval_step_interval=interval)
    _, found = train(examples(tmp_path), examples(tmp_path, 60, seed=1), recipe)
    assert [at.step for at in found] == expected


def test_the_trainer_pauses_when_asked(tmp_path):
    trainer = Trainer(examples(tmp_path), examples(tmp_path, 60, seed=1), 3, Recipe(steps=100))
    assert {30, 60, 90, 100} <= {trainer.step for _ in trainer.run(pause_every=30)}


def test_validation_accuracy_on_all_photos_is_what_measure_gives(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 77, seed=1)
    trainer, found = train(training, validation, Recipe(steps=100, validation_batch_size=-1))
    assert found[-1].validation_accuracy == pytest.approx(accuracy.measure(trainer.layer, validation).accuracy)
    assert found[-1].validation_accuracy > 0.8


def test_early_stopping_keeps_the_weights_that_were_best_on_all_validation_photos(tmp_path):
    training, validation = examples(tmp_path, 40), examples(tmp_path, 77, seed=1)
    recipe = Recipe(steps=4000, optimizer="adam", learning_rate=0.1, early_stopping=4)
    trainer, found = train(training, validation, recipe)
    assert trainer.stopped_early and trainer.step == found[-1].step == trainer.best_step + 40
    lowest = min(found, key=lambda at: at.validation_cross_entropy)
    assert lowest.step == trainer.best_step
    exact, _ = train(training, validation, Recipe(steps=trainer.best_step, optimizer="adam", learning_rate=0.1))
    assert trainer.best.weights.tobytes() == exact.best.weights.tobytes() != trainer.layer.weights.tobytes()
    probabilities = trainer.best.probabilities(validation.vectors.take(np.arange(77)))
    loss = -np.log(probabilities[np.arange(77), validation.labels]).mean()
    assert loss == pytest.approx(lowest.validation_cross_entropy, rel=1e-4)


def test_early_stopping_that_never_stops_still_keeps_the_best(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 77, seed=1)
    trainer, _ = train(training, validation, Recipe(steps=105, early_stopping=50))
    assert not trainer.stopped_early and trainer.step == trainer.best_step == 105


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "momentum"},
        {"optimizer": "adam"},
        {"hidden_units": (16,)},
        {"label_smoothing": 0.2},
        {"hidden_units": (16, 8), "optimizer": "adam", "dropout": 0.3, "weight_decay": 0.01},
    ],
    ids=str,
)
def test_every_setting_learns_and_is_reproducible(tmp_path, changes):
    training, validation = examples(tmp_path), examples(tmp_path, 77, seed=1)
    runs = [train(training, validation, Recipe(steps=400, **changes))[0].best for _ in range(2)]
    assert accuracy.measure(runs[0], validation).accuracy > 0.8
    for one, other in zip(runs[0].arrays, runs[1].arrays, strict=True):
        assert one.tobytes() == other.tobytes()


def test_dropout_does_not_depend_on_the_number_of_steps_in_a_call(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 77, seed=1)
    recipe = Recipe(steps=60, hidden_units=(8,), dropout=0.5)
    one, other = (train(training, validation, recipe, pause_every=every)[0] for every in (None, 7))
    assert one.layer.weights.tobytes() == other.layer.weights.tobytes()
    without, _ = train(training, validation, Recipe(60, hidden_units=(8,)))
    assert one.layer.weights.tobytes() != without.layer.weights.tobytes()


def in_numpy_with(recipe, training, validation):
    """Two layers, label smoothing, momentum and weight decay in NumPy."""
    trainer = Trainer(training, validation, 3, recipe)
    inner, inner_biases, outer, outer_biases = (each.astype(float) for each in trainer.layer.arrays)
    scale = float(trainer._scale)
    inner /= scale
    slots = [np.zeros_like(each) for each in (inner, inner_biases, outer, outer_biases)]
    for _ in range(recipe.steps):
        rows = trainer._batches.draw(recipe.batch_size)
        vectors = training.vectors.take(rows).astype(float) * scale
        wanted = np.eye(3)[training.labels[rows]] * (1 - recipe.label_smoothing) + recipe.label_smoothing / 3
        hidden = np.maximum(vectors @ inner + inner_biases, 0)
        odds = np.exp(hidden @ outer + outer_biases)
        error = (odds / odds.sum(axis=1, keepdims=True) - wanted) / len(rows)
        back = (error @ outer.T) * (hidden > 0)
        gradients = [vectors.T @ back, back.sum(axis=0), hidden.T @ error, error.sum(axis=0)]
        for layer in (inner, outer):
            layer *= 1 - recipe.rate * recipe.weight_decay
        for values, slot, gradient in zip((inner, inner_biases, outer, outer_biases), slots, gradients, strict=True):
            slot[:] = 0.9 * slot + gradient
            values -= recipe.rate * slot
    return inner * scale, inner_biases, outer, outer_biases


def test_hidden_layers_smoothing_decay_and_momentum_match_numpy(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 60, seed=1)
    recipe = Recipe(40, 0.05, 30, hidden_units=(9,), optimizer="momentum", label_smoothing=0.1, weight_decay=0.1)
    trainer, _ = train(training, validation, recipe)
    for ours, wanted in zip(trainer.layer.arrays, in_numpy_with(recipe, training, validation), strict=True):
        np.testing.assert_allclose(ours, wanted, rtol=1e-3, atol=1e-4)


def test_the_scale_of_bottlenecks_does_not_matter_to_hidden_layers(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 60, seed=1)
    large = [Examples(_Scaled(each.vectors), each.labels, each.paths) for each in (training, validation)]
    recipe = Recipe(steps=100, hidden_units=(9,), optimizer="adam")
    one, other = train(training, validation, recipe)[0].layer, train(*large, recipe)[0].layer
    np.testing.assert_allclose(other.weights, one.weights, rtol=1e-3, atol=1e-4)


def test_without_class_weights_labels_are_drawn_in_proportion_to_their_photos(tmp_path):
    training = examples(tmp_path, 400, shares=[0.9, 0.05, 0.05])
    trainer = Trainer(training, training, 3, Recipe(class_weights="none"))
    drawn = np.bincount(training.labels[trainer._batches.draw(6000)]) / 6000
    assert np.abs(drawn - np.bincount(training.labels) / 400).max() < 0.03


def test_training_works_without_validation_photos(tmp_path):
    none = examples(tmp_path, 0, seed=1)
    _, found = train(examples(tmp_path), none, Recipe(steps=20))
    assert found[-1].validation_accuracy is None and found[-1].accuracy > 0


def test_rare_labels_are_drawn_as_often_as_others(tmp_path):
    training = examples(tmp_path, 400, shares=[0.94, 0.05, 0.01])
    trainer = Trainer(training, training, 3, Recipe())
    drawn = np.bincount(training.labels[trainer._batches.draw(6000)])
    assert (abs(drawn - 2000) < 200).all()


def test_a_label_without_training_photos_is_never_drawn(tmp_path):
    training = examples(tmp_path, 100, shares=[0.5, 0, 0.5])
    trainer = Trainer(training, training, 3, Recipe())
    assert set(training.labels[trainer._batches.draw(500)]) == {0, 2}


def test_diverging_is_a_clear_error(tmp_path):
    training = examples(tmp_path)
    big = Examples(_Scaled(training.vectors), training.labels, training.paths)
    with pytest.raises(UserError, match="--learning_rate below 1e\\+30"):
        train(big, big, Recipe(steps=300, learning_rate=1e30))


class _Scaled:
    def __init__(self, vectors):
        self._vectors, self.size = vectors, vectors.size

    def at(self, rows):
        return _Scaled(self._vectors.at(rows))

    def take(self, rows):
        return self._vectors.take(rows) * np.float32(1e15)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"), [(85, 100, 0.7672, 0.9069), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_the_interval_is_wilsons(right, total, low, high):
    found = accuracy.interval_95(right, total)
    assert found == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_sampling_for_the_final_test_is_seeded_and_without_duplicates(tmp_path):
    whole = examples(tmp_path, 50)
    some = whole.sample(20, 3)
    assert len(some) == 20 and len(set(some.paths)) == 20 and some.paths == whole.sample(20, 3).paths
    assert whole.sample(-1, 3) is whole and whole.sample(500, 3) is whole
    assert (some.vectors.take(np.arange(20)) == whole.vectors.take(np.array([int(p[:-4]) for p in some.paths]))).all()


def test_a_large_cache_checked_record_by_record_gives_the_same_result(tmp_path):
    checked = examples(tmp_path, 300)
    cache = BottleneckCache(tmp_path / "0", "test", 20, most_checked_at_look_up=0)
    random = np.random.default_rng(0)
    random.choice(3, 300), random.normal(0, 1.2, (300, 20))
    keys = [random.bytes(16) for _ in range(300)]
    taken = Examples(cache.vectors(keys), checked.labels, checked.paths)
    layers = [train(each, each, Recipe(steps=50))[0].layer for each in (checked, taken)]
    assert all((one == other).all() for one, other in zip(*(layer.arrays for layer in layers), strict=True))

    part = tmp_path / "0" / "part-0000.bottlenecks"
    content = bytearray(part.read_bytes())
    content[5 * 100 + 30] ^= 1
    part.write_bytes(content)
    cache = BottleneckCache(tmp_path / "0", "test", 20, most_checked_at_look_up=0)
    taken = Examples(cache.vectors(keys), checked.labels, checked.paths)
    with pytest.raises(UserError, match=r"1 cached bottleneck is damaged \(the first is record 5\): run again"):
        train(taken, taken, Recipe(steps=50))
    cache = BottleneckCache(tmp_path / "0", "test", 20, most_checked_at_look_up=0)
    assert np.flatnonzero(~cache.present(keys)).tolist() == [5]
