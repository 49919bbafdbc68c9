"""python -m scripts.quantize_graph: a graph with rounded or 8-bit weights, whose answers stay the same."""

import gzip
import json
import re
import shutil

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st

from scripts.classifier.errors import UserError
from scripts.classifier.formats import classifiers
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import folding, frozen_graph, weight_quantization
from scripts.classifier.graphs.weight_quantization import ROUNDED, SMALLEST, STORED, quantize
from scripts.classifier.training import run_record
from tests.support.published_networks import mobilenet_graph
from tests.support.workplace import Workplace, draw_shape

KINDS = ("blue", "green", "red")


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("quantized"))


@pytest.fixture(scope="module")
def quantized(retrained, place):
    """The command's output for each mode; it wrote MODE_graph.pb into a new folder."""
    printed = {}
    for mode in (ROUNDED, STORED):
        done = place.run(
            "quantize_graph",
            f"--input={retrained / 'retrained_graph.pb'}",
            f"--output={place / 'new' / f'{mode}_graph.pb'}",
            "--output_node_names=final_result",
            f"--mode={mode}",
        )
        assert done.returncode == 0 and done.stderr == "", done.stderr
        printed[mode] = done.stdout
    return printed


@pytest.fixture(scope="module")
def pictures(place):
    (place / "pictures").mkdir()
    for number, kind in enumerate(KINDS * 4):
        draw_shape(kind, 700 + number).save(place / "pictures" / f"{number:02d}_{kind}.png")
    return sorted((place / "pictures").iterdir())


def nodes_of(graph_def):
    return {node.name: node for node in graph_def.node}


def value(node):
    return tf.make_ndarray(node.attr["value"].tensor)


def evaluate(graph_def, *names):
    """Runs it as TensorFlow 1 does."""
    own = type(graph_def)()
    own.CopyFrom(graph_def)  # importing adds default attributes to its argument
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(own, name="")
        return session.run([f"{name}:0" for name in names])


def scores(graph, pictures):
    """Scores from the library that label_image uses."""
    classifier = classifiers.load(graph, None, Wishes(pictures=len(pictures)))
    return np.stack([answer.scores for _, answer in classifier.label(pictures)])


def is_large(values):
    return values.dtype == np.float32 and values.size >= SMALLEST and sum(size > 1 for size in values.shape) > 1


def test_rounding_keeps_the_graph_and_gzip_makes_it_small(retrained, place, quantized):
    before, after = retrained / "retrained_graph.pb", place / "new" / "weights_rounded_graph.pb"
    old, new = (nodes_of(frozen_graph.read(path)) for path in (before, after))
    assert next(iter(old)) in new and "final_result" in new and set(new) <= set(old)
    rounded = 0
    for name, node in [(name, old[name]) for name in new]:
        if node.op != "Const" or not is_large(value(node)):
            assert new[name] == node
            continue
        was, became = value(node), value(new[name])
        rounded += 1
        assert len(np.unique(became)) <= 256 and became.dtype == np.float32
        assert not became[was == 0].any()
        step = (was.max() - min(was.min(), 0)) / 250
        assert np.abs(became - was).max() < step
        assert was.min() - step < became.min() and became.max() < was.max() + step
    plain, zipped = ([len(pack(path.read_bytes())) for path in (before, after)] for pack in (bytes, gzip.compress))
    assert plain[1] < 1.02 * plain[0] and zipped[1] < 0.55 * zipped[0]
    first, *lines = quantized[ROUNDED].splitlines()
    assert first == f"quantizing {before} ..."
    assert [f"{size / 1e3:,.0f} kB" in line for size, line in zip(plain, lines[:2], strict=True)] == [True, True]
    assert lines[2].startswith(f"{rounded} tensors, ") and "256 levels" in lines[2]
    assert float(re.search(r"largest error: ([\d.e-]+), in ", lines[3]).group(1)) > 0
    files = ("weights_rounded_graph.pb", "weights_rounded_labels.txt", "weights_rounded_graph.json")
    files = (*files, "weights_rounded_graph.unknown.npz")
    assert lines[4] == f"written: {', '.join(str(place / 'new' / name) for name in files)}"
    assert [f"evaluate --graph={path}" in line for path, line in zip((before, after), lines[6:], strict=True)] == [
        True,
        True,
    ]


