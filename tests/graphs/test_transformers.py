"""Transformers frozen for one picture take any number, in operations that TensorFlow 1 knows."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

from scripts.classifier.backbones import frozen_backbones
from scripts.classifier.backbones.frozen_backbones import Frozen, Prelude
from scripts.classifier.errors import UserError
from scripts.classifier.graphs import frozen_graph
from tests.support.graph_readers import assert_readable_by_tensorflow_1

SIZE, PARTS, WIDTH, HEADS = 8, 4, 12, 2


def weights(*shape: int, seed: int = 0) -> tf.Tensor:
    return tf.constant(np.random.default_rng([seed, *shape]).normal(0, 0.5, shape), tf.float32)


def parts_of(pictures: tf.Tensor) -> tf.Tensor:
    """[n, parts, width]: a vector for each quarter."""
    quarters = tf.nn.conv2d(pictures, weights(4, 4, 3, WIDTH), 4, "VALID")
    return tf.reshape(quarters, [pictures.shape[0], PARTS, WIDTH])


def of_each(x: tf.Tensor, kernel: tf.Tensor) -> tf.Tensor:
    """As Keras' Dense does: all pictures' parts in one matrix."""
    product = tf.matmul(tf.reshape(x, [-1, x.shape[-1]]), kernel)
    return tf.reshape(product, [*x.shape[:-1], kernel.shape[-1]])


def attention(queries: tf.Tensor, x: tf.Tensor) -> tf.Tensor:
    each = WIDTH // HEADS
    query = tf.einsum("abc,cde->abde", queries, weights(WIDTH, HEADS, each, seed=1))
    key = tf.einsum("abc,cde->abde", x, weights(WIDTH, HEADS, each, seed=2))
    value = tf.einsum("abc,cde->abde", x, weights(WIDTH, HEADS, each, seed=3))
    scores = tf.nn.softmax(tf.einsum("aecd,abcd->acbe", key, query))
    made = tf.einsum("acbe,aecd->abcd", scores, value)
    return tf.einsum("abcd,cde->abe", made, weights(HEADS, each, WIDTH, seed=4))


def class_token(pictures: tf.Tensor) -> tf.Tensor:
    x = parts_of(pictures)
    token, last = (tf.tile(weights(1, 1, WIDTH, seed=seed), [x.shape[0], 1, 1]) for seed in (5, 6))
    x = tf.concat([token, x[:, :1], last, x[:, 1:], last], 1) + weights(1, PARTS + 3, WIDTH, seed=7)
    x += attention(x, x)
    return (x + tf.nn.relu(of_each(x, weights(WIDTH, WIDTH, seed=8))))[:, 0]


def learnt_query(pictures: tf.Tensor) -> tf.Tensor:
    x = parts_of(pictures)
    return attention(tf.tile(weights(1, 1, WIDTH, seed=9), [x.shape[0], 1, 1]), x)[:, 0]


def dense_of_parts(pictures: tf.Tensor) -> tf.Tensor:
    return tf.reduce_mean(tf.nn.softmax(tf.matmul(parts_of(pictures), weights(WIDTH, WIDTH))), 1)


def windows(pictures: tf.Tensor) -> tf.Tensor:
    """Queries, keys and values from one product, for each window, as in Swin."""
    x = tf.reshape(parts_of(pictures), [-1, 2, WIDTH])
    three = tf.reshape(of_each(x, weights(WIDTH, 3 * WIDTH)), [x.shape[0], 2, 3, HEADS, WIDTH // HEADS])
    query, key, value = tf.unstack(tf.transpose(three, [2, 0, 3, 1, 4]))
    made = tf.matmul(tf.nn.softmax(tf.matmul(query, key, transpose_b=True)), value)
    made = tf.reshape(tf.transpose(made, [0, 2, 1, 3]), [pictures.shape[0], PARTS, WIDTH])
    return tf.reduce_mean(made, 1)


def converted(network):
    traced = tf.function(network, autograph=False).get_concrete_function(tf.TensorSpec([1, SIZE, SIZE, 3], tf.float32))
    frozen = convert_variables_to_constants_v2(traced)
    graph_def, entry, output = frozen.graph.as_graph_def(), frozen.inputs[0].op.name, frozen.outputs[0].op.name
    return frozen_backbones.convert(Frozen(graph_def, entry, output, Prelude.of(128, 128), SIZE), "it")


@pytest.mark.parametrize("network", [class_token, learnt_query, dense_of_parts, windows])
def test_several_pictures_get_the_values_of_each(network):
    graph_def = converted(network)
    pictures = np.random.default_rng(1).uniform(-1, 1, (3, SIZE, SIZE, 3)).astype(np.float32)
    together = tf.function(frozen_graph.function(graph_def, ["input"], "bottleneck"))(pictures).numpy()
    alone = np.concatenate([network(tf.constant(picture[None])) for picture in pictures])
    assert np.abs(together - alone).max() < 1e-5 and np.abs(alone[0] - alone[1]).max() > 1e-3
    assert {node.op for node in graph_def.node}.isdisjoint({"Einsum", "Tile", "Shape"})
    if network is not windows:  # its products turn a factor around, which stays as it is, and so does Unpack
        assert_readable_by_tensorflow_1(graph_def)


def over_all_parts(pictures: tf.Tensor) -> tf.Tensor:
    """The parts of several pictures would share a softmax."""
    x = tf.reshape(parts_of(pictures), [PARTS, WIDTH])
    shared = tf.transpose(tf.nn.softmax(tf.transpose(x)))
    return tf.reduce_sum(tf.reshape(shared * x, [1, PARTS, WIDTH]), 1)


def one_long_vector(pictures: tf.Tensor) -> tf.Tensor:
    return tf.reshape(tf.nn.softmax(tf.reshape(parts_of(pictures), [PARTS * WIDTH])), [1, PARTS * WIDTH])


def parts_as_rows(pictures: tf.Tensor) -> tf.Tensor:
    return tf.reshape(parts_of(pictures), [PARTS, WIDTH])


@pytest.mark.parametrize("network", [over_all_parts, one_long_vector, parts_as_rows])
def test_what_would_mix_pictures_is_refused(network):
    with pytest.raises(UserError, match="it only takes one picture at a time, and several are needed: its node "):
        converted(network)
