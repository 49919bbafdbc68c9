"""Trains the network of Keras' flower tutorial with Keras' own layers and fit."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.classifier.photos import image_lists
from scripts.classifier.photos.image_lists import TRAINING, VALIDATION
from scripts.classifier.showing import nowhere
from scripts.classifier.training.convnet import pictures
from scripts.classifier.training.convnet.pictures import CnnExamples, Decoded
from scripts.classifier.training.convnet.recipes import CnnRecipe

_PERCENTAGES = 0, 20
_DROPOUT = 0.2


def decode(folder: Path) -> Decoded:
    """The photos, split as train_cnn splits them."""
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        return pictures.decode(
            image_lists.scan(folder, *_PERCENTAGES),
            CnnRecipe(),
            pictures.MEMORY,
            Path(temporary),
            _PERCENTAGES,
            Path(temporary, "skipped.txt"),
            nowhere,
        )


def _pixels_and_labels(examples: CnnExamples) -> tuple[np.ndarray, np.ndarray]:
    return examples.pictures.take(examples.rows), examples.labels


def _network(label_count: int, augmented: bool):
    from keras import Input, Sequential, layers

    views = [layers.RandomFlip("horizontal"), layers.RandomRotation(0.1), layers.RandomZoom(0.1)]
    made = [
        Input((CnnRecipe.image_size, CnnRecipe.image_size, 3)),
        *(views if augmented else []),
        layers.Rescaling(1 / 255),
    ]
    for width in (16, 32, 64):
        made += [layers.Conv2D(width, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    made += [layers.Dropout(_DROPOUT)] if augmented else []
    made += [layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(label_count)]
    return Sequential(made)


def fit(folder: Path, epochs: int, augmented: bool, callbacks: Sequence = ()) -> tuple[list[float], int]:
    """The validation accuracy of every epoch, and the number of photos that train_cnn validates with."""
    import keras

    decoded = decode(folder)
    validation = _pixels_and_labels(decoded.of(VALIDATION))
    network = _network(len(decoded.lists.labels), augmented)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    fitted = network.fit(
        *_pixels_and_labels(decoded.of(TRAINING)),
        validation_data=validation,
        epochs=epochs,
        batch_size=CnnRecipe.batch_size,
        callbacks=list(callbacks),
        verbose=0,
    )
    return fitted.history["val_accuracy"], len(validation[1])


def train(folder: str, epochs: int, augmented: bool, seed: int) -> dict[str, float]:
    """The best epoch, and its accuracy."""
    import keras

    keras.utils.set_random_seed(seed)
    accuracies, photos = fit(Path(folder), epochs, augmented)
    best = int(np.argmax(accuracies))
    return {"accuracy": accuracies[best], "best_epoch": best + 1, "photos": photos}
