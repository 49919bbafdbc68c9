"""Graphs from TensorFlow for Poets, its ancestor and hub's retrain.py still label photos."""

import csv
import io

import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.errors import UserError
from scripts.classifier.graphs import batch_lifting, frozen_graph, interface, old_ops
from scripts.classifier.graphs.interface import Interface
from scripts.classifier.photos import pixels
from tests.support import old_graphs
from tests.support.old_graphs import LABELS, SIZE, OldGraph
from tests.support.workplace import Workplace, draw_folder, draw_shape

POETS = Interface("input", SIZE, SIZE, 128, 128, "final_result", "MobilenetV1/Predictions/Reshape", 3)
ANCESTOR = Interface("Mul", 299, 299, 128, 128, "final_result", "pool_3/_reshape", 3)
HUB = Interface(
    "Placeholder", SIZE, SIZE, 0, 255, "final_result", "module_apply_default/MobilenetV1/Logits/SpatialSqueeze", 3
)
ONE_BY_ONE = Interface("input", SIZE, SIZE, 128, 128, "final_result")
EIGHT_BITS = Interface("input", SIZE, SIZE, 128, 128, "final_result", "flat", 3)


def scores(graph_def, known: Interface, pictures: np.ndarray, fetch: str | None = None) -> np.ndarray:
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.graph_util.import_graph_def(graph_def, name="")
        return session.run(f"{fetch or known.output_layer}:0", {f"{known.input_layer}:0": pictures})


def blots(known: Interface, each: int = 2) -> np.ndarray:
    """Pictures of LABELS, the same number of each."""
    squares = []
    for label in LABELS:
        for seed in range(each):
            file = io.BytesIO()
            draw_shape(label, seed).save(file, "PNG")
            squares.append(pixels.decode(file.getvalue(), known.input_height, known.input_width))
    return pixels.normalise(np.stack(squares), known.input_mean, known.input_std)


def lifted_graph(graph_def, known: Interface, **options) -> batch_lifting.Lifted:
    return batch_lifting.lift_batch(graph_def, known.input_layer, known.output_layer, **options)


@pytest.mark.parametrize(
    ("graph_def", "expected", "why_not"),
    [
        pytest.param(old_graphs.ancestor(), ANCESTOR, None, id="2016"),
        pytest.param(old_graphs.ancestor(scaled=False), ANCESTOR, None, id="2016, not scaled"),
        pytest.param(old_graphs.ancestor(producer=0), ANCESTOR, None, id="2016, version lost"),
        pytest.param(old_graphs.ancestor(producer=21), ANCESTOR, None, id="2016, rewritten later"),
        pytest.param(old_graphs.poets_mobilenet(), POETS, None, id="Poets"),
        pytest.param(old_graphs.poets_mobilenet(batch=None), POETS, None, id="Poets, any batch but in the Reshape"),
        pytest.param(old_graphs.hub("placeholder"), HUB, None, id="hub"),
        pytest.param(old_graphs.hub("constant"), HUB, None, id="hub, dropping always"),
        pytest.param(old_graphs.hub("default"), HUB, None, id="hub, dropping by default"),
        pytest.param(old_graphs.hub("placeholder", "rate"), HUB, None, id="hub, later dropout"),
        pytest.param(old_graphs.hub("default", "rate"), HUB, None, id="hub, later dropout by default"),
        pytest.param(old_graphs.hub("constant", "branch"), HUB, None, id="hub, a branch for training"),
        pytest.param(old_graphs.eight_bit_scores(), POETS, None, id="scores in eight bits and back"),
        pytest.param(old_graphs.eight_bits(measured=False), EIGHT_BITS, None, id="eight bits"),
        pytest.param(
            old_graphs.eight_bits(measured=True),
            EIGHT_BITS,
            "its node conv/reshape reshapes to [-1]",
            id="eight bits, ranges of what comes",
        ),
        pytest.param(
            old_graphs.one_by_one(),
            ONE_BY_ONE,
            "its node column reshapes to [6, 1]",
            id="a column as bottleneck",
        ),
    ],
)
def test_an_old_graph_is_understood_and_keeps_its_scores(graph_def, expected, why_not):
    before = graph_def.SerializeToString()
    modern = old_ops.modernise(graph_def)
    assert interface.find(modern) == expected
    lifted = lifted_graph(modern, expected)
    assert (lifted.batched, lifted.why_not) == (why_not is None, why_not)
    pictures = blots(expected)
    alone = np.concatenate([scores(modern, expected, picture[None]) for picture in pictures])
    assert alone.argmax(1).tolist() == [0, 0, 1, 1, 2, 2]
    if lifted.batched:
        assert np.abs(scores(lifted.graph_def, expected, pictures) - alone).max() < 1e-5
        if expected.bottleneck:
            assert scores(lifted.graph_def, expected, pictures, expected.bottleneck).shape[0] == 6
    else:
        assert np.abs(scores(lifted.graph_def, expected, pictures[:1]) - alone[:1]).max() < 1e-5
    assert graph_def.SerializeToString() == before


