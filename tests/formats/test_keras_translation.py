"""Graphs as Keras models: the same scores, from layers that can be loaded, trained and changed."""

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st

from scripts.classifier.errors import UserError
from scripts.classifier.formats import keras_translation
from scripts.classifier.graphs import frozen_graph
from scripts.classifier.photos.preprocessing import Preprocessing
from tests.support import small_classifiers


@pytest.fixture(scope="module")
def translated(tmp_path_factory):
    """Returns the contents of the classifier with a given name, and the model made from them."""
    made = {}

    def of(name: str):
        if name not in made:
            folder = tmp_path_factory.mktemp(name)
            contents = small_classifiers.contents(small_classifiers.backbone(name, folder))
            model = keras_translation.translate(contents.graph_def, contents.preprocessing, contents.bottleneck)
            made[name] = contents, model
        return made[name]

    return of


@pytest.mark.parametrize("name", small_classifiers.NAMES)
def test_scores_and_bottlenecks_are_those_of_the_graph(translated, name):
    import keras

    contents, model = translated(name)
    pictures = small_classifiers.pictures(contents)
    scores, bottlenecks = small_classifiers.expected(contents, pictures)
    both = keras.Model(model.input, [model.output, model.get_layer("bottleneck").output])
    given_scores, given_bottlenecks = both.predict_on_batch(pictures)
    np.testing.assert_allclose(given_scores, scores, atol=1e-5)
    np.testing.assert_allclose(given_bottlenecks, bottlenecks, rtol=1e-5, atol=1e-5)
    assert np.ptp(scores, axis=0).max() > 1e-4, "this classifier gives every picture the same scores"


def test_layers_are_the_ones_a_user_of_keras_would_write(translated):
    _, model = translated("mobilenet_quantized")
    named = {layer.name: type(layer).__name__ for layer in model.layers}
    assert list(named.items())[:2] == [("pictures", "InputLayer"), ("rescaling", "Rescaling")]
    assert list(named.values())[2:6] == ["Conv2D", "ReLU", "DepthwiseConv2D", "ReLU"]
    assert named["Conv2d_3_depthwise_Relu6"] == "ReLU"
    assert list(named.items())[-2:] == [("bottleneck", "GlobalAveragePooling2D"), ("final_result", "Dense")]
    # One layer per convolution: the scales and shifts after it are folded into its weights.
    assert len(named) == 2 + 2 * 27 + 2
    assert model.layers[-1].activation.__name__ == "softmax"
    assert model.layers[1].get_config()["scale"] == 1 / 128


def test_preprocessing_is_one_layer(translated):
    """The graph takes (pixel - 128) / 128 and turns it into pixel / 127.5 - 1."""
    _, model = translated("keras_network")
    layers = [layer for layer in model.layers if type(layer).__name__ == "Rescaling"]
    assert [layer.name for layer in layers] == ["rescaling"]
    np.testing.assert_allclose(layers[0].scale * np.array([0, 255]) + layers[0].offset, [-1, 1], atol=1e-6)


def test_it_can_be_trained(translated):
    import keras

    _, original = translated("keras_network")
    model = keras.models.clone_model(original)
    model.set_weights(original.get_weights())
    model.compile(keras.optimizers.SGD(0.05), "sparse_categorical_crossentropy")
    pictures = np.random.default_rng(2).integers(0, 256, (6, 32, 32, 3)).astype(np.float32)
    pictures[3:] *= 0.3
    losses = model.fit(pictures, np.array([0, 0, 0, 1, 1, 1]), epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    changed = [np.any(a != b) for a, b in zip(original.get_weights(), model.get_weights(), strict=True)]
    assert all(changed)


# Steps of random graphs: from one tensor [N, h, w, c] to another; `n` gives random numbers of a shape.
_STEPS = {
    "convolution": lambda tf, n, x: tf.nn.conv2d(x, n(3, 2, x.shape[3], 4) - 0.8, [1, 2], "SAME"),
    "dilated": lambda tf, n, x: tf.nn.conv2d(x, n(2, 2, x.shape[3], 3) - 0.8, 1, "SAME", dilations=2),
    "in groups": lambda tf, n, x: tf.nn.conv2d(tf.concat([x, x], 3), n(2, 2, x.shape[3], 4) - 0.8, 1, "SAME"),
    "depthwise": lambda tf, n, x: tf.nn.depthwise_conv2d(x, n(3, 3, x.shape[3], 2) - 0.8, [1, 1, 1, 1], "SAME"),
    "batch norm": lambda tf, n, x: tf.compat.v1.nn.fused_batch_norm(
        x, *(n(x.shape[3]) for _ in range(4)), epsilon=0.01, is_training=False
    )[0],
    "bias": lambda tf, n, x: tf.nn.bias_add(x, n(x.shape[3])),
    "scale": lambda tf, n, x: x * n(x.shape[3]),
    "scale by one": lambda tf, n, x: 1.5 * x,
    "from one": lambda tf, n, x: 1.0 - x,
    "less": lambda tf, n, x: x - n(1, 1, x.shape[3]),
    "quotient": lambda tf, n, x: x / n(x.shape[3]),
    "negative": lambda tf, n, x: -x,
    "sum": lambda tf, n, x: x + tf.nn.relu(x),
    "product": lambda tf, n, x: x * tf.sigmoid(x),
    "difference": lambda tf, n, x: tf.tanh(x) - x,
    "larger": lambda tf, n, x: tf.maximum(x, 0.1 * x),
    "ratio": lambda tf, n, x: x / (tf.abs(x) + 1.0),
    "root": lambda tf, n, x: tf.sqrt(tf.square(x) + 0.1),
    "relu6": lambda tf, n, x: tf.nn.relu6(x),
    "leaky": lambda tf, n, x: tf.nn.leaky_relu(x, 0.3),
    "elu": lambda tf, n, x: tf.nn.elu(x),
    "joined": lambda tf, n, x: tf.concat([x, tf.nn.relu(x)], 3),
    "above": lambda tf, n, x: tf.concat([x, x], 1),
    "largest": lambda tf, n, x: tf.nn.max_pool2d(x, 2, 1, "SAME"),
    "mean": lambda tf, n, x: tf.nn.avg_pool2d(x, [2, 3], 1, "SAME"),
    "edges": lambda tf, n, x: tf.pad(x, [[0, 0], [1, 0], [0, 2], [0, 0]]),
    "part": lambda tf, n, x: tf.slice(x, [0, 1, 0, 0], [-1, x.shape[1] - 1, -1, x.shape[3]]),
    "passed on": lambda tf, n, x: tf.stop_gradient(tf.identity(x)),
    "turned round": lambda tf, n, x: tf.reshape(x, [-1, x.shape[2], x.shape[1], x.shape[3]]),
}

_ENDS = {
    "whole mean": lambda tf, x: tf.reduce_mean(x, [1, 2]),
    "pooled and squeezed": lambda tf, x: tf.squeeze(tf.nn.avg_pool2d(x, x.shape[1:3], 1, "VALID"), [1, 2]),
    "flattened": lambda tf, x: tf.reshape(x, [-1, x.shape[1] * x.shape[2] * x.shape[3]]),
    "largest": lambda tf, x: tf.reshape(tf.nn.max_pool2d(x, x.shape[1:3], 1, "VALID"), [-1, x.shape[3]]),
}


def _graph(steps, end, seed):
    import tensorflow as tf

    random = np.random.default_rng(seed)
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 9, 8, 3], name="input")
        for step in steps:
            x = _STEPS[step](tf, lambda *shape: random.uniform(0.2, 1.5, shape).astype(np.float32), x)
        bottleneck = tf.identity(_ENDS[end](tf, x), name="deep/bottleneck_values")
        kernel = tf.constant(random.normal(0, 0.1, (bottleneck.shape[1], 3)).astype(np.float32))
        tf.nn.softmax(tf.matmul(bottleneck, kernel) + tf.constant([0.1, -0.2, 0.3]), name="scores/final")
    return graph.as_graph_def()


