"""Trains the network of Keras' flower tutorial with Keras' own layers and fit."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from scripts.classifier.photos import image_lists
from scripts.classifier.photos.image_lists import TRAINING, VALIDATION
from scripts.classifier.showing import nowhere
from scripts.classifier.training.convnet import pictures
from scripts.classifier.training.convnet.recipes import CnnRecipe

_PERCENTAGES = 0, 20
_DROPOUT = 0.2


def _decode(folder: Path) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], int]:
    """Pixels [n, side, side, 3] and labels, for training and for validation; and the number of labels."""
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        gathered = pictures.decode(
            image_lists.scan(folder, *_PERCENTAGES),
            CnnRecipe(),
            pictures.MEMORY,
            Path(temporary),
            _PERCENTAGES,
            Path(temporary, "skipped.txt"),
            nowhere,
        )
    found = {}
    for split in (TRAINING, VALIDATION):
        photos = gathered.lists.of(split)
        labels = np.array([photo.label for photo in photos])
        found[split] = gathered.pictures.take(gathered.pictures.rows(photos)), labels
    return found, len(gathered.lists.labels)


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


def train(folder: str, epochs: int, augmented: bool, seed: int) -> dict[str, float]:
    """The best epoch, and its accuracy on the photos that train_cnn validates with."""
    import keras

    keras.utils.set_random_seed(seed)
    examples, label_count = _decode(Path(folder))
    network = _network(label_count, augmented)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(optimizer="adam", loss=loss, metrics=["accuracy"])
    fitted = network.fit(
        *examples[TRAINING],
        validation_data=examples[VALIDATION],
        epochs=epochs,
        batch_size=CnnRecipe.batch_size,
        verbose=0,
    )
    accuracies = fitted.history["val_accuracy"]
    best = int(np.argmax(accuracies))
    return {"accuracy": accuracies[best], "best_epoch": best + 1, "photos": len(examples[VALIDATION][1])}