def test_bytes_give_the_same_values_as_rounding(retrained, place, quantized):
    before, after = retrained / "retrained_graph.pb", place / "new" / "weights_graph.pb"
    assert after.stat().st_size < 0.4 * before.stat().st_size
    graph_def = frozen_graph.read(after)
    nodes, rounded = (nodes_of(each) for each in (graph_def, frozen_graph.read(place / "new/weights_rounded_graph.pb")))
    stored = [node for node in graph_def.node if node.op == "Dequantize"]
    assert f"{len(stored)} tensors" in quantized[STORED] and "one byte per value" in quantized[STORED]
    for node, floats in zip(stored, evaluate(graph_def, *(node.name for node in stored)), strict=True):
        # Only operations that TensorFlow 1.4 knows.
        assert set(node.attr) == {"T", "mode"} and node.attr["mode"].s == b"MIN_FIRST"
        levels, low, high = (nodes[name] for name in node.input)
        assert levels.attr["dtype"].type == tf.quint8.as_datatype_enum and value(low).shape == value(high).shape == ()
        same = value(rounded[node.name])
        assert np.allclose(floats, same, atol=1e-6 * np.abs(same).max())
        assert not floats[same == 0].any()
    assert all(
        len(node.attr["value"].tensor.tensor_content) < 4 * SMALLEST or not is_large(value(node))
        for node in graph_def.node
        if node.op == "Const" and node.attr["dtype"].type == 1
    )


@pytest.mark.parametrize("mode", [ROUNDED, STORED])
def test_it_labels_as_before_and_the_record_says_how_it_was_made(retrained, place, quantized, pictures, mode):
    graph = place / "new" / f"{mode}_graph.pb"
    change = np.abs(scores(graph, pictures) - scores(retrained / "retrained_graph.pb", pictures))
    assert 0 < change.max() < 0.05
    record, old = (run_record.read(each) for each in (graph, retrained / "retrained_graph.pb"))
    noted = record["quantization"]
    assert noted["mode"] == mode and noted["bits"] == 8 and noted["of_graph_sha256"] == old["graph_sha256"]
    assert {key: record[key] for key in old if not key.endswith("_sha256")} == {
        key: old[key] for key in old if not key.endswith("_sha256")
    }
    assert (place / "new" / f"{mode}_labels.txt").read_text() == "blue\ngreen\nred\n"
    assert run_record.read_unknown(graph, record) == run_record.read_unknown(retrained / "retrained_graph.pb", old)
    if mode == STORED:
        done = place.run("label_image", f"--graph={graph}", "--json", "--top_k=1", *pictures)
        named = [json.loads(line)["labels"][0]["label"] for line in done.stdout.splitlines()]
        assert named == [path.stem.split("_")[1] for path in pictures], done.stderr


def test_in_place_with_labels_that_the_user_edited(retrained, workplace, pictures):
    for path in retrained.folder.glob("retrained_*"):
        shutil.copy(path, workplace.folder)
    graph, labels = workplace / "retrained_graph.pb", workplace / "retrained_labels.txt"
    before = scores(graph, pictures)
    labels.write_text("eins\nzwei\ndrei")
    words = [f"--input={graph}", f"--output={graph}", "--mode=weights", "--bitdepth=4"]
    done = workplace.run("quantize_graph", *words)
    assert done.returncode == 0 and done.stderr == ""
    assert labels.read_text() == "eins\nzwei\ndrei\n" and run_record.read(graph)["labels"] == ["eins", "zwei", "drei"]
    assert (scores(graph, pictures).argmax(axis=1) == before.argmax(axis=1)).all()
    nodes = nodes_of(frozen_graph.read(graph))
    assert len(np.unique(value(nodes[nodes["final_training_ops/weights/final_weights"].input[0]]).view(np.uint8))) <= 16
    # 8-bit values stay as they are, and there is a warning about quantizing twice.
    once = graph.read_bytes()
    again = workplace.run("quantize_graph", *words)
    assert again.returncode == 0 and "is quantized already" in again.stderr and again.stderr.count("\n") == 1
    assert "nothing to quantize" in again.stdout and graph.read_bytes() == once
    assert sorted(path.name for path in workplace.folder.iterdir()) == sorted(
        path.name for path in retrained.folder.glob("retrained_*")
    )


