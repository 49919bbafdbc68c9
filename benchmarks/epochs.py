"""Times epochs of train_cnn's basic network and of the same network in plain Keras, each in its own process."""

from __future__ import annotations

import itertools
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks import plain_keras
from benchmarks.tools import processes
from benchmarks.tools.figures import Against, Figure, alternated
from scripts.classifier import machine
from scripts.classifier.backbones.engine import Engine
from scripts.classifier.formats import quiet_tensorflow
from scripts.classifier.photos.image_lists import TRAINING, VALIDATION
from scripts.classifier.showing import nowhere
from scripts.classifier.training.convnet.recipes import CnnRecipe

# The first epoch also compiles and is not counted.
_EPOCHS = 3

# The target on processors where TensorFlow itself leaves oneDNN off.
_TIMES_AS_FAST = 1.5

_CHANNELS = (3, 16, 32, 64)

# Processor time and wall-clock time.
Seconds = tuple[float, float]


def figures(folder: str, precision: str, avx2: bool, rounds: int) -> list[Figure]:
    took = alternated(
        {
            "ours": lambda: processes.apart(of_train_cnn, folder, precision, avx2),
            "keras": lambda: processes.apart(of_plain_keras, folder, avx2),
            "convolutions": lambda: processes.apart(of_bare_convolutions, folder, avx2),
        },
        rounds,
    )
    rows = []
    for number, kind in enumerate(("processor time", "wall-clock time")):
        ours, keras, bare = ([seconds[number] for seconds in each] for each in took.values())
        how = f"second and third epoch; median of {rounds} processes, taken in turn"
        times = [their / our for their, our in zip(keras, ours, strict=True)]
        target = Against(_TIMES_AS_FAST, "at least") if avx2 else None
        rows += [
            Figure(f"an epoch of train_cnn in {precision}, {kind}", ours, "s", how),
            Figure(f"an epoch of plain Keras, {kind}", keras, "s", how),
            Figure(f"the convolutions of its training steps alone, by oneDNN in float32, {kind}", bare, "s", how),
            Figure(f"plain Keras' time divided by train_cnn's, {kind}", times, "times", "pair by pair", target),
        ]
    return rows


def of_train_cnn(folder: str, precision: str, avx2: bool) -> Seconds:
    """Includes validation and the checkpoint."""
    _restrict(avx2)
    os.environ.update(quiet_tensorflow.COMMAND_SETTINGS)
    machine.use_onednn()
    from scripts.classifier.training.convnet import checkpoints
    from scripts.classifier.training.convnet.training import CnnTrainer

    decoded = plain_keras.decode(Path(folder))
    sets = decoded.of(TRAINING), decoded.of(VALIDATION)
    trainer = CnnTrainer(*sets, len(decoded.lists.labels), Engine(precision), CnnRecipe(epochs=_EPOCHS))
    ends = []
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        for _ in trainer.run(lambda epoch: nowhere):
            checkpoints.write(Path(temporary, "checkpoint.npz"), trainer, decoded.fingerprint)
            ends.append(_now())
    return _median(ends)


def of_plain_keras(folder: str, avx2: bool) -> Seconds:
    _restrict(avx2)
    if avx2:
        # As TensorFlow decides on such a processor.
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    import keras

    ends: list[Seconds] = []
    at_the_end = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: ends.append(_now()))
    plain_keras.fit(Path(folder), _EPOCHS, False, [at_the_end])
    return _median(ends)


def of_bare_convolutions(folder: str, avx2: bool) -> Seconds:
    """An epoch of the three convolutions and their gradients: the least that training by oneDNN can take."""
    _restrict(avx2)
    machine.use_onednn()
    import tensorflow as tf

    batch, layers = CnnRecipe.batch_size, []
    for halvings, (before, after) in enumerate(itertools.pairwise(_CHANNELS)):
        side = CnnRecipe.image_size >> halvings
        shapes = [batch, side, side, before], [3, 3, before, after], [batch, side, side, after]
        layers.append([tf.random.normal(shape) for shape in shapes])

    @tf.function(autograph=False)
    def work() -> list[tf.Tensor]:
        made = []
        for number, (pictures, kernel, gradient) in enumerate(layers):
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                # Nobody asks for the gradients of photos.
                wanted = [pictures, kernel] if number else [kernel]
                tape.watch(wanted)
                convolved = tf.nn.conv2d(pictures, kernel, 1, "SAME")
            made += [convolved, *tape.gradient(convolved, wanted, gradient)]
        return [each[0, 0, 0, 0] for each in made]

    steps = -(-len(plain_keras.decode(Path(folder)).of(TRAINING)) // batch)
    ends = []
    for _ in range(_EPOCHS):
        for _ in range(steps):
            work()[-1].numpy()
        ends.append(_now())
    return _median(ends)


def _restrict(avx2: bool) -> None:
    if avx2:
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"


def _now() -> Seconds:
    return time.process_time(), time.perf_counter()


def _median(ends: list[Seconds]) -> Seconds:
    """That of the times between these."""
    processor, wall = (
        statistics.median(b - a for a, b in itertools.pairwise(times)) for times in zip(*ends, strict=True)
    )
    return processor, wall
