"""Classifiers in memory, as retrain would write them: generated networks with random final layers."""

import itertools
from pathlib import Path

import numpy as np

from scripts.classifier.backbones import color_texture, keras_graphs, mobilenet_v1
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.formats.contents import Contents
from scripts.classifier.formats.model import Model
from scripts.classifier.graphs import frozen_graph
from scripts.classifier.photos.preprocessing import Preprocessing
from scripts.classifier.training import learning_unknown, retrained_graph
from scripts.classifier.training.final_layer import FinalLayer
from tests.support import published_networks

LABELS = ("daisy", "rosé", "sun flower")
NAMES = ("mobilenet", "mobilenet_quantized", "color_texture", "keras_network")


def backbone(name: str, folder: Path) -> Backbone:
    if name == "color_texture":
        return color_texture.build()
    if name == "keras_network":
        return Backbone(name, 32, keras_graphs.freeze(_keras_network()), keras_graphs.OUTPUT, 12, "")
    archive = published_networks.mobilenet_archive(folder, "0.25_128")
    return mobilenet_v1.load(name.replace("mobilenet", "mobilenet_0.25_128"), archive)


def _keras_network():
    """A network of Inception V3's building blocks: batch norms without scale, branches, both kinds of pooling."""
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers

    def convolution(x, filters, size, **settings):
        x = layers.Conv2D(filters, size, use_bias=False, **settings)(x)
        x = layers.BatchNormalization(scale=False, moving_variance_initializer=_positive)(x)
        return layers.Activation("relu")(x)

    entry = keras.Input((32, 32, 3))
    x = convolution(entry, 6, 3, strides=2)
    x = layers.MaxPooling2D(3, strides=2)(x)
    a = convolution(x, 4, 1)
    b = convolution(x, 4, (1, 5), padding="same")
    c = convolution(layers.AveragePooling2D(3, strides=1, padding="same")(x), 4, 1)
    x = layers.GlobalAveragePooling2D()(layers.concatenate([a, b, c]))
    return keras.Model(entry, x)


def _positive(shape, dtype=None):
    import keras

    return keras.random.uniform(shape, 0.5, 2, dtype=dtype, seed=3)


def contents(backbone: Backbone, hidden: tuple[int, ...] = ()) -> Contents:
    """A classifier with hidden layers of these sizes."""
    random = np.random.default_rng(0)
    arrays = []
    for into, out in itertools.pairwise((backbone.bottleneck_size, *hidden, len(LABELS))):
        arrays += [random.normal(0, 0.3, (into, out)), random.normal(0, 1, out)]
    layer = FinalLayer.of([each.astype(np.float32) for each in arrays])
    size = backbone.input_size
    vectors = random.normal(0, 1, (12, backbone.bottleneck_size)).astype(np.float32)
    return Contents(
        graph_def=retrained_graph.join(backbone, layer, "final_result"),
        preprocessing=Preprocessing(size, size, 128.0, 128.0, "input", "final_result"),
        bottleneck=f"{backbone.bottleneck_name}:0",
        labels=LABELS,
        record={"options": {"seed": 7}, "recipe": {"hidden_units": list(hidden)}},
        unknown=learning_unknown.of_vectors(vectors, np.arange(12) % 3, vectors, 0.95, 0).to_bytes(),
    )


def pictures(contents: Contents, count: int = 3) -> np.ndarray:
    """Pixels of 0 to 255."""
    take = contents.preprocessing
    shape = (count, take.input_height, take.input_width, 3)
    return np.random.default_rng(1).integers(0, 256, shape).astype(np.float32)


def expected(contents: Contents, pictures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores and bottlenecks from the graph itself."""
    import tensorflow as tf

    take = contents.preprocessing
    body = frozen_graph.function_of_several(
        contents.graph_def, [take.input_layer], [take.output_layer, contents.bottleneck]
    )
    prepared = (pictures - take.input_mean) / take.input_std
    return tuple(each.numpy() for each in tf.function(body)(tf.constant(prepared)))


def assert_all_is_there(model: Model, contents: Contents, given: tuple[np.ndarray, np.ndarray]) -> None:
    """Checks that its output for pictures() is the graph's, and that labels, record and the rest were written."""
    for values, wanted, relative in zip(given, expected(contents, pictures(contents)), (1e-7, 1e-5), strict=True):
        np.testing.assert_allclose(values, wanted, rtol=relative, atol=1e-5)
    size = contents.preprocessing.input_height
    assert model.preprocessing == Preprocessing(size, size, 0.0, 1.0)
    assert (model.outputs, model.labels, model.note) == (3, LABELS, None)
    assert model.record["options"] == {"seed": 7}
    assert (model.unknown, model.gives_bottlenecks) == (contents.unknown, True)
