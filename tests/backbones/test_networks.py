"""Runs backbones on every engine and compares the results."""

import threading

import numpy as np
import pytest

from scripts.classifier.backbones import color_texture, inception_v3, keras_graphs, mobilenet_v1
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.engine import PROCESSOR, Engine, of_this_machine
from scripts.classifier.backbones.network import LARGE_BATCH, Network
from scripts.classifier.errors import UserError
from scripts.classifier.machine import has_bfloat16
from tests.support.engines import by_network, by_tensorflow, noise
from tests.support.published_networks import mobilenet_archive


@pytest.fixture(scope="module")
def small_backbones(tmp_path_factory):
    archive = mobilenet_archive(tmp_path_factory.mktemp("mirror"))
    names = ("mobilenet_0.50_128", "mobilenet_0.50_128_quantized")
    return {**{name: mobilenet_v1.load(name, archive) for name in names}, "color_texture": color_texture.build()}


@pytest.mark.parametrize("name", ["mobilenet_0.50_128", "mobilenet_0.50_128_quantized", "color_texture"])
def test_the_fast_engine_agrees_with_tensorflow(small_backbones, name):
    backbone = small_backbones[name]
    pictures = noise(4, backbone.input_size)
    slow, fast = by_tensorflow(backbone, pictures), by_network(backbone, PROCESSOR, pictures)
    assert fast.shape == slow.shape == (4, backbone.bottleneck_size)
    assert np.abs(slow - fast).max() < 1e-3 * max(1, np.abs(slow).max())


def test_each_thread_gets_its_own_runner(small_backbones):
    backbone = small_backbones["mobilenet_0.50_128"]
    network, pictures, found = Network(backbone, PROCESSOR), noise(8, 128), {}

    def work(name):
        run = network.runner()
        found[name] = np.concatenate([run(picture[None]) for picture in pictures])

    threads = [threading.Thread(target=work, args=(name,)) for name in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (found[0] == found[1]).all() and (found[1] == found[2]).all()


@pytest.fixture(scope="module")
def inception():
    """Keras' Inception V3 and our frozen one, with the same random weights and batch norms."""
    import keras

    keras.utils.set_random_seed(3)
    model = keras.applications.InceptionV3(weights=None, include_top=False, pooling="avg", input_shape=(299, 299, 3))
    random = np.random.default_rng(3)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            beta, mean, variance = layer.get_weights()
            layer.set_weights(
                [
                    random.normal(0, 0.1, beta.shape),
                    random.normal(0, 0.1, mean.shape),
                    random.uniform(0.4, 0.8, variance.shape),
                ]
            )
    graph_def = keras_graphs.freeze(model)
    return model, Backbone("inception_v3", 299, graph_def, keras_graphs.OUTPUT, 2048, "random", large=True)


def test_inception_has_the_published_structure(inception):
    model, backbone = inception
    assert model.count_params() == 21_802_784 and inception_v3.SOURCE.size > 4 * 21_802_784
    ops = [node.op for node in backbone.graph_def.node]
    assert ops.count("Conv2D") == 94 and ops.count("ConcatV2") == 15 and "Rsqrt" not in ops
    from tests.support.graph_readers import assert_readable_by_tensorflow_1

    assert_readable_by_tensorflow_1(backbone.graph_def)


def test_frozen_inception_agrees_with_keras(inception):
    model, backbone = inception
    pictures = noise(2, 299)
    levels = pictures * 128 + 128
    theirs = model.predict(levels / 127.5 - 1, verbose=0)
    ours = by_tensorflow(backbone, pictures)
    assert np.abs(theirs - ours).max() < 1e-4 * np.abs(theirs).max()


def test_inception_is_loaded_from_a_file_like_the_one_keras_publishes(inception, tmp_path, monkeypatch):
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    model, frozen = inception
    weights = tmp_path / inception_v3.SOURCE.file
    with h5py.File(weights, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, model)
    first = inception_v3.load(weights)
    pictures = noise(1, 299)
    values = by_tensorflow(first, pictures)
    assert np.abs(values - by_tensorflow(frozen, pictures)).max() < 1e-4 * np.abs(values).max()
    # The frozen graph is kept beside the weights, and rebuilt only if it is damaged.
    (kept,) = tmp_path.glob("*.pb")
    whole = kept.read_bytes()
    builds = []
    monkeypatch.setattr(inception_v3, "_build", lambda path: builds.append(path) or model)
    assert inception_v3.load(weights).graph_def == first.graph_def and not builds
    kept.write_bytes(whole[:-1000] + bytes(1000))
    assert inception_v3.load(weights).fingerprint == first.fingerprint and builds == [weights]
    assert len(kept.read_bytes()) == pytest.approx(len(whole), rel=0.01)


def test_weights_of_another_network_are_refused(tmp_path):
    import h5py

    weights = tmp_path / inception_v3.SOURCE.file
    with h5py.File(weights, "w") as file:
        file.attrs["layer_names"] = [b"dense"]
        file.create_group("dense").attrs["weight_names"] = []
    with pytest.raises(UserError, match="does not hold the weights of Inception V3"):
        inception_v3.load(weights)
    weights.write_bytes(b"no such file format")
    with pytest.raises(UserError, match="does not hold the weights of Inception V3"):
        inception_v3.load(weights)


def test_bfloat16_stays_close_to_float32(inception):
    if not has_bfloat16():
        pytest.skip("this processor has no bfloat16 arithmetic")
    _, backbone = inception
    assert of_this_machine("auto", large=backbone.large, gpu=None) == Engine("bfloat16")
    pictures = noise(3, 299, seed=1)
    exact, rough = by_network(backbone, PROCESSOR, pictures), by_network(backbone, Engine("bfloat16"), pictures)
    assert (exact != rough).any()
    cosine = (exact * rough).sum(axis=1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(rough, axis=1)
    assert (cosine > 0.999).all()
    # The option does not leak: the next network is exact again.
    assert (by_network(backbone, PROCESSOR, pictures) == exact).all()


def test_a_vector_does_not_depend_on_its_batch(inception):
    _, backbone = inception
    run = Network(backbone, PROCESSOR).runner()
    pictures = noise(LARGE_BATCH, 299)
    alone = np.zeros_like(pictures)
    alone[5] = pictures[9]
    assert (run(alone)[5] == run(pictures)[9]).all()
