"""Networks that look at four views of each picture, and add the values of earlier layers."""

import json
import re

import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.backbones import color_texture, earlier_layers, mobilenet_v1, several_views, table
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.errors import UserError
from scripts.classifier.graphs import frozen_graph
from scripts.classifier.training import retrained_graph
from scripts.classifier.training.final_layer import FinalLayer
from tests.support.engines import by_network, by_tensorflow, noise
from tests.support.graph_readers import assert_readable_by_tensorflow_1, same_in_opencv
from tests.support.published_networks import mobilenet_archive

LAYERS = [f"MobilenetV1/MobilenetV1/Conv2d_{number}_pointwise/Relu6" for number in (5, 11)]


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    mobilenet_archive(folder)
    return folder


@pytest.fixture(scope="module")
def plain(mirror) -> Backbone:
    return mobilenet_v1.load("mobilenet_0.50_128", next(mirror.glob("*/*/*.tgz")))


@pytest.fixture(scope="module")
def both(plain) -> Backbone:
    return table.seeing_more(plain, table.MULTI, 4)


def middle(pictures: np.ndarray, kept: float) -> np.ndarray:
    """The middle of each picture, enlarged to full size with corners aligned, computed value by value."""
    size = pictures.shape[1]
    side = round(kept * size)
    first = (size - side) // 2
    at = np.arange(size) * (side - 1) / (size - 1) + first
    below = np.minimum(at.astype(int), first + side - 2)
    share = (at - below).astype(np.float32)
    rows = pictures[:, below] * (1 - share)[:, None, None] + pictures[:, below + 1] * share[:, None, None]
    return rows[:, :, below] * (1 - share)[:, None] + rows[:, :, below + 1] * share[:, None]


