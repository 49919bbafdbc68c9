"""Classifiers that other programs made: how their pictures are prepared, their labels, their words for errors."""

import json
import shutil

import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.formats import kinds, labels as labels_files
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import colour_range, interface, keras_description, litert
from scripts.classifier.photos.preprocessing import Overrides
from tests.support import foreign_networks, old_graphs
from tests.support.foreign_networks import CAFFE, IMAGENET, LABELS, SIDE
from tests.support.workplace import draw_shape


@pytest.mark.parametrize("means", [CAFFE, IMAGENET], ids=["bgr", "rgb"])
@pytest.mark.parametrize("turned", ["", "reverse", "gather", "slice", "split"])
def test_the_order_of_colours_is_read_from_the_means(means, turned):
    """Turned round before the means are subtracted, it is the other one."""
    found = interface.find(foreign_networks.custom_vision(means, turned))
    assert (found.input_layer, found.input_mean, found.input_std) == ("Placeholder", 0.0, 1.0)
    assert found.channels == ("bgr" if (means is CAFFE) != bool(turned) else "rgb")


@pytest.mark.parametrize(
    ("means", "turned", "taken"),
    [
        pytest.param(IMAGENET / 255, "", (0.0, 255.0, "rgb"), id="0 to 1"),
        pytest.param(np.array([140.0, 111.0, 95.0]), "", (0.0, 1.0, None), id="somebody's own means"),
        pytest.param(np.full(3, 117.0), "", (0.0, 1.0, "rgb"), id="one mean"),
        pytest.param(np.full(3, 117.0), "reverse", (0.0, 1.0, None), id="one mean, turned"),
        pytest.param(None, "", (None, None, None), id="nothing but a name"),
    ],
)
def test_what_the_graph_does_not_show_stays_unknown(means, turned, taken):
    found = interface.find(foreign_networks.custom_vision(means, turned))
    assert (found.input_mean, found.input_std, found.channels) == taken


def test_the_graphs_of_known_makers_need_no_flags():
    for made in (old_graphs.hub(), old_graphs.poets_mobilenet(), old_graphs.ancestor()):
        assert interface.find(made).channels == "rgb"


def photo(folder) -> tuple[str, np.ndarray]:
    drawn = draw_shape("red", 9, (SIDE, SIDE))
    drawn.save(folder / "photo.png")
    return str(folder / "photo.png"), np.asarray(drawn, np.float32)[None]


def scores(done) -> list[float]:
    assert done.returncode == 0, done.stderr
    given = {each["label"]: each["score"] for each in json.loads(done.stdout)["labels"]}
    return [given[label] for label in LABELS]


@pytest.mark.parametrize("kind", ["pb", "tflite", "onnx", "keras", "saved_model"])
def test_a_graph_in_bgr_is_answered_as_tensorflow_does_and_so_is_what_is_exported_from_it(workplace, kind):
    graph_def = foreign_networks.custom_vision()
    graph = foreign_networks.write(workplace.folder, graph_def)
    path, values = photo(workplace.folder)
    if kind != "pb":
        output = workplace / f"exported.{kind}"
        done = workplace.run("export", f"--graph={graph}", f"--format={kind}", f"--output={output}")
        assert done.returncode == 0, done.stderr
        graph = output
    done = workplace.run("label_image", f"--graph={graph}", "--json", f"--image={path}")
    theirs = foreign_networks.run(graph_def, values[..., ::-1])[0]
    assert np.abs(scores(done) - theirs).max() < 3e-6
    assert np.abs(foreign_networks.run(graph_def, values)[0] - theirs).max() > 0.01  # the order matters


def test_a_graph_that_says_nothing_is_asked_about_and_the_flags_are_heeded(workplace):
    graph_def = foreign_networks.custom_vision(means=None)
    graph = foreign_networks.write(workplace.folder, graph_def)
    path, values = photo(workplace.folder)
    words = [f"--graph={graph}", "--json", f"--image={path}"]
    done = workplace.run("label_image", *words)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert "give --input_mean, --input_std, --channels" in done.stderr and "127.5 and 127.5" in done.stderr
    said = ["--input_mean=100", "--input_std=50", "--channels=bgr"]
    theirs = foreign_networks.run(graph_def, (values[..., ::-1] - 100) / 50)[0]
    assert np.abs(scores(workplace.run("label_image", *words, *said)) - theirs).max() < 3e-6


def test_other_formats_heed_the_order_too(tmp_path):
    model = foreign_networks.teachable()
    model.save(tmp_path / "model.h5")
    said = Overrides(input_mean=127.5, input_std=127.5, channels="bgr")
    opened = kinds.open_model(tmp_path / "model.h5", Wishes(said))
    path, values = photo(tmp_path)
    with open(path, "rb") as file:
        prepared = opened.preprocessing.apply(file.read())[None]
    given, _ = opened.open_runner()(prepared)
    np.testing.assert_allclose(given, model.predict(values[..., ::-1] / 127.5 - 1, verbose=0), atol=1e-6)


def test_keras_layers_show_the_order_of_colours():
    import keras

    def described(prepare) -> dict:
        entry = keras.Input((SIDE, SIDE, 3))
        model = keras.Model(entry, keras.layers.GlobalAveragePooling2D()(prepare(entry)))
        return json.loads(model.to_json())

    layers = keras.layers
    assert keras_description.channels(described(layers.Rescaling(1 / 127.5, -1))) == "rgb"
    assert keras_description.channels(described(layers.Conv2D(3, 3))) == "rgb"
    for means, order in ((IMAGENET, "rgb"), (CAFFE, "bgr"), (np.array([140.0, 111.0, 95.0]), "rgb")):
        norm = layers.Normalization(mean=list(means), variance=[1.0, 1.0, 1.0])
        assert keras_description.channels(described(norm)) == order
    caffe = keras.applications.resnet.preprocess_input
    assert keras_description.channels(described(caffe)) == "rgb"  # it turns them round itself


