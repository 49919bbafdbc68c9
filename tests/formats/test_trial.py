"""Files that end, stall or fill the process that opens them harm none but one made for that."""

import subprocess
import sys

import numpy as np
import pytest

from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds, trial
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos.preprocessing import Overrides
from tests.support.workplace import ROOT

FED = Overrides(input_mean=127.5, input_std=127.5)


@pytest.fixture(scope="module")
def onnx():
    pytest.importorskip("onnxruntime", reason="needs requirements/onnx.txt")
    return pytest.importorskip("onnx", reason="needs requirements/onnx.txt")


def save(onnx, path, middle, functions=()):
    """A model of 8 x 8 pixels that gives its colours' means, after the nodes `middle` from q to y."""
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    nodes = [helper.make_node("GlobalAveragePool", ["x"], ["p"]), helper.make_node("Flatten", ["p"], ["q"]), *middle]
    entry, exit_ = (
        helper.make_tensor_value_info(name, floats, shape) for name, shape in (("x", [1, 3, 8, 8]), ("y", [1, 3]))
    )
    graph = helper.make_graph(nodes, "graph", [entry], [exit_])
    model = helper.make_model(graph, opset_imports=opsets(helper), functions=functions, ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def opsets(helper):
    return [helper.make_opsetid("", 15), helper.make_opsetid("own", 1)]


def nested(onnx, path, deep):
    """Each function calls the next one, which onnxruntime follows by calling itself."""
    helper = onnx.helper

    def function(name, *called, domain=""):
        node = helper.make_node(*called, ["a"], ["b"], domain=domain)
        return helper.make_function("own", name, ["a"], ["b"], [node], opsets(helper))

    functions = [function("f0", "Identity")]
    functions += [function(f"f{at}", f"f{at - 1}", domain="own") for at in range(1, deep)]
    return save(onnx, path, [helper.make_node(f"f{deep - 1}", ["q"], ["y"], domain="own")], functions)


@pytest.mark.parametrize("cold", [True, False], ids=["in a fork", "in a new process, as TensorFlow is loaded"])
def test_a_crash_of_onnxruntime_is_told_in_a_line(onnx, workplace, cold):
    path = nested(onnx, workplace / "deep.onnx", 3000)
    (workplace / "photo.png").write_bytes(b"")
    done = workplace.run("label_image", f"--graph={path}", "--input_mean=0", str(workplace / "photo.png"), cold=cold)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "deep.onnx ends the process that opens it (SIG" in done.stderr
    model = kinds.open_model(nested(onnx, workplace / "sound.onnx", 3), Wishes(FED))
    assert model.open_runner()(np.ones((1, 8, 8, 3), np.float32))[0].shape == (1, 3)


def test_a_model_without_end_is_refused(onnx, tmp_path, monkeypatch):
    helper, kinds_of_number = onnx.helper, onnx.TensorProto
    body = helper.make_graph(
        [helper.make_node("Identity", ["c"], ["again"]), helper.make_node("Relu", ["v"], ["w"])],
        "body",
        [
            helper.make_tensor_value_info("i", kinds_of_number.INT64, []),
            helper.make_tensor_value_info("c", kinds_of_number.BOOL, []),
            helper.make_tensor_value_info("v", kinds_of_number.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("again", kinds_of_number.BOOL, []),
            helper.make_tensor_value_info("w", kinds_of_number.FLOAT, None),
        ],
    )
    true = helper.make_node("Constant", [], ["true"], value=helper.make_tensor("t", kinds_of_number.BOOL, [], [True]))
    path = save(onnx, tmp_path / "loop.onnx", [true, helper.make_node("Loop", ["", "true", "q"], ["y"], body=body)])
    monkeypatch.setattr(trial, "_SECONDS", 3)
    with pytest.raises(UserError, match="does not give the scores of a picture within 3 seconds"):
        kinds.open_model(path, Wishes(FED))


def test_memory_that_others_need_is_not_taken():
    program = (
        "from scripts.classifier import machine\n"
        "from scripts.classifier.formats import trial\n"
        "import numpy as np\n"
        "most = machine.free_memory()\n"
        "trial._bound()\n"
        "np.empty(int(most / 4), np.uint8)\n"
        "np.empty(int(3 * most / 4), np.uint8)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert "line 7" in done.stderr and "Unable to allocate" in done.stderr, done.stderr


@pytest.mark.parametrize("side", [0, 20_000])
def test_pictures_of_odd_sizes_are_refused(onnx, tmp_path, side):
    path = save(onnx, tmp_path / "model.onnx", [onnx.helper.make_node("Relu", ["q"], ["y"])])
    with pytest.raises(UserError, match="expected at most 178 megapixels"):
        kinds.open_model(path, Wishes(Overrides(side, side, 127.5, 127.5)))


def test_litert_models_are_tried_too(small_graph, monkeypatch):
    assert kinds.open_model(small_graph, Wishes()).outputs == 3
    monkeypatch.setattr(trial, "_SECONDS", 0)
    with pytest.raises(UserError, match="does not give the scores of a picture within 0 seconds"):
        kinds.open_model(small_graph, Wishes())
