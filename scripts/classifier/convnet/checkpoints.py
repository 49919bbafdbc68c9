"""What an interrupted training goes on from, with the same result as if it had not been interrupted."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import asdict
from pathlib import Path

import numpy as np

from scripts.classifier import atomic_files
from scripts.classifier.convnet.recipes import BASIC
from scripts.classifier.convnet.training import Trainer
from scripts.classifier.errors import UserError
from scripts.classifier.final_layer import Evaluation

_ABOUT = "about"
# What may differ in the run that goes on: when to end.
_FREE = ("epochs", "patience")


def write(path: Path, trainer: Trainer, precision: str, fingerprint: str) -> None:
    """`fingerprint` is that of the photos: others would not give the same result."""
    about = {"history": [asdict(at) for at in trainer.history], **_identity(trainer, precision, fingerprint)}
    arrays = {f"state_{number}": each.numpy() for number, each in enumerate(trainer.state)}
    arrays |= {f"best_{number}": each for number, each in enumerate(trainer.best_weights)}
    data = io.BytesIO()
    np.savez(data, **{_ABOUT: np.array(json.dumps(about))}, **arrays)
    atomic_files.write_bytes(path, data.getvalue())


def restore(path: Path, trainer: Trainer, precision: str, fingerprint: str) -> None:
    about, arrays = _read(path)
    _refuse_another_training(path, about, _identity(trainer, precision, fingerprint))
    trainer.history.extend(Evaluation(**each) for each in about["history"])
    for number, variable in enumerate(trainer.state):
        variable.assign(arrays[f"state_{number}"])
    trainer.best_weights = [arrays[f"best_{number}"] for number in range(len(trainer.best_weights))]


def _identity(trainer: Trainer, precision: str, fingerprint: str) -> dict:
    """What must be the same for the result to be the same."""
    recipe = asdict(trainer.recipe)
    # The learning rate of `deep` depends on when it is to end.
    free = _FREE if recipe["network"] == BASIC else _FREE[1:]
    fixed = {name: value for name, value in recipe.items() if name not in free}
    return {"options": {**fixed, "precision": precision}, "photos": fingerprint}


def _read(path: Path) -> tuple[dict, dict[str, np.ndarray]]:
    try:
        with np.load(path) as arrays:
            held = {name: arrays[name] for name in arrays.files}
        return json.loads(str(held.pop(_ABOUT))), held
    except FileNotFoundError:
        raise UserError(f"--resume: {path} does not exist, nothing to go on from: leave --resume out") from None
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"--resume: {path} cannot be read ({' '.join(str(error).split())}): leave --resume out to begin anew"
        ) from None


def _refuse_another_training(path: Path, about: dict, now: dict) -> None:
    before = about["options"]
    different = [f"--{name}={value}, now {now['options'].get(name)}" for name, value in before.items()
                 if value != now["options"].get(name)]  # fmt: skip
    if different:
        raise UserError(
            f"--resume: {path} is of a training with {'; '.join(different)}: give the same, or leave --resume out"
        )
    if about["photos"] != now["photos"]:
        raise UserError(f"--resume: the photos are not those that the training in {path} saw: leave --resume out")
