"""Models with a few wrong bytes: an answer or one line."""

import io
import random
import zipfile

import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.errors import UserError
from scripts.classifier.formats import classifiers, kinds, tflite
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import frozen_graph, wiring
from scripts.classifier.photos.preprocessing import Overrides


def test_a_graph_that_lacks_a_node_says_which(retrained, tmp_path):
    graph_def = frozen_graph.read(retrained / "retrained_graph.pb")
    needed = graph_def.node[-1].input[0]
    graph_def.node.remove(next(node for node in graph_def.node if node.name == needed))
    (tmp_path / "g.pb").write_bytes(graph_def.SerializeToString())
    done = retrained.run("label_image", f"--graph={tmp_path / 'g.pb'}", f"--image={retrained / 'photos' / 'red'}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert f"needs {needed}, which is missing; get it or train it again" in done.stderr


@pytest.mark.parametrize("port", [":x", ":1:2", ":-1"])
def test_a_graph_without_a_record_may_not_name_its_inputs_anyhow(tmp_path, port):
    with tf.Graph().as_default() as built:
        entry = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        tf.nn.softmax(tf.reduce_mean(entry, [1, 2]), name="final_result")
    graph_def = built.as_graph_def()
    graph_def.node[-1].input[0] += port
    frozen_graph.write(graph_def, tmp_path / "g.pb")
    with pytest.raises(UserError, match=r"needs Mean:.*, which is missing"):
        kinds.open_model(tmp_path / "g.pb", Wishes(Overrides(8, 8, 0.0, 1.0)))


@pytest.mark.parametrize("damage", ["type", "size"])
def test_a_constant_without_its_values_is_named(damage):
    node = frozen_graph.constant("scale", np.ones((3, 4), np.float32))
    if damage == "type":
        node.attr["value"].tensor.dtype = 0
    else:
        node.attr["value"].tensor.tensor_shape.dim[0].size = 5
    with pytest.raises(UserError, match="the network's constant scale is damaged"):
        wiring.value("scale", {"scale": node})


def test_odd_tensors_in_a_litert_model(small_graph, tmp_path):
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    def written(change):
        model = schema.ModelT.InitFromPackedBuf(small_graph.read_bytes(), 0)
        change(model.subgraphs[0])
        builder = flatbuffers.Builder()
        builder.Finish(model.Pack(builder), b"TFL3")
        (tmp_path / "odd.tflite").write_bytes(bytes(builder.Output()))
        return tmp_path / "odd.tflite"

    def without_text(graph):
        graph.tensors[graph.outputs[0]].name = b"\xff"

    def without_place(graph):
        graph.outputs = [-1]

    for change in (without_text, without_place):
        with pytest.raises(UserError, match="is damaged or cut short, so LiteRT cannot read it"):
            tflite.open_model(written(change), Wishes())


def test_a_keras_archive_that_cannot_be_unpacked(tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("config.json", b"{}" * 100)
    data = bytearray(packed.getvalue())
    data[30 + len("config.json")] = 0xFF  # the first byte of what is packed: a kind of block that does not exist
    (tmp_path / "model.keras").write_bytes(data)
    with pytest.raises(UserError, match="is damaged or cut short"):
        kinds.open_model(tmp_path / "model.keras", Wishes())


def test_wrong_bytes_in_a_graph(retrained, tmp_path):
    whole = (retrained / "retrained_graph.pb").read_bytes()
    (tmp_path / "g_labels.txt").write_text("blue\ngreen\nred\n")
    damaged = tmp_path / "g.pb"
    for seed in range(60):
        chance, data = random.Random(seed), bytearray(whole)
        for _ in range(chance.choice([1, 8, 40])):
            data[chance.randrange(len(data))] = chance.choice([0, 255, chance.randrange(256)])
        damaged.write_bytes(data)
        try:
            classifiers.load(damaged, None, Wishes(), None)
        except UserError as error:
            assert "\n" not in str(error)


def test_a_wrong_byte_in_the_record_of_an_onnx_model(retrained, tmp_path, capfd):
    pytest.importorskip("onnxruntime")
    source, damaged = tmp_path / "whole.onnx", tmp_path / "g.onnx"
    done = retrained.run("export", f"--graph={retrained / 'retrained_graph.pb'}", "--format=onnx", f"--output={source}")
    assert done.returncode == 0, done.stderr
    whole = source.read_bytes()
    at = whole.index(b'"preprocessing"')
    damaged.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
    with pytest.raises(UserError, match="is cut short"):
        classifiers.load(damaged, None, Wishes(), None)
    damaged.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError):
        classifiers.load(damaged, None, Wishes(), None)
    assert "EP Error" not in capfd.readouterr().out