@settings(max_examples=25)
@given(
    steps=st.lists(st.sampled_from(sorted(_STEPS)), max_size=6),
    end=st.sampled_from(sorted(_ENDS)),
    seed=st.integers(0, 1000),
)
@example(steps=["scale", "bias", "scale by one", "from one"], end="whole mean", seed=0)
@example(steps=["convolution", "scale", "less", "relu6", "depthwise", "batch norm"], end="pooled and squeezed", seed=1)
@example(steps=["batch norm", "joined", "largest", "edges", "part", "root"], end="largest", seed=2)
@example(steps=["passed on", "turned round", "ratio", "dilated", "quotient"], end="flattened", seed=3)
def test_any_graph_of_these_steps_keeps_its_scores(steps, end, seed):
    import keras
    import tensorflow as tf

    graph_def = _graph(steps, end, seed)
    take = Preprocessing(9, 8, 100.0, 50.0, "input", "scores/final")
    pictures = np.random.default_rng(seed).integers(0, 256, (2, 9, 8, 3)).astype(np.float32)
    wanted = ["scores/final", "deep/bottleneck_values"]
    body = tf.function(frozen_graph.function_of_several(graph_def, ["input"], wanted))
    scores, bottlenecks = body(tf.constant((pictures - 100) / 50))
    model = keras_translation.translate(graph_def, take, "deep/bottleneck_values:0")
    both = keras.Model(model.input, [model.output, model.get_layer("bottleneck").output])
    given_scores, given_bottlenecks = both(pictures)
    np.testing.assert_allclose(given_bottlenecks, bottlenecks, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(given_scores, scores, atol=1e-4)


@pytest.mark.parametrize(
    ("unusual", "named"),
    [
        (lambda tf, x: tf.image.resize(x, [4, 4]), "ResizeBilinear"),
        (lambda tf, x: tf.nn.local_response_normalization(x), "LRN"),
        (lambda tf, x: tf.reduce_mean(x, 3, keepdims=True) + x, "Mean"),
        (lambda tf, x: x + tf.constant(np.ones((9, 8, 3), np.float32)), "Add"),
        (lambda tf, x: tf.slice(x, [0, 0, 0, 0], [-1, 9, 8, 2]), "Slice"),
        (lambda tf, x: tf.concat([x, x], 0), "ConcatV2"),
        (lambda tf, x: tf.pad(x, [[0, 0], [0, 0], [0, 0], [0, 1]]), "Pad"),
        (lambda tf, x: tf.nn.conv2d(x, tf.ones([2, 2, 3, 3]), 1, [[0, 0], [1, 0], [0, 1], [0, 0]]), "Conv2D"),
        (lambda tf, x: tf.reshape(x, [-1, 9, 4, 3]), "Reshape"),
    ],
)
def test_an_operation_that_keras_lacks_is_named(unusual, named):
    import tensorflow as tf

    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 9, 8, 3], name="input")
        tf.nn.softmax(tf.reduce_mean(unusual(tf, x), [1, 2]), name="final_result")
    with pytest.raises(UserError, match=f"operation {named}.*--format") as refused:
        keras_translation.translate(graph.as_graph_def(), Preprocessing(9, 8, 0.0, 1.0, "input", "final_result"), None)
    assert "\n" not in str(refused.value)