def test_a_graph_from_elsewhere_keeps_its_labels_if_it_has_any(workplace):
    graph_def = mobilenet_graph(0.25, 128)
    frozen_graph.write(graph_def, workplace / "old.pb")
    words = [f"--input={workplace / 'old.pb'}", "--output_node_names=MobilenetV1/Predictions/Softmax:0"]
    # A record of another graph, and no labels.
    (workplace / "old.json").write_text('{"graph_sha256": "0"}')
    done = workplace.run("quantize_graph", *words, f"--output={workplace / 'new.pb'}")
    assert done.returncode == 0 and "no labels are written" in done.stderr and done.stderr.count("\n") == 1
    assert not (workplace / "new_labels.txt").exists() and not (workplace / "new.json").exists()
    (workplace / "labels.txt").write_text("one\ntwo\n")
    done = workplace.run("quantize_graph", *words, f"--output={workplace / 'new.pb'}")
    assert "no labels are written" in done.stderr and "old.json belongs to another graph" in done.stderr
    assert not (workplace / "new_labels.txt").exists()
    (workplace / "old.json").unlink()
    done = workplace.run("quantize_graph", *words, f"--output={workplace / 'new.pb'}", "--mode=weights")
    assert done.returncode == 0 and done.stderr == ""
    assert (workplace / "new_labels.txt").read_text() == "one\ntwo\n" and not (workplace / "new.json").exists()
    assert (workplace / "new.pb").stat().st_size < 0.4 * (workplace / "old.pb").stat().st_size


@pytest.mark.parametrize("mode", [ROUNDED, STORED])
def test_only_large_float_tensors_that_are_used_change(mode):
    random = np.random.default_rng(1)
    v1 = tf.compat.v1
    with tf.Graph().as_default() as graph:
        x = v1.placeholder(tf.float32, [None, 64], name="input")
        shared = tf.constant(random.normal(0, 1, (64, 64)).astype(np.float32), name="shared")
        twice = tf.matmul(tf.matmul(x, v1.identity(shared, name="shared/read")), shared)
        vector = tf.constant(random.lognormal(0, 5, 4096).astype(np.float32), name="vector")
        whole = tf.constant(np.arange(4096).reshape(64, 64), name="whole")
        doubles = tf.constant(random.normal(0, 1, (64, 64)), name="doubles")
        infinite = tf.constant(np.full((64, 64), np.inf, np.float32), name="infinite")
        nothing = tf.constant(np.zeros((64, 64), np.float32), name="nothing")
        small = tf.constant(random.normal(0, 1, (SMALLEST // 2 - 1, 2)).astype(np.float32), name="small")
        rest = [tf.reduce_sum(tf.cast(each, tf.float32)) for each in (vector, whole, doubles, infinite, nothing, small)]
        tf.add(twice, tf.add_n(rest), name="final_result")
        tf.matmul(x, tf.constant(np.eye(64, dtype=np.float32), name="unused"), name="unused/product")
    before = nodes_of(graph.as_graph_def())
    done = quantize(graph.as_graph_def(), ["final_result"], mode)
    after = nodes_of(done.graph_def)
    assert done.tensors == 1 and done.where == "shared"
    assert set(before) - set(after) == {"unused", "unused/product"}
    assert [name for name in after if name in before and after[name] != before[name]] == ["shared"]
    assert len(set(after) - set(before)) == (3 if mode == STORED else 0)
    assert len({node.name for node in done.graph_def.node}) == len(done.graph_def.node)
    both = quantize(graph.as_graph_def(), ["final_result", "unused/product"], mode)
    assert both.tensors == 2 and {"final_result", "unused/product"} <= set(nodes_of(both.graph_def))


def test_an_already_quantized_network_is_left_as_it_is():
    graph_def = frozen_graph.subgraph(mobilenet_graph(0.25, 128, quantized=True), "MobilenetV1/Predictions/Softmax")
    for mode in (ROUNDED, STORED):
        done = quantize(graph_def, ["MobilenetV1/Predictions/Softmax"], mode)
        assert done.tensors == 0 and done.where is None and nodes_of(done.graph_def) == nodes_of(graph_def)


def layer(kind, weights):
    """A graph of one layer with these weights, and the axes of its channels."""
    with tf.Graph().as_default() as graph:
        w = tf.identity(tf.constant(weights, name="weights"), name="weights/read")
        if kind == "conv":
            x, axes = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, weights.shape[2]], name="input"), (3,)
            y = tf.nn.conv2d(x, w, 1, "SAME")
        elif kind == "depthwise":
            x, axes = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, weights.shape[2]], name="input"), (2, 3)
            y = tf.nn.depthwise_conv2d(x, w, [1, 1, 1, 1], "SAME")
        else:
            turned = kind == "transposed product"
            x = tf.compat.v1.placeholder(tf.float32, [None, weights.shape[1 if turned else 0]], name="input")
            axes, y = ((0,) if turned else (1,)), tf.linalg.matmul(x, w, transpose_b=turned)
        tf.identity(y, name="final_result")
    return graph.as_graph_def(), axes


