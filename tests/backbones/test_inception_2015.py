"""The original's default network, tested on a generated one with the same nodes but few channels."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from scripts.classifier.backbones import inception_2015
from scripts.classifier.errors import UserError
from scripts.classifier.graphs import frozen_graph
from tests.support.graph_readers import assert_readable_by_tensorflow_1, same_in_opencv
from tests.support.old_graphs import inception_archive, poets_mobilenet, small_inception
from tests.support.workplace import Workplace


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return inception_archive(tmp_path_factory.mktemp("published"))


def test_bottlenecks_match_the_published_graph(archive):
    """Runs the published graph unchanged, one picture at a time: its version still has the old batch norms."""
    backbone = inception_2015.load(archive)
    assert (backbone.name, backbone.input_size, backbone.large) == ("inception_2015", 299, True)
    assert (backbone.bottleneck_name, backbone.bottleneck_size) == ("pool_3/_reshape", 128)
    assert_readable_by_tensorflow_1(backbone.graph_def)
    ops = [node.op for node in backbone.graph_def.node]
    assert ops.count("Conv2D") == ops.count("Relu") == ops.count("Add") == 94 and ops.count("ConcatV2") == 11
    assert "Mul" not in ops  # the scale of each batch norm is folded into its convolution's weights

    pictures = np.random.default_rng(0).uniform(-1, 1, (3, 299, 299, 3)).astype(np.float32)
    run = tf.function(frozen_graph.function(backbone.graph_def, ["input"], "pool_3/_reshape"))
    together = run(tf.constant(pictures)).numpy()
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.graph_util.import_graph_def(small_inception(), name="")
        alone = [session.run("pool_3/_reshape:0", {"Mul:0": picture[None]}) for picture in pictures]
    assert together.shape == (3, 128) and together.std() > 0.05
    assert np.abs(together - np.concatenate(alone)).max() < 1e-4


@pytest.mark.parametrize("producer", [0, 21])
def test_the_version_of_the_published_graph_does_not_matter(tmp_path, archive, producer):
    other = inception_2015.load(inception_archive(tmp_path, graph_def=small_inception(producer)))
    assert other.graph_def == inception_2015.load(archive).graph_def


def test_another_network_in_its_place_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"does not hold classify_image_graph_def\.pb: delete it"):
        inception_2015.load(inception_archive(tmp_path, member="classify.pb"))
    with pytest.raises(UserError, match=r"holds another network.* delete it"):
        inception_2015.load(inception_archive(tmp_path, graph_def=poets_mobilenet()))


def draw_light(brightness: int, seed: int) -> Image.Image:
    """Pictures that even a network with random weights can distinguish."""
    noise = np.random.default_rng(seed).integers(-30, 30, (90, 120, 3))
    return Image.fromarray((brightness + noise).astype(np.uint8))


def test_retrain_works_on_it(tmp_path):
    workplace = Workplace(tmp_path)
    inception_archive(workplace / "mirror")
    for label, brightness in (("day", 220), ("night", 35)):
        (workplace / "photos" / label).mkdir(parents=True)
        for seed in range(12):
            draw_light(brightness, seed).save(workplace / "photos" / label / f"{label}_{seed}.jpg")
    steps = "--how_many_training_steps=2000"  # with random weights, day and night are hard to tell apart
    done = workplace.retrain(workplace / "photos", "--architecture=inception_2015", steps)
    assert done.returncode == 0, done.stderr
    assert (workplace / "models" / "inception-2015-12-05.tgz.sha256").exists()
    backbone = json.loads((workplace / "retrained_graph.json").read_text())["backbone"]
    assert (backbone["architecture"], backbone["bottleneck_tensor"]) == ("inception_2015", "pool_3/_reshape:0")
    graph_def = frozen_graph.read(workplace / "retrained_graph.pb")
    assert_readable_by_tensorflow_1(graph_def)
    same_in_opencv(graph_def, 299)
    for label, brightness in (("day", 210), ("night", 45)):
        draw_light(brightness, 99).save(workplace / f"{label}.png")
    labelled = workplace.label("--csv", "--top_k=1", str(workplace / "day.png"), str(workplace / "night.png"))
    assert [line.split(",")[2] for line in labelled.stdout.splitlines()[1:]] == ["day", "night"], labelled.stderr