def test_names_that_caffe_gives_are_no_proof_of_rgb():
    assert colour_range.usual_order("data:0") is None and colour_range.usual_order("images") == "rgb"


@pytest.mark.parametrize(
    ("given", "plain"),
    [
        (("0 Naranja", "1 Negro"), ("Naranja", "Negro")),
        (("1 a", "2 b"), ("a", "b")),
        (("0 same", "1 same"), None),
        (("0 a", "2 b"), None),
        (("2 a", "3 b"), None),
        (("0 a", "b"), None),
        (("0", "1"), None),
    ],
)
def test_numbers_in_front_of_all_labels_in_order_are_taken_off(given, plain):
    assert labels_files.without_numbers(given) == (plain or given)


def test_numbered_labels_are_found_as_folders_with_and_without_numbers(workplace):
    graph = foreign_networks.write(workplace.folder, foreign_networks.custom_vision())
    (workplace / "model_labels.txt").write_text("0 Naranja\n1 Negro\n2 Rojo\n")
    path, _ = photo(workplace.folder)
    for folder, names in (("plain", ("Naranja", "Negro")), ("numbered", ("0 Naranja", "1 Negro"))):
        for name in names:
            (workplace / folder / name).mkdir(parents=True)
            shutil.copy(path, workplace / folder / name / "a.png")
        done = workplace.run("evaluate", f"--graph={graph}", f"--image_dir={workplace / folder}")
        assert done.returncode == 0 and "of 2 photos right" in done.stdout, done.stderr
        assert done.stderr.count("'0 Naranja' is taken as 'Naranja'") == 1


def test_what_xnnpack_refuses_is_run_without_it_and_that_is_said_once(workplace, real_data):
    graph = real_data / "strangers" / "flowers_int8.tflite"
    photos = sorted((real_data / "flower_photos" / "daisy").glob("*.jpg"))[:4]
    labels = f"--labels={graph.with_suffix('.txt')}"
    done = workplace.run("label_image", f"--graph={graph}", labels, "--csv", "--top_k=1", *photos)
    assert done.returncode == 0 and done.stdout.count(",daisy,") >= 3, done.stderr
    assert done.stderr.count("cannot be run by XNNPACK") == 1


def test_others_are_run_by_xnnpack(retrained, workplace):
    output = workplace / "small.tflite"
    workplace.run("export", f"--graph={retrained / 'retrained_graph.pb'}", "--format=tflite", f"--output={output}")
    assert litert.is_runnable(litert.open_interpreter(output.read_bytes()))
    assert kinds.open_model(output, Wishes()).note is None


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.pb", b"version https://git-lfs.github.com/spec/v1\n", "is a Git LFS pointer"),
        ("a.tflite", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.pb", b"<!DOCTYPE html>", "is a web page"),
    ],
)
def test_what_is_no_classifier_is_called_by_its_name(workplace, name, content, said):
    (workplace / name).write_bytes(content)
    path, _ = photo(workplace.folder)
    done = workplace.run("label_image", f"--graph={workplace / name}", f"--image={path}")
    assert done.returncode == 1 and said in done.stderr and done.stderr.count("\n") == 1


def test_a_pointer_among_the_files_of_a_saved_model_is_named(tmp_path):
    from scripts.classifier.errors import UserError

    folder = foreign_networks.module_of(foreign_networks.teachable(), tmp_path / "module", "scores")
    weights = next((folder / "variables").glob("*.data*"))
    weights.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(UserError, match=f"{weights.name} is a Git LFS pointer"):
        kinds.open_model(folder, Wishes())


@pytest.mark.parametrize("command", [["count_ops"], ["graph_pb2tb"], ["quantize_graph", "--input"]])
@pytest.mark.parametrize(("name", "content"), [("a.keras", b"PK\x03\x04"), ("a.tflite", b"\x1c\0\0\0TFL3")])
def test_tools_for_graphs_say_what_another_model_is(workplace, command, name, content):
    (workplace / name).write_bytes(content)
    last = f"{command[1]}={workplace / name}" if len(command) > 1 else str(workplace / name)
    done = workplace.run(command[0], last)
    assert done.returncode == 1 and "expected a frozen graph" in done.stderr and "label_image" in done.stderr


def test_an_exported_onnx_model_gives_scores_first(retrained, workplace):
    onnxruntime = pytest.importorskip("onnxruntime")
    output = workplace / "model.onnx"
    done = workplace.run("export", f"--graph={retrained / 'retrained_graph.pb'}", "--format=onnx", f"--output={output}")
    assert done.returncode == 0, done.stderr
    session = onnxruntime.InferenceSession(str(output))
    assert [each.name for each in session.get_outputs()] == ["scores", "bottlenecks"]
    _, height, width, _ = session.get_inputs()[0].shape
    first = session.run(None, {"pictures": np.zeros((1, height, width, 3), np.float32)})[0]
    assert first.shape == (1, 3) and first.sum() == pytest.approx(1, abs=1e-5)


def test_onnx_metadata_says_how_pictures_are_prepared():
    from scripts.classifier.formats import onnx_metadata

    said = {"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255"}
    assert onnx_metadata.preparation(said, "data", np.float32) == {
        "channels": "bgr",
        "input_mean": 0.0,
        "input_std": 1.0,
    }
    assert onnx_metadata.preparation({}, "data", np.float32) == {"channels": None}
    assert onnx_metadata.preparation({}, "images", tf.uint8.as_numpy_dtype)["input_std"] == 1.0
