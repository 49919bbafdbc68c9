"""The commands that show frozen graphs and count their operations."""

import gzip
import json
import re
import tarfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.classifier.errors import UserError
from scripts.classifier.graphs import costs
from scripts.classifier.training import summaries
from tests.support.published_networks import mobilenet_graph
from tests.support.workplace import Workplace

# MobileNet at 128 pixels and a quarter of the width: 14 million multiply-adds, according to its paper.
MOBILENET = {
    "Conv2D": (15, 452_696, 12_151_040),
    "DepthwiseConv2dNative": (13, 11_160, 1_419_264),
    "AvgPool": (1, 0, 4_096),
}


@pytest.fixture(scope="module")
def tools(tmp_path_factory) -> Workplace:
    """A folder that holds a MobileNet."""
    place = Workplace(tmp_path_factory.mktemp("graph_tools"))
    (place / "graph.pb").write_bytes(mobilenet_graph(0.25, 128).SerializeToString())
    return place


def small_graph(nodes: int = 3):
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 5], name="input")
        for number in range(nodes - 1):
            x = tf.nn.relu(x, name=f"relu_{number}")
    return graph.as_graph_def()


def shown_by_tensorboard(folder: Path):
    events = EventAccumulator(str(folder))
    events.Reload()
    graph_def = tf.compat.v1.GraphDef()
    graph_def.ParseFromString(events.Graph().SerializeToString())
    return graph_def, events


def test_graph_pb2tb_writes_what_tensorboard_shows(tools):
    logdir = tools / "my logs"
    logdir.mkdir()
    with tf.summary.create_file_writer(str(logdir)).as_default():
        tf.summary.scalar("accuracy", 0.5, step=1)
    summaries.write_graph(logdir, small_graph())
    done = tools.run("graph_pb2tb", logdir, tools / "graph.pb")
    assert done.returncode == 0, done.stderr
    first, written, command = done.stdout.splitlines()
    assert first == f"reading {tools / 'graph.pb'} ..."
    assert command == f"look at it: tensorboard --logdir '{logdir}'"
    path = Path(re.match(r"written: (.*) \(\d+ nodes of .*graph\.pb, \d+ kB\)$", written).group(1))
    assert path.parent == logdir and path.stat().st_size < (tools / "graph.pb").stat().st_size / 10

    graph_def, events = shown_by_tensorboard(logdir)
    whole = mobilenet_graph(0.25, 128)
    assert [(node.name, node.op) for node in graph_def.node] == [(node.name, node.op) for node in whole.node]
    assert events.Tags()["tensors"] == ["accuracy"]  # from the log that was there before
    assert len(list(logdir.iterdir())) == 2  # the graph of the previous run is replaced
    tensors = {node.name: node.attr["value"].tensor for node in graph_def.node if node.op == "Const"}
    last = tensors["MobilenetV1/Logits/Conv2d_1c_1x1/weights"]
    assert [dim.size for dim in last.tensor_shape.dim] == [1, 1, 256, 1001] and last.ByteSize() < 100
    assert tf.make_ndarray(tensors["Reshape/shape"]).tolist() == [1, 1001]


def test_large_constants_of_every_type_are_left_out(tmp_path):
    with tf.Graph().as_default() as graph:
        for kind in (np.float32, np.int32, np.uint8, np.bool_, np.str_):
            tf.constant(np.arange(1000).astype(kind), name=np.dtype(kind).name)
        tf.constant(np.linspace(0, 1, 64), name="small")
    summaries.write_graph(tmp_path, graph.as_graph_def())
    nodes = shown_by_tensorboard(tmp_path)[0].node
    sizes = {node.name: node.attr["value"].tensor.ByteSize() for node in nodes}
    assert sizes.pop("small") > 64 * 8 and len(sizes) == 5 and max(sizes.values()) < 20


@pytest.mark.parametrize(
    "words, says",
    [
        (["nope.pb"], "nope.pb does not exist"),
        (["{graph}", "logs"], "graph.pb is a file, expected a log folder: give the folder first"),
        (["logs", "{graph}", "more"], "expected LOGDIR, GRAPH, found logs"),
        (["--graph={graph}", "logs", "more"], "expected LOGDIR, found logs more"),
    ],
)
def test_graph_pb2tb_reports_mistakes_in_one_line(tools, words, says):
    done = tools.run("graph_pb2tb", *[word.format(graph=tools / "graph.pb") for word in words])
    assert done.returncode == 1 and "written" not in done.stdout
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr


def test_a_saved_model_and_a_folder_that_cannot_be_written(tools):
    tf.saved_model.save(tf.Module(), str(tools / "saved"))
    done = tools.run("graph_pb2tb", f"--logdir={tools / 'none'}", tools / "saved" / "saved_model.pb")
    assert done.returncode == 1 and "SavedModel" in done.stderr and done.stderr.count("\n") == 1
    assert not (tools / "none").exists()
    with pytest.raises(UserError, match=r"^cannot write /proc/logs/.*$"):
        summaries.write_graph(Path("/proc/logs"), small_graph())


