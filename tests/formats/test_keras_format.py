"""Keras models: Keras loads ours without our code, and we open those from elsewhere."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos.preprocessing import Overrides, Preprocessing
from scripts.classifier.training import unknown
from tests.support import small_classifiers

# Keras' own warnings about NumPy and HDF5.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore:You are saving your model as an HDF5")

KINDS = ("keras", "h5")
FED = Overrides(input_mean=127.5, input_std=127.5)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The contents of each classifier, and the files written from them."""
    folder, made = tmp_path_factory.mktemp("written"), {}
    for name in ("mobilenet", "color_texture"):
        contents = small_classifiers.contents(small_classifiers.backbone(name, folder))
        for kind in (*KINDS, "saved_model"):
            path = folder / f"{name}{kinds.WRITTEN[kind]}"
            kinds.write(kind, path, contents)
            made[name, kind] = contents, path
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    return made


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ("mobilenet", "color_texture"))
def test_written_models_are_opened_complete(written, name, kind):
    contents, path = written[name, kind]
    assert kinds.kind_of(path) == kind
    model = kinds.open_model(path, Wishes(bottlenecks=True))
    pictures = small_classifiers.pictures(contents)
    scores, bottlenecks = model.open_runner()(pictures)
    small_classifiers.assert_all_is_there(model, contents, (scores, bottlenecks))
    assert unknown.from_bytes(model.unknown, path).distances(bottlenecks).shape == (3,)
    plain = kinds.open_model(path, Wishes())
    assert plain.open_runner()(pictures)[1] is None


def test_python_without_poets_loads_all_of_them(written, tmp_path):
    contents, _ = written["mobilenet", "keras"]
    pictures = small_classifiers.pictures(contents)
    np.save(tmp_path / "pictures.npy", pictures)
    (tmp_path / "program.py").write_text(
        """
import importlib.util, json, os, sys
import keras, numpy as np, tensorflow as tf
assert importlib.util.find_spec("scripts") is None
pictures, paths = np.load("pictures.npy"), json.loads(sys.argv[1])
scores = {}
for name, path in paths.items():
    if os.path.isdir(path):
        loaded = tf.saved_model.load(path)
        scores[name] = loaded.signatures["pixels"](pictures=tf.constant(pictures))["scores"].numpy()
        assert open(loaded.labels.asset_path.numpy(), encoding="utf-8").read().startswith("daisy\\nrosé\\n")
    else:
        scores[name] = keras.saving.load_model(path).predict(pictures[:, :128, :128], verbose=0)
np.savez("scores.npz", **scores)
"""
    )
    paths = {f"{name} {kind}": str(path) for (name, kind), (_, path) in written.items()}
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "program.py", json.dumps(paths)], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    with np.load(tmp_path / "scores.npz") as scores:
        assert len(scores.files) == 6
        for each in scores.files:
            contents, _ = written[tuple(each.split(" "))]
            np.testing.assert_allclose(
                scores[each], small_classifiers.expected(contents, pictures)[0], atol=1e-5, err_msg=each
            )


def test_labels_can_be_read_with_the_usual_tools(written):
    with zipfile.ZipFile(written["mobilenet", "keras"][1]) as archive:
        assert archive.read("labels.txt").decode() == "daisy\nrosé\nsun flower\n"
        assert json.loads(archive.read("classifier.json"))["preprocessing"]["input_std"] == 1
    with h5py.File(written["mobilenet", "h5"][1]) as file:
        assert file["classifier/labels.txt"].asstr()[()] == "daisy\nrosé\nsun flower\n"


def test_settings_that_older_keras_does_not_know_are_left_out(written):
    with zipfile.ZipFile(written["mobilenet", "keras"][1]) as archive:
        layers = json.loads(archive.read("config.json"))["config"]["layers"]
    assert layers
    assert not [layer for layer in layers if None in layer["config"].values()]


def test_the_format_is_recognised_whatever_the_name(written, tmp_path):
    contents, path = written["mobilenet", "h5"]
    (tmp_path / "model.bin").write_bytes(path.read_bytes())
    scores, _ = kinds.open_model(tmp_path / "model.bin", Wishes()).open_runner()(small_classifiers.pictures(contents))
    assert scores.shape == (3, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_an_unwritable_place_is_a_one_line_error(written, tmp_path, kind):
    contents, _ = written["mobilenet", "keras"]
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        kinds.write(kind, tmp_path / "file" / "model", contents)
    (tmp_path / "folder").mkdir()
    with pytest.raises(UserError, match="cannot write"):
        kinds.write(kind, tmp_path / "folder", contents)
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}


