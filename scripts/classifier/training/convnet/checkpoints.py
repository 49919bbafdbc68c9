"""Checkpoints: a training that resumes from one gives the same result as if it had never stopped."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ... import atomic_files
from ...errors import UserError, in_short
from ...fetching import unpacked_sizes
from ...photos.fitting import SQUEEZE
from .. import record_check
from ..final_layer import Evaluation
from .recipes import BASIC, CnnRecipe

if TYPE_CHECKING:
    from .training import CnnTrainer

_ABOUT, _STATE, _BEST = "about", "state", "best"
_MEASURES = tuple(field.name for field in fields(Evaluation))


@dataclass(frozen=True)
class Checkpoint:
    path: Path
    photos: str  # their fingerprint
    history: list[Evaluation]
    arrays: dict[str, np.ndarray]

    def restore(self, trainer: CnnTrainer, fingerprint: str) -> None:
        if self.photos != fingerprint:
            raise UserError(f"--resume: the photos have changed since the training in {self.path}: leave --resume out")
        import tensorflow as tf

        try:
            best = [self.arrays[f"{_BEST}_{number}"] for number in range(len(trainer.best_weights))]
            if [(each.shape, each.dtype) for each in best] != [(own.shape, own.dtype) for own in trainer.best_weights]:
                raise ValueError("weights of other shapes")
            for number, variable in enumerate(trainer.state):
                variable.assign(self.arrays[f"{_STATE}_{number}"])
        except (KeyError, TypeError, ValueError, tf.errors.OpError):
            raise UserError(
                f"--resume: {self.path} does not fit this network: it is damaged; leave --resume out to start over"
            ) from None
        trainer.history.extend(self.history)
        trainer.best_weights = best


def write(path: Path, trainer: CnnTrainer, fingerprint: str) -> None:
    """`fingerprint` is that of the photos: with other photos the result would differ."""
    about = {
        "history": [asdict(at) for at in trainer.history],
        "options": _fixed(trainer.recipe, trainer.engine.precision),
        "photos": fingerprint,
    }
    arrays: dict[str, Any] = {f"{_STATE}_{number}": each.numpy() for number, each in enumerate(trainer.state)}
    arrays[_ABOUT] = np.array(json.dumps(about))
    arrays |= {f"{_BEST}_{number}": each for number, each in enumerate(trainer.best_weights)}
    data = io.BytesIO()
    np.savez(data, **arrays)
    atomic_files.write_bytes(path, data.getvalue())


def read(path: Path, recipe: CnnRecipe, precision: str) -> Checkpoint:
    """Refuses a checkpoint of a training with other options: the result would not be that of these options."""
    try:
        with path.open("rb") as file:
            unpacked_sizes.check_zip_file(file)
            arrays = np.load(file)
            held = {name: arrays[name] for name in arrays.files}
        if not all(isinstance(each, np.ndarray) for each in held.values()):
            raise ValueError("something other than arrays")
        # NumPy reads characters that do not exist, which crash whatever shows them but cannot be encoded.
        about = json.loads(str(held.pop(_ABOUT)).encode())
        history = [Evaluation(**each) for each in about["history"]]
        if not record_check.is_curve({name: [vars(at)[name] for at in history] for name in _MEASURES}):
            raise ValueError("a history of something else")
        before, photos = {"fit": SQUEEZE, **about["options"]}, str(about["photos"])
    except FileNotFoundError:
        raise UserError(
            f"--resume: {path} does not exist, so there is no training to resume: leave --resume out"
        ) from None
    except Exception as error:  # numpy and zipfile raise almost anything on damaged files
        why = getattr(error, "strerror", None) or "it is damaged or not a checkpoint"
        raise UserError(f"--resume: {path} cannot be read: {why}; leave --resume out to start over") from None
    now = _fixed(recipe, precision)
    different = [f"--{name}={value}, now {now.get(name)}" for name, value in before.items() if value != now.get(name)]
    if different:
        raise UserError(
            f"--resume: {path} is from a training with {in_short('; '.join(different))}: give the same, or leave "
            "--resume out"
        )
    return Checkpoint(path, photos, history, held)


def _fixed(recipe: CnnRecipe, precision: str) -> dict:
    """The options that the result depends on; when to stop may differ."""
    # The learning rate of `deep` depends on the number of epochs.
    free = {"patience", "epochs"} if recipe.network == BASIC else {"patience"}
    return {**{name: value for name, value in asdict(recipe).items() if name not in free}, "precision": precision}
