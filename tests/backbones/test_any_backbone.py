"""Networks from elsewhere become backbones: used by retrain, and compared with the originals."""

import inspect
import json
import re
import sys
import tarfile
from pathlib import Path

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras.src.legacy.saving import legacy_h5_format

from scripts.classifier.backbones import (
    densenet161,
    keras_applications,
    keras_weights,
    table,
    torch_files,
)
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.choices import Choices
from scripts.classifier.backbones.frozen_backbones import Prelude
from scripts.classifier.errors import UserError
from scripts.classifier.graphs import frozen_graph
from tests.support import file_server, hub_modules
from tests.support.file_server import File
from tests.support.graph_readers import assert_readable_by_tensorflow_1
from tests.support.published_networks import mobilenet_graph


def pixels(count: int, size: int) -> np.ndarray:
    """Smooth pictures with values from 0 to 255."""
    coarse = np.random.default_rng(0).uniform(0, 255, (count, 9, 9, 3)).astype(np.float32)
    return tf.image.resize(coarse, (size, size), "bicubic").numpy().clip(0, 255)


def run(backbone: Backbone, pictures: np.ndarray) -> np.ndarray:
    body = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)
    return tf.function(body)((pictures - 128) / 128).numpy()


def assert_same(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-4) -> None:
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < tolerance * max(1, np.abs(theirs).max())
    assert np.abs(theirs[0] - theirs[1]).max() > 1e-3  # otherwise a constant would pass


def classify(workplace, photos, *words: str, **kwargs) -> dict:
    """Retrains, labels a photo with the new classifier, and returns the record of its backbone."""
    done = workplace.retrain(photos, *words, **kwargs)
    assert done.returncode == 0, done.stderr
    labelled = workplace.label("--top_k=1", str(photos / "red" / "red_001.jpg"))
    assert labelled.returncode == 0 and " (score=" in labelled.stdout, labelled.stderr
    return json.loads((workplace / "retrained_graph.json").read_text())["backbone"]


def refused(place: object, model_dir: Path, **choices: object) -> str:
    before = sorted(model_dir.glob("*"))
    with pytest.raises(UserError) as error:
        table.load(str(place), model_dir, choices=Choices(**choices))
    assert "\n" not in str(error.value) and sorted(model_dir.glob("*")) == before
    return str(error.value)


# keras.applications


def test_the_table_matches_keras():
    """It lists every network, with the checksum in Keras' source."""
    every = {name for name in dir(keras.applications) if name[0].isupper()} - {"InceptionV3"}
    assert {name.partition("_")[0] for name in keras_applications.NAMES} == every
    for name, published in keras_weights.published().items():
        module = sys.modules[getattr(keras.applications, name.partition("_")[0]).__module__]
        sources = inspect.getsource(module) + inspect.getsource(keras.src.applications.resnet)
        assert published.checksum is None or published.checksum in sources, name
        assert published.url.rpartition("/")[0].rpartition("/")[2] in sources, name


