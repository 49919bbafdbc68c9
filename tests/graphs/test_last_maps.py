"""The last maps of networks that have none, or have them in another order."""

import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.graphs import freezing, last_maps
from tests.graphs.test_transformers import class_token, learnt_query, weights

SIZE = 8


def find(network) -> last_maps.LastMaps:
    def run(pictures):
        return [tf.nn.softmax(network(pictures))]

    graph_def, entry, (scores,) = freezing.of_function(run, SIZE, SIZE)
    return last_maps.find(freezing.simplified(graph_def, entry, scores, (SIZE, SIZE), "it"), entry, scores)


@pytest.mark.parametrize("network", [class_token, learnt_query])
def test_a_transformer_has_none(network):
    with pytest.raises(last_maps.NoMaps, match="it is a transformer"):
        find(network)


def convolved(pictures):
    return tf.nn.relu(tf.nn.conv2d(pictures, weights(2, 2, 3, 5), 2, "SAME"))


def test_channels_first_are_followed_back_to_the_convolution():
    """As converters from PyTorch write it."""

    def network(pictures):
        turned = tf.nn.relu(tf.transpose(convolved(pictures), [0, 3, 1, 2]) - 0.5)
        return tf.matmul(tf.reduce_mean(turned, [2, 3]), weights(5, 3))

    found = find(network)
    assert len(found.maps) == 1 and "Relu" in found.maps[0]


def test_a_flat_network_keeps_its_map():
    def network(pictures):
        hidden = tf.nn.relu(tf.matmul(tf.reshape(convolved(pictures), [-1, 80]), weights(80, 7)))
        return tf.matmul(hidden, weights(7, 3))

    assert len(find(network).maps) == 1


def test_without_layers_the_picture_is_the_map():
    def network(pictures):
        flat = tf.reshape(pictures, [-1, SIZE * SIZE * 3])
        return tf.matmul(flat[:, :12], tf.constant(np.ones((12, 3), np.float32)))

    found = find(network)
    assert found.maps == ("pictures",)


def test_products_of_all_places_in_one_matrix_keep_them_apart():
    """As Keras' Dense does with a map."""

    def network(pictures):
        flat = tf.matmul(tf.reshape(convolved(pictures), [-1, 5]), weights(5, 6))
        return tf.matmul(tf.reduce_mean(tf.nn.relu(tf.reshape(flat, [-1, 4, 4, 6])), [1, 2]), weights(6, 3))

    found = find(network)
    assert len(found.maps) == 1 and "Relu" in found.maps[0]


def test_a_map_that_was_folded_is_none():
    """Left and right halves are added, so only what is before that says where things are."""

    def network(pictures):
        whole = convolved(pictures)
        right = tf.nn.conv2d(whole[:, :, 2:], weights(1, 1, 5, 5), 1, "SAME")
        return tf.matmul(tf.reduce_mean(whole[:, :, :2] + right, [1, 2]), weights(5, 3))

    found = find(network)
    assert len(found.maps) == 1 and "Relu" in found.maps[0]
