"""Fine-tuning through retrain, on a small network with random weights."""

import json
import re
import shutil
import signal
import time

import numpy as np
import pytest

from scripts.classifier.backbones import mobilenet_v1
from scripts.classifier.graphs import frozen_graph
from scripts.classifier.graphs.wiring import Wiring, value
from scripts.classifier.training.fine_tuning import trainable_graph, unfreezing
from tests.support.published_networks import mobilenet_archive
from tests.support.workplace import Workplace

START = "Conv2d_12_depthwise"


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    return mobilenet_v1.load("mobilenet_0.50_128", mobilenet_archive(tmp_path_factory.mktemp("mirror")))


@pytest.fixture(scope="module")
def tuned(retrained, tmp_path_factory) -> Workplace:
    place = Workplace(tmp_path_factory.mktemp("tuned"))
    mobilenet_archive(place / "mirror")
    place.words = [
        retrained / "photos",
        "--architecture=mobilenet_0.50_128",
        "--how_many_training_steps=60",
        "--fine_tune_steps=6",
        f"--fine_tune_from={START}",
        "--validation_percentage=20",
    ]
    done = place.retrain(*place.words, "--intermediate_store_frequency=33")
    assert done.returncode == 0, done.stderr
    place.printed = done.stdout
    return place


def constants(graph_def) -> dict[str, np.ndarray]:
    nodes = {node.name: node for node in graph_def.node}
    return {name: value(name, nodes) for name, node in nodes.items() if node.op == "Const"}


def test_only_the_last_part_changes_and_names_stay(tuned, backbone):
    written = frozen_graph.read(tuned / "retrained_graph.pb")
    before, after = constants(backbone.graph_def), constants(written)
    moved = {name for name in before if before[name].tobytes() != after[name].tobytes()}
    assert moved == {each.constant for each in unfreezing.weights_of(backbone, START)} and len(moved) > 3
    assert all(np.abs(before[name] - after[name]).max() < 0.1 for name in moved)
    names = [node.name for node in backbone.graph_def.node]
    assert [node.name for node in written.node][: len(names)] == names


def test_it_prints_and_records_what_it_did(tuned, backbone):
    assert "fine-tuning on photos that are mirrored half of the time, enlarged by up to" in tuned.printed
    taken = re.search(r"fine-tuning took \d+ s; the weights from step (\d) of 6 are kept; valid", tuned.printed)
    record = json.loads((tuned / "retrained_graph.json").read_text())
    assert (record["steps_trained"], record["best_step"]) == (66, 60 + int(taken.group(1)))
    assert record["backbone"]["fingerprint"] != backbone.fingerprint and "fine-tuning" in record["seconds"]
    assert record["curve"]["step"][-1] == 66
    assert (tuned / "intermediate" / "intermediate_66.pb").exists()


def test_the_written_graph_has_the_measured_accuracy(tuned):
    measured = json.loads(tuned.run("evaluate", f"--graph={tuned / 'retrained_graph.pb'}", "--json").stdout)
    record = json.loads((tuned / "retrained_graph.json").read_text())
    assert measured["accuracy"] == pytest.approx(record["test"]["accuracy"])


def test_the_same_seed_gives_the_same_network_to_the_bit(tuned, workplace):
    for name in ("models", "bottlenecks"):
        shutil.copytree(tuned / name, workplace / name)
    assert workplace.retrain(*tuned.words).returncode == 0
    assert (workplace / "retrained_graph.pb").read_bytes() == (tuned / "retrained_graph.pb").read_bytes()


def test_ctrl_c_keeps_the_best_weights_so_far(tuned, workplace):
    shutil.copytree(tuned / "models", workplace / "models")
    shutil.copytree(tuned / "bottlenecks", workplace / "bottlenecks")
    photos, *words = tuned.words
    with open(workplace / "said", "w") as said:
        running = workplace.start(
            "retrain",
            f"--image_dir={photos}",
            *workplace.outputs(),
            *words,
            "--fine_tune_steps=1000000",
            "--intermediate_store_frequency=61",
            stdout=said,
            stderr=said,
        )
    while not (workplace / "intermediate" / "intermediate_61.pb").exists():  # the first step of fine-tuning
        assert running.poll() is None, (workplace / "said").read_text()
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    status, said = running.wait(100), (workplace / "said").read_text()
    assert status == 0 and "Traceback" not in said, said
    steps = int(re.search(r"fine-tuning took .* of (\d+) are kept; valid", said).group(1))
    record = json.loads((workplace / "retrained_graph.json").read_text())
    assert record["steps_trained"] == 60 + steps < 1000000
    assert workplace.label(f"--image={next((photos / 'red').iterdir())}").returncode == 0


def test_an_unknown_layer_gets_suggestions(tuned):
    done = tuned.retrain(*tuned.words, "--fine_tune_from=Conv2d_12_dephtwise")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "has no layer Conv2d_12_dephtwise; similar layers with weights: Conv2d_12_depthwise, " in done.stderr


def test_weights_in_eight_bits_are_refused(tuned):
    done = tuned.retrain(*tuned.words, "--architecture=mobilenet_0.50_128_quantized")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "mobilenet_0.50_128_quantized has no learnt weights" in done.stderr


def test_the_faster_graph_computes_the_same(backbone):
    import tensorflow as tf

    rewritten, scales = trainable_graph.rewrite(backbone.graph_def, "bottleneck")
    wiring = Wiring(rewritten)
    assert len(scales) == 27 and sum(node.op == "BiasAdd" for node in rewritten.node) == 27
    for name, scale in scales.items():
        kernel = value(name, wiring.nodes)
        per_channel = scale if wiring.readers[name][0].op == "Conv2D" else scale.reshape(kernel.shape[2:])
        wiring.nodes[name].CopyFrom(frozen_graph.constant(name, kernel * per_channel))
    batch = np.random.default_rng(0).uniform(-1, 1, (2, 128, 128, 3)).astype(np.float32)
    values = [
        tf.function(frozen_graph.function(each, ["input"], "bottleneck"))(tf.constant(batch)).numpy()
        for each in (backbone.graph_def, rewritten)
    ]
    np.testing.assert_allclose(*values, rtol=1e-3, atol=1e-4)