@pytest.mark.parametrize("scaled", [True, False])
def test_old_batch_norms_keep_their_values(scaled):
    """TensorFlow still runs them in graphs of a version that had them."""
    graph_def = old_graphs.ancestor(producer=8, scaled=scaled)
    modern = old_ops.modernise(graph_def)
    pictures = blots(ANCESTOR, each=1)[:1]
    for node in ("conv/batchnorm", "mixed/tower/conv", "pool_3/_reshape"):
        was, became = (scores(graph, ANCESTOR, pictures, node) for graph in (graph_def, modern))
        assert was.std() > 0.05 and np.abs(was - became).max() < 1e-5
    assert not {node.op for node in modern.node} & {"BatchNormWithGlobalNormalization", "Concat", "CheckNumerics"}
    with pytest.raises(tf.errors.UnimplementedError, match="not available in GraphDef version 21"):
        scores(old_graphs.ancestor(producer=21), ANCESTOR, pictures)


def test_an_old_batch_norm_on_computed_values_keeps_its_values():
    """With eight-bit weights, its inputs are not constants."""
    graph = OldGraph(8)
    graph.placeholder("x", [1, 2, 2, 3])
    parts = {"moving_mean": [0.1, 0.2, 0.3], "moving_variance": [1, 2, 3], "beta": [3, 2, 1], "gamma": [0.5, 1, 2]}
    inputs = [graph.on_floats(f"{part}/abs", "Abs", graph.constant(part, values)) for part, values in parts.items()]
    graph.on_floats(
        "norm", "BatchNormWithGlobalNormalization", "x", *inputs, variance_epsilon=0.001, scale_after_normalization=True
    )
    x = np.random.default_rng(0).normal(size=(1, 2, 2, 3)).astype(np.float32)
    known = Interface(input_layer="x", output_layer="norm")
    modern = old_ops.modernise(graph.graph_def)
    modern.versions.producer = 1000
    assert np.abs(scores(modern, known, x) - scores(graph.graph_def, known, x)).max() < 1e-6


def test_what_binds_a_graph_to_its_machine_is_dropped():
    graph_def = old_graphs.poets_mobilenet()
    conv = next(node for node in graph_def.node if node.op == "Conv2D")
    conv.device = "/job:worker/device:GPU:7"
    conv.attr["_class"].list.s.append(b"loc:@somewhere")
    conv.attr["of_another_tensorflow"].b = True
    modern = old_ops.modernise(graph_def)
    assert scores(modern, POETS, blots(POETS, each=1)[1:2]).argmax() == 1


def with_ending(*nodes: tuple[str, str]) -> OldGraph:
    """poets_mobilenet with these nodes (name, input) after its scores, which are renamed to the first node's input."""
    graph = OldGraph(22)
    graph.graph_def.CopyFrom(old_graphs.poets_mobilenet())
    graph.graph_def.node[-1].name = nodes[0][1]
    for name, source in nodes:
        graph.on_floats(name, "Identity", source)
    return graph


@pytest.mark.parametrize(
    ("graph_def", "output"),
    [
        pytest.param(with_ending(("answer", "my_scores")).graph_def, "my_scores", id="renamed"),
        pytest.param(with_ending(("other", "import/final_result")).graph_def, "import/final_result", id="imported"),
        pytest.param(old_graphs.eight_bit_scores("QuantizeV2"), "final_result/float", id="ends in eight bits"),
    ],
)
def test_the_output_is_found_whatever_its_name(graph_def, output):
    assert interface.find(old_ops.modernise(graph_def)).output_layer == output


