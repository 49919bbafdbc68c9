"""Networks of KerasHub, from presets with random weights, held against KerasHub itself."""

import json
import shutil

import numpy as np
import pytest

pytest.importorskip("keras_hub", reason="KerasHub is not installed: pip install -r requirements/keras_hub.txt")

import h5py
import keras
import keras_hub

from scripts.classifier.backbones import keras_hub_presets, table
from scripts.classifier.backbones.choices import Choices
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.errors import UserError
from scripts.classifier.fetching.downloads import Unavailable
from tests.support import keras_hub_presets as presets
from tests.support.engines import by_network
from tests.support.graph_readers import assert_readable_by_tensorflow_1
from tests.support.server import serving


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The folder of each preset, with its network and preparation."""
    place = tmp_path_factory.mktemp("presets")
    return {name: (place / name, *presets.save(name, place / name)) for name in presets.NETWORKS}


def pictures(size: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 255, (3, size, size, 3)).astype(np.float32)


def run(backbone) -> np.ndarray:
    return by_network(backbone, PROCESSOR, (pictures(backbone.input_size) - 128) / 128)


def pooled(name: str, network: keras.Model, prepared: np.ndarray) -> np.ndarray:
    """As the library's own classifiers pool, or CLIP and SigLIP for comparisons with texts."""
    if name in ("clip", "siglip"):
        return network.get_vision_embeddings(prepared)
    values = network(prepared)
    if name in ("vit", "swin", "efficientnet"):
        kind = {"vit": "ViT", "swin": "SwinTransformer", "efficientnet": "EfficientNet"}[name]
        classifier = getattr(keras_hub.models, f"{kind}ImageClassifier")(network, num_classes=values.shape[-1])
        classifier.output_dense.set_weights([np.eye(values.shape[-1]), np.zeros(values.shape[-1])])
        return classifier(prepared)
    return values[:, 0]  # DINOv2 has no classifier; its class token is what it was trained to compare


@pytest.mark.parametrize("name", presets.NETWORKS)
def test_its_values_are_those_of_keras_hub(saved, tmp_path, name):
    folder, network, prepare = saved[name]
    backbone = table.load(f"keras_hub:{folder}", tmp_path)
    assert (backbone.name, backbone.input_size) == (f"keras_hub_{name}", presets.SIZE)
    theirs = np.array(pooled(name, network, prepare(pictures(presets.SIZE))))
    ours = run(backbone)
    assert ours.shape == theirs.shape
    assert np.abs(ours - theirs).max() < 1e-4 * max(1, np.abs(theirs).max())
    assert np.abs(theirs[0] - theirs[1]).max() > 1e-3  # otherwise a constant would pass
    if name == "swin":
        assert {node.op for node in backbone.graph_def.node} > {"Roll"}  # which only newer readers have
    else:
        assert_readable_by_tensorflow_1(backbone.graph_def)


def test_another_size_and_layer_can_be_chosen(saved, tmp_path):
    folder, network, prepare = saved["dinov2"]
    larger = table.load(f"keras_hub:{folder}", tmp_path, choices=Choices(input_size=48))
    prepare.image_size = (48, 48)
    again = keras_hub.models.Backbone.from_preset(str(folder), image_shape=(48, 48, 3))
    theirs = np.array(again(prepare(pictures(48)))[:, 0])
    prepare.image_size = (presets.SIZE, presets.SIZE)
    assert larger.input_size == 48 and np.abs(run(larger) - theirs).max() < 1e-4
    tower, network, prepare = saved["clip"]
    inner = table.load(
        f"keras_hub:{tower}", tmp_path, choices=Choices(bottleneck_layer="clip_vision_encoder_encoder_block_0")
    )
    encoder = network.vision_encoder
    part = keras.Model(encoder.inputs, encoder.get_layer("encoder_block_0").output)
    assert np.abs(run(inner) - np.array(part([prepare(pictures(presets.SIZE))])[:, 0])).max() < 1e-4
    other = Choices(input_mean=0.0, input_std=255.0)
    own_range = table.load(f"keras_hub:{tower}", tmp_path, choices=other)
    assert np.abs(run(own_range) - np.array(network.get_vision_embeddings(pictures(32) / 255))).max() < 1e-4


