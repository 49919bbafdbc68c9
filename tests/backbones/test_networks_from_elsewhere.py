"""Networks that other programs made, as backbones: what they take, and the layer before their own scores."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from scripts.classifier.backbones import table
from scripts.classifier.backbones.choices import Choices
from scripts.classifier.errors import UserError
from scripts.classifier.graphs import frozen_graph
from tests.support import foreign_networks
from tests.support.foreign_networks import SIDE, module_of, squeezenet, teachable

TOLD = Choices(input_mean=127.5, input_std=127.5)


def bottlenecks(path, model_dir, choices: Choices = TOLD) -> np.ndarray:
    backbone = table.load(str(path), model_dir, choices=choices)
    body = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)
    return tf.function(body)((pixels() - 128) / 128).numpy()


def pixels() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (2, SIDE, SIDE, 3)).astype(np.float32)


def layer(model, name: str) -> np.ndarray:
    values = keras.Model(model.inputs, model.get_layer(name).output).predict(pixels() / 127.5 - 1, verbose=0)
    return values.mean((1, 2)) if values.ndim == 4 else values


def saved(model, folder, kind: str):
    if kind == "saved_model":
        return module_of(model, folder / "module", "sequential_3")
    if kind == "pb":
        from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

        spec = tf.TensorSpec([None, SIDE, SIDE, 3], tf.float32, name="pictures")
        function = tf.function(lambda pictures: model(pictures, training=False)).get_concrete_function(spec)
        frozen = convert_variables_to_constants_v2(function)
        (folder / "model.pb").write_bytes(frozen.graph.as_graph_def().SerializeToString())
        return folder / "model.pb"
    model.save(folder / f"model.{kind}")
    return folder / f"model.{kind}"


def told(kind: str) -> Choices:
    return Choices(input_mean=127.5, input_std=127.5, channels="rgb") if kind == "pb" else TOLD


@pytest.mark.parametrize("kind", ["h5", "keras", "saved_model", "pb"])
def test_the_values_pooled_before_the_scores_are_taken_from_every_kind_of_file(tmp_path, kind):
    model = teachable()
    path = saved(model, tmp_path, kind)
    theirs = np.asarray(model.layers[0](pixels() / 127.5 - 1, training=False))
    np.testing.assert_allclose(bottlenecks(path, tmp_path, told(kind)), theirs, atol=1e-5)


@pytest.mark.parametrize("kind", ["h5", "keras", "saved_model", "pb"])
def test_of_pooled_scores_the_map_before_them_is_taken(tmp_path, kind):
    model = squeezenet()
    path = saved(model, tmp_path, kind)
    np.testing.assert_allclose(bottlenecks(path, tmp_path, told(kind)), layer(model, "fire9"), atol=1e-5)


@pytest.mark.parametrize("key", ["logits", "default"])
def test_a_module_with_class_scores_gives_its_features(tmp_path, key):
    """Those with as many values as ImageNet has classes need no softmax to be known."""
    model = squeezenet(classes=1001, softmax=False)
    path = module_of(model, tmp_path / "module", key)
    np.testing.assert_allclose(bottlenecks(path, tmp_path), layer(model, "fire9"), atol=1e-5)


def test_what_its_maker_calls_features_is_taken_as_it_is(tmp_path):
    model = squeezenet(classes=9, softmax=False)
    path = module_of(model, tmp_path / "module", "feature_vector")
    choices = Choices()  # a module takes pixels from 0 to 1, unless it says otherwise
    ours = bottlenecks(path, tmp_path, choices)
    np.testing.assert_allclose(ours, model.predict(pixels() / 255, verbose=0), atol=1e-5)


def test_scores_that_nothing_leads_to_are_asked_about(tmp_path):
    entry = keras.Input((SIDE, SIDE, 3))
    x = keras.layers.MaxPooling2D(2, name="halved")(entry)
    model = keras.Model(entry, keras.layers.Softmax()(keras.layers.GlobalAveragePooling2D(name="means")(x)))
    with pytest.raises(UserError) as error:
        bottlenecks(saved(model, tmp_path, "keras"), tmp_path)
    said = str(error.value)
    assert "--bottleneck_layer, such as means or halved" in said and "\n" not in said
    asked_for = Choices(input_mean=127.5, input_std=127.5, bottleneck_layer="halved")
    ours = bottlenecks(tmp_path / "model.keras", tmp_path, asked_for)
    np.testing.assert_allclose(ours, layer(model, "halved"), atol=1e-5)


def test_a_saved_model_of_unknown_make_is_asked_how_it_takes_pixels(tmp_path):
    path = module_of(teachable(), tmp_path / "module", "sequential_3")
    with pytest.raises(UserError, match=r"give --input_mean, --input_std; .*127\.5 and 127\.5; Teachable Machine"):
        table.load(str(path), tmp_path)


def test_a_graph_in_bgr_gives_the_values_of_the_framework(tmp_path):
    graph_def = foreign_networks.custom_vision()
    path = foreign_networks.write(tmp_path, graph_def)
    theirs = foreign_networks.run(graph_def, pixels()[..., ::-1], output="fc/Reshape")
    np.testing.assert_allclose(bottlenecks(path, tmp_path, Choices()), theirs, rtol=1e-4, atol=1e-4)
    turned = Choices(channels="rgb")
    theirs = foreign_networks.run(graph_def, pixels(), output="fc/Reshape")
    np.testing.assert_allclose(bottlenecks(path, tmp_path, turned), theirs, rtol=1e-4, atol=1e-4)


def test_what_a_graph_does_not_say_is_asked_for_at_once(tmp_path):
    path = foreign_networks.write(tmp_path, foreign_networks.custom_vision(means=None))
    with pytest.raises(UserError, match=r"give --input_mean, --input_std, --channels; .*bgr in networks from Caffe"):
        table.load(str(path), tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.h5", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("a.pb", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        ("a.keras", b"<!DOCTYPE html>", "is a web page, not a network"),
        ("a.tflite", b"\x1c\0\0\0TFL3", "is a TensorFlow Lite model"),
        ("a.onnx", b"\x08\x07", "is an ONNX model"),
    ],
)
def test_what_is_no_network_is_called_by_its_name(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=said) as error:
        table.load(str(tmp_path / name), tmp_path)
    assert "\n" not in str(error.value)
