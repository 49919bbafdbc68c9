"""The list of networks: complete, aligned, and with sizes that are measured or well estimated."""

import json
from collections.abc import Iterator

import keras
import pytest

from scripts.classifier.backbones import keras_weights, mobilenet_v1, table
from tests.support import published_networks


def test_all_names_are_listed(workplace, tmp_path):
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "mobilenet_v1_0.25_128_frozen.tgz").touch()
    done = workplace.run("architectures", f"--model_dir={tmp_path / 'models'}")
    first, listed, next_step = done.stdout.split("\n\n")
    assert first == f"{len(table.NAMES)} networks to choose from; 6 are here and need no download"
    assert next_step.startswith("next:\n")
    assert "retrain --architecture=efficientnet_lite0" in next_step
    assert "keras_hub:PRESET" in next_step.splitlines()[-1]
    header, *lines = listed.splitlines()
    assert {len(line) for line in lines} == {len(header)}  # aligned
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in lines}
    assert tuple(rows) == table.NAMES
    assert rows["mobilenet_0.25_128"] == "128 x 128 256 3 MB yes"
    assert rows["efficientnet_lite1"] == "240 x 240 1,280 20 MB with pip yes"
    assert rows["densenet161"] == "224 x 224 2,208 116 MB"
    assert rows["color_texture"] == "128 x 128 3,510 none yes"
    assert rows["mobilenet_1.0_224"] == "224 x 224 1,024 about 20 MB"
    assert "unknown" not in done.stdout
    listed = json.loads(workplace.run("architectures", "--json", f"--model_dir={tmp_path / 'models'}").stdout)
    assert [each["name"] for each in listed] == list(table.NAMES)


@pytest.mark.parametrize("width", mobilenet_v1.WIDTHS)
def test_the_sizes_of_googles_archives_are_well_estimated(width):
    """Each holds the weights twice, the second time with large tensors in 8 bits; gzip shrinks both."""
    tensors = list(mobilenet_tensors(float(width)))
    small = sum(size for size in tensors if size < 50_000)
    large = sum(size for size in tensors if size >= 50_000)
    labels_and_nodes = 60_000
    estimate = 0.93 * 4 * (large + small) + 0.93 * 4 * small + 0.80 * large + labels_and_nodes
    source = mobilenet_v1.source(f"mobilenet_{width}_160")
    assert source.estimated and source.megabytes == round(estimate / 1e6)
    if width == "0.25":
        for size in (128, 224):
            known = mobilenet_v1.source(f"mobilenet_0.25_{size}")
            assert known.size == pytest.approx(estimate, rel=0.01) and not known.estimated


def mobilenet_tensors(width: float) -> Iterator[int]:
    """The number of weights in each tensor of a MobileNet v1, with batch norms as a scale and a shift."""
    channels = int(32 * width)
    yield from (27 * channels, channels, channels)
    for _, full in published_networks.LAYERS:
        out = int(full * width)
        yield from (9 * channels, channels, channels, channels * out, out, out)
        channels = out
    yield from (1001 * channels, 1001)


@pytest.mark.parametrize(
    ("name", "seen", "spare"),
    [
        ("MobileNet_0.25_224", 2_108_140, 0.21),
        ("MobileNet_0.50_224", None, 0.21),
        ("MobileNet_0.75_224", None, 0.21),
        ("MobileNet_1.0_224", 17_225_924, 0.21),
        ("MobileNetV2_0.35_224", 2_019_640, 0.38),
        ("MobileNetV2_0.5_224", None, 0.38),
        ("MobileNetV2_0.75_224", None, 0.38),
        ("MobileNetV2_1.0_224", 9_406_464, 0.38),
        ("MobileNetV2_1.3_224", None, 0.38),
        ("MobileNetV2_1.4_224", None, 0.38),
        ("MobileNetV3Large", 12_683_000, 0.70),
        ("MobileNetV3Large_0.75", None, 0.70),
        ("MobileNetV3Small", 4_334_752, 0.58),
        ("MobileNetV3Small_0.75", None, 0.58),
    ],
)
def test_the_sizes_of_keras_files_are_well_estimated(name, seen, spare):
    """4 bytes a weight and the rest of the file, compared with the size that Keras reported, if it is known."""
    function, _, width = name.partition("_")
    alpha = {"alpha": float(width.partition("_")[0])} if width else {}
    model = getattr(keras.applications, function)(weights=None, include_top=function == "MobileNet", **alpha)
    estimate = 4 * model.count_params() / 1e6 + spare
    published = keras_weights.published()[name]
    assert published.megabytes == round(estimate) and published.estimated == (seen is None)
    if seen is not None:
        assert seen / 1e6 == pytest.approx(estimate, abs=0.01)


def test_every_estimate_for_a_keras_file_is_checked_here():
    estimated = {name.rpartition("_")[0] or name for name, each in keras_weights.published().items() if each.estimated}
    assert estimated == {
        *(f"MobileNet_{width}" for width in ("0.50", "0.75")),
        *(f"MobileNetV2_{width}" for width in ("0.5", "0.75", "1.3", "1.4")),
        *("MobileNetV3Large", "MobileNetV3Small"),
    }
