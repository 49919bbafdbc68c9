"""What train_cnn does faster than Keras' own layers and optimizer gives the same numbers."""

import os
import subprocess
import sys

import numpy as np
import pytest

from scripts.classifier import machine
from scripts.classifier.training.convnet.recipes import CnnRecipe
from tests.support.workplace import ROOT, draw_folder

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
LABELS = 4
AVX2 = machine._instruction_sets() >= {"avx2"}

# Prints the variable's value when TensorFlow is first asked for, and ends there.
UNTIL_TENSORFLOW = f"""
import importlib.abc, os, sys

class Ending(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "tensorflow":
            print("tensorflow with", os.environ.get("{ONEDNN}"), flush=True)
            os._exit(0)

sys.meta_path.insert(0, Ending())
from scripts import train_cnn
train_cnn.command_line.run(train_cnn.main)
"""


def by_keras(side: int, weights: list[np.ndarray]):
    """The basic network from Keras' own layers."""
    from keras import Input, Sequential, layers

    made = [Input((side, side, 3)), layers.Rescaling(1 / 255)]
    for width in (16, 32, 64):
        made += [layers.Conv2D(width, 3, padding="same", activation="relu"), layers.MaxPooling2D()]
    network = Sequential([*made, layers.Flatten(), layers.Dense(128, activation="relu"), layers.Dense(LABELS)])
    network.set_weights(weights)
    return network


@pytest.mark.parametrize("side", [24, 29])
def test_pooling_before_bias_and_relu_changes_neither_values_nor_gradients(side):
    import tensorflow as tf

    from scripts.classifier.training.convnet import architectures

    random = np.random.default_rng(0)
    ours = architectures.build(CnnRecipe(image_size=side), LABELS, "float32")
    # Keras' biases of 0 would hide a bias that is added in the wrong place.
    weights = [each + random.normal(0, 0.05, each.shape).astype(np.float32) for each in ours.get_weights()]
    ours.set_weights(weights)
    keras_network = by_keras(side, weights)
    pixels, labels = random.uniform(0, 255, (6, side, side, 3)).astype(np.float32), random.integers(0, LABELS, 6)
    found = []
    for network in (ours, keras_network):
        with tf.GradientTape() as tape:
            logits = network(pixels, training=True)
            loss = tf.reduce_sum(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits))
        found.append([logits, *tape.gradient(loss, network.trainable_variables)])
    assert len(found[0]) == 11
    for our, their in zip(*found, strict=True):
        assert np.abs(their).max() > 1e-3
        np.testing.assert_allclose(our, their, rtol=1e-4, atol=1e-5 * np.abs(their).max())
    np.testing.assert_array_equal(ours(pixels, training=False), keras_network(pixels, training=False))


def test_training_does_a_quarter_of_the_work_for_bias_and_relu():
    import tensorflow as tf

    from scripts.classifier.training.convnet import architectures

    model = architectures.build(CnnRecipe(image_size=24), LABELS, "float32")
    trained = tf.function(lambda pixels: model(pixels, training=True))
    operations = trained.get_concrete_function(tf.TensorSpec([None, 24, 24, 3])).graph.get_operations()
    sides = [operation.outputs[0].shape[1] for operation in operations if operation.type == "Relu"]
    assert sides == [12, 6, 3, 128]


def test_the_fused_adam_updates_like_keras_adam():
    import keras
    import tensorflow as tf

    from scripts.classifier.training.convnet import training

    random = np.random.default_rng(0)
    ours = training._optimizer(CnnRecipe(), 5)
    plain = keras.optimizers.Adam(use_ema=True, ema_momentum=ours.ema_momentum)
    start = [random.normal(size=shape).astype(np.float32) for shape in ((40, 30), (30,))]
    sets = [[keras.Variable(value) for value in start] for _ in (ours, plain)]
    for optimizer, variables in zip((ours, plain), sets, strict=True):
        optimizer.build(variables)
    for _ in range(8):
        gradients = [tf.constant(random.normal(size=value.shape).astype(np.float32)) for value in start]
        for optimizer, variables in zip((ours, plain), sets, strict=True):
            optimizer.apply_gradients(zip(gradients, variables, strict=True))
    # Checkpoints hold the optimizer's variables in this order.
    held = [[*optimizer.variables, *variables] for optimizer, variables in zip((ours, plain), sets, strict=True)]
    assert not np.allclose(sets[0][0], start[0], atol=1e-3)
    for our, their in zip(*held, strict=True):
        assert our.shape == their.shape
        np.testing.assert_allclose(our.numpy(), their.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.skipif(not AVX2, reason="oneDNN is switched on for AVX2 processors only")
@pytest.mark.parametrize(("before", "then"), [(None, "1"), ("0", "0")], ids=["by default", "unless it is set"])
def test_onednn_is_on_before_tensorflow_is_imported(tmp_path, before, then):
    photos = draw_folder(tmp_path / "photos", ("blue", "red"), each=3)
    environment = {name: value for name, value in os.environ.items() if name != ONEDNN}
    environment |= {} if before is None else {ONEDNN: before}
    places = [f"--{flag}={tmp_path / flag}" for flag in ("output_graph", "skipped_images", "cache_dir")]
    words = [f"--image_dir={photos}", "--image_size=8", f"--plot_augmented={tmp_path / 'views.png'}", *places]
    command = [sys.executable, "-c", UNTIL_TENSORFLOW, *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines()[-1] == f"tensorflow with {then}", done.stdout + done.stderr
