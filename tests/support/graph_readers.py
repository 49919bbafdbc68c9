"""Other programs that read graphs: TensorFlow 1 (by its list of ops) and OpenCV."""

import cv2
import numpy as np
import tensorflow as tf

from scripts.classifier.graphs import frozen_graph
from scripts.classifier.photos import fitting, pixels
from tests.support.workplace import draw_shape

# Every op our graphs may hold, with its attributes in TensorFlow 1.4.
TENSORFLOW_1 = {
    "Placeholder": {"dtype", "shape"},
    "Const": {"dtype", "value"},
    "Identity": {"T"},
    "Conv2D": {"T", "strides", "padding", "use_cudnn_on_gpu", "data_format"},
    "DepthwiseConv2dNative": {"T", "strides", "padding", "data_format"},
    "Add": {"T"},
    "Sub": {"T"},
    "Mul": {"T"},
    "RealDiv": {"T"},
    "Maximum": {"T"},
    "Minimum": {"T"},
    "Abs": {"T"},
    "Rsqrt": {"T"},
    "Sqrt": {"T"},
    "Square": {"T"},
    "Relu": {"T"},
    "Relu6": {"T"},
    "Softmax": {"T"},
    "BiasAdd": {"T", "data_format"},
    "MatMul": {"T", "transpose_a", "transpose_b"},
    "AvgPool": {"T", "ksize", "strides", "padding", "data_format"},
    "MaxPool": {"T", "ksize", "strides", "padding", "data_format"},
    "Mean": {"T", "Tidx", "keep_dims"},
    "Sum": {"T", "Tidx", "keep_dims"},
    "BatchMatMul": {"T", "adj_x", "adj_y"},
    "Erfc": {"T"},
    "Neg": {"T"},
    "Pow": {"T"},
    "Sigmoid": {"T"},
    "SquaredDifference": {"T"},
    "StridedSlice": {
        "T",
        "Index",
        "begin_mask",
        "end_mask",
        "ellipsis_mask",
        "new_axis_mask",
        "shrink_axis_mask",
    },
    "Tanh": {"T"},
    "Transpose": {"T", "Tperm"},
    "ConcatV2": {"N", "T", "Tidx"},
    "Reshape": {"T", "Tshape"},
    "Squeeze": {"T", "squeeze_dims"},
    "Slice": {"T", "Index"},
    "Pad": {"T", "Tpaddings"},
    "MirrorPad": {"T", "Tpaddings", "mode"},
    "Dequantize": {"T", "mode"},
    "ResizeBilinear": {"T", "align_corners"},
}


def assert_readable_by_tensorflow_1(graph_def):
    assert not graph_def.library.function
    for node in graph_def.node:
        assert node.op in TENSORFLOW_1, f"{node.name}: {node.op}"
        assert set(node.attr) <= TENSORFLOW_1[node.op], f"{node.name}: {set(node.attr)}"


def same_in_opencv(graph_def, size: int):
    """Compares final_result from OpenCV's importer with that of a session as in TensorFlow 1."""
    square = pixels.normalise(fitting.fit(draw_shape("blue", 77), size, size, fitting.SQUEEZE), 128, 128)
    mirrored = np.ascontiguousarray(square[:, ::-1])
    written = frozen_graph.serialised(graph_def)  # before TensorFlow gets it, which adds attributes that OpenCV heeds
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(graph_def, name="")
        expected = session.run("final_result:0", {"input:0": np.stack([square, 0.3 * mirrored - 0.2])})
    network = cv2.dnn.readNetFromTensorflow(np.frombuffer(written, np.uint8))
    for picture, scores in zip((square, 0.3 * mirrored - 0.2), expected, strict=True):
        network.setInput(cv2.dnn.blobFromImage(picture), "input")
        assert np.abs(network.forward("final_result")[0] - scores).max() < 1e-4
    assert np.abs(expected[0] - expected[1]).max() > 1e-3  # otherwise any answer would pass