def test_every_command_takes_the_classifier(workplace, photos, saved):
    folder, *_ = saved["dinov2"]
    done = workplace.retrain(photos, f"--architecture=keras_hub:{folder}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    record = json.loads((workplace / "retrained_graph.json").read_text())["backbone"]
    assert (record["architecture"], record["bottleneck_size"]) == ("keras_hub_dinov2", 16)
    photo = str(photos / "red" / "red_001.jpg")
    small = workplace / "small.tflite"
    exported = workplace.run("export", f"--graph={workplace / 'retrained_graph.pb'}", f"--output={small}")
    assert exported.returncode == 0, exported.stderr
    graph = workplace / "retrained_graph.pb"
    by_graph, by_file = (
        json.loads(workplace.run("label_image", f"--graph={path}", "--json", photo).stdout) for path in (graph, small)
    )
    judged = workplace.run("evaluate", f"--graph={graph}", f"--image_dir={photos}")
    assert judged.returncode == 0 and "accuracy" in judged.stdout, judged.stderr
    with serving(workplace, graph) as server:
        served = server.post("/label", (photos / "red" / "red_001.jpg").read_bytes()).json
    for found in (by_file["labels"], served["labels"]):
        for theirs, ours in zip(found, by_graph["labels"], strict=True):
            assert theirs["label"] == ours["label"] and abs(theirs["score"] - ours["score"]) < 0.01


def refused(place: object, model_dir, **choices: object) -> str:
    with pytest.raises(UserError) as error:
        table.load(f"keras_hub:{place}", model_dir, choices=Choices(**choices))
    assert "\n" not in str(error.value) and not any(model_dir.glob("*.pb"))
    return str(error.value)


def test_anything_but_a_preset_for_pictures_is_refused_in_one_line(saved, tmp_path):
    models, folder = tmp_path / "models", tmp_path / "preset"
    models.mkdir()
    (tmp_path / "empty").mkdir()
    assert "has no config.json: expected the folder of a KerasHub preset" in refused(tmp_path / "empty", models)
    assert "no such folder" in refused("./no_such_folder", models)
    assert "expected a preset's name or its folder" in refused("", models)
    assert "no such preset, did you mean dinov2_small? (https://keras.io/" in refused("dinov2_smal", models)
    assert refused("nonsense", models).endswith(
        "no such preset (https://keras.io/keras_hub/presets/ lists the names; a preset's folder will do, too)"
    )
    words = keras_hub.models.BertBackbone(
        vocabulary_size=9, num_layers=1, num_heads=1, hidden_dim=4, intermediate_dim=4
    )
    words.save_to_preset(str(tmp_path / "words"))
    assert "holds a BertBackbone, which takes no pictures" in refused(tmp_path / "words", models)
    assert "--bottleneck_layer=norms: " in refused(saved["swin"][0], models, bottleneck_layer="norms")
    shutil.copytree(saved["vit"][0], folder)
    assert "leave --input_size out" in refused(folder, models, input_size=64)
    (folder / "image_converter.json").unlink()
    assert "give --input_mean, --input_std; " in refused(folder, models)
    (folder / "model.weights.h5").write_bytes((folder / "model.weights.h5").read_bytes()[:2000])
    told = {"input_mean": 0.0, "input_std": 255.0}
    assert "is damaged or cut short" in refused(folder, models, **told)
    (folder / "model.weights.h5").unlink()
    assert "has no model.weights.h5" in refused(folder, models, **told)
    (folder / "config.json").write_text("[" * 100_000)
    assert "cannot be read" in refused(folder, models)
    (folder / "config.json").write_text('{"model_type": "vit"}')
    assert "does not describe a network of KerasHub" in refused(folder, models)


def changed(folder, file: str, change) -> None:
    described = json.loads((folder / file).read_text())
    change(described)
    (folder / file).write_text(json.dumps(described))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda all: all.update(registered_name="keras_hub>BytePairTokenizer"), "needs keras_hub>BytePairTokenizer"),
        (lambda all: all.update(module="os", class_name="system", registered_name=None), "needs None"),
        (lambda all: all["config"].update(x={"class_name": "Lambda", "config": {}}), "arbitrary code"),
        (
            lambda all: all["config"].update(x={"class_name": "ReLU", "registered_name": "keras_hub>Task"}),
            "needs keras_hub>Task",
        ),
        (lambda all: all["config"].update(image_shape=[10**6, 10**6, 3]), "expected at most 4,096"),
        (lambda all: all["config"].update(num_layers=10**9), "expected at most 1,000"),
        (lambda all: all["config"].update(num_layers=900), "more weights than the file holds"),
        (lambda all: all["config"].update(hidden_dim=2**20), "more weights than the file holds"),
        (lambda all: all["config"].update(hidden_dim="many"), "cannot be loaded by KerasHub"),
    ],
)
def test_a_description_that_asks_for_more_than_a_network_is_refused(saved, tmp_path, change, said):
    shutil.copytree(saved["vit"][0], tmp_path / "preset")
    changed(tmp_path / "preset", "config.json", change)
    (tmp_path / "models").mkdir()
    assert said in refused(tmp_path / "preset", tmp_path / "models")


