"""Checkpoints of train_cnn --resume."""

from __future__ import annotations

import functools
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.training.convnet import checkpoints
from scripts.classifier.training.convnet.recipes import CnnRecipe
from scripts.classifier.training.convnet.verdict import best_epoch
from scripts.classifier.training.final_layer import Evaluation

from ..structured import json_values, zip_headers, zip_members
from ..target import Files, Target, alone
from .records import npy_header

_RECIPE, _PRECISION, _PHOTOS = CnnRecipe(), "float32", "fingerprint of the photos"


def _trainer() -> SimpleNamespace:
    """The part of a CnnTrainer that a checkpoint keeps: two variables, the best weights and two epochs."""
    import tensorflow as tf

    state = [tf.Variable(np.ones((2, 3), np.float32)), tf.Variable(np.int64(7))]
    history = [Evaluation(10, 0.5, 1.0, 0.4, 1.1), Evaluation(20, 0.6, 0.9, None, None)]
    best = [np.ones((2, 3), np.float32)]
    return SimpleNamespace(state=state, history=history, best_weights=best, recipe=_RECIPE, engine=PROCESSOR)


def _samples() -> list[Files]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "checkpoint.npz"
        checkpoints.write(path, _trainer(), _PHOTOS)
        return [{"checkpoint.npz": path.read_bytes()}]


_restored = functools.cache(_trainer)


def _read(path: Path) -> None:
    trainer = _restored()
    trainer.history.clear()
    checkpoints.read(path, _RECIPE, _PRECISION).restore(trainer, _PHOTOS)
    # What the training does first with what was restored.
    best_epoch(trainer.history)
    assert [each.shape for each in trainer.best_weights] == [(2, 3)]
    assert all(f"{at.step:,} {at.accuracy:.3f} {at.cross_entropy:.3f}" for at in trainer.history)


def _about(data: bytes, chance) -> bytes | None:
    """JSON in an array of text, changed and put back."""
    if not data.startswith(b"\x93NUMPY") or b"'<U" not in data[:80]:
        return None
    end = data.index(b"\n") + 1
    changed = json_values(data[end:].decode("utf-32-le", "replace").encode("utf-8", "replace"), chance)
    if changed is None:
        return None
    text = np.array(changed.decode("utf-8", "replace"))
    header = f"{{'descr': '{text.dtype.str}', 'fortran_order': False, 'shape': (), }}\n".encode()
    return data[:8] + len(header).to_bytes(2, "little") + header + text.tobytes()


TARGET = Target(
    "checkpoints",
    _samples,
    alone(_read),
    inputs=1500,
    own=(zip_members((_about, npy_header)), zip_members((_about,)), zip_headers),
    imports=("tensorflow",),
)