def test_what_is_ambiguous_is_not_guessed():
    two_ends = with_ending(("a", "scores"))
    two_ends.on_floats("more_scores", "Softmax", "final_training_ops/Wx_plus_b/add")
    assert interface.find(two_ends.graph_def).output_layer is None
    named = interface.find(two_ends.graph_def, output_layer="more_scores:0")
    assert (named.output_layer, named.outputs) == ("more_scores", 3)

    two_starts = OldGraph(22)
    for name in ("left", "right"):
        two_starts.placeholder(name, [None, 8, 8, 3])
    two_starts.on_floats("final_result", "Add", "left", "right")
    assert interface.find(two_starts.graph_def) == Interface(output_layer="final_result")
    assert interface.find(two_starts.graph_def, input_layer="right").input_height == 8


@pytest.mark.parametrize(
    ("shape", "name", "expected"),
    [
        pytest.param(None, "input", ("input", None, None, 128, 128), id="no shape"),
        pytest.param([None, None, None, 3], "input", ("input", None, None, 128, 128), id="any size"),
        pytest.param(None, "Mul", ("Mul", 299, 299, 128, 128), id="Inception, cut at Mul"),
        pytest.param([None, 10, 20, 3], "pictures", ("pictures", 10, 20, None, None), id="name says nothing"),
        pytest.param([None, 3, 20, 20], "pictures", (None,) * 5, id="channels first"),
    ],
)
def test_the_input_is_found_among_all_kinds_of_placeholders(shape, name, expected):
    graph = OldGraph(22)
    graph.placeholder(name, shape)
    graph.placeholder("keep_prob", None)
    graph.on_floats("final_result", "Mul", graph.on_floats("relu", "Relu", name), "keep_prob")
    found = interface.find(old_ops.modernise(graph.graph_def))
    assert tuple(vars(found).values())[:5] == expected


@pytest.mark.parametrize(
    ("steps", "kind", "expected"),
    [
        pytest.param([("Sub", 127.5), ("Mul", 1 / 127.5)], tf.float32, ("x", 0, 1), id="of 0..255"),
        pytest.param([("RealDiv", 255.0)], tf.float32, ("x", 0, 1), id="to 0..1"),
        pytest.param([("Mul", 2.0), ("Sub", 1.0)], tf.float32, ("x", 0, 255), id="of 0..1"),
        pytest.param([("Cast", None), ("Sub", 127.5), ("RealDiv", 127.5)], tf.uint8, ("2", 127.5, 127.5), id="bytes"),
        pytest.param([("Cast", None)], tf.uint8, ("0", 0, 1), id="bytes, as they are"),
    ],
)
def test_normalisation_inside_the_graph_is_recognised(steps, kind, expected):
    """The expected range of pixels follows from it."""
    graph = OldGraph(22)
    x = graph.placeholder("x", [None, 9, 9, 3], kind)
    for number, (op, amount) in enumerate(steps):
        if op == "Cast":
            x = graph.add(str(number), "Cast", x, SrcT=kind, DstT=tf.float32)
        else:
            x = graph.on_floats(str(number), op, x, graph.constant(f"{number}/y", amount))
    graph.on_floats("final_result", "Relu", x)
    found = interface.find(graph.graph_def)
    assert (found.input_layer, found.input_mean, found.input_std) == expected
    assert (found.input_height, found.input_width) == (9, 9)


def test_flags_from_old_tutorials_keep_their_meaning():
    """They name the JPEG's bytes or the resized picture."""
    modern = old_ops.modernise(old_graphs.ancestor())
    for layer in ("DecodeJpeg/contents:0", "DecodeJpeg", "Mul:0"):
        assert interface.find(modern, input_layer=layer) == ANCESTOR


def _small(reshape: list[int] | None = None, squeeze: list[int] | None = None, training: bool = False):
    graph = OldGraph(22)
    x = graph.placeholder("input", [1, 4, 4, 3])
    norm = [graph.constant(name, [value] * 3) for name, value in (("g", 1), ("b", 0), ("m", 0), ("v", 1))]
    if training:
        norm[2:] = [graph.constant(name, []) for name in ("no_mean", "no_variance")]
    x = graph.on_floats("norm", "FusedBatchNorm", x, *norm, epsilon=0.01, is_training=training)
    x = graph.pool("AvgPool", "pool", x, 4, 4)
    if squeeze is not None:
        x = graph.on_floats("squeeze", "Squeeze", x, squeeze_dims=squeeze)
    if reshape is not None:
        graph.constant("shape", reshape, np.int32)
        x = graph.add("reshape", "Reshape", x, "shape", T=tf.float32, Tshape=tf.int32)
    graph.on_floats("final_result", "Softmax", x)
    return graph.graph_def


