"""Small networks as other programs make them, with random weights: their graphs, models and files."""

from pathlib import Path

import numpy as np
import tensorflow as tf

from tests.support.old_graphs import OldGraph

SIDE = 32
CAFFE = np.array([104.0, 117.0, 123.0])  # blue, green, red
IMAGENET = np.array([123.68, 116.779, 103.939])  # red, green, blue
LABELS = ("inlane", "veerleft", "veerright")


def custom_vision(means: np.ndarray | None = CAFFE, turned: str = "", hidden: str = "Placeholder"):
    """As Custom Vision exports: a batch norm by hand subtracts the means; `model_outputs` behind the softmax `loss`.

    `turned` says how the order of colours is turned round before: by `reverse`, `gather`, `slice` or `split`.
    """
    random = np.random.default_rng(4)
    graph = OldGraph(24)
    x = graph.placeholder(hidden, [None, SIDE, SIDE, 3])
    x = _turned(graph, x, turned) if turned else x
    if means is not None:
        mean, variance = graph.variable("data_bn/mean", means), graph.variable("data_bn/variance", np.ones(3))
        graph.constant("data_bn/add/y", 1e-5)
        added = graph.on_floats("data_bn/add", "Add", variance, "data_bn/add/y")
        root = graph.on_floats("data_bn/Rsqrt", "Rsqrt", added)
        scaled = graph.on_floats("data_bn/mul", "Mul", x, root)
        negative = graph.on_floats("data_bn/Neg", "Neg", mean)
        shift = graph.on_floats("data_bn/mul_1", "Mul", negative, root)
        x = graph.on_floats("data_bn/add_1", "Add", scaled, shift)
    weights = graph.variable("conv1/weights", random.normal(0, 0.02, (3, 3, 3, 12)))
    x = graph.on_floats("conv1/Relu", "Relu", graph.conv("conv1/Conv2D", x, weights, 2))
    x = graph.pool("AvgPool", "pool10", x, SIDE // 2, 1)
    graph.constant("fc/Reshape/shape", [-1, 12], np.int32)
    x = graph.add("fc/Reshape", "Reshape", x, "fc/Reshape/shape", T=tf.float32, Tshape=tf.int32)
    product = graph.on_floats("fc/MatMul", "MatMul", x, graph.variable("fc/weights", random.normal(0, 0.2, (12, 3))))
    scores = graph.on_floats("fc/fc", "BiasAdd", product, graph.variable("fc/biases", random.normal(0, 0.1, 3)))
    graph.on_floats("model_outputs", "Identity", graph.on_floats("loss", "Softmax", scores))
    return graph.graph_def


def _turned(graph: OldGraph, x: str, how: str) -> str:
    graph.constant("axis", [3] if how == "reverse" else 3, np.int32)
    if how == "reverse":
        return graph.on_floats("turned", "ReverseV2", x, "axis", Tidx=tf.int32)
    if how == "gather":
        graph.constant("order", [2, 1, 0], np.int32)
        types = {"Tparams": tf.float32, "Tindices": tf.int32, "Taxis": tf.int32}
        return graph.add("turned", "GatherV2", x, "order", "axis", **types)
    if how == "slice":
        for name, values in (("begin", [0, 0]), ("end", [0, 0]), ("strides", [1, -1])):
            graph.constant(name, values, np.int32)
        masks = {"begin_mask": 2, "end_mask": 2, "ellipsis_mask": 1}
        return graph.on_floats("turned", "StridedSlice", x, "begin", "end", "strides", Index=tf.int32, **masks)
    graph.on_floats("split", "Split", "axis", x, num_split=3)
    return graph.on_floats("turned", "ConcatV2", "split:2", "split:1", "split", "axis", N=3, Tidx=tf.int32)


def run(graph_def, fed: np.ndarray, entry: str = "Placeholder", output: str = "model_outputs") -> np.ndarray:
    """TensorFlow's own answer."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.graph_util.import_graph_def(graph_def, name="")
        return session.run(f"{output}:0", {f"{entry}:0": fed})


def write(folder: Path, graph_def, name: str = "model") -> Path:
    (folder / f"{name}.pb").write_bytes(graph_def.SerializeToString())
    (folder / f"{name}_labels.txt").write_text("\n".join(LABELS))
    return folder / f"{name}.pb"


def teachable():
    """As Teachable Machine's: Sequential models in one another, no preparation; dense layers behind the pooling."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(5)
    entry = keras.Input((SIDE, SIDE, 3), name="input_1")
    x = layers.ZeroPadding2D(name="Conv1_pad")(entry)
    x = layers.Conv2D(7, 3, strides=2, use_bias=False, name="Conv1")(x)
    x = layers.ReLU(6.0, name="out_relu")(layers.BatchNormalization(name="Conv_1_bn")(x))
    body = keras.Sequential(
        [keras.Model(entry, x, name="model1"), layers.GlobalAveragePooling2D(name="global_average_pooling2d_1")],
        name="sequential_1",
    )
    head = keras.Sequential(
        [
            layers.Input((7,), name="dense_Dense1_input"),
            layers.Dense(5, activation="relu", name="dense_Dense1"),
            layers.Dense(3, activation="softmax", use_bias=False, name="dense_Dense2"),
        ],
        name="sequential_3",
    )
    return keras.Sequential([body, head], name="sequential_4")


def squeezenet(classes: int = 5, softmax: bool = True):
    """Scores of every place in the picture are pooled: there is no layer of features behind the pooling."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(6)
    entry = keras.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(6, 3, strides=2, activation="relu", name="conv1")(entry)
    a, b = (layers.Conv2D(4, size, padding="same", activation="relu")(x) for size in (1, 3))
    x = layers.Dropout(0.5, name="drop9")(layers.Concatenate(name="fire9")([a, b]))
    x = layers.Activation("relu")(layers.Conv2D(classes, 1, name="conv10")(x))
    x = layers.GlobalAveragePooling2D(name="pooled")(x)
    return keras.Model(entry, layers.Activation("softmax")(x) if softmax else x)


def module_of(model, folder: Path, key: str) -> Path:
    """A SavedModel, such as a module with class scores, from a Keras model."""
    module = tf.Module()
    module.network = model
    spec = tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32, name="inputs")
    serving = tf.function(lambda inputs: {key: model(inputs, training=False)}).get_concrete_function(inputs=spec)
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serving})
    return folder
