import numpy as np
import pytest

from scripts.classifier import accuracy
from scripts.classifier.bottleneck_cache import BottleneckCache
from scripts.classifier.errors import UserError
from scripts.classifier.final_layer import Examples, Recipe, Trainer
from scripts.classifier.image_lists import Photo


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
    """The same recipe written out: the trainer's own batches, plain gradient descent."""
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


def test_same_seed_same_result_to_the_bit(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 60, seed=1)
    runs = [train(training, validation, Recipe(steps=250, seed=seed))[0].layer.weights for seed in (5, 5, 6)]
    assert runs[0].tobytes() == runs[1].tobytes() != runs[2].tobytes()


def test_how_often_is_evaluated_or_stored_does_not_change_what_is_learnt(tmp_path):
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


def test_the_trainer_pauses_where_it_is_asked_to(tmp_path):
    trainer = Trainer(examples(tmp_path), examples(tmp_path, 60, seed=1), 3, Recipe(steps=100))
    assert {30, 60, 90, 100} <= {trainer.step for _ in trainer.run(pause_every=30)}


def test_whole_validation_accuracy_is_what_measuring_gives(tmp_path):
    training, validation = examples(tmp_path), examples(tmp_path, 77, seed=1)
    trainer, found = train(training, validation, Recipe(steps=100, validation_batch_size=-1))
    assert found[-1].validation_accuracy == pytest.approx(accuracy.measure(trainer.layer, validation).accuracy)
    assert found[-1].validation_accuracy > 0.8


def test_no_validation_photos_is_no_reason_to_stop(tmp_path):
    none = examples(tmp_path, 0, seed=1)
    _, found = train(examples(tmp_path), none, Recipe(steps=20))
    assert found[-1].validation_accuracy is None and found[-1].accuracy > 0


def test_rare_labels_get_as_many_turns(tmp_path):
    training = examples(tmp_path, 400, shares=[0.94, 0.05, 0.01])
    trainer = Trainer(training, training, 3, Recipe())
    drawn = np.bincount(training.labels[trainer._batches.draw(6000)])
    assert (abs(drawn - 2000) < 200).all()


def test_a_label_without_training_photos_is_never_drawn(tmp_path):
    training = examples(tmp_path, 100, shares=[0.5, 0, 0.5])
    trainer = Trainer(training, training, 3, Recipe())
    assert set(training.labels[trainer._batches.draw(500)]) == {0, 2}


def test_running_away_is_a_clear_error(tmp_path):
    training = examples(tmp_path)
    big = Examples(_Scaled(training.vectors), training.labels, training.paths)
    with pytest.raises(UserError, match="--learning_rate below 1e\\+30"):
        train(big, big, Recipe(steps=300, learning_rate=1e30))


class _Scaled:
    def __init__(self, vectors):
        self._vectors, self.size = vectors, vectors.size

    def take(self, rows):
        return self._vectors.take(rows) * np.float32(1e15)


@pytest.mark.parametrize(
    ("right", "total", "low", "high"), [(85, 100, 0.7672, 0.9069), (0, 10, 0.0, 0.2775), (10, 10, 0.7225, 1.0)]
)
def test_interval_is_wilsons(right, total, low, high):
    found = accuracy.interval_95(right, total)
    assert found == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


def test_sampling_for_the_final_test_is_seeded_and_without_doubles(tmp_path):
    whole = examples(tmp_path, 50)
    some = whole.sample(20, 3)
    assert len(some) == 20 and len(set(some.paths)) == 20 and some.paths == whole.sample(20, 3).paths
    assert whole.sample(-1, 3) is whole and whole.sample(500, 3) is whole
    assert (some.vectors.take(np.arange(20)) == whole.vectors.take(np.array([int(p[:-4]) for p in some.paths]))).all()