LAYERS = {"conv": (3, 3, 16, 20), "depthwise": (5, 5, 32, 2), "product": (50, 40), "transposed product": (40, 50)}


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("mode", [ROUNDED, STORED])
def test_channels_of_very_different_ranges_are_rounded_separately(kind, mode):
    """Like weights with batch norms multiplied in: with one range per tensor, small channels would be lost."""
    weights = np.random.default_rng(3).normal(0, 1, LAYERS[kind]).astype(np.float32)
    _, axes = layer(kind, weights)
    others = tuple(axis for axis in range(weights.ndim) if axis not in axes)
    channels = weights.max(axis=others, keepdims=True).shape
    factors = np.geomspace(1, 1 / 50, int(np.prod(channels))).reshape(channels)
    weights = (weights * factors).astype(np.float32)
    done = quantize(layer(kind, weights)[0], ["final_result"], mode)
    (became,) = evaluate(done.graph_def, "weights/read")
    assert done.by_channel and np.abs(became - weights).max() == pytest.approx(done.largest_error, rel=1e-3)
    widths = np.ptp(weights, axis=others, keepdims=True)
    # Halved steps may be twice as coarse, and all channels share the number of levels below zero.
    assert (np.abs(became - weights) / widths).max() < 1 / 60
    if mode == ROUNDED:
        shares = [len(np.unique(np.abs(np.frexp(part)[0]))) for part in np.moveaxis(became, axes[0], 0)]
        assert max(shares) <= 256 and len(np.unique(np.abs(np.frexp(became)[0]))) <= 256


@settings(max_examples=25)
@given(st.data())
def test_zero_stays_zero_and_the_sum_of_a_channel_stays(data):
    seed = data.draw(st.integers(0, 2**32 - 1))
    random = np.random.default_rng(seed)
    low, high = data.draw(st.sampled_from([(-1, 1), (0, 1), (-1, 0), (-0.001, 7), (0.5, 0.6), (-2e-30, 1e-30)]))
    weights = random.uniform(low, high, (random.integers(32, 200), random.integers(32, 60))).astype(np.float32)
    weights[random.random(weights.shape) < 0.2] = 0
    graph_def, _ = layer("product", weights)
    rounded, stored = (
        evaluate(quantize(graph_def, ["final_result"], mode).graph_def, "weights")[0] for mode in (ROUNDED, STORED)
    )
    step = (weights.max() - min(0, weights.min())) / 255 if weights.max() > 0 else -weights.min() / 255
    assert not rounded[weights == 0].any() and not stored[weights == 0].any()
    assert np.abs(rounded - weights).max() <= 1.01 * step
    assert np.abs(rounded.sum(axis=0, dtype=float) - weights.sum(axis=0, dtype=float)).max() <= 0.52 * step
    assert len(np.unique(rounded)) <= 256
    assert np.abs(rounded - stored).max() <= 1e-6 * np.abs(weights).max()