def _without_rows(graph_def):
    graph = OldGraph(22)
    graph.graph_def.CopyFrom(graph_def)
    graph.graph_def.node[-1].name = "rows"
    graph.on_floats("final_result", "Squeeze", "rows")
    return graph.graph_def


@pytest.mark.parametrize(
    ("graph_def", "why_not"),
    [
        pytest.param(_small(reshape=[1, 3]), None, id="to one row"),
        pytest.param(_small(reshape=[1, -1]), None, id="to one row of whatever there is"),
        pytest.param(_small(reshape=[-1, 3]), None, id="for any batch"),
        pytest.param(_small(squeeze=[1, 2]), None, id="squeezed to a row"),
        pytest.param(_small(squeeze=[], reshape=[1, 3]), None, id="squeezed to no row and back"),
        pytest.param(_small(squeeze=[0, 1, 2], reshape=[1, 3]), None, id="squeezed so by name"),
        pytest.param(_without_rows(_small(reshape=[1, 3])), None, id="scores squeezed to no row"),
        pytest.param(
            _without_rows(_small(reshape=[3, 1])), "its node reshape reshapes to [3, 1]", id="a column, squeezed"
        ),
        pytest.param(_small(reshape=[3]), "its node reshape reshapes to [3]", id="no rows"),
        pytest.param(_small(reshape=[3, 1]), "its node reshape reshapes to [3, 1]", id="a column"),
        pytest.param(_small(reshape=[-1, 1]), "its node reshape reshapes to [-1, 1]", id="a column of any height"),
        pytest.param(
            _small(training=True), "its node norm (FusedBatchNorm) is made for one picture", id="norms of the batch"
        ),
    ],
)
def test_only_graphs_that_keep_pictures_apart_are_lifted(graph_def, why_not):
    known = Interface(input_layer="input", output_layer="final_result")
    lifted = lifted_graph(graph_def, known)
    assert (lifted.batched, lifted.why_not) == (why_not is None, why_not)
    pictures = np.random.default_rng(0).uniform(-1, 1, (5, 4, 4, 3)).astype(np.float32)
    alone = np.stack([scores(graph_def, known, picture[None]).reshape(3) for picture in pictures])
    if lifted.batched:
        assert np.abs(scores(lifted.graph_def, known, pictures).reshape(5, 3) - alone).max() < 1e-6
    else:
        given = scores(lifted.graph_def, known, pictures[:1])
        assert given.ndim > 1 and np.abs(given.reshape(3) - alone[0]).max() < 1e-6


def test_a_trial_shows_that_a_graph_mixes_the_pictures_of_a_batch():
    """This graph adds each picture to the next, but its shapes do not show it."""
    graph = OldGraph(22)
    graph.placeholder("input", [1, 4, 4, 3])
    graph.constant("axis", 0, np.int32)
    x = graph.add("sum", "Cumsum", "input", "axis", T=tf.float32, Tidx=tf.int32, exclusive=False, reverse=False)
    x = graph.pool("AvgPool", "pool", x, 4, 4)
    graph.constant("shape", [1, 3], np.int32)
    graph.on_floats("final_result", "Softmax", graph.on_floats("reshape", "Reshape", x, "shape"))
    known = Interface(input_layer="input", output_layer="final_result")
    lifted = lifted_graph(graph.graph_def, known)
    assert (lifted.batched, lifted.why_not) == (False, "two pictures at once get different scores than each alone")
    assert lifted_graph(graph.graph_def, known, try_out=False).batched


def _wants_more(op: str, **attributes):
    graph = OldGraph(22)
    graph.placeholder("input", [1, 4, 4, 3])
    graph.add("more", op, **attributes)
    graph.on_floats("final_result", "Mul", "input", "more")
    return graph.graph_def


