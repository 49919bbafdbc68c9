"""ONNX models: ours hold labels and preprocessing, and we open those from elsewhere."""

import base64
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from scripts.classifier.backbones import several_views
from scripts.classifier.errors import UserError
from scripts.classifier.formats.kinds import open_model, write
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos.preprocessing import Overrides, Preprocessing
from tests.support import small_classifiers

FED = Overrides(input_mean=127.5, input_std=127.5)


@pytest.mark.parametrize("missing", ["onnxruntime", "tf2onnx"])
def test_a_missing_package_says_what_to_install(tmp_path, monkeypatch, missing):
    if missing == "tf2onnx":
        pytest.importorskip("onnxruntime", reason="needs requirements/onnx.txt")
    contents = small_classifiers.contents(small_classifiers.backbone("keras_network", tmp_path))
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(UserError, match=rf"{missing}.* pip install -r requirements/onnx\.txt"):
        write("onnx", tmp_path / "model.onnx", contents)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def onnx():
    """Skips tests if the packages of the extra are missing."""
    for package in ("onnxruntime", "tf2onnx"):
        pytest.importorskip(package, reason="needs requirements/onnx.txt")
    return pytest.importorskip("onnx", reason="needs requirements/onnx.txt")


@pytest.fixture(scope="module")
def written(onnx, tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("written"), {}
    for name in small_classifiers.NAMES:
        contents = small_classifiers.contents(small_classifiers.backbone(name, folder))
        write("onnx", folder / f"{name}.onnx", contents)
        made[name] = contents, folder / f"{name}.onnx"
    return made


@pytest.mark.parametrize("name", small_classifiers.NAMES)
def test_written_models_are_opened_complete(written, name):
    contents, path = written[name]
    model = open_model(path, Wishes(bottlenecks=True))
    assert (model.batch, model.one_core) == (1, True)
    pictures = small_classifiers.pictures(contents)
    run = model.open_runner()
    given_values = [run(pictures[at : at + 1]) for at in range(3)]
    scores, bottlenecks = (np.concatenate(each) for each in zip(*given_values, strict=True))
    small_classifiers.assert_all_is_there(model, contents, (scores, bottlenecks))
    plain = open_model(path, Wishes())
    assert plain.open_runner()(pictures[:1])[1] is None


def test_a_network_that_looks_at_four_views_is_written(onnx, tmp_path):
    """Enlarging 77 pixels to 128 takes a factor that float32 rounds down."""
    four = several_views.of(small_classifiers.backbone("mobilenet", tmp_path))
    contents = small_classifiers.contents(four)
    write("onnx", tmp_path / "four.onnx", contents)
    picture = small_classifiers.pictures(contents, 1)
    scores, _ = open_model(tmp_path / "four.onnx", Wishes()).open_runner()(picture)
    np.testing.assert_allclose(scores, small_classifiers.expected(contents, picture)[0], atol=1e-5)


def test_other_tools_find_labels_and_any_number_of_pictures(written, onnx):
    import onnxruntime

    contents, path = written["mobilenet"]
    model = onnx.load(str(path))
    onnx.checker.check_model(model, full_check=True)
    metadata = {each.key: each.value for each in model.metadata_props}
    assert metadata["labels.txt"] == "daisy\nrosé\nsun flower\n"
    assert base64.b64decode(metadata["unknown.npz"]) == contents.unknown
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [(each.name, each.shape) for each in session.get_inputs()] == [("pictures", ["n", 128, 128, 3])]
    shapes = {each.name: each.shape for each in session.get_outputs()}
    assert shapes == {"scores": ["n", 3], "bottlenecks": ["n", 256]}
    pictures = small_classifiers.pictures(contents, 5)
    (scores,) = session.run(["scores"], {"pictures": pictures})
    np.testing.assert_allclose(scores, small_classifiers.expected(contents, pictures)[0], atol=1e-5)


def test_an_operation_that_onnx_lacks_is_a_one_line_error(written, tmp_path):
    import tensorflow as tf

    contents, _ = written["keras_network"]
    with tf.Graph().as_default() as graph:
        x = tf.compat.v1.placeholder(tf.float32, [None, 32, 32, 3], name="input")
        odd = tf.raw_ops.Dilation2D(
            input=x, filter=tf.zeros([2, 2, 3]), strides=[1, 1, 1, 1], rates=[1, 1, 1, 1], padding="SAME"
        )
        tf.nn.softmax(tf.reduce_mean(odd, [1, 2]), name="final_result")
    contents = type(contents)(**{**vars(contents), "graph_def": graph.as_graph_def(), "bottleneck": None})
    with pytest.raises(UserError, match=r"Dilation2D.*--format") as refused:
        write("onnx", tmp_path / "model.onnx", contents)
    assert "\n" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


@settings(max_examples=5)
@given(share=st.floats(0, 0.99))
def test_a_file_cut_short_is_a_one_line_error(written, tmp_path, share):
    whole = written["color_texture"][1].read_bytes()
    (tmp_path / "model.onnx").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match="cut short") as refused:
        open_model(tmp_path / "model.onnx", Wishes())
    assert "\n" not in str(refused.value)


