"""python -m scripts.export from Keras models, SavedModels and .tflite files: scores as their own programs give them."""

import json
import re

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from scripts.classifier.formats import kinds, tflite_file, tflite_metadata
from scripts.classifier.formats.flatbuffer_tables import Table
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import frozen_graph
from tests.support import foreign_networks
from tests.support.workplace import draw_shape

FROM_MINUS_ONE = ["--input_mean=127.5", "--input_std=127.5"]


def network(*head, size=(32, 32), rescaled=False):
    keras.utils.set_random_seed(8)
    layers = keras.layers
    entry = keras.Input((*size, 3))
    x = layers.Rescaling(1 / 127.5, -1)(entry) if rescaled else entry
    x = layers.BatchNormalization()(layers.Conv2D(6, 3, strides=2, use_bias=False)(x))
    x = layers.GlobalAveragePooling2D()(layers.ReLU(6.0)(x))
    for each in head:
        x = each(x)
    model = keras.Model(entry, x)
    values = np.random.default_rng(8)
    model.set_weights(
        [
            values.normal(0, 0.7, each.shape) if each.ndim > 1 else values.uniform(0.3, 1, each.shape)
            for each in model.get_weights()
        ]
    )
    return model


def dense(count, activation=None):
    return keras.layers.Dense(count, activation=activation)


def softmax(values):
    odds = np.exp(values - values.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)


def as_it_is(values):
    return values


def both(second):
    return np.concatenate([1 - second, second], 1)


# The model, flags, how its own values become scores, what is exported, and how pixels are prepared for it.
MODELS = {
    "its own rescaling": (
        lambda: network(dense(3, "softmax"), rescaled=True), [], as_it_is, "pb", lambda pixels: pixels
    ),
    "models in models": (
        foreign_networks.teachable, FROM_MINUS_ONE, as_it_is, "keras", lambda pixels: pixels / 127.5 - 1
    ),
    "logits": (
        lambda: network(dense(3)), FROM_MINUS_ONE, softmax, "tflite", lambda pixels: pixels / 127.5 - 1
    ),
    "one value": (
        lambda: network(dense(1, "sigmoid")), FROM_MINUS_ONE, both, "pb", lambda pixels: pixels / 127.5 - 1
    ),
    "not square": (
        lambda: network(dense(3, "softmax"), size=(24, 40)), FROM_MINUS_ONE, as_it_is, "saved_model",
        lambda pixels: pixels / 127.5 - 1,
    ),
    "bgr": (
        lambda: network(dense(3, "softmax")), [*FROM_MINUS_ONE, "--channels=bgr"], as_it_is, "tflite",
        lambda pixels: pixels[..., ::-1] / 127.5 - 1,
    ),
}  # fmt: skip


def pixels_of(size) -> np.ndarray:
    return np.stack([np.asarray(draw_shape(kind, 5, size[::-1]), np.float32) for kind in ("red", "green", "blue")])


def written_scores(path, labels, pixels) -> np.ndarray:
    """As every command computes them, from what the file says alone."""
    model = kinds.open_model(path, Wishes())
    run = model.open_runner()
    given = np.concatenate([run(model.preprocessing.normalise(each)[None])[0] for each in pixels])
    assert given.shape[1] == len(labels)
    return given


def put_labels(path, labels):
    path.with_name(f"{path.stem}_labels.txt").write_text("\n".join(labels))


@pytest.mark.parametrize(("name", "ending"), [*((name, ".keras") for name in MODELS), ("models in models", ".h5")])
def test_a_keras_model_becomes_what_is_asked_for(workplace, name, ending):
    build, flags, finish, kind, prepare = MODELS[name]
    model = build()
    source, output = workplace / f"theirs{ending}", workplace / f"ours{kinds.WRITTEN[kind]}"
    model.save(source)
    pixels = pixels_of(model.input_shape[1:3])
    theirs = finish(model.predict(prepare(pixels), verbose=0))
    put_labels(source, "abc"[: theirs.shape[1]])
    done = workplace.run("export", f"--graph={source}", f"--format={kind}", f"--output={output}", *flags)
    assert done.returncode == 0, done.stderr
    note = {"logits": "ends without a softmax: one is applied", "one value": "gives one value per picture"}.get(name)
    assert (note in done.stderr) if note else done.stderr == ""
    assert np.ptp(theirs, 0).max() > 0.01
    np.testing.assert_allclose(written_scores(output, "abc"[: theirs.shape[1]], pixels), theirs, atol=1e-5)
    if kind == "pb":
        reader = cv2.dnn.readNetFromTensorflow(str(output))
        for picture, wanted in zip(prepare(pixels), theirs, strict=True):
            reader.setInput(cv2.dnn.blobFromImage(picture))
            np.testing.assert_allclose(reader.forward("final_result")[0], wanted, atol=1e-5)
    assert "on 8 drawn pictures, scores differ by at most" in done.stdout
    difference = float(done.stdout.partition("differ by at most ")[2].split()[0])
    assert difference < 1e-4