@settings(max_examples=20)
@given(kind=st.sampled_from(KINDS), share=st.floats(0, 0.9999))
def test_a_file_cut_short_is_a_one_line_error(written, tmp_path, kind, share):
    whole = written["color_texture", kind][1].read_bytes()
    cut = tmp_path / f"cut.{kind}"
    cut.write_bytes(whole[: max(8, int(len(whole) * share))])
    with pytest.raises(UserError, match="damaged or cut short") as refused:
        kinds.open_model(cut, Wishes())
    assert "\n" not in str(refused.value)


def test_a_damaged_member_is_noticed(written, tmp_path):
    data = bytearray(written["mobilenet", "keras"][1].read_bytes())
    middle = len(data) // 2
    data[middle : middle + 50] = bytes(50)
    (tmp_path / "model.keras").write_bytes(data)
    with pytest.raises(UserError, match=r"the checksum of its model\.weights\.h5 is wrong"):
        kinds.open_model(tmp_path / "model.keras", Wishes())


def _save(model, path: Path) -> Path:
    model.save(path)
    return path


def _picture(size: int = 8) -> np.ndarray:
    return np.random.default_rng(5).uniform(0, 255, (2, size, size, 3)).astype(np.float32)


def _from_elsewhere(first, last, units=3, shape=(8, 8, 3)):
    """A model as users write it: preprocessing layers, a convolution, a dense layer."""
    import keras

    layers = keras.layers
    keras.utils.set_random_seed(1)
    return keras.Sequential(
        [keras.Input(shape), *first(layers), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(units, last)]
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "first",
    [
        lambda layers: [layers.Rescaling(1 / 255)],
        lambda layers: [layers.RandomFlip("horizontal"), layers.Rescaling(1 / 127.5, offset=-1)],
        lambda layers: [_augmenting(), layers.Rescaling([1 / 255])],
        lambda layers: [layers.Normalization(mean=[120, 110, 100], variance=[3000] * 3)],
    ],
    ids=["rescaling", "after augmentation", "after a model that augments", "normalization"],
)
def test_layers_that_prepare_raw_pixels_are_recognised(tmp_path, kind, first):
    model = _from_elsewhere(first, "softmax")
    opened = kinds.open_model(_save(model, tmp_path / f"model.{kind}"), Wishes())
    assert opened.preprocessing == Preprocessing(8, 8, 0.0, 1.0)
    assert (opened.record, opened.labels, opened.note, opened.gives_bottlenecks) == (None, None, None, False)
    np.testing.assert_allclose(opened.open_runner()(_picture())[0], model.predict_on_batch(_picture()), atol=1e-6)


def _augmenting():
    import keras

    return keras.Sequential([keras.layers.RandomFlip(), keras.layers.RandomRotation(0.1)])


@pytest.mark.parametrize(
    ("prepare", "raw"),
    [
        (lambda x: x / 255.0, True),
        (lambda x: x * (1 / 127.5) - 1, True),
        (lambda x: x - 127.5, True),
        (lambda x: x / 2.0, False),
        (lambda x: x * 255.0, False),
        (lambda x: x + x, False),
    ],
)
def test_arithmetic_that_prepares_raw_pixels_is_recognised(tmp_path, prepare, raw):
    import keras

    entry = keras.Input((8, 8, 3))
    model = keras.Model(entry, keras.layers.Dense(3, "softmax")(keras.layers.Flatten()(prepare(entry))))
    path = _save(model, tmp_path / "model.keras")
    if raw:
        assert kinds.open_model(path, Wishes()).preprocessing == Preprocessing(8, 8, 0.0, 1.0)
    else:
        with pytest.raises(UserError, match="give --input_mean, --input_std"):
            kinds.open_model(path, Wishes())


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_model_does_not_state_is_asked_for(tmp_path, kind):
    path = _save(_from_elsewhere(lambda layers: [], "softmax"), tmp_path / f"model.{kind}")
    with pytest.raises(UserError, match="give --input_mean, --input_std"):
        kinds.open_model(path, Wishes())
    assert kinds.open_model(path, Wishes(FED)).preprocessing == Preprocessing(8, 8, 127.5, 127.5)
    with pytest.raises(UserError, match="8 x 8 pixels, not 9 x 8"):
        kinds.open_model(path, Wishes(Overrides(input_height=9, input_mean=0.0, input_std=1.0)))
    with pytest.raises(UserError, match="--input_layer is for graphs"):
        kinds.open_model(path, Wishes(Overrides(input_layer="x", input_mean=0.0, input_std=1.0)))