def test_count_ops_prints_a_table(tools):
    done = tools.run("count_ops", tools / "graph.pb")
    assert done.returncode == 0, done.stderr
    first, *lines = done.stdout.splitlines()
    assert first == f"counting the ops of {tools / 'graph.pb'} ..."
    total = len(mobilenet_graph(0.25, 128).node)
    assert lines[0] == f"{tools / 'graph.pb'}: {total:,} ops"
    table = [line.replace(",", "").split() for line in lines[3 : lines.index("", 3)]]
    rows = {kind: amounts for kind, *amounts in table}
    for kind, counts in MOBILENET.items():
        assert rows[kind] == [str(count) if count else "-" for count in counts]
    assert rows["total"] == [str(total), "469328", "13574400"]
    assert sum(int(ops) for kind, (ops, *_) in rows.items() if kind != "total") == total
    size, zipped = (tools / "graph.pb").stat().st_size, len(gzip.compress((tools / "graph.pb").read_bytes(), 6))
    assert lines[-2:] == [
        "multiply-adds are for one picture: input [1, 128, 128, 3]",
        f"file: {size:,} bytes; with gzip {zipped:,}",
    ]


def test_count_ops_says_what_it_does_not_know_in_json_too(tools):
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, None, None, 3], name="input")
        x = tf.nn.conv2d(x, tf.ones([3, 3, 3, 8]), 1, "SAME", name="open")
        x = tf.reduce_mean(tf.nn.conv2d(tf.image.resize(x, [10, 10]), tf.ones([1, 1, 8, 4]), 1, "SAME"), [1, 2])
        tf.matmul(x, tf.ones([4, 2]))
    (tools / "open.pb").write_bytes(graph.as_graph_def().SerializeToString())
    done = tools.run("count_ops", f"--graph={tools / 'open.pb'}", "--json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    kinds = {kind["kind"]: kind for kind in record["kinds"]}
    assert kinds["Conv2D"]["multiply_adds"] is None and kinds["Conv2D"]["unknown"] == ["open"]
    assert kinds["MatMul"]["multiply_adds"] == 8 and kinds["Mean"]["multiply_adds"] == 400
    assert record["multiply_adds"] is None and record["parameters"] == 216 + 32 + 8
    assert record["inputs"] == {"input": [1, None, None, 3]} and record["ops"] == len(graph.as_graph_def().node)
    text = tools.run("count_ops", tools / "open.pb").stdout
    assert re.search(r"^Conv2D +2 +248 +at least 3,200$", text, re.M) and "unknown for 1 op whose" in text
    assert re.search(r"^total .* at least 3,608$", text, re.M) and "input [1, ?, ?, 3]" in text


def test_count_ops_refuses_bad_files(tools):
    whole = (tools / "graph.pb").read_bytes()
    (tools / "cut.pb").write_bytes(whole[: len(whole) // 2])
    for words, says in (
        (["nope.pb"], "nope.pb does not exist"),
        ([tools / "cut.pb"], "cut short"),
        ([tools / "graph.pb", tools / "cut.pb"], "expected one graph"),
    ):
        done = tools.run("count_ops", *words)
        assert (
            done.returncode == 1 and "total" not in done.stdout and done.stderr.count("\n") == 1 and says in done.stderr
        )


def measured(build) -> costs.Statistics:
    with tf.Graph().as_default() as graph:
        build(tf.compat.v1)
    return costs.measure(graph.as_graph_def(), Path("graph.pb"))


def image(v1, *shape):
    return v1.placeholder(tf.float32, shape, name="input")


# Worked out by hand: the number of outputs times the number of products in each.
BY_HAND = {
    "any batch": (lambda v1: tf.nn.conv2d(image(v1, None, 8, 8, 3), tf.ones([3, 3, 3, 4]), 2, "SAME"), 4 * 4 * 4 * 27),
    "groups": (lambda v1: tf.nn.conv2d(image(v1, 1, 8, 8, 6), tf.ones([3, 3, 2, 9]), 1, "VALID"), 6 * 6 * 9 * 18),
    "channels first": (
        lambda v1: v1.nn.conv2d(image(v1, 1, 3, 8, 8), tf.ones([3, 3, 3, 4]), [1, 1, 2, 2], "SAME", data_format="NCHW"),
        4 * 4 * 4 * 27,
    ),
    "depthwise": (
        lambda v1: tf.nn.depthwise_conv2d(image(v1, 1, 8, 8, 3), tf.ones([3, 3, 3, 2]), [1, 1, 1, 1], "SAME"),
        8 * 8 * 6 * 9,
    ),
    "transposed": (
        lambda v1: tf.nn.conv2d_transpose(image(v1, 1, 4, 4, 3), tf.ones([3, 3, 5, 3]), [1, 8, 8, 5], 2, "SAME"),
        4 * 4 * 3 * 3 * 3 * 5,
    ),
    "3 dimensions": (
        lambda v1: tf.nn.conv3d(image(v1, 1, 4, 4, 4, 3), tf.ones([3, 3, 3, 3, 2]), [1] * 5, "SAME"),
        64 * 2 * 81,
    ),
    "transposed matrix": (lambda v1: tf.matmul(image(v1, 7, 1), tf.ones([7, 5]), transpose_a=True), 7 * 5),
    "many matrices": (lambda v1: tf.matmul(image(v1, None, 2, 3, 4), tf.ones([1, 2, 4, 5])), 2 * 3 * 5 * 4),
    "pools": (
        lambda v1: tf.nn.max_pool2d(tf.nn.avg_pool2d(image(v1, 1, 8, 8, 3), 2, 2, "SAME"), 2, 2, "SAME"),
        4 * 4 * 3 * 4,
    ),
    "elementwise operations": (lambda v1: tf.nn.softmax(tf.nn.relu(tf.nn.bias_add(image(v1, 1, 9), tf.ones([9])))), 0),
}


@pytest.mark.parametrize("case", BY_HAND)
def test_multiply_adds_are_as_worked_out_by_hand(case):
    build, expected = BY_HAND[case]
    statistics = measured(build)
    assert (statistics.multiply_adds, statistics.unknown) == (expected, ())


def _loop(v1):
    tf.while_loop(lambda n, x: n < 5, lambda n, x: (n + 1, tf.matmul(x, tf.ones([3, 3]))), [0, image(v1, 1, 3)])


UNKNOWN = {
    "loop": _loop,
    "function": lambda v1: tf.function(lambda x: tf.matmul(x, tf.ones([3, 2])))(image(v1, 1, 3)),
    "another product": lambda v1: tf.einsum("ab,bc->ac", image(v1, 1, 3), tf.ones([3, 2])),
    "no shape at all": lambda v1: tf.nn.conv2d(v1.placeholder(tf.float32), tf.ones([3, 3, 3, 4]), 1, "SAME"),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_what_cannot_be_counted_is_unknown_not_zero(case):
    assert measured(UNKNOWN[case]).unknown


def test_parameters_are_counted_once_for_the_op_that_takes_them():
    def build(v1):
        weights = tf.identity(tf.constant(np.ones((6, 4), np.float32)))
        x = image(v1, None, 6)
        tf.matmul(x, weights) + tf.matmul(x, weights) + tf.constant([1.0, 2.0, 3.0, 4.0])
        tf.reshape(x * tf.constant(2.0), tf.constant([3, 2]))
        tf.bitcast(tf.constant(np.ones((5, 5), np.uint8)), tf.quint8)
        tf.quantization.dequantize(tf.constant(np.ones((6, 2)), tf.quint8), 0.0, 1.0)

    statistics = measured(build)
    parameters = {kind.name: kind.parameters for kind in statistics.kinds if kind.parameters}
    assert parameters == {"MatMul": 24, "AddV2": 4, "Bitcast": 25, "Dequantize": 12}
    assert statistics.parameters == 65


def test_a_graph_for_several_pictures_says_so():
    statistics = measured(lambda v1: tf.nn.conv2d(image(v1, 8, 4, 4, 3), tf.ones([1, 1, 3, 2]), 1, "SAME"))
    assert statistics.pictures == 8 and statistics.multiply_adds == 8 * 16 * 6
    assert measured(lambda v1: image(v1, None, 4, 4, 3)).pictures == 1


def test_ops_that_tensorflow_does_not_know_are_a_clear_error():
    graph_def = small_graph()
    graph_def.node[1].op = "NeverHeardOf"
    with pytest.raises(UserError, match=r"^odd\.pb is not a graph that TensorFlow .* can import: .*NeverHeardOf"):
        costs.measure(graph_def, Path("odd.pb"))


@pytest.mark.parametrize("size, parameters, multiply_adds", [(128, 475_801, 13_574_400), (224, 475_801, 41_043_072)])
def test_published_mobilenets_have_the_published_figures(real_data, size, parameters, multiply_adds):
    """0.47 million parameters; 14 and 41 million multiply-adds."""
    name = f"mobilenet_v1_0.25_{size}"
    with tarfile.open(real_data / "models" / f"{name}_frozen.tgz") as tar:
        graph_def = tf.compat.v1.GraphDef()
        graph_def.ParseFromString(tar.extractfile(f"{name}/frozen_graph.pb").read())
    statistics = costs.measure(graph_def, Path(name))
    assert (statistics.parameters, statistics.multiply_adds, statistics.unknown) == (parameters, multiply_adds, ())
