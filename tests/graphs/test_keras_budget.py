"""Keras models take no more memory than their weights and pictures need, whatever their descriptions ask for."""

import json
import zipfile

import h5py
import pytest

from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import keras_description
from scripts.classifier.photos.preprocessing import Overrides

FED = Overrides(8, 8, 127.5, 127.5)


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Files of Keras 3 and of Keras 2."""
    import keras
    import tf_keras

    folder = tmp_path_factory.mktemp("models")
    for library, ending in ((keras, "keras"), (keras, "h5"), (tf_keras, "2.h5")):
        layers = library.layers
        model = library.Sequential(
            [
                layers.InputLayer((8, 8, 3)),
                layers.ZeroPadding2D(1, name="pad"),
                layers.Conv2D(4, 3, name="convolution"),
                layers.GlobalAveragePooling2D(),
                layers.Dense(5, name="wide"),
                layers.Dense(4, "softmax", name="last"),
            ]
        )
        model.save(folder / f"model.{ending}")
    return folder


def changed(path, folder, layer, **settings):
    """The file with other settings of a layer."""

    def change(text):
        described = json.loads(text)
        (found,) = (each for each in described["config"]["layers"] if each["config"]["name"] == layer)
        assert settings.keys() <= found["config"].keys()
        found["config"].update(settings)
        return json.dumps(described)

    target = folder / path.name
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as before, zipfile.ZipFile(target, "w") as after:
            for name in before.namelist():
                data = before.read(name)
                after.writestr(name, change(data) if name == "config.json" else data)
    else:
        target.write_bytes(path.read_bytes())
        with h5py.File(target, "r+") as file:
            file.attrs["model_config"] = change(file.attrs["model_config"])
    return target


@pytest.mark.parametrize("name", ["model.keras", "model.h5", "model.2.h5"])
@pytest.mark.parametrize(
    ("layer", "settings", "says"),
    [
        ("wide", {"units": 10**8}, "its layers have more weights than the file holds"),
        ("convolution", {"filters": 10**7}, "its layers have more weights than the file holds"),
        ("pad", {"padding": [[10**6, 10**6], [10**6, 10**6]]}, "GB of values at once, more than half"),
    ],
    ids=["dense", "convolution", "padding"],
)
def test_layers_larger_than_the_file_are_never_made(tmp_path, models, name, layer, settings, says):
    with pytest.raises(UserError, match=says) as refused:
        kinds.open_model(changed(models / name, tmp_path, layer, **settings), Wishes(FED))
    assert "\n" not in str(refused.value)
    assert kinds.open_model(models / name, Wishes(FED)).outputs == 4


def test_descriptions_may_be_deep_but_not_endless(tmp_path):
    deep = {"class_name": "Dense", "config": {}}
    for _ in range(5000):
        deep = {"class_name": "Sequential", "config": {"layers": [deep]}}
    keras_description.refuse_code(deep, tmp_path)
    many = {"class_name": "Sequential", "config": {"layers": [{"class_name": "Dense"}] * 300_000}}
    with pytest.raises(UserError, match="more than 200,000 layers and parts of layers"):
        keras_description.refuse_code(many, tmp_path)
