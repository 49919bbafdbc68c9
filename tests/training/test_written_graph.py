"""The written graph, read by programs other than ours."""

import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.backbones import mobilenet_v1
from scripts.classifier.graphs import folding, frozen_graph
from scripts.classifier.photos import pixels
from scripts.classifier.training import retrained_graph
from scripts.classifier.training.final_layer import FinalLayer
from tests.support.graph_readers import assert_readable_by_tensorflow_1, same_in_opencv
from tests.support.published_networks import mobilenet_archive
from tests.support.workplace import draw_shape


@pytest.fixture(scope="module")
def mobilenets(tmp_path_factory):
    archive = mobilenet_archive(tmp_path_factory.mktemp("mirror"))
    return {name: mobilenet_v1.load(name, archive) for name in ("mobilenet_0.50_128", "mobilenet_0.50_128_quantized")}


def test_written_graphs_are_readable_by_tensorflow_1(retrained, mobilenets):
    assert_readable_by_tensorflow_1(frozen_graph.read(retrained / "retrained_graph.pb"))
    for backbone in mobilenets.values():
        assert_readable_by_tensorflow_1(backbone.graph_def)


def test_names_and_shapes_are_the_originals(retrained):
    nodes = {node.name: node for node in frozen_graph.read(retrained / "retrained_graph.pb").node}
    assert [dim.size for dim in nodes["input"].attr["shape"].shape.dim] == [-1, 128, 128, 3]
    assert nodes["final_result"].op == "Softmax"
    assert list(nodes["final_result"].input) == ["final_training_ops/Wx_plus_b/add"]
    assert nodes["final_training_ops/weights/final_weights"].op == "Const"
    assert nodes["final_training_ops/biases/final_biases"].op == "Const"


def test_a_tensorflow_1_session_gets_what_label_image_prints(retrained):
    """As the codelab's scripts run a graph: `input:0` to `final_result:0`, pixels as (x - 128) / 128."""
    draw_shape("green", 4321).save(retrained / "session.png")
    printed = retrained.label(f"--image={retrained / 'session.png'}").stdout.splitlines()
    pixel_values = pixels.decode((retrained / "session.png").read_bytes(), 128, 128)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(frozen_graph.read(retrained / "retrained_graph.pb"), name="")
        (scores,) = session.run("final_result:0", {"input:0": (pixel_values[None].astype(np.float32) - 128) / 128})
    labels = (retrained / "retrained_labels.txt").read_text().splitlines()
    for line in printed:
        label, score = line.removesuffix(")").split(" (score=")
        assert abs(scores[labels.index(label)] - float(score)) < 1e-4


def test_opencv_gets_the_same(retrained):
    same_in_opencv(frozen_graph.read(retrained / "retrained_graph.pb"), 128)


def test_opencv_gets_the_same_on_a_mobilenet(mobilenets):
    backbone = mobilenets["mobilenet_0.50_128"]
    weights = np.random.default_rng(0).normal(0, 0.1, (backbone.bottleneck_size, 3)).astype(np.float32)
    layer = FinalLayer(weights, np.array([0.1, 0, -0.1], np.float32))
    same_in_opencv(retrained_graph.join(backbone, layer, "final_result"), 128)


@pytest.mark.parametrize("name", ["mobilenet_0.50_128", "mobilenet_0.50_128_quantized"])
def test_lifting_the_batch_and_folding_leave_the_values_alone(mobilenets, name):
    backbone = mobilenets[name]
    batch = np.random.default_rng(0).uniform(-1, 1, (5, 128, 128, 3)).astype(np.float32)
    run = tf.function(frozen_graph.function(backbone.graph_def, ["input"], "bottleneck"))
    together = run(tf.constant(batch)).numpy()
    assert together.shape == (5, backbone.bottleneck_size) and together.std() > 0.01
    folded = folding.fold_constants(backbone.graph_def, "bottleneck")
    assert "Dequantize" not in {node.op for node in folded.node}
    again = tf.function(frozen_graph.function(folded, ["input"], "bottleneck"))(tf.constant(batch)).numpy()
    assert np.abs(together - again).max() < 1e-4
    alone = run(tf.constant(batch[2:3])).numpy()
    assert np.abs(together[2] - alone[0]).max() < 1e-4


def test_a_quantized_twin_is_another_network_to_the_cache(mobilenets):
    plain, quantized = mobilenets.values()
    assert plain.fingerprint != quantized.fingerprint
    sizes = [backbone.graph_def.ByteSize() for backbone in (plain, quantized)]
    assert sizes[1] < sizes[0] / 2  # 8-bit weights stay 8-bit in the written graph