def test_tensors_with_few_values_stay_as_they_are():
    weights = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(np.float32)
    for mode in (ROUNDED, STORED):
        (became,) = evaluate(quantize(layer("product", weights)[0], ["final_result"], mode).graph_def, "weights")
        assert np.abs(became - weights).max() < 1e-6


def test_damaged_graphs_are_reported():
    graph_def, _ = layer("product", np.ones((64, 64), np.float32))
    del nodes_of(graph_def)["weights"].attr["value"].tensor.tensor_shape.dim[0]
    with pytest.raises(UserError, match="constant weights is damaged"):
        quantize(graph_def, ["final_result"], ROUNDED)
    without = type(graph_def)(node=[node for node in graph_def.node if node.name != "weights"])
    with pytest.raises(UserError, match="lacks the node weights"):
        quantize(without, ["final_result"], ROUNDED)


WRONG = {
    "a mode of the original": (lambda place: ["--mode=eightbit"], "use python -m scripts.export --format=tflite"),
    "an unknown mode": (lambda place: ["--mode=weight"], "did you mean weights?"),
    "a stray word": (lambda place: ["tf_files/graph.pb"], "this command takes flags only"),
    "too many bits": (lambda place: ["--bitdepth=16"], "bitdepth"),
    "no input": (lambda place: ["--input=nope.pb"], "nope.pb does not exist"),
    "cut short": (lambda place: [f"--input={cut(place)}"], "cut.pb"),
    "part of a SavedModel": (lambda place: [f"--input={saved_model(place)}"], "part of a SavedModel"),
    "no such node": (lambda place: ["--output_node_names=final_resul"], "(similar names: final_result"),
    "no nodes": (lambda place: ["--output_node_names= ,"], "--output_node_names is empty"),
    "output is a folder": (lambda place: [f"--output={place}"], "it is a folder"),
    "output below a file": (lambda place: [f"--output={saved_model(place)}/graph.pb"], "cannot write"),
    "output is the record": (lambda place: [f"--output={place / 'new.json'}"], "give a name that ends in .pb"),
}


def cut(place):
    (place / "cut.pb").write_bytes(mobilenet_graph(0.25, 128).SerializeToString()[:100_000])
    return place / "cut.pb"


def saved_model(place):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    whole = SavedModel(saved_model_schema_version=1)
    whole.meta_graphs.add().meta_info_def.tags.append("serve")
    (place / "saved_model.pb").write_bytes(whole.SerializeToString())
    return place / "saved_model.pb"


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_reported_in_one_line(retrained, workplace, case):
    words, says = WRONG[case]
    given_words = words(workplace.folder)
    there = sorted(workplace.folder.iterdir())
    base = [f"--input={retrained / 'retrained_graph.pb'}", f"--output={workplace / 'new_graph.pb'}"]
    done = workplace.run("quantize_graph", *base, *given_words)
    assert done.returncode == 1 and "written" not in done.stdout
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr
    assert sorted(workplace.folder.iterdir()) == there


def test_real_flowers_get_the_same_labels(real_data, workplace):
    shutil.copytree(real_data / "models", workplace / "models")
    done = workplace.retrain(
        real_data / "flower_photos", "--architecture=mobilenet_0.25_128", "--how_many_training_steps=1000"
    )
    assert done.returncode == 0, done.stderr
    graph, photos = workplace / "retrained_graph.pb", sorted((real_data / "flower_photos").glob("*/*.jpg"))[::2]
    before = scores(graph, photos)
    # With batch norms multiplied into the weights, as tools that prepare graphs for phones do.
    plain = frozen_graph.read(graph)
    folded = folding.fold_scales_into_convolutions(folding.fold_constants(plain, "final_result"))
    for graph_def, mode, share in ((plain, ROUNDED, 0.95), (plain, STORED, 0.95), (folded, STORED, 0.95)):
        quantized = weight_quantization.quantize(graph_def, ["final_result"], mode)
        assert quantized.by_channel == (graph_def is folded)
        frozen_graph.write(quantized.graph_def, workplace / "quantized_graph.pb")
        shutil.copy(workplace / "retrained_labels.txt", workplace / "quantized_labels.txt")
        after = scores(workplace / "quantized_graph.pb", photos)
        assert (after.argmax(axis=1) == before.argmax(axis=1)).mean() >= share