def test_it_gives_the_mean_of_four_views(plain):
    pictures = noise(3, 128)
    views = [pictures, pictures[:, :, ::-1], middle(pictures, 0.8), middle(pictures, 0.6)]
    each = np.stack([by_tensorflow(plain, view) for view in views])
    assert np.ptp(each, axis=0).max() > 0.1  # otherwise a single view would pass
    four = several_views.of(plain)
    np.testing.assert_allclose(by_tensorflow(four, pictures), each.mean(0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(by_network(four, PROCESSOR, pictures), each.mean(0), rtol=1e-3, atol=1e-3)
    assert (four.views, four.input_size, four.bottleneck_size) == (4, 128, plain.bottleneck_size)


def test_earlier_layers_are_the_last_of_their_size(plain):
    pictures = noise(2, 128)
    body = frozen_graph.function_of_several(plain.graph_def, ["input"], [plain.bottleneck_name, *LAYERS])
    last, *maps = (each.numpy() for each in tf.function(body)(pictures))
    assert [each.shape[1:3] for each in maps] == [(16, 16), (8, 8)]
    parts = [each.mean((1, 2)) * np.sqrt(64 / each.shape[3]) for each in maps]
    multi = earlier_layers.of(plain)
    assert multi.bottleneck_size == 512 + 128 + 256
    np.testing.assert_allclose(by_network(multi, PROCESSOR, pictures), np.hstack([last, *parts]), rtol=1e-3, atol=1e-3)
    assert {node.name for node in plain.graph_def.node} < {node.name for node in multi.graph_def.node}


def test_a_single_branch_does_not_count_as_an_earlier_layer():
    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(tf.float32, [None, 32, 32, 3], name="input")
        x = pictures
        for block in range(3):
            branches = [
                tf.nn.conv2d(x, tf.ones([3, 3, x.shape[3], 2]), 2, "SAME", name=f"branch_{block}"),
                tf.nn.max_pool2d(x, 2, 2, "SAME"),
            ]
            x = tf.concat(branches, 3, name=f"block_{block}")
        bottleneck = tf.reduce_mean(x, [1, 2], name="bottleneck")
    branched = Backbone("branched", 32, graph.as_graph_def(), bottleneck.op.name, bottleneck.shape[1], "")
    multi = earlier_layers.of(branched)
    taken = [node.input[0] for node in multi.graph_def.node if node.op == "Mean" and "earlier" in node.name]
    assert taken == ["block_0", "block_1"]


def read_by_old_readers(network: Backbone):
    weights = np.random.default_rng(0).normal(0, 0.05, (network.bottleneck_size, 3)).astype(np.float32)
    graph_def = retrained_graph.join(network, FinalLayer(weights, np.zeros(3, np.float32)), "final_result")
    assert_readable_by_tensorflow_1(graph_def)
    same_in_opencv(graph_def, network.input_size)


def test_old_readers_can_read_it(plain, both):
    for network in (both, several_views.of(plain)):
        read_by_old_readers(network)


@pytest.mark.parametrize("bottleneck", table.BOTTLENECKS)
@pytest.mark.parametrize("size", [128, 224])
def test_old_readers_can_read_googles_networks(real_data, size, bottleneck):
    archive = real_data / "models" / f"mobilenet_v1_0.25_{size}_frozen.tgz"
    plain = mobilenet_v1.load(f"mobilenet_0.25_{size}", archive)
    read_by_old_readers(table.seeing_more(plain, bottleneck, 4))


def test_networks_with_different_vectors_have_different_fingerprints(plain, both):
    each = [plain, several_views.of(plain), earlier_layers.of(plain), both]
    assert len({backbone.fingerprint for backbone in each}) == 4
    assert both.fingerprint == table.seeing_more(plain, table.MULTI, 4).fingerprint


def test_a_network_without_such_layers_is_refused():
    with pytest.raises(UserError, match="color_texture has none") as refused:
        earlier_layers.of(color_texture.build())
    assert "\n" not in str(refused.value)


def test_a_classifier_on_it_is_trained_written_and_exported(workplace, photos, mirror):
    flags = ["--architecture=mobilenet_0.50_128", "--views=4", "--bottleneck=multi"]
    done = workplace.retrain(photos, *flags, env={"POETS_MIRROR": str(mirror)})
    assert done.returncode == 0, done.stderr
    cost = re.search(r"each photo costs (\d+) million multiply-adds, 4 times those of one view", done.stdout)
    assert 4 * 45 <= int(cost.group(1)) <= 4 * 55
    record = json.loads((workplace / "retrained_graph.json").read_text())
    assert (record["backbone"]["views"], record["backbone"]["bottleneck_size"]) == (4, 896)
    small = workplace.run("export", f"--graph={workplace / 'retrained_graph.pb'}", "--format=tflite", "--quantize=int8")
    assert small.returncode == 0, small.stderr
    pictures = sorted((photos / "green").glob("*.jpg"))[:8]
    for graph in ("retrained_graph.pb", "retrained_graph_int8.tflite"):
        said = workplace.run("label_image", f"--graph={workplace / graph}", "--json", "--top_k=1", *pictures)
        named = [json.loads(line)["labels"][0]["label"] for line in said.stdout.splitlines()]
        assert named.count("green") >= 7, (graph, said.stdout)


def test_it_works_with_distortions(workplace, photos):
    done = workplace.retrain(photos, "--views=4", "--flip_left_right", "--random_crop=10", "--distorted_views=2")
    assert done.returncode == 0, done.stderr
    training = int(re.search(r"(\d+) training", done.stdout).group(1))
    assert f"0 cached, {72 + training} computed" in done.stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--views=3"], "error: --views=3: expected 1 or 4"),
        (["--views=0"], "error: --views=0: expected 1 or 4"),
        (["--views=4", "--output_model=m.keras"], "error: --output_model=m.keras: Keras has no layers for --views=4"),
        (["--bottleneck=all"], "error: --bottleneck=all: expected last or multi"),
        (["--bottleneck=multi"], "error: --bottleneck=multi needs 2 earlier layers"),
    ],
    ids=["three views", "no views", "Keras", "unknown bottleneck", "no earlier layers"],
)
def test_mistakes_are_named(workplace, photos, words, message):
    done = workplace.retrain(photos, *words)
    assert done.returncode == 1 and done.stderr.startswith(message) and done.stderr.count("\n") == 1
    assert not (workplace / "retrained_graph.pb").exists()