@pytest.mark.parametrize("name", ["MobileNetV3Small", "MobileNet_0.25_128"])
def test_a_frozen_keras_network_gives_the_same_values(tmp_path, monkeypatch, name):
    """Loads random weights from a file like those that Keras publishes."""
    keras.utils.set_random_seed(1)
    size, alpha = 96, {"alpha": 0.25} if "0.25" in name else {}
    function = getattr(keras.applications, name.partition("_")[0])
    model = function(weights=None, include_top=False, pooling="avg", input_shape=(size, size, 3), **alpha)
    pictures = pixels(4, size)
    prepared = sys.modules[function.__module__].preprocess_input(pictures.copy())
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(prepared, training=True)  # its norms now fit these pictures, so the signal does not fade
    weights = tmp_path / keras_applications.source(name).file
    with h5py.File(weights, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    backbone = keras_applications.load(name, weights, Choices(input_size=size))
    assert (backbone.input_size, backbone.bottleneck_size) == (size, keras_weights.published()[name].values)
    assert_same(run(backbone, pictures), model.predict(prepared, verbose=0))
    if name.startswith("MobileNet_"):
        assert_readable_by_tensorflow_1(backbone.graph_def)
    # The graph is kept: the next time, Keras is not needed.
    monkeypatch.setattr(keras_applications, "build", None)
    assert keras_applications.load(name, weights, Choices(input_size=size)) == backbone


def test_reordering_and_shifting_colours_is_a_convolution():
    """ResNet and VGG expect such colours."""
    prelude = Prelude.like(keras.applications.resnet.preprocess_input)
    assert_same(pixels(2, 8) @ prelude.matrix + prelude.shift, keras.applications.resnet.preprocess_input(pixels(2, 8)))


def test_published_weights_make_a_classifier(workplace, photos, real_data):
    """Uses Keras' MobileNet from a mirror."""
    place = workplace / "mirror" / "storage.googleapis.com" / "tensorflow" / "keras-applications" / "mobilenet"
    place.mkdir(parents=True)
    (place / "mobilenet_2_5_224_tf_no_top.h5").symlink_to(real_data / "keras" / "mobilenet_2_5_224_tf_no_top.h5")
    backbone = classify(workplace, photos, "--architecture=MobileNet_0.25_224")
    assert (backbone["architecture"], backbone["bottleneck_size"]) == ("MobileNet_0.25_224", 256)


# Hub


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A server like tfhub.dev, with one module in each format."""
    folder = tmp_path_factory.mktemp("modules")
    with file_server.running() as server:
        server.folders = {}
        for name, make in (("today/64_64", hub_modules.today), ("old/1", hub_modules.of_tensorflow_1)):
            server.folders[name] = make(folder / name.replace("/", "_"))
            server.script(f"/{name}?tf-hub-format=compressed", File(hub_modules.archive(server.folders[name])))
        server.script("/page/1?tf-hub-format=compressed", File(b"<html>sign in</html>"))
        yield server


@pytest.mark.parametrize("name", ["today/64_64", "old/1"])
def test_a_frozen_module_gives_the_same_values(served, tmp_path, name):
    backbone = table.load(str(served.folders[name]), tmp_path)
    signature = tf.saved_model.load(served.folders[name], tags=["serve"] if "today" in name else []).signatures
    pictures = pixels(2, backbone.input_size)
    if "today" in name:
        theirs = signature["serving_default"](inputs=tf.constant(pictures / 255))["feature_vector"]
    else:
        theirs = signature["image_feature_vector"](tf.constant(pictures / 255))["default"]
    assert_same(run(backbone, pictures), theirs.numpy())
    assert not frozen_graph.newer_than_tensorflow_1(backbone.graph_def)


@pytest.mark.parametrize("name", ["today/64_64", "old/1"])
def test_a_handle_makes_a_classifier(workplace, photos, served, name):
    served.requests.clear()
    handle = f"--architecture={served.address}/{name}"
    backbone = classify(workplace, photos, handle, env={"POETS_MIRROR": ""})
    assert backbone["bottleneck_size"] == (12 if "today" in name else 10)
    assert len(served.requests) == 1
    again = workplace.retrain(photos, handle)  # the server cannot be reached, but the module is kept
    assert again.returncode == 0 and "bottlenecks: 72 cached" in again.stdout, again.stderr


def test_an_unreachable_handle_is_a_one_line_error(workplace, photos):
    done = workplace.retrain(photos, "--architecture=http://host.invalid/module/1", env={"POETS_MIRROR": ""})
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "host.invalid cannot be reached" in done.stderr
    assert not (workplace / "retrained_graph.pb").exists()


def test_anything_but_a_module_is_refused_in_one_line(served, tmp_path, monkeypatch):
    monkeypatch.delenv("POETS_MIRROR", raising=False)
    models = tmp_path / "models"
    assert "answers with a web page, not a module's .tar.gz archive" in refused(f"{served.address}/page/1", models)
    (tmp_path / "note.txt").write_text("not a module")
    with tarfile.open(tmp_path / "note.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "note.txt", "note.txt")
    served.script("/note/1?tf-hub-format=compressed", File((tmp_path / "note.tar.gz").read_bytes()))
    said = refused(f"{served.address}/note/1", models)
    assert "answers with an archive without a saved_model.pb, not a module's" in said and "give its folder" in said
    assert list(models.iterdir()) == []  # so that the next try fetches it again
    grey = hub_modules.today(tmp_path / "grey", channels=1)
    said = refused(grey, models)
    assert "has no signature from colour pictures" in said and "inputs, float32 [?, 64, 64, 1]" in said
    any_size = hub_modules.today(tmp_path / "any", size=None)
    assert "give --input_size" in refused(any_size, models)
    (tmp_path / "empty").mkdir()
    assert "holds no saved_model.pb" in refused(tmp_path / "empty", models)


# Files


@pytest.fixture(scope="module")
def keras_model():
    """A small network with a head, for pixels from 0 to 255."""
    layers = keras.layers
    keras.utils.set_random_seed(3)
    body = keras.Sequential(
        [
            layers.Input((48, 48, 3)),
            layers.Conv2D(6, 3, activation="relu", name="first"),
            layers.Conv2D(9, 3, activation="relu", name="second"),
        ],
        name="body",
    )
    entry = keras.Input((48, 48, 3))
    x = layers.Rescaling(1 / 127.5, -1)(entry)
    x = layers.GlobalAveragePooling2D(name="pooled")(body(x))
    return keras.Model(entry, layers.Dense(4, activation="softmax")(layers.Dense(16, activation="relu")(x)))


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_the_last_pooled_layer_of_a_keras_model_is_found(tmp_path, keras_model, ending):
    path = tmp_path / f"model.{ending}"
    keras_model.save(path)
    pictures = pixels(2, 48)
    theirs = keras.Model(keras_model.inputs, keras_model.get_layer("pooled").output).predict(pictures, verbose=0)
    assert_same(run(table.load(str(path), tmp_path), pictures), theirs)
    inner = table.load(str(path), tmp_path, choices=Choices(bottleneck_layer="first"))
    body = keras_model.get_layer("body")
    first = body.get_layer("first")(pictures / 127.5 - 1)
    assert_same(run(inner, pictures), np.asarray(first).mean((1, 2)))
    assert inner.fingerprint != table.load(str(path), tmp_path).fingerprint


def test_a_keras_file_makes_a_classifier(workplace, photos, tmp_path, keras_model):
    path = tmp_path / "model.keras"
    keras_model.save(path)
    backbone = classify(workplace, photos, f"--architecture={path}")
    assert (backbone["architecture"], backbone["bottleneck_size"]) == ("model", 9)


def test_missing_facts_about_a_file_are_asked_for(tmp_path, keras_model):
    models = tmp_path / "models"
    keras_model.save(tmp_path / "model.keras")
    said = refused(tmp_path / "model.keras", models, bottleneck_layer="secund")
    assert "--bottleneck_layer=secund: " in said and "the nearest are second" in said
    plain = keras.Sequential([keras.layers.Input((None, None, 3)), keras.layers.Conv2D(4, 3)])
    plain.save(tmp_path / "plain.keras")
    path, told = tmp_path / "plain.keras", {"input_mean": 0.0, "input_std": 255.0}
    assert "--input_mean" in refused(path, models)
    assert "--input_size" in refused(path, models, **told)
    pictures = pixels(2, 40)
    ours = run(table.load(str(path), models, choices=Choices(**told, input_size=40)), pictures)
    assert_same(ours, np.asarray(plain(pictures / 255)).mean((1, 2)))


def test_a_layer_of_a_frozen_graph_makes_a_classifier(workplace, photos, tmp_path):
    path = tmp_path / "mobilenet.pb"
    path.write_bytes(mobilenet_graph(0.25, 96).SerializeToString())
    layer = "MobilenetV1/Logits/AvgPool_1a/AvgPool"
    wrong = "MobilenetV1/Logits/AvgPool_1b"
    assert "nearest are MobilenetV1/Logits/AvgPool" in refused(path, tmp_path / "models", bottleneck_layer=wrong)
    backbone = classify(workplace, photos, f"--architecture={path}", f"--bottleneck_layer={layer}")
    assert backbone["bottleneck_size"] == 256
    loaded = table.load(str(path), tmp_path, choices=Choices(bottleneck_layer=layer))
    pictures = pixels(2, 96)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.graph_util.import_graph_def(mobilenet_graph(0.25, 96), name="")
        alone = [session.run(f"{layer}:0", {"input:0": (picture[None] - 128) / 128}) for picture in pictures]
    assert_same(run(loaded, pictures), np.concatenate(alone)[:, 0, 0])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--architecture=DenseNt121"], "did you mean DenseNet121?"),
        (["--architecture=no/such.h5"], "no such file or folder"),
        (["--architecture=color_texture", "--bottleneck_layer=x"], "does not apply to color_texture"),
        (["--architecture=ConvNeXtTiny", "--input_mean=0"], "does not apply to ConvNeXtTiny"),
    ],
)
def test_a_wrong_architecture_or_flag_is_a_one_line_error(workplace, photos, words, said):
    done = workplace.retrain(photos, *words)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and said in done.stderr


@pytest.mark.parametrize(("version", "more"), [((3, 11), ""), ((3, 10), ", with Python 3.11 or later")])
def test_without_keras_hub_a_preset_is_refused_before_any_work(monkeypatch, version, more):
    monkeypatch.setitem(sys.modules, "keras_hub", None)  # as if it were not installed
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(UserError) as error:
        table.check("keras_hub:dinov2_small", Choices())
    assert str(error.value) == (
        "--architecture=keras_hub:dinov2_small needs the package keras-hub, which is not installed: "
        f"run pip install -r requirements/keras_hub.txt{more}"
    )


# DenseNet-161


@pytest.fixture(scope="module")
def torch():
    """PyTorch, imported by the one worker that runs this file, though every worker collects it."""
    import torch

    return torch


@pytest.fixture(scope="module")
def densenet(torch, tmp_path_factory):
    """The network in PyTorch, and its weights in today's format and, under the names of 2017, in that of 2017."""
    from tests.support import torch_densenet

    folder, network = tmp_path_factory.mktemp("densenet"), torch_densenet.random_densenet()
    tensors = network.state_dict()
    torch.save(tensors, folder / "today.pth")
    old = {_of_2017(name): values for name, values in tensors.items() if "num_batches" not in name}
    torch.save(old, folder / "old.pth", _use_new_zipfile_serialization=False)
    return network, folder


def _of_2017(name: str) -> str:
    return re.sub(r"(denselayer\d+\.(norm|conv))(\d)", r"\1.\3", name)


def test_both_formats_hold_the_same_tensors(densenet):
    network, folder = densenet
    today, old = torch_files.read(folder / "today.pth"), torch_files.read(folder / "old.pth")
    assert set(today) == set(network.state_dict())
    for name, values in network.state_dict().items():
        assert np.array_equal(today[name], values.numpy())
        if "num_batches" not in name:
            assert np.array_equal(old[_of_2017(name)], values.numpy())


def test_densenet161_gives_the_same_values_as_pytorch(torch, densenet, tmp_path):
    network, folder = densenet
    backbone = table.load(str(folder / "old.pth"), tmp_path, choices=Choices(input_size=64))
    assert backbone.bottleneck_size == 2208
    assert_readable_by_tensorflow_1(backbone.graph_def)
    pictures = pixels(2, 64)
    prepared = (pictures / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    with torch.no_grad():
        theirs = network.pooled(torch.tensor(prepared.transpose(0, 3, 1, 2), dtype=torch.float32)).numpy()
    ours = run(backbone, pictures)
    assert np.abs(ours - theirs).max() < 1e-4
    assert_same(ours, theirs)


class Harmful:
    def __reduce__(self):
        return print, ("harm",)


def test_anything_but_densenet161_is_refused_in_one_line(torch, densenet, tmp_path, capsys):
    def said(write) -> str:
        path = tmp_path / "file.pth"
        write(path)
        with pytest.raises(UserError) as error:
            densenet161.load_file("file", path, tmp_path, Choices())
        assert "\n" not in str(error.value)
        return str(error.value)

    _, folder = densenet
    whole = (folder / "old.pth").read_bytes()
    assert "cut short" in said(lambda path: path.write_bytes(whole[: len(whole) // 2]))
    assert "cut short" in said(lambda path: path.write_bytes((folder / "today.pth").read_bytes()[:100_000]))
    assert "a web page" in said(lambda path: path.write_bytes(b"<!DOCTYPE html>"))
    assert "no PyTorch file" in said(lambda path: path.write_bytes(b"nonsense"))
    other = torch.nn.Linear(2, 3).state_dict()
    assert "does not hold DenseNet-161: features.conv0.weight is missing" in said(lambda path: torch.save(other, path))
    for zipped in (True, False):
        message = said(lambda path, z=zipped: torch.save({"a": Harmful()}, path, _use_new_zipfile_serialization=z))
        assert "builtins.print" in message or "__builtin__.print" in message
    assert "harm" not in capsys.readouterr().out
    with pytest.raises(UserError, match="is not the published file: its sha256 begins with"):
        densenet161.load(folder / "today.pth", Choices())
