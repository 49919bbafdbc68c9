"""Whole models beside the graph, checked against it, and classifiers opened from Python."""

import numpy as np
import pytest

from scripts.classifier import load_classifier, process_image
from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds, whole_models
from tests.support.workplace import draw_shape


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("picture") / "a.png"
    draw_shape("red", 77).save(path)
    return path


@pytest.mark.parametrize(("word", "kind"), [("model.h5", "h5"), ("folder/", "saved_model"), ("other", "saved_model")])
def test_a_model_beside_the_graph_gives_the_same_answers(retrained, workplace, picture, word, kind):
    graph, path = retrained / "retrained_graph.pb", workplace / word
    assert whole_models.kind_of(str(workplace / word) + ("/" if word.endswith("/") else "")) == kind
    difference = whole_models.write(kind, path, graph, ("blue", "green", "red"), [picture])
    assert difference <= 1e-4
    ours, theirs = (load_classifier(each).predict(picture, top_k=2) for each in (path, graph))
    assert ours[1] == theirs[1] and ours[1][0] == "red" and len(ours[1]) == 2
    np.testing.assert_allclose(ours[0], theirs[0], atol=1e-4)


def test_a_model_that_disagrees_is_an_error_and_is_deleted(retrained, workplace, picture, monkeypatch):
    """Simulates a bug: the writer writes a model of another classifier."""
    write = kinds.write

    def write_something_else(kind, path, contents):
        for node in contents.graph_def.node:
            if node.name == "final_training_ops/biases/final_biases":
                import tensorflow as tf

                biases = tf.make_ndarray(node.attr["value"].tensor) + np.float32([5, 0, 0])
                node.attr["value"].tensor.CopyFrom(tf.make_tensor_proto(biases))
        return write(kind, path, contents)

    monkeypatch.setattr(kinds, "write", write_something_else)
    path = workplace / "model.keras"
    with pytest.raises(UserError, match=r"scores of .* differ"):
        whole_models.write("keras", path, retrained / "retrained_graph.pb", ("blue", "green", "red"), [picture])
    assert not path.exists()


@pytest.mark.parametrize("word", ["model.pb", "model.tflite", "model.onnx"])
def test_export_is_named_for_other_formats(word):
    with pytest.raises(UserError, match=r"scripts\.export"):
        whole_models.kind_of(word)


def test_a_folder_of_something_else_is_not_replaced(retrained, workplace):
    (workplace / "notes").mkdir()
    (workplace / "notes" / "a.txt").touch()
    done = workplace.retrain(retrained / "photos", f"--output_model={workplace / 'notes'}")
    assert done.returncode == 1 and "is not a SavedModel" in done.stderr
    assert not (workplace / "retrained_graph.pb").exists() and (workplace / "notes" / "a.txt").exists()


def test_a_picture_becomes_an_array(picture):
    array = process_image(picture)
    assert array.shape == (224, 224, 3) and array.dtype == np.float32 and 0 <= array.min() < array.max() <= 1
    assert process_image(picture, 32).shape == (32, 32, 3)


def test_wrong_pictures_and_classifiers_are_user_errors(retrained, picture, tmp_path):
    classifier = load_classifier(retrained / "retrained_graph.pb")
    (tmp_path / "no.jpg").write_text("no picture")
    for call, says in (
        (lambda: process_image(tmp_path / "nope.jpg"), "No such file"),
        (lambda: process_image(tmp_path / "no.jpg"), "not an image"),
        (lambda: classifier.predict(tmp_path / "no.jpg"), "not an image"),
        (lambda: classifier.predict(picture, top_k=0), "top_k=0"),
        (lambda: load_classifier(tmp_path / "nope.h5"), "does not exist"),
    ):
        with pytest.raises(UserError, match=says):
            call()


def test_importing_it_loads_no_tensorflow():
    import subprocess
    import sys

    from tests.support.workplace import ROOT

    code = "import sys; from scripts.classifier import load_classifier; print('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True).stdout == "False\n"
