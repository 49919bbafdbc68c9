"""No model from elsewhere reads or writes a file, whatever operations it holds."""

import json
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.backbones import table
from scripts.classifier.backbones.choices import Choices
from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import allowed_ops, frozen_graph, keras_description
from scripts.classifier.photos.preprocessing import Overrides
from tests.support import hub_modules
from tests.support.workplace import draw_shape

FED = Overrides(8, 8, 127.5, 127.5)


def assert_refused(op: str, call) -> str:
    with pytest.raises(UserError, match=f"holds the operation {op} ") as refused:
        call()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def writing(target: Path) -> list:
    """The nodes of a graph that write a file."""
    node = tf.compat.v1.NodeDef(name="evil/write", op="WriteFile", input=["evil/name", "evil/text"])
    named = (("evil/name", str(target)), ("evil/text", "mine"))
    return [*(frozen_graph.constant(name, np.array(text.encode(), object)) for name, text in named), node]


def test_a_graph_with_a_record_writes_no_file(retrained, workplace):
    target, picture = workplace / "written.txt", workplace / "a.png"
    draw_shape("red", 7).save(picture)
    for name in ("retrained_graph.pb", "retrained_labels.txt", "retrained_graph.json"):
        shutil.copy(retrained / name, workplace / name)
    graph_def = frozen_graph.read(workplace / "retrained_graph.pb")
    next(node for node in graph_def.node if node.name == "final_result").input.append("^evil/write")
    graph_def.node.extend(writing(target))
    frozen_graph.write(graph_def, workplace / "retrained_graph.pb")
    for command, *words in (
        ("label_image", f"--graph={workplace / 'retrained_graph.pb'}", str(picture)),
        ("export", f"--graph={workplace / 'retrained_graph.pb'}", f"--output={workplace / 'a.tflite'}"),
        ("quantize_graph", f"--input={workplace / 'retrained_graph.pb'}", f"--output={workplace / 'b.pb'}"),
        ("count_ops", str(workplace / "retrained_graph.pb")),
    ):
        done = workplace.run(command, *words)
        assert done.returncode == 1 and "holds the operation WriteFile (in evil/write)" in done.stderr, done.stderr
        assert done.stderr.count("\n") == 1 and not target.exists()
    done = workplace.run("graph_pb2tb", f"--logdir={workplace / 'logs'}", str(workplace / "retrained_graph.pb"))
    assert done.returncode == 0 and not target.exists()  # it only shows the graph


@pytest.mark.parametrize("as_architecture", [False, True], ids=["classifier", "architecture"])
def test_a_graph_without_a_record_writes_no_file(tmp_path, as_architecture):
    with tf.Graph().as_default() as built:
        entry = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        tf.nn.softmax(tf.reduce_mean(entry, [1, 2]), name="final_result")
    graph_def = built.as_graph_def()
    graph_def.node[-1].input.append("^evil/write")
    graph_def.node.extend(writing(tmp_path / "written.txt"))
    frozen_graph.write(graph_def, tmp_path / "graph.pb")
    if as_architecture:
        assert_refused("WriteFile", lambda: table.load(str(tmp_path / "graph.pb"), tmp_path / "models", Choices()))
    else:
        assert_refused("WriteFile", lambda: kinds.open_model(tmp_path / "graph.pb", Wishes(FED)))
    assert not (tmp_path / "written.txt").exists()


def test_functions_of_a_graph_are_looked_at(tmp_path):
    @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
    def inner(name):
        return tf.io.read_file(name)

    traced = tf.function(lambda: inner(str(tmp_path / "secret.txt"))).get_concrete_function()
    said = assert_refused("ReadFile", lambda: allowed_ops.refuse_others(traced.graph.as_graph_def(), "it"))
    assert " of __inference_inner" in said


def saved(folder: Path, compute, more=lambda module: None) -> Path:
    module = tf.Module()
    module.weights = tf.Variable(tf.ones([3, 4]))
    more(module)
    spec = tf.TensorSpec([None, 8, 8, 3], tf.float32, name="pictures")
    serve = tf.function(
        lambda pictures: {"scores": tf.nn.softmax(compute(tf.reduce_mean(pictures, [1, 2]) @ module.weights))},
        input_signature=[spec],
    )
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return folder


def opened(folder: Path) -> np.ndarray:
    return kinds.open_model(folder, Wishes(FED)).open_runner()(np.ones((1, 8, 8, 3), np.float32))[0]


def test_a_saved_model_writes_no_file_by_its_signature(tmp_path):
    target = tmp_path / "written.txt"

    def compute(x):
        tf.io.write_file(str(target), "mine")
        return x

    folder = saved(tmp_path / "evil", compute)
    assert not target.exists()
    assert_refused("WriteFile", lambda: opened(folder))
    assert_refused("WriteFile", lambda: table.load(str(folder), tmp_path / "models", Choices()))
    assert not target.exists() and not (tmp_path / "models").exists()
    assert opened(saved(tmp_path / "good", lambda x: x)).shape == (1, 4)