def _model(onnx, path: Path, entry, nodes, exits, kind="FLOAT") -> Path:
    """A model as other programs write it, with the weights of a convolution and of matrices."""
    helper, kinds = onnx.helper, onnx.TensorProto
    random = np.random.default_rng(0)
    weights = {"w": (4, 3, 3, 3), "m": (4, 3), "one": (4, 1)}
    constants = [
        onnx.numpy_helper.from_array(random.normal(0, 0.1, shape).astype(np.float32), name)
        for name, shape in weights.items()
    ]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, outputs, **settings) for op, inputs, outputs, settings in nodes],
        "graph",
        [helper.make_tensor_value_info(name, getattr(kinds, kind), shape) for name, shape in entry.items()],
        [helper.make_tensor_value_info(name, kinds.FLOAT, shape) for name, shape in exits.items()],
        constants,
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8), str(path))
    return path


_BODY = [
    ("Conv", ["x", "w"], ["c"], {}),
    ("GlobalAveragePool", ["c"], ["p"], {}),
    ("Flatten", ["p"], ["f"], {}),
    ("MatMul", ["f", "m"], ["logits"], {}),
]
_SOFTMAX = [*_BODY, ("Softmax", ["logits"], ["y"], {})]


def _picture(count: int = 1) -> np.ndarray:
    return np.random.default_rng(5).uniform(-1, 1, (count, 8, 6, 3)).astype(np.float32)


def _run_by_itself(path: Path, entry: np.ndarray) -> np.ndarray:
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]).run(None, {"x": entry})[0]


def test_colours_may_come_before_height_and_width(onnx, tmp_path):
    path = _model(onnx, tmp_path / "model.onnx", {"x": ["batch", 3, 8, 6]}, _SOFTMAX, {"y": ["batch", 3]})
    with pytest.raises(UserError, match="give --input_mean, --input_std"):
        open_model(path, Wishes())
    with pytest.raises(UserError, match="8 x 6 pixels, not 6 x 6"):
        open_model(path, Wishes(Overrides(input_height=6, input_mean=0.0, input_std=1.0)))
    model = open_model(path, Wishes(FED, bottlenecks=True))
    assert model.preprocessing == Preprocessing(8, 6, 127.5, 127.5)
    assert (model.outputs, model.record, model.labels, model.note) == (3, None, None, None)
    assert not model.gives_bottlenecks
    expected = _run_by_itself(path, _picture().transpose(0, 3, 1, 2))
    np.testing.assert_allclose(model.open_runner()(_picture())[0], expected, atol=1e-6)


def test_logits_become_probabilities_and_unknown_sizes_are_asked_for(onnx, tmp_path):
    path = _model(onnx, tmp_path / "model.onnx", {"x": [1, 3, "h", "w"]}, _BODY, {"logits": [1, 3]})
    with pytest.raises(UserError, match="give --input_height, --input_width"):
        open_model(path, Wishes(FED))
    model = open_model(path, Wishes(Overrides(8, 6, 0.0, 1.0)))
    assert "without a softmax" in model.note
    odds = np.exp(_run_by_itself(path, _picture().transpose(0, 3, 1, 2)))
    np.testing.assert_allclose(model.open_runner()(_picture())[0], odds / odds.sum(), atol=1e-6)


def test_one_value_is_the_score_of_the_second_label(onnx, tmp_path):
    nodes = [*_BODY[:3], ("MatMul", ["f", "one"], ["l"], {}), ("Sigmoid", ["l"], ["y"], {})]
    path = _model(onnx, tmp_path / "model.onnx", {"x": [1, 3, 8, 6]}, nodes, {"y": [1, 1]})
    model = open_model(path, Wishes(FED))
    second = _run_by_itself(path, _picture().transpose(0, 3, 1, 2))
    np.testing.assert_allclose(model.open_runner()(_picture())[0], [[1 - second[0, 0], second[0, 0]]], atol=1e-6)
    assert (model.outputs, "second label" in model.note) == (2, True)


def test_integer_input_is_raw_pixels(onnx, tmp_path):
    nodes = [("Cast", ["x"], ["z"], {"to": 1}), ("ReduceMean", ["z"], ["y"], {"axes": [1, 2], "keepdims": 0})]
    path = _model(onnx, tmp_path / "model.onnx", {"x": ["n", 8, 6, 3]}, nodes, {"y": ["n", 3]}, "UINT8")
    model = open_model(path, Wishes())
    assert model.preprocessing == Preprocessing(8, 6, 0.0, 1.0)
    picture = np.array([0.4, 99.6, 300.0], np.float32) * np.ones((1, 8, 6, 3), np.float32)
    np.testing.assert_allclose(model.open_runner()(picture)[0], [[0, 100, 255]])