@pytest.mark.parametrize(
    ("graph_def", "message"),
    [
        (_wants_more("Placeholder", dtype=tf.float32), "needs a value too"),
        (_wants_more("VariableV2", dtype=tf.float32, shape=tf.TensorShape([])), "is not frozen"),
        (_wants_more("OfAnotherTensorFlow"), "needs the operation OfAnotherTensorFlow"),
        (old_graphs.hub("constant", "branch"), "has no node input that leads to"),
    ],
)
def test_a_graph_that_cannot_run_is_a_one_line_error(graph_def, message):
    with pytest.raises(UserError, match=message) as caught:
        known = Interface(input_layer="input", output_layer="final_result")
        lifted_graph(old_ops.modernise(graph_def), known, origin="old.pb")
    assert str(caught.value).startswith("old.pb") and "\n" not in str(caught.value)


def test_a_graph_of_the_original_is_lifted(real_data):
    graph_def = old_ops.modernise(frozen_graph.read(real_data / "legacy" / "retrained_graph.pb"))
    known = interface.find(graph_def)
    assert known == Interface("input", 128, 128, 128, 128, "final_result", "MobilenetV1/Predictions/Reshape", 6)
    lifted = lifted_graph(graph_def, known)
    photos = sorted((real_data / "flower_photos").glob("*/*.jpg"))[::100]
    pictures = pixels.normalise(np.stack([pixels.decode(photo.read_bytes(), 128, 128) for photo in photos]), 128, 128)
    alone = np.concatenate([scores(graph_def, known, picture[None]) for picture in pictures])
    assert lifted.batched and np.abs(scores(lifted.graph_def, known, pictures) - alone).max() < 1e-5


def label(workplace: Workplace, *words: str) -> tuple[dict[str, str], str]:
    """The best label of each picture, by the picture's name, and what else was printed."""
    done = workplace.label("--csv", "--top_k=1", *words)
    assert done.returncode == 0, done.stderr
    rows = csv.DictReader(done.stdout.splitlines())
    return {row["image"].rpartition("/")[2]: row["label"] for row in rows}, done.stderr


def _with_leftovers():
    """A training graph, which cannot be run."""
    graph_def = old_graphs.poets_mobilenet()
    graph_def.node.add(name="accuracy", op="OfAnotherTensorFlow", input=["final_result", "labels"])
    graph_def.node.add(name="labels", op="Placeholder").attr["dtype"].type = tf.int64.as_datatype_enum
    return graph_def


@pytest.mark.parametrize(
    ("graph_def", "each", "flags", "note"),
    [
        pytest.param(old_graphs.ancestor(), 3, ["--input_layer=DecodeJpeg/contents:0"], None, id="2016"),
        pytest.param(old_graphs.hub(), 3, [], None, id="hub"),
        pytest.param(old_graphs.one_by_one(), 3, [], "one picture at a time", id="one by one"),
        pytest.param(old_graphs.eight_bits(measured=False), 40, [], None, id="eight bits, many photos"),
    ],
)
def test_label_image_takes_old_graphs(workplace, graph_def, each, flags, note):
    old_graphs.write(workplace.folder, graph_def)
    photos = draw_folder(workplace / "photos", LABELS, each)
    labels, said = label(workplace, f"--image={photos}", *flags)
    assert labels == {path.name: path.parent.name for path in photos.glob("*/*")}
    assert (note is None and "one picture" not in said) or note in said


def test_label_image_leaves_out_the_remains_of_training(workplace):
    old_graphs.write(workplace.folder, _with_leftovers())
    draw_shape("red", 5).save(workplace / "red.png")
    assert label(workplace, f"--image={workplace / 'red.png'}")[0] == {"red.png": "red"}


def test_label_image_asks_for_what_it_cannot_find(workplace):
    old_graphs.write(workplace.folder, old_graphs.poets_mobilenet(shape=[None, None, None, 3]))
    draw_shape("green", 5).save(workplace / "green.png")
    image = f"--image={workplace / 'green.png'}"
    done = workplace.label(image)
    assert done.returncode == 1 and "--input_height" in done.stderr and "--input_width" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    labels, _ = label(workplace, image, f"--input_height={SIZE}", f"--input_width={SIZE}")
    assert labels == {"green.png": "green"}


def test_evaluate_takes_old_graphs(workplace):
    graph = old_graphs.write(workplace.folder, old_graphs.ancestor())
    photos = draw_folder(workplace / "photos", LABELS, each=3)
    done = workplace.run("evaluate", f"--graph={graph}", f"--image_dir={photos}")
    assert done.returncode == 0, done.stderr
    assert "100.0" in done.stdout