def test_weights_in_another_file_are_never_read(saved, tmp_path):
    shutil.copytree(saved["vit"][0], tmp_path / "preset")
    with h5py.File(tmp_path / "preset" / "model.weights.h5", "a") as file:
        file["elsewhere"] = h5py.ExternalLink("/etc/passwd", "/")
    (tmp_path / "models").mkdir()
    assert "takes weights from another file" in refused(tmp_path / "preset", tmp_path / "models")


# Presets by name. Kaggle's library is told that an address of this machine, where nobody listens, is Kaggle.


def test_a_name_that_cannot_be_fetched_is_one_quiet_line(workplace, photos):
    env = {"KAGGLE_API_ENDPOINT": "http://127.0.0.1:9", "KAGGLEHUB_CACHE": str(workplace / "kaggle")}
    done = workplace.retrain(photos, "--architecture=keras_hub:dinov2_small", env=env)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
    assert "cannot fetch the preset dinov2_small: " in done.stderr and "efficientnet_lite0" in done.stderr
    dry = workplace.retrain(photos, "--architecture=keras_hub:dinov2_small", "--dry_run", env=env)
    assert "network: a download of about 90 MB" in dry.stdout


@pytest.fixture
def fetched(saved, tmp_path, monkeypatch):
    """The files of dinov2_small lie where Kaggle's library keeps them, but they are those of the small one."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    from kagglehub.cache import Cache
    from kagglehub.handle import parse_model_handle

    handle = parse_model_handle("keras/dinov2/keras/dinov2_small/1")
    for file in sorted(saved["dinov2"][0].iterdir()):
        place = tmp_path / "kaggle" / "models" / "keras" / "dinov2" / "keras" / "dinov2_small" / "1" / file.name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, place)
        Cache().mark_as_complete(handle, file.name)


def test_a_name_that_was_fetched_needs_no_connection(saved, fetched, tmp_path):
    name = "keras_hub:dinov2_small"
    assert table.remaining_bytes(name, tmp_path) == 0
    ours = table.load(name, tmp_path)
    assert ours.name == "keras_hub_dinov2_small"
    assert np.array_equal(run(ours), run(table.load(f"keras_hub:{saved['dinov2'][0]}", tmp_path)))


def test_what_kaggle_refuses_is_told_with_what_to_do(tmp_path, monkeypatch):
    """The library's error for a model whose terms nobody accepted."""
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "kaggle"))
    import kagglehub

    def refuse(handle: str, file: str):
        raise ValueError("403 Client Error.\nYou don't have permission to access this resource")

    monkeypatch.setattr(kagglehub, "model_download", refuse)
    with pytest.raises(Unavailable) as error:
        table.load("keras_hub:dinov2_small", tmp_path)
    said = str(error.value)
    assert "(403 Client Error. You don't have permission to access this resource)" in said
    assert "kaggle.com/models/keras/dinov2/keras/dinov2_small/1 and set KAGGLE_USERNAME and KAGGLE_KEY" in said


def test_the_download_is_shown_as_ours(monkeypatch):
    import contextlib

    import kagglehub.clients

    seen = []

    @contextlib.contextmanager
    def show(total, have=0):
        yield lambda count: seen.append((total, have, count))

    before = kagglehub.clients.tqdm
    with (
        keras_hub_presets._quiet(show),
        kagglehub.clients.tqdm(total=9, initial=2, unit="B", unit_scale=True, unit_divisor=1024) as bar,
    ):
        bar.update(7)
    assert seen == [(9, 2, 7)] and kagglehub.clients.tqdm is before