def test_a_model_for_any_picture_size_needs_a_size(tmp_path):
    import keras

    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((None, None, 3)), layers.Rescaling(1 / 255), layers.GlobalMaxPooling2D(), layers.Softmax()]
    )
    path = _save(model, tmp_path / "model.keras")
    with pytest.raises(UserError, match="give --input_height, --input_width"):
        kinds.open_model(path, Wishes())
    opened = kinds.open_model(path, Wishes(Overrides(input_height=5, input_width=7)))
    assert (opened.preprocessing.input_height, opened.preprocessing.input_width) == (5, 7)


def _softmax(values):
    return np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)


def _pairs(second):
    return np.concatenate([1 - second, second], axis=1)


@pytest.mark.parametrize(
    ("units", "last", "scores", "said"),
    [
        (3, "softmax", lambda y: y, None),
        (3, "sigmoid", lambda y: y, None),
        (3, None, _softmax, "without a softmax"),
        (1, "sigmoid", _pairs, "score of the second label"),
        (1, None, lambda y: _pairs(1 / (1 + np.exp(-y))), "score of the second label"),
    ],
    ids=["softmax", "several labels at once", "logits", "one of two", "logit of one of two"],
)
def test_scores_become_probabilities_whatever_a_model_ends_with(tmp_path, units, last, scores, said):
    model = _from_elsewhere(lambda layers: [layers.Rescaling(1 / 255)], last, units)
    opened = kinds.open_model(_save(model, tmp_path / "model.keras"), Wishes())
    given_scores, _ = opened.open_runner()(_picture())
    np.testing.assert_allclose(given_scores, scores(model.predict_on_batch(_picture())), atol=1e-6)
    assert opened.outputs == given_scores.shape[1] == max(units, 2)
    assert opened.note is None if said is None else said in opened.note


def test_a_softmax_inside_nested_models_is_found(tmp_path):
    import keras

    layers = keras.layers
    head = keras.Sequential([keras.Input((192,)), layers.Dense(3), layers.Activation("softmax"), layers.Reshape((3,))])
    entry = keras.Input((8, 8, 3))
    model = keras.Model(entry, layers.Dropout(0.1)(head(layers.Flatten()(layers.Rescaling(1 / 255)(entry)))))
    assert kinds.open_model(_save(model, tmp_path / "model.h5"), Wishes()).note is None


def _in_two(layers, keras):
    a, b = keras.Input((8, 8, 3)), keras.Input((8, 8, 3))
    return keras.Model([a, b], layers.Dense(3)(layers.Flatten()(layers.Add()([a, b]))))


def _out_two(layers, keras):
    entry = keras.Input((8, 8, 3))
    flat = layers.Flatten()(entry)
    return keras.Model(entry, [layers.Dense(3)(flat), layers.Dense(3)(flat)])


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda layers, keras: _from_elsewhere(lambda layers: [], None, shape=(8, 8, 1)), r"takes \[None, 8, 8, 1\]"),
        (_in_two, r"takes \[None, 8, 8, 3\] and \[None, 8, 8, 3\]"),
        (_out_two, r"gives \[None, 3\] and \[None, 3\]"),
        (lambda layers, keras: keras.Sequential([keras.Input((8, 8, 3)), layers.Conv2D(3, 1)]), "gives .*8, 8, 3"),
        (lambda layers, keras: keras.Sequential([keras.Input((12,)), layers.Dense(3)]), r"takes \[None, 12\]"),
        (
            lambda layers, keras: keras.Sequential([keras.Input((8, 8, 3)), layers.Lambda(lambda x: x / 255)]),
            "holds a Lambda layer",
        ),
    ],
    ids=["grey", "two inputs", "two outputs", "a picture comes out", "no picture goes in", "lambda"],
)
@pytest.mark.parametrize("kind", KINDS)
def test_models_that_do_not_classify_colour_pictures_are_refused(tmp_path, kind, build, said):
    import keras

    path = _save(build(keras.layers, keras), tmp_path / f"model.{kind}")
    with pytest.raises(UserError, match=said) as refused:
        kinds.open_model(path, Wishes(FED))
    assert "\n" not in str(refused.value)


