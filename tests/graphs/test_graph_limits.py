"""Graphs of a few kB do not fill the memory, by whatever they ask for."""

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.framework.graph_pb2 import GraphDef
from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

from scripts.classifier.backbones import table
from scripts.classifier.backbones.choices import Choices
from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import folding, frozen_graph, graph_limits
from scripts.classifier.photos.preprocessing import Overrides
from tests.support import hub_modules

FED = Overrides(8, 8, 127.5, 127.5)


def network(compute) -> GraphDef:
    with tf.Graph().as_default() as graph:
        entry = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        tf.nn.softmax(compute(tf.reduce_mean(entry, [1, 2])), name="final_result")
    return graph.as_graph_def()


def repeated(shape) -> GraphDef:
    """A constant of this shape that holds one value, in a network that also adds up its values."""
    graph_def = network(lambda x: x + tf.reduce_sum(tf.constant([[5.0]], name="splat")))
    splat = next(node for node in graph_def.node if node.name == "splat")
    splat.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(5.0, shape=shape))
    return graph_def


def opened(graph_def, path):
    frozen_graph.write(graph_def, path)
    return kinds.open_model(path, Wishes(FED))


def test_a_value_repeated_without_end_is_refused(tmp_path):
    assert opened(repeated([100, 100]), tmp_path / "g.pb").outputs == 3
    with pytest.raises(UserError, match="unpack to more than 64 MB") as refused:
        opened(repeated([100_000, 100_000]), tmp_path / "g.pb")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.fill([10**6, 10**6], 1.0),
        lambda: tf.tile(tf.ones([10, 10]), [10**5, 10**5]),
        lambda: tf.broadcast_to(tf.ones([10, 1]), [10, 10**11]),
        lambda: tf.zeros_like(tf.fill([10**6, 10**6], 1.0)),
    ],
    ids=["fill", "tile", "broadcast", "like"],
)
def test_what_is_computed_from_constants_is_bounded(tmp_path, make):
    graph_def = network(lambda x: x + tf.reduce_sum(make()))
    with pytest.raises(UserError, match="GB of values at once, more than half") as refused:
        opened(graph_def, tmp_path / "g.pb")
    assert "\n" not in str(refused.value)
    with pytest.raises(UserError, match="GB of values at once, more than half"):
        folding.fold_constants(graph_def, "final_result")


def test_what_the_functions_of_a_saved_model_compute_is_bounded(tmp_path):
    module = tf.Module()

    def scores(pictures, side):
        return tf.nn.softmax(tf.reduce_mean(pictures, [1, 2]) + tf.reduce_sum(tf.fill([side, side], 1.0)))

    for side in (10, 10**6):
        spec = tf.TensorSpec([None, 8, 8, 3], tf.float32)
        serve = tf.function(lambda pictures, side=side: {"scores": scores(pictures, side)}, input_signature=[spec])
        tf.saved_model.save(module, str(tmp_path / str(side)), signatures={"serving_default": serve})
    assert kinds.open_model(tmp_path / "10", Wishes(FED)).outputs == 3
    with pytest.raises(UserError, match="GB of values at once, more than half"):
        kinds.open_model(tmp_path / str(10**6), Wishes(FED))


def calling(levels: int, times: int) -> GraphDef:
    """Functions that each call the one before, so many times."""
    graph_def = GraphDef()
    for level in range(levels):
        function = graph_def.library.function.add()
        function.signature.name = f"f{level}"
        function.signature.input_arg.add(name="x", type=tf.float32.as_datatype_enum)
        function.signature.output_arg.add(name="y", type=tf.float32.as_datatype_enum)
        last = "x"
        for at in range(times):
            node = function.node_def.add(name=f"n{at}", input=[last])
            node.op = f"f{level - 1}" if level else "Identity"
            if not level:
                node.attr["T"].type = tf.float32.as_datatype_enum
            last = f"n{at}:{'y' if level else 'output'}:0"
        function.ret["y"] = last
    graph_def.node.add(name="x", op="Placeholder").attr["dtype"].type = tf.float32.as_datatype_enum
    graph_def.node.add(name="y", op=f"f{levels - 1}", input=["x"])
    return graph_def


def test_functions_grow_into_no_endless_network():
    graph_limits.refuse_inflated(calling(10, 2), "it")
    with tf.Graph().as_default() as graph, tf.compat.v1.Session(graph=graph) as session:
        (given,) = tf.graph_util.import_graph_def(calling(100, 1), return_elements=["y:0"], name="")
        assert session.run(given, {"x:0": np.float32(3)}) == 3  # as deep as is allowed
    graph_limits.refuse_inflated(calling(100, 1), "it")
    with pytest.raises(UserError, match=r"grows to \d+,\d+,\d+ operations"):
        graph_limits.refuse_inflated(calling(25, 2), "it")
    with pytest.raises(UserError, match="more than 100 deep, or themselves"):
        graph_limits.refuse_inflated(calling(101, 1), "it")
    endless = calling(3, 1)
    endless.library.function[0].node_def[0].op = "f2"
    with pytest.raises(UserError, match="more than 100 deep, or themselves"):
        graph_limits.refuse_inflated(endless, "it")


def test_saved_models_have_the_same_limits(tmp_path):
    folder = hub_modules.today(tmp_path / "module")
    file = folder / "saved_model.pb"
    saved = SavedModel.FromString(file.read_bytes())
    saved.meta_graphs[0].graph_def.library.function.extend(calling(25, 2).library.function)
    file.write_bytes(saved.SerializeToString())
    with pytest.raises(UserError, match=r"grows to \d+,\d+,\d+ operations"):
        kinds.open_model(folder, Wishes(FED))
    with pytest.raises(UserError, match=r"grows to \d+,\d+,\d+ operations"):
        table.load(str(folder), tmp_path / "models", Choices())


def restoring(folder, path: str | None):
    """A SavedModel of TensorFlow 1 that restores from its own checkpoint, or from `path`."""
    v1 = tf.compat.v1
    with tf.Graph().as_default(), v1.Session() as session:
        entry = v1.placeholder(tf.float32, [None, 8, 8, 3])
        weights = v1.get_variable("w", [3, 4], use_resource=False)
        scores = tf.nn.softmax(tf.reduce_mean(entry, [1, 2]) @ weights)
        session.run(v1.global_variables_initializer())
        signature = v1.saved_model.predict_signature_def({"pictures": entry}, {"scores": scores})
        builder = v1.saved_model.Builder(str(folder))
        builder.add_meta_graph_and_variables(session, ["serve"], {"serving_default": signature})
        builder.save()
    if path is not None:
        file = folder / "saved_model.pb"
        saved = SavedModel.FromString(file.read_bytes())
        nodes = saved.meta_graphs[0].graph_def.node
        nodes.append(frozen_graph.constant("elsewhere", np.array(path.encode(), object)))
        next(node for node in nodes if node.op == "RestoreV2").input[0] = "elsewhere"
        file.write_bytes(saved.SerializeToString())
    return folder


def test_weights_are_restored_from_no_other_checkpoint(tmp_path):
    sound = restoring(tmp_path / "sound", None)
    assert kinds.open_model(sound, Wishes(FED)).open_runner()(np.ones((1, 8, 8, 3), np.float32))[0].shape == (1, 4)
    other = restoring(tmp_path / "other", str(sound / "variables" / "variables"))
    with pytest.raises(UserError, match="takes weights from a file that it names itself") as refused:
        kinds.open_model(other, Wishes(FED))
    assert "\n" not in str(refused.value)
