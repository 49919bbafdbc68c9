"""Networks like the published ones, with random weights, since tests download nothing."""

import io
import tarfile
from pathlib import Path

import numpy as np

# (stride, channels at full width) of the thirteen depthwise-separable layers of MobileNet v1.
LAYERS = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024)]


def mobilenet_graph(width: float, size: int, quantized: bool = False, seed: int = 0):
    """A frozen graph with the names, ops and fixed batch size of 1 of Google's archives."""
    import tensorflow as tf

    random = np.random.default_rng(seed)
    v1 = tf.compat.v1

    def weights(name, shape, fan_in):
        values = (random.normal(0, 1, shape) * np.sqrt(2 / fan_in)).astype(np.float32)
        if not quantized:
            return v1.identity(tf.constant(values, name=name), name=f"{name}/read")
        low, high = float(values.min()), float(values.max())
        levels = np.round((values - low) * 255 / (high - low)).astype(np.uint8)
        eight_bits = tf.constant(levels, tf.quint8, name=f"{name}/eight_bits")
        return tf.quantization.dequantize(eight_bits, low, high, "MIN_FIRST", name=name)

    def norm(x, name, channels):
        """A batch norm as in the archives: a multiplication and an addition."""
        scale = tf.constant(random.uniform(0.8, 1.2, channels).astype(np.float32), name=f"{name}/BatchNorm/gamma")
        shift = tf.constant(random.uniform(-0.1, 0.3, channels).astype(np.float32), name=f"{name}/BatchNorm/beta")
        return tf.nn.relu6(v1.add(v1.multiply(x, scale), shift), name=f"{name}/Relu6")

    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [1, size, size, 3], name="input")
        channels = int(32 * width)
        first = weights("MobilenetV1/Conv2d_0/weights", [3, 3, 3, channels], 27)
        x = norm(tf.nn.conv2d(x, first, 2, "SAME"), "MobilenetV1/MobilenetV1/Conv2d_0", channels)
        for number, (stride, full) in enumerate(LAYERS, 1):
            name = f"MobilenetV1/MobilenetV1/Conv2d_{number}"
            around = weights(f"{name}_depthwise/depthwise_weights", [3, 3, channels, 1], 9)
            x = tf.nn.depthwise_conv2d(x, around, [1, stride, stride, 1], "SAME")
            x = norm(x, f"{name}_depthwise", channels)
            across = weights(f"{name}_pointwise/weights", [1, 1, channels, int(full * width)], channels)
            channels = int(full * width)
            x = norm(tf.nn.conv2d(x, across, 1, "SAME"), f"{name}_pointwise", channels)
        x = tf.nn.avg_pool2d(x, x.shape[1], 2, "VALID", name="MobilenetV1/Logits/AvgPool_1a/AvgPool")
        last = weights("MobilenetV1/Logits/Conv2d_1c_1x1/weights", [1, 1, channels, 1001], channels)
        x = tf.squeeze(tf.nn.conv2d(x, last, 1, "SAME"), [1, 2], name="MobilenetV1/Logits/SpatialSqueeze")
        tf.nn.softmax(tf.reshape(x, [1, 1001]), name="MobilenetV1/Predictions/Softmax")
    return graph.as_graph_def()


def mobilenet_archive(folder: Path, variant: str = "0.50_128") -> Path:
    """The .tgz as it is published, in folder/download.tensorflow.org/models/: a mirror for POETS_MIRROR."""
    width, size = variant.split("_")
    path = folder / "download.tensorflow.org" / "models" / f"mobilenet_v1_{variant}_frozen.tgz"
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz") as tar:
        for name, quantized in (("quantized_graph.pb", True), ("frozen_graph.pb", False)):
            data = mobilenet_graph(float(width), int(size), quantized).SerializeToString()
            member = tarfile.TarInfo(f"mobilenet_v1_{variant}/{name}")
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return path