def test_layers_unknown_to_keras_are_named(tmp_path):
    import keras

    class Wobble(keras.layers.Layer):
        def call(self, x):
            return x

    model = keras.Sequential([keras.Input((8, 8, 3)), Wobble(), keras.layers.Flatten(), keras.layers.Dense(3)])
    for kind in KINDS:
        with pytest.raises(UserError, match="Wobble") as refused:
            kinds.open_model(_save(model, tmp_path / f"model.{kind}"), Wishes(FED))
        assert "\n" not in str(refused.value)


@pytest.mark.parametrize("version", ["2.15.0", "3.15.1"])
def test_opening_a_file_runs_no_code_from_it(tmp_path, version):
    """Otherwise a file could import any class or function and call it with its own arguments."""
    path = tmp_path / "model.keras"
    call = {"module": "os", "class_name": "function", "config": "system", "registered_name": "system"}
    layer = {"module": "keras.layers", "class_name": "Activation", "config": {"activation": call}}
    described = {"module": "keras", "class_name": "Sequential", "config": {"layers": [layer]}}
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(described))
        archive.writestr("metadata.json", json.dumps({"keras_version": version}))
    with pytest.raises(UserError, match="needs the function system from os"):
        kinds.open_model(path, Wishes())
    described["config"]["layers"] = [{"class_name": "TFOpLambda", "config": {"function": "io.write_file"}}]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", json.dumps(described))
    with pytest.raises(UserError, match=r"calls tf\.io\.write_file"):
        kinds.open_model(path, Wishes())


@pytest.mark.parametrize("kind", KINDS)
def test_models_of_keras_2_are_opened(tmp_path, kind):
    """They have a layer whose settings Keras 3 refuses, Keras 2 arithmetic, and logits."""
    import tf_keras

    layers = tf_keras.layers
    tf_keras.utils.set_random_seed(1)
    entry = tf_keras.Input((8, 8, 3))
    x = layers.DepthwiseConv2D(3)(entry / 127.5 - 1)
    model = tf_keras.Model(entry, layers.Dense(3)(layers.Flatten()(x)))
    path = _save(model, tmp_path / f"model.{kind}")
    opened = kinds.open_model(path, Wishes())
    assert opened.preprocessing == Preprocessing(8, 8, 0.0, 1.0)
    assert "without a softmax" in opened.note
    expected = _softmax(model.predict_on_batch(_picture()))
    np.testing.assert_allclose(opened.open_runner()(_picture())[0], expected, atol=1e-6)


def test_files_without_a_model_are_recognised(tmp_path):
    import keras

    model = _from_elsewhere(lambda layers: [], None)
    model.save_weights(tmp_path / "new.weights.h5")
    with zipfile.ZipFile(tmp_path / "other.keras", "w") as archive:
        archive.writestr("word/document.xml", "<xml/>")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["numbers"] = np.arange(3)
    with h5py.File(tmp_path / "old.h5", "w") as file:
        file.attrs["layer_names"] = ["conv1"]
        file.create_group("conv1")
    for name, said in {
        "new.weights.h5": "only the weights of a Keras model",
        "old.h5": "only the weights of a Keras model",
        "other.h5": "without a Keras model",
        "other.keras": r"archive without config\.json",
    }.items():
        with pytest.raises(UserError, match=said):
            kinds.open_model(tmp_path / name, Wishes())
    assert keras.__version__.startswith("3.")


def test_published_weights_are_recognised_as_such(real_data):
    with pytest.raises(UserError, match="only the weights of a Keras model"):
        kinds.open_model(real_data / "keras" / "mobilenet_2_5_224_tf_no_top.h5", Wishes())
