"""Turns a classifier of one format into another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..errors import UserError
from ..photos.preprocessing import Overrides, Preprocessing
from . import kinds
from .classifiers import Classifier

# Prepared training photos, for measuring the ranges of values.
Samples = Callable[[Preprocessing], Iterable[np.ndarray]]

_MEASURED = ("int8", "dynamic")  # of kinds.QUANTIZATIONS, those that need samples or gain from them


@dataclass(frozen=True)
class Target:
    """What is to be written: a format, how its weights are stored, and where."""

    kind: str  # one of kinds.WRITTEN
    quantize: str  # one of kinds.QUANTIZATIONS
    path: Path


def check(source: Path, target: Target) -> None:
    """Fails before long work if this classifier cannot become that."""
    kind = kinds.kind_of(source)
    if kind == kinds.ONNX:
        raise UserError(
            f"{source} is an ONNX model, which export does not turn into other formats: label_image, evaluate and "
            "serve take it as it is; for another format export the Keras model, SavedModel or .pb that it was made from"
        )
    if kind == kinds.TFLITE and (target.kind != kinds.TFLITE or target.quantize != "none"):
        asked = f"--format={target.kind}" if target.kind != kinds.TFLITE else f"--quantize={target.quantize}"
        raise UserError(
            f"{source} is a .tflite file, which export can only write again with labels and metadata: leave out "
            f"{asked}, or export the Keras model, SavedModel or .pb that it was made from"
        )
    if target.path.resolve() == source.resolve():
        raise UserError(f"--output={target.path} would replace the classifier itself: give another name")
    kinds.check(target.kind, target.path)


def convert(classifier: Classifier, said: Overrides, target: Target, samples: Samples) -> str | None:
    """Returns a note for the user, if any."""
    source, labels, named = classifier.model.path, classifier.labels, classifier.named
    if kinds.kind_of(source) == kinds.TFLITE:
        kinds.write_again(target.path, classifier.model, labels, named)
        return None
    contents = kinds.read_contents(source, said, labels, named)
    measured = samples(contents.preprocessing) if target.quantize in _MEASURED else None
    return kinds.write(target.kind, target.path, contents, target.quantize, measured)