@pytest.mark.parametrize(
    ("entry", "nodes", "exits", "said"),
    [
        ({"x": [1, 1, 8, 6]}, [("Flatten", ["x"], ["y"], {})], {"y": [1, 48]}, r"takes x.*\[1, 1, 8, 6\]"),
        ({"x": [8, 3, 8, 6]}, _SOFTMAX, {"y": [8, 3]}, r"takes x.*\[8, 3, 8, 6\]"),
        (
            {"x": [1, 3, 8, 6], "x2": [1, 3, 8, 6]},
            [("Add", ["x", "x2"], ["s"], {}), ("Flatten", ["s"], ["y"], {})],
            {"y": [1, 144]},
            "takes x.* and x2",
        ),
        ({"x": [1, 3, 8, 6]}, _BODY[:1], {"c": [1, 4, 6, 4]}, r"gives c.*\[1, 4, 6, 4\]"),
        ({"x": [1, 3, 8, 6]}, [("Nonsense", ["x"], ["y"], {})], {"y": [1, 3]}, "Nonsense"),
    ],
    ids=["grey", "eight at a time", "two inputs", "a picture comes out", "unknown operation"],
)
def test_models_that_do_not_classify_colour_pictures_are_refused(onnx, tmp_path, entry, nodes, exits, said):
    path = _model(onnx, tmp_path / "model.onnx", entry, nodes, exits)
    with pytest.raises(UserError, match=said) as refused:
        open_model(path, Wishes(FED))
    assert "\n" not in str(refused.value)


def test_operations_of_other_domains_are_refused(onnx, tmp_path):
    """Whatever program runs it, such an operation may do anything, wherever it is in the model."""
    helper, entry = onnx.helper, {"x": ["batch", 3, 8, 6]}
    path = _model(onnx, tmp_path / "model.onnx", entry, _SOFTMAX, {"y": ["batch", 3]})
    sound = path.read_bytes()
    odd = helper.make_node("ReadFile", ["x"], ["z"], name="evil", domain="com.example")

    def at_the_top(model):
        model.graph.node.append(odd)

    def in_a_branch(model):
        branch = helper.make_graph([odd], "branch", [], [])
        model.graph.node.append(helper.make_node("If", ["c"], ["z"], then_branch=branch, else_branch=branch))

    def in_a_function(model):
        opset = [helper.make_opsetid("", 15)]
        model.functions.append(helper.make_function("pkg.torch", "own", ["x"], ["z"], [odd], opset))
        model.graph.node.append(helper.make_node("own", ["x"], ["z"], domain="pkg.torch"))

    for spoil in (at_the_top, in_a_branch, in_a_function):
        model = onnx.load_model_from_string(sound)
        spoil(model)
        path.write_bytes(model.SerializeToString())
        with pytest.raises(UserError, match=r"ReadFile of com\.example \(its node evil\), which") as refused:
            open_model(path, Wishes(FED))
        assert "\n" not in str(refused.value)


def test_functions_of_the_model_and_operations_of_onnxruntime_are_run(onnx, tmp_path):
    helper, entry = onnx.helper, {"x": ["batch", 3, 8, 6]}
    nodes = [*_BODY, ("Softmax", ["logits"], ["s"], {}), ("Gelu", ["s"], ["g"], {"domain": "com.microsoft"})]
    path = _model(onnx, tmp_path / "model.onnx", entry, nodes, {"y": ["batch", 3]})
    model = onnx.load(str(path))
    twice = helper.make_node("Add", ["a", "a"], ["b"])
    opset = [helper.make_opsetid("", 15)]
    model.functions.append(helper.make_function("pkg.torch", "twice", ["a"], ["b"], [twice], opset))
    model.graph.node.append(helper.make_node("twice", ["g"], ["y"], domain="pkg.torch"))
    for domain in ("pkg.torch", "com.microsoft"):
        model.opset_import.append(helper.make_opsetid(domain, 1))
    path.write_bytes(model.SerializeToString())
    assert open_model(path, Wishes(FED)).open_runner()(_picture())[0].shape == (1, 3)


@pytest.mark.parametrize("place", ["/etc/hostname", "../secret.bin", "link.bin"])
def test_weights_come_from_no_other_folder(onnx, tmp_path, place):
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(48))
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    path = _model(onnx, folder / "model.onnx", {"x": ["batch", 3, 8, 6]}, _SOFTMAX, {"y": ["batch", 3]})
    model = onnx.load(str(path))
    weights = next(each for each in model.graph.initializer if each.name == "m")
    onnx.external_data_helper.set_external_data(weights, place)
    weights.ClearField("raw_data")
    path.write_bytes(model.SerializeToString())
    with pytest.raises(UserError, match="outside its folder") as refused:
        open_model(path, Wishes(FED))
    assert "\n" not in str(refused.value)
    if place == "link.bin":
        (folder / "link.bin").unlink()
        (folder / "link.bin").write_bytes(bytes(48))
        assert open_model(path, Wishes(FED)).outputs == 3