@pytest.mark.parametrize(("key", "kind"), [("logits", "pb"), ("scores", "tflite"), ("scores", "keras")])
def test_a_saved_model_becomes_what_is_asked_for(workplace, key, kind):
    model = network(dense(3, None if key == "logits" else "softmax"))
    source = foreign_networks.module_of(model, workplace / "theirs", key)
    output = workplace / f"ours{kinds.WRITTEN[kind]}"
    put_labels(source, "abc")
    done = workplace.run("export", f"--graph={source}", f"--format={kind}", f"--output={output}", *FROM_MINUS_ONE)
    assert done.returncode == 0, done.stderr
    pixels = pixels_of((32, 32))
    theirs = model.predict(pixels / 127.5 - 1, verbose=0)
    np.testing.assert_allclose(
        written_scores(output, "abc", pixels), softmax(theirs) if key == "logits" else theirs, atol=1e-5
    )


def test_a_saved_model_of_bytes_needs_no_flags(workplace):
    model, module = network(dense(3, "softmax")), tf.Module()
    module.network = model
    spec = tf.TensorSpec([None, 32, 32, 3], tf.uint8, name="pixels")
    serving = tf.function(lambda pixels: {"scores": model(tf.cast(pixels, tf.float32) / 255)})
    tf.saved_model.save(module, str(workplace / "theirs"), signatures=serving.get_concrete_function(spec))
    put_labels(workplace / "theirs", "abc")
    done = workplace.run("export", f"--graph={workplace / 'theirs'}")
    assert done.returncode == 0, done.stderr
    pixels = pixels_of((32, 32))
    given = written_scores(workplace / "theirs.tflite", "abc", pixels)
    np.testing.assert_allclose(given, model.predict(pixels / 255, verbose=0), atol=1e-5)