def test_a_saved_model_reads_no_file_into_a_backbone(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")

    def compute(x):
        return x + tf.cast(tf.strings.length(tf.io.read_file(str(tmp_path / "secret.txt"))), tf.float32)

    folder = saved(tmp_path / "evil", compute)
    assert_refused("ReadFile", lambda: table.load(str(folder), tmp_path / "models", Choices()))
    assert not (tmp_path / "models").exists()


def test_savers_are_left_to_tensorflow(tmp_path):
    """A SavedModel always holds a function that writes a checkpoint. No signature may call it, or one like it."""

    def compute(x):
        tf.raw_ops.SaveV2(prefix=str(tmp_path / "mine"), tensor_names=["x"], shape_and_slices=[""], tensors=[x])
        return x

    folder = saved(tmp_path / "evil", compute)
    assert_refused("SaveV2", lambda: opened(folder))
    assert not list(tmp_path.glob("mine*"))


def test_loading_a_saved_model_initialises_from_no_file(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb\n")

    def look_up(module):
        module.table = tf.lookup.StaticHashTable(
            tf.lookup.TextFileInitializer(
                str(tmp_path / "words.txt"), tf.string, tf.lookup.TextFileIndex.WHOLE_LINE, tf.int64, -1
            ),
            -1,
        )

    assert_refused("InitializeTableFromTextFileV2", lambda: opened(saved(tmp_path / "evil", lambda x: x, look_up)))

    def constants(module):
        module.table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [1.0]), 0.0)

    assert opened(saved(tmp_path / "good", lambda x: x, constants)).shape == (1, 4)


@pytest.mark.parametrize("where", ["control", "collection", "restore", "variable"])
def test_old_hub_modules_write_no_checkpoint(tmp_path, where):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    folder = hub_modules.of_tensorflow_1(tmp_path / "module")
    file = folder / "saved_model.pb"
    written = SavedModel.FromString(file.read_bytes())
    for meta_graph in written.meta_graphs:
        nodes = meta_graph.graph_def.node
        nodes.extend(writing(tmp_path / "mine")[:2])
        nodes.add(name="evil/save", op="SaveV2", input=["evil/name", "evil/text", "evil/text", "evil/text"])
        nodes[-1].attr["dtypes"].list.type.append(tf.string.as_datatype_enum)
        if where == "control":
            next(node for node in nodes if node.op == "Squeeze").input.append("^evil/save")
        elif where == "variable":
            next(node for node in nodes if node.op == "VariableV2").input.append("^evil/save")
        elif where == "collection":
            meta_graph.collection_def["saved_model_main_op"].node_list.value.append("evil/save")
        else:
            meta_graph.saver_def.restore_op_name = "evil/save"
    file.write_bytes(written.SerializeToString())
    assert_refused("SaveV2", lambda: table.load(str(folder), tmp_path / "models", Choices()))
    assert not list(tmp_path.glob("mine*"))


def operation_layer(node) -> dict:
    """A Keras 2 model with an operation of TensorFlow as a layer, as TensorFlow 2.0 to 2.3 wrote them."""
    entry = {"batch_input_shape": [None, 8, 8, 3], "dtype": "float32", "name": "input"}
    settings = {"name": "op", "trainable": True, "dtype": "float32", "node_def": node, "constants": {"1": 2.0}}
    layers = [
        {"class_name": "InputLayer", "config": entry, "name": "input", "inbound_nodes": []},
        {"class_name": "TensorFlowOpLayer", "config": settings, "name": "op", "inbound_nodes": [[["input", 0, 0, {}]]]},
        {
            "class_name": "GlobalAveragePooling2D",
            "config": {"name": "pool"},
            "name": "pool",
            "inbound_nodes": [[["op", 0, 0, {}]]],
        },
    ]
    config = {"name": "m", "layers": layers, "input_layers": [["input", 0, 0]], "output_layers": [["pool", 0, 0]]}
    return {"class_name": "Functional", "config": config}


def keras_2_file(path: Path, described: dict) -> Path:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["model_config"], file.attrs["keras_version"] = json.dumps(described), "2.4.0"
        group = file.create_group("model_weights")
        group.attrs["layer_names"], group.attrs["keras_version"], group.attrs["backend"] = [], "2.4.0", "tensorflow"
    return path


