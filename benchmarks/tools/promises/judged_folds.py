"""Classifiers trained on most of the photos, and their scores for the others, before and after calibration."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from benchmarks.tools.study import Study
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.photos.image_lists import SPLITS, TESTING, TRAINING, VALIDATION, ImageLists
from scripts.classifier.showing import nowhere
from scripts.classifier.training import calibrating, stages, sure
from scripts.classifier.training.convnet import pictures
from scripts.classifier.training.convnet.recipes import CnnRecipe
from scripts.classifier.training.fine_tuning import stages as fine_tuning
from scripts.classifier.training.fine_tuning.tuner import Tuning
from scripts.classifier.training.journal import Journal
from scripts.classifier.training.recipe import Recipe
from scripts.classifier.training.sure import Sure
from scripts.classifier.training.trained import Sets, Trained

_FINE_TUNING_STEPS = 100
_FROM_NOTHING = CnnRecipe(image_size=64, epochs=10)


@dataclass(frozen=True)
class Fold:
    """A classifier's scores for photos that it never saw, and what it learned of its own scores."""

    before: np.ndarray  # [photos, labels]
    after: np.ndarray  # with calibration
    truth: np.ndarray
    sure: Sure
    temperature: float
    calibrated: Trained


def dealt(lists: ImageLists, *split_rows: np.ndarray) -> ImageLists:
    """The photos with these rows in the sets, in the order of SPLITS."""
    photos = list(lists.photos)
    for split, rows in zip(SPLITS, split_rows, strict=True):
        for row in rows:
            photos[row] = replace(photos[row], split=split)
    return replace(lists, photos=tuple(photos))


@functools.cache
def plain(study: Study, folds: int) -> list[Fold]:
    return list(_folds(study, folds, "plain", lambda rows: _trained(study, rows, ())))


@functools.cache
def hidden(study: Study, folds: int) -> list[Fold]:
    return list(_folds(study, folds, "hidden layer", lambda rows: _trained(study, rows, (100,))))


def fine_tuned(study: Study, folds: int) -> list[Fold]:
    return list(_folds(study, folds, "fine-tuning", lambda rows: _fine_tuned(study, rows)))


def from_nothing(study: Study, folds: int) -> list[Fold]:
    return list(_folds(study, folds, "from nothing", lambda rows: _from_nothing(study, rows)))


Train = Callable[[list[np.ndarray]], tuple[Trained, Recipe | None]]


def _folds(study: Study, folds: int, name: str, train: Train) -> Iterator[Fold]:
    for number, held_out in enumerate(study.deal(folds), 1):
        print(f"{name}: fold {number} of {folds}", file=sys.stderr, flush=True)
        trained, recipe = train([np.sort(rows) for rows in (*study.rest(held_out), held_out)])
        calibrated = calibrating.calibrate(trained, calibrating.AUTO, recipe)
        testing = trained.sets.testing
        vectors = testing.vectors.take(np.arange(len(testing)))
        learned = sure.learn(calibrated.layer, trained.sets.validation, 0)
        assert learned is not None and calibrated.calibration is not None, "every fold has validation photos"
        yield Fold(
            trained.layer.probabilities(vectors),
            calibrated.layer.probabilities(vectors),
            testing.labels,
            learned,
            calibrated.calibration.temperature,
            calibrated,
        )


def _trained(study: Study, rows: list[np.ndarray], hidden_units: tuple[int, ...]) -> tuple[Trained, Recipe]:
    recipe, journal = Recipe(steps=study.steps, hidden_units=hidden_units), Journal(study.folder / "summaries")
    sets = Sets(*map(study.examples, rows))
    trained = stages.train(study.backbone, PROCESSOR, sets, len(study.lists.labels), recipe, journal, nowhere)
    journal.close()
    return trained, recipe


def _fine_tuned(study: Study, rows: list[np.ndarray]) -> tuple[Trained, None]:
    trained, recipe = _trained(study, rows, ())
    journal = Journal(study.folder / "summaries")
    lists, tuning = dealt(study.lists, *rows), Tuning(_FINE_TUNING_STEPS)
    tuned = fine_tuning.fine_tune(trained, lists, recipe, tuning, journal, nowhere, nowhere).trained
    journal.close()
    return tuned, None


def _from_nothing(study: Study, rows: list[np.ndarray]) -> tuple[Trained, None]:
    from scripts.classifier.training.convnet import stages as convnet
    from scripts.classifier.training.convnet.training import CnnTrainer

    lists = dealt(study.lists, *rows)
    skipped = study.folder / "skipped.txt"
    decoded = pictures.decode(lists, _FROM_NOTHING, pictures.MEMORY, study.folder, (0, 0), skipped, nowhere)
    training, validation = decoded.of(TRAINING), decoded.of(VALIDATION)
    trainer = CnnTrainer(training, validation, len(lists.labels), PROCESSOR, _FROM_NOTHING)
    for _ in trainer.run(lambda epoch: nowhere):
        pass
    return convnet.finish(trainer, decoded.of(TESTING), len(lists.labels)), None
