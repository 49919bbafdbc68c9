"""SavedModels: ours hold labels and preprocessing, and we open those from elsewhere."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings, strategies as st

from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos.preprocessing import Overrides, Preprocessing
from tests.support import small_classifiers

FED = Overrides(input_mean=127.5, input_std=127.5)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("written"), {}
    for name in small_classifiers.NAMES:
        contents = small_classifiers.contents(small_classifiers.backbone(name, folder))
        kinds.write("saved_model", folder / name, contents)
        made[name] = contents, folder / name
    assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    return made


@pytest.mark.parametrize("name", small_classifiers.NAMES)
def test_written_models_are_opened_complete(written, name):
    contents, path = written[name]
    model = kinds.open_model(path, Wishes(bottlenecks=True))
    pictures = small_classifiers.pictures(contents)
    scores, bottlenecks = model.open_runner()(pictures)
    small_classifiers.assert_all_is_there(model, contents, (scores, bottlenecks))
    assert kinds.open_model(path, Wishes()).open_runner()(pictures)[1] is None


def test_other_tools_find_labels_and_signatures(written):
    contents, path = written["mobilenet"]
    assert (path / "assets" / "labels.txt").read_text("utf-8") == "daisy\nrosé\nsun flower\n"
    assert json.loads((path / "assets.extra" / "classifier.json").read_text("utf-8"))["labels"][1] == "rosé"
    loaded = tf.saved_model.load(str(path))
    assert Path(loaded.labels.asset_path.numpy().decode()) == path / "assets" / "labels.txt"
    assert set(loaded.signatures) == {"serving_default", "classify", "pixels", "bottlenecks"}
    entry = loaded.signatures["pixels"].structured_input_signature[1]["pictures"]
    assert (entry.dtype, entry.shape.as_list()) == (tf.float32, [None, 128, 128, 3])
    both = loaded.signatures["bottlenecks"](pictures=tf.constant(small_classifiers.pictures(contents)))
    assert {name: each.shape.as_list() for name, each in both.items()} == {"scores": [3, 3], "bottlenecks": [3, 256]}


def test_weights_are_stored_once_and_8_bit_weights_in_8_bits(written):
    sizes = {
        name: sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        for name, (_, path) in written.items()
    }
    graph = written["mobilenet"][0].graph_def.ByteSize()
    assert sizes["mobilenet"] < graph + 250_000
    assert sizes["mobilenet_quantized"] < sizes["mobilenet"] - 400_000


def test_a_graph_for_one_picture_stays_so(written, tmp_path):
    contents, _ = written["keras_network"]
    single = type(contents)(**{**vars(contents), "graph_def": type(contents.graph_def)(), "bottleneck": None})
    single.graph_def.CopyFrom(contents.graph_def)
    for node in single.graph_def.node:
        if node.name == "input":
            node.attr["shape"].shape.dim[0].size = 1
    kinds.write("saved_model", tmp_path / "single", single)
    model = kinds.open_model(tmp_path / "single", Wishes(bottlenecks=True))
    assert (model.batch, model.gives_bottlenecks) == (1, False)
    pictures = small_classifiers.pictures(contents, 1)
    expected, _ = small_classifiers.expected(contents, pictures)
    np.testing.assert_allclose(model.open_runner()(pictures)[0], expected, atol=1e-5)


def test_only_a_saved_model_is_replaced(written, tmp_path):
    contents, path = written["keras_network"]
    shutil.copytree(path, tmp_path / "former")
    (tmp_path / "former" / "more.txt").touch()
    kinds.write("saved_model", tmp_path / "former", contents)
    assert not (tmp_path / "former" / "more.txt").exists()
    assert kinds.open_model(tmp_path / "former", Wishes()).labels == small_classifiers.LABELS
    (tmp_path / "empty").mkdir()
    kinds.write("saved_model", tmp_path / "empty", contents)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "rose.jpg").touch()
    (tmp_path / "file").touch()
    for other in ("photos", "file"):
        with pytest.raises(UserError, match="exists and is not a SavedModel"):
            kinds.write("saved_model", tmp_path / other, contents)
    with pytest.raises(UserError, match="cannot write"):
        kinds.write("saved_model", tmp_path / "file" / "model", contents)
    assert (tmp_path / "photos" / "rose.jpg").exists()
    assert {each.name for each in tmp_path.iterdir()} == {"former", "empty", "photos", "file"}


def _cut(file: Path, keep: int) -> None:
    file.write_bytes(file.read_bytes()[:keep])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda folder: shutil.rmtree(folder / "variables"), "cannot be loaded: part of it is missing"),
        (lambda folder: (folder / "variables/variables.index").unlink(), "cannot be loaded: part of it is missing"),
        (lambda folder: _cut(folder / "variables/variables.data-00000-of-00001", 900), "cannot be loaded"),
        (lambda folder: _cut(folder / "saved_model.pb", 0), "empty or cut short"),
        (lambda folder: (folder / "assets.extra/classifier.json").write_text("{"), r"classifier\.json is damaged"),
        (lambda folder: (folder / "saved_model.pb").unlink(), r"without a saved_model\.pb"),
    ],
    ids=["no weights", "no index", "weights cut short", "empty", "record damaged", "no graph"],
)
def test_damage_is_a_one_line_error(written, tmp_path, damage, said):
    shutil.copytree(written["color_texture"][1], tmp_path / "model")
    damage(tmp_path / "model")
    with pytest.raises(UserError, match=said) as refused:
        kinds.open_model(tmp_path / "model", Wishes())
    assert "\n" not in str(refused.value)


@settings(max_examples=20)
@given(share=st.floats(0, 0.9999))
def test_a_graph_cut_short_is_a_one_line_error(written, tmp_path, share):
    (tmp_path / "model").mkdir(exist_ok=True)
    whole = (written["color_texture"][1] / "saved_model.pb").read_bytes()
    (tmp_path / "model" / "saved_model.pb").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError, match="cut short") as refused:
        kinds.open_model(tmp_path / "model", Wishes())
    assert "\n" not in str(refused.value)


class _Elsewhere(tf.Module):
    """A model as other programs save it, with several ways to take pictures."""

    def __init__(self):
        super().__init__()
        self.kernel = tf.Variable(np.random.default_rng(0).normal(0, 0.1, (3, 4)).astype(np.float32))
        self.one = tf.Variable(np.random.default_rng(1).normal(0, 0.1, (3, 1)).astype(np.float32))

    def _logits(self, x):
        return tf.reduce_mean(x, [1, 2]) @ self.kernel

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 6, 3])])
    def softmax(self, x):
        return {"probabilities": tf.nn.softmax(self._logits(x)), "embedding": tf.reduce_mean(x, [1, 2])}

    @tf.function(input_signature=[tf.TensorSpec([1, 8, 6, 3])])
    def logits(self, x):
        return {"output_0": self._logits(x) + 1.0}

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 6, 3], tf.uint8)])
    def whole_numbers(self, x):
        return {"scores": tf.nn.softmax(self._logits(tf.cast(x, tf.float32) / 255))}

    @tf.function(input_signature=[tf.TensorSpec([None] * 4)])
    def any_size(self, x):
        return {"scores": tf.sigmoid(tf.reduce_mean(x, [1, 2]) @ self.one)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def encoded(self, image_bytes):
        return {"scores": tf.ones([1, 3])}

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 6, 3]), tf.TensorSpec([None])])
    def two(self, x, more):
        return {"scores": self._logits(x)}

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 6, 1])])
    def grey(self, x):
        return {"scores": tf.reduce_mean(x, [1, 2])}


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """A SavedModel with these functions as its signatures."""
    module, folder = _Elsewhere(), tmp_path_factory.mktemp("elsewhere")

    def save(**signatures: str) -> Path:
        path = folder / "-".join([*signatures, *signatures.values()])
        if not path.exists():
            tf.saved_model.save(module, str(path), {key: getattr(module, name) for key, name in signatures.items()})
        return path

    save.module = module
    return save


def _picture(count: int = 2) -> np.ndarray:
    return np.random.default_rng(5).uniform(0, 255, (count, 8, 6, 3)).astype(np.float32)


def test_a_model_from_elsewhere_is_fed_as_it_or_the_user_says(elsewhere):
    path = elsewhere(serving_default="softmax")
    with pytest.raises(UserError, match="give --input_mean, --input_std"):
        kinds.open_model(path, Wishes())
    with pytest.raises(UserError, match="8 x 6 pixels, not 8 x 7"):
        kinds.open_model(path, Wishes(Overrides(input_width=7, input_mean=0.0, input_std=1.0)))
    model = kinds.open_model(path, Wishes(FED, bottlenecks=True))
    assert model.preprocessing == Preprocessing(8, 6, 127.5, 127.5)
    assert (model.outputs, model.batch, model.note, model.record, model.labels) == (4, 32, None, None, None)
    assert not model.gives_bottlenecks
    expected = elsewhere.module.softmax(tf.constant(_picture()))["probabilities"]
    np.testing.assert_allclose(model.open_runner()(_picture())[0], expected, atol=1e-6)


def test_logits_become_probabilities(elsewhere):
    model = kinds.open_model(elsewhere(serving_default="logits"), Wishes(FED))
    assert model.batch == 1
    assert "without a softmax" in model.note
    expected = tf.nn.softmax(elsewhere.module.logits(tf.constant(_picture(1)))["output_0"])
    np.testing.assert_allclose(model.open_runner()(_picture(1))[0], expected, atol=1e-6)


def test_integer_input_is_raw_pixels(elsewhere):
    model = kinds.open_model(elsewhere(classify="whole_numbers"), Wishes())
    assert model.preprocessing == Preprocessing(8, 6, 0.0, 1.0)
    expected = elsewhere.module.whole_numbers(tf.constant(np.rint(_picture()).astype(np.uint8)))["scores"]
    np.testing.assert_allclose(model.open_runner()(_picture())[0], expected, atol=1e-6)


def test_one_value_is_the_score_of_the_second_label(elsewhere):
    path = elsewhere(serving_default="any_size")
    with pytest.raises(UserError, match="give --input_height, --input_width"):
        kinds.open_model(path, Wishes(FED))
    fed = Overrides(input_height=8, input_width=6, input_mean=0.0, input_std=255.0)
    model = kinds.open_model(path, Wishes(fed))
    second = elsewhere.module.any_size(tf.constant(_picture()))["scores"].numpy()
    np.testing.assert_allclose(model.open_runner()(_picture())[0], np.concatenate([1 - second, second], 1), atol=1e-6)
    assert (model.outputs, "second label" in model.note) == (2, True)


def test_a_keras_export_is_opened(tmp_path):
    import keras

    layers = keras.layers
    model = keras.Sequential([keras.Input((8, 6, 3)), layers.Conv2D(4, 3), layers.Flatten(), layers.Dense(3)])
    model.export(str(tmp_path / "exported"), verbose=False)
    opened = kinds.open_model(tmp_path / "exported", Wishes(FED))
    expected = tf.nn.softmax(model.predict_on_batch(_picture()))
    np.testing.assert_allclose(opened.open_runner()(_picture())[0], expected, atol=1e-6)


@pytest.fixture(scope="module")
def tensorflow_1(tmp_path_factory):
    """Models saved as TensorFlow 1 did: for serving, and as a Hub module."""
    v1, folder = tf.compat.v1, tmp_path_factory.mktemp("tensorflow_1")
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.float32, [None, 8, 6, 3])
        kernel = v1.get_variable("kernel", [3, 4])
        session.run(v1.global_variables_initializer())
        scores = tf.nn.softmax(tf.reduce_mean(x, [1, 2]) @ kernel)
        given = session.run(scores, {x: _picture()})
        outputs = {"classes": tf.argmax(scores, 1), "scores": scores}
        v1.saved_model.simple_save(session, str(folder / "served"), {"image": x}, outputs)
        builder = v1.saved_model.Builder(str(folder / "module"))
        default = v1.saved_model.predict_signature_def({"images": x}, {"default": scores})
        builder.add_meta_graph_and_variables(session, [], {"default": default})
        builder.save()
    return folder, given


def test_a_tensorflow_1_model_is_opened(tensorflow_1):
    folder, expected = tensorflow_1
    model = kinds.open_model(folder / "served", Wishes(FED))
    np.testing.assert_allclose(model.open_runner()(_picture())[0], expected, atol=1e-6)
    with pytest.raises(UserError, match=r"no graph for serving .* Hub"):
        kinds.open_model(folder / "module", Wishes(FED))


@pytest.mark.parametrize(
    ("signatures", "said"),
    [
        ({"serving_default": "encoded"}, r"serving_default takes image_bytes, string \[\?\]"),
        ({"serving_default": "two"}, r"takes more, float32 \[\?\] and x, float32 \[\?, 8, 6, 3\]"),
        ({"serving_default": "grey"}, r"takes x, float32 \[\?, 8, 6, 1\]"),
        ({"a": "softmax", "b": "logits"}, "a takes .*; b takes"),
        ({}, "has no signatures"),
    ],
    ids=["encoded pictures", "two inputs", "grey", "several", "none"],
)
def test_models_that_do_not_classify_colour_pictures_are_refused(elsewhere, tmp_path, signatures, said):
    path = elsewhere(**signatures)
    if not signatures:
        path = tmp_path / "none"
        tf.saved_model.save(tf.Module(), str(path))
    with pytest.raises(UserError, match=said) as refused:
        kinds.open_model(path, Wishes(FED))
    assert "\n" not in str(refused.value)