def test_photos_measure_ranges_for_int8_and_score_both(workplace, photos):
    model = network(dense(3, "softmax"), rescaled=True)
    model.save(workplace / "theirs.keras")
    put_labels(workplace / "theirs.keras", ["blue", "green", "red"])
    words = ["export", f"--graph={workplace / 'theirs.keras'}", "--quantize=int8"]
    without = workplace.run(*words)
    assert without.returncode == 1 and "--quantize=int8 needs training photos" in without.stderr
    done = workplace.run(*words, f"--image_dir={photos}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "scored on 72 photos" in done.stdout
    path = workplace / "theirs_int8.tflite"
    (entry,) = Interpreter(str(path)).get_input_details()
    assert entry["dtype"] == np.uint8
    pixels = pixels_of((32, 32))
    np.testing.assert_allclose(written_scores(path, "abc", pixels), model.predict(pixels, verbose=0), atol=0.05)


@pytest.mark.parametrize("kind", ["keras", "saved_model"])
def test_what_we_wrote_comes_back_with_all_that_belongs_to_it(retrained, workplace, kind):
    between, back = workplace / f"between{kinds.WRITTEN[kind]}", workplace / "back.pb"
    graph = retrained / "retrained_graph.pb"
    for words in ([f"--graph={graph}", f"--format={kind}", f"--output={between}"],
                  [f"--graph={between}", "--format=pb", f"--output={back}"]):  # fmt: skip
        done = workplace.run("export", *words)
        assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "scored on" in done.stdout and "back.pb, and beside it its labels and its record" in done.stdout
    assert {path.name for path in workplace.folder.glob("back*")} == {
        "back.pb", "back.json", "back.unknown.npz", "back_labels.txt",
    }  # fmt: skip
    picture = next((retrained / "photos" / "green").iterdir())
    answers = []
    for each in (graph, back):
        said = workplace.run("label_image", f"--graph={each}", f"--image={picture}", "--unknown", "--json")
        assert said.returncode == 0, said.stderr
        answers.append([json.loads(line) for line in said.stdout.splitlines()])
    for ours, theirs in zip(*answers, strict=True):
        assert ours["unknown"] == theirs["unknown"] and abs(ours["distance"] - theirs["distance"]) < 1e-2
        assert [each["label"] for each in ours["labels"]] == [each["label"] for each in theirs["labels"]]
        assert all(
            abs(one["score"] - other["score"]) < 1e-4
            for one, other in zip(ours["labels"], theirs["labels"], strict=True)
        )
    assert {node.name for node in frozen_graph.read(back).node} >= {"input", "final_result"}


def converted(model, path):
    path.write_bytes(tf.lite.TFLiteConverter.from_keras_model(model).convert())
    return path


def by_litert(path, picture):
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.set_tensor(entry["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(exit_["index"])


@pytest.mark.parametrize("logits", [False, True])
def test_a_tflite_file_is_written_again_with_labels_and_metadata(workplace, logits):
    source = converted(network(dense(3, None if logits else "softmax")), workplace / "theirs.tflite")
    (workplace / "names.txt").write_text("a\nb\nc\n")
    words = [f"--graph={source}", f"--output={workplace / 'ours.tflite'}", f"--labels={workplace / 'names.txt'}"]
    done = workplace.run("export", *words, *FROM_MINUS_ONE)
    assert done.returncode == 0, done.stderr
    again = workplace.run("export", f"--graph={workplace / 'ours.tflite'}", f"--output={workplace / 'twice.tflite'}")
    assert again.returncode == 0, again.stderr
    pixels = pixels_of((32, 32))
    for name in ("ours.tflite", "twice.tflite"):
        found = tflite_metadata.read((workplace / name).read_bytes(), name)
        assert (found.mean, found.std, found.labels) == ((127.5,), (127.5,), ("a", "b", "c"))
        theirs = np.concatenate([by_litert(source, each[None] / np.float32(127.5) - 1) for each in pixels])
        kept = np.concatenate([by_litert(workplace / name, each[None] / np.float32(127.5) - 1) for each in pixels])
        np.testing.assert_array_equal(kept, theirs)
        wanted = softmax(theirs) if logits else theirs
        np.testing.assert_allclose(written_scores(workplace / name, "abc", pixels), wanted, atol=1e-5)


def test_a_tflite_file_in_bgr_is_not_called_rgb(workplace):
    """It is the only one that cannot be turned round."""
    source = converted(network(dense(3, "softmax")), workplace / "theirs.tflite")
    put_labels(source, "abc")
    output = workplace / "ours.tflite"
    words = [f"--graph={source}", f"--output={output}", *FROM_MINUS_ONE, "--channels=bgr"]
    assert workplace.run("export", *words).returncode == 0
    pixels = pixels_of((32, 32))
    theirs = np.concatenate([by_litert(source, each[None, ..., ::-1] / np.float32(127.5) - 1) for each in pixels])
    np.testing.assert_allclose(written_scores(output, "abc", pixels), theirs, atol=1e-6)
    image = Table.root(tflite_file.metadata(output.read_bytes(), tflite_metadata.NAME)).tables(3)[0].tables(2)[0]
    assert image.table(3).table(1).number(0) == 0  # SubGraphMetadata's image: content, properties, colour space


def test_what_cannot_be_made_is_said_in_one_line(workplace):
    (workplace / "a.onnx").write_bytes(b"\x08\x08")
    model = network(dense(1, "sigmoid"))
    single = converted(model, workplace / "single.tflite")
    put_labels(single, "ab")
    model.save(workplace / "unprepared.keras")
    put_labels(workplace / "unprepared.keras", "ab")
    for words, says in (
        (["--graph=a.onnx"], "is an ONNX model, which export does not turn into other formats"),
        (["--graph=single.tflite", "--format=keras"], "leave out --format=keras"),
        (["--graph=single.tflite", "--quantize=int8"], "leave out --quantize=int8"),
        (["--graph=single.tflite"], "would replace the classifier itself"),
        (["--graph=single.tflite", "--output=b.tflite", *FROM_MINUS_ONE], "gives one value for two labels"),
        (["--graph=unprepared.keras"], "give --input_mean, --input_std"),
        (["--graph=unprepared.keras", "--output_layer=x"], "--output_layer is for graphs (.pb) only"),
    ):
        given = [re.sub("^(--(graph|output)=)", rf"\1{workplace.folder}/", word) for word in words]
        done = workplace.run("export", *given)
        assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith("error: "), (words, done.stderr)
        assert says in done.stderr and done.stderr.count("error: ") == 1, (words, done.stderr)
    assert not list(workplace.folder.glob("b.*"))