def test_operations_of_tensorflow_in_keras_layers_are_arithmetic(tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    reads = {"name": "op", "op": "ReadFile", "input": ["input"]}
    path = keras_2_file(tmp_path / "evil.h5", operation_layer(reads))
    assert_refused("ReadFile", lambda: kinds.open_model(path, Wishes(FED)))
    assert_refused("ReadFile", lambda: table.load(str(path), tmp_path / "models", Choices()))
    bytes_of_it = tf.compat.v1.NodeDef(name="op", op="SaveV2").SerializeToString().decode()
    path = keras_2_file(tmp_path / "evil2.h5", operation_layer(bytes_of_it))
    assert_refused("SaveV2", lambda: kinds.open_model(path, Wishes(FED)))
    multiplies = {"name": "op", "op": "Mul", "input": ["input", "two"], "attr": {"T": {"type": "DT_FLOAT"}}}
    path = keras_2_file(tmp_path / "good.h5", operation_layer(multiplies))
    scores = kinds.open_model(path, Wishes(FED)).open_runner()(np.full((1, 8, 8, 3), 0.1, np.float32))[0]
    assert scores.shape == (1, 3)


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"class_name": "TFSMLayer", "config": {"filepath": "x"}}, "needs TFSMLayer, which"),
        ({"module": "keras.layers", "class_name": "TFSMLayer", "config": {}}, "needs TFSMLayer from keras.layers"),
        ({"class_name": "StringLookup", "config": {"vocabulary": "/etc/passwd"}}, "needs StringLookup, which"),
        ({"class_name": "InstanceMethod", "config": {"method_name": "x"}}, "needs InstanceMethod, which"),
        (
            {
                "class_name": "Activation",
                "config": {"activation": {"module": "keras.utils", "class_name": "function", "config": "get_file"}},
            },
            "needs the function get_file from keras.utils",
        ),
        (
            {
                "class_name": "Activation",
                "config": {"activation": {"module": "builtins", "class_name": "function", "config": "exec"}},
            },
            "needs the function exec from builtins",
        ),
    ],
    ids=["TFSMLayer", "TFSMLayer of Keras 3", "StringLookup", "InstanceMethod", "get_file", "exec"],
)
def test_keras_classes_that_do_more_are_refused(tmp_path, layer, said):
    path = keras_2_file(tmp_path / "model.h5", {"class_name": "Sequential", "config": {"layers": [layer]}})
    with pytest.raises(UserError, match=said) as refused:
        kinds.open_model(path, Wishes(FED))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", ["ConvNeXtTiny", "MobileNetV3Small"])
def test_published_networks_name_no_other_classes(name):
    import keras

    described = json.loads(getattr(keras.applications, name)(weights=None).to_json())
    keras_description.refuse_code(described, Path(name))


@pytest.mark.parametrize("how", ["storage", "link"])
@pytest.mark.parametrize("ending", ["h5", "keras"])
def test_weights_of_keras_models_come_from_no_other_file(tmp_path, ending, how):
    import h5py
    import tf_keras

    layers, path = tf_keras.layers, tmp_path / f"model.{ending}"
    model = tf_keras.Sequential([layers.InputLayer((8, 8, 3)), layers.GlobalAveragePooling2D(), layers.Dense(3)])
    model.save(path)
    assert kinds.open_model(path, Wishes(FED)).outputs == 3
    weights = path if ending == "h5" else tmp_path / "model.weights.h5"
    if ending == "keras":
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        weights.write_bytes(members[weights.name])
    (tmp_path / "secret.bin").write_bytes(np.arange(9, dtype="<f4").tobytes())
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones((3, 3), np.float32)
    with h5py.File(weights, "a") as file:
        found = []
        file.visititems(lambda name, each: found.append(name) if getattr(each, "shape", None) == (3, 3) else None)
        del file[found[0]]
        if how == "storage":
            file.create_dataset(found[0], (3, 3), "<f4", external=[(str(tmp_path / "secret.bin"), 0, 36)])
        else:
            file[found[0]] = h5py.ExternalLink(str(tmp_path / "other.h5"), "secret")
    if ending == "keras":
        with zipfile.ZipFile(path, "w") as archive:
            for name, data in (members | {weights.name: weights.read_bytes()}).items():
                archive.writestr(name, data)
    with pytest.raises(UserError, match="takes weights from another file") as refused:
        kinds.open_model(path, Wishes(FED))
    assert "\n" not in str(refused.value)


def test_the_list_holds_only_operations_of_tensorflow_and_none_that_touch_files():
    from tensorflow.python.framework import op_def_registry

    from scripts.classifier.graphs.op_names import ALLOWED

    assert [op for op in sorted(ALLOWED) if op_def_registry.get(op) is None] == []
    for op in sorted(ALLOWED):
        definition = op_def_registry.get(op)
        names = [each.name for each in (*definition.input_arg, *definition.attr)]
        touching = [name for name in names if re.search("file|url|address|output_stream|descriptor", name)]
        assert not touching, (op, touching)
