"""The built-in backbone: a plain graph whose values follow the colours and textures of a picture."""

import os
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.backbones import color_texture
from scripts.classifier.fetching import drawn_flowers, flower_scenes
from scripts.classifier.graphs import frozen_graph

# The attributes of these operations in TensorFlow 1.4 (2017) that are not left at their defaults.
OPS = {
    "Placeholder": {"dtype", "shape"},
    "Const": {"dtype", "value"},
    "Reshape": {"T", "Tshape"},
    "ConcatV2": {"N", "T", "Tidx"},
    "Slice": {"T", "Index"},
    "AvgPool": {"T", "ksize", "strides", "padding"},
    "Conv2D": {"T", "strides", "padding"},
    "DepthwiseConv2dNative": {"T", "strides", "padding"},
    **{op: {"T"} for op in ("Add", "Sub", "Mul", "RealDiv", "Sqrt", "Square", "Abs", "Relu")},
}
COLOURS = slice(0, 726)  # the first block of the bottleneck; the others are textures


@pytest.fixture(scope="module")
def backbone():
    return color_texture.build()


@pytest.fixture(scope="module")
def compute(backbone):
    """Turns uint8 pictures [N, S, S, 3] into vectors."""
    import tensorflow as tf

    shape = [None, backbone.input_size, backbone.input_size, 3]
    body = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)
    run = tf.function(body, input_signature=[tf.TensorSpec(shape, tf.float32)])
    return lambda pictures: run((np.asarray(pictures, np.float32) - 128) / 128).numpy()


def pixels(image: Image.Image, size: int = color_texture.INPUT_SIZE) -> np.ndarray:
    return np.asarray(image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR, reducing_gap=2.0))


@pytest.fixture(scope="module")
def flowers():
    return np.stack([pixels(flower_scenes.picture(kind, 0, 1)) for kind in drawn_flowers.KINDS])


def distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.linalg.norm(a - b))


def test_the_description_matches_the_graph(backbone, compute, flowers):
    assert backbone.name == "color_texture"
    assert backbone.graph_def.node[-1].name == backbone.bottleneck_name
    vectors = compute(flowers)
    assert vectors.dtype == np.float32 and vectors.shape == (len(flowers), backbone.bottleneck_size)
    assert np.isfinite(vectors).all()


def test_it_has_only_operations_of_tensorflow_1():
    # A new graph: importing one writes the default attributes into it.
    graph_def = color_texture.build().graph_def
    assert not graph_def.library.function and graph_def.versions.producer == frozen_graph.PRODUCER
    for node in graph_def.node:
        assert node.op in OPS, f"{node.name} is a {node.op}"
        assert set(node.attr) <= OPS[node.op], f"{node.name} has {set(node.attr) - OPS[node.op]}"


def test_node_names_have_a_common_prefix(backbone):
    assert [node.name for node in backbone.graph_def.node if not node.name.startswith("color_texture/")] == ["input"]


def test_a_batch_gives_the_same_as_single_pictures(compute, flowers):
    singles = np.concatenate([compute(flowers[index : index + 1]) for index in range(len(flowers))])
    np.testing.assert_allclose(compute(flowers), singles, atol=1e-4)


def test_the_fingerprint_is_the_same_in_another_process(backbone):
    code = "from scripts.classifier.backbones import color_texture; print(color_texture.build().fingerprint)"
    other = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONHASHSEED": "1", "CUDA_VISIBLE_DEVICES": ""},
    )
    assert other.stdout.split() == [backbone.fingerprint]


def test_the_fingerprint_is_the_same_inside_another_graph(backbone):
    import tensorflow as tf

    with tf.Graph().as_default(), tf.name_scope("elsewhere"):
        tf.constant(1.0)
        assert color_texture.build().fingerprint == backbone.fingerprint


def test_importing_it_does_not_import_tensorflow():
    code = "import sys; from scripts.classifier.backbones import color_texture; print('tensorflow' in sys.modules)"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == "False"


def test_a_mirrored_picture_gives_the_same_vector(compute, flowers):
    vectors, mirrored = compute(flowers), compute(flowers[:, :, ::-1])
    np.testing.assert_allclose(mirrored, vectors, atol=2e-2)
    assert distance(vectors[0], vectors[1]) > 100 * distance(vectors[0], mirrored[0])


def test_a_rotated_picture_gives_a_different_vector(compute, flowers):
    vectors, turned = compute(flowers), compute(np.rot90(flowers, axes=(1, 2)))
    assert all(distance(a, b) > 3 for a, b in zip(vectors, turned, strict=True))


def test_values_suit_gradient_descent(compute):
    vectors = compute([pixels(flower_scenes.picture(kind, 1, n)) for kind in drawn_flowers.KINDS for n in range(12)])
    assert abs(vectors.mean()) < 0.2 and 0.1 < vectors.std(axis=0).mean() < 0.5 and np.abs(vectors).max() < 6


@pytest.mark.parametrize("channels", [(1, 0, 2), (2, 1, 0)], ids=["red-green", "red-blue"])
def test_other_colours_change_the_histograms(compute, flowers, channels):
    vectors, recoloured = compute(flowers), compute(flowers[:, :, :, channels])
    assert all(distance(a[COLOURS], b[COLOURS]) > 1 for a, b in zip(vectors, recoloured, strict=True))


def test_moving_pixels_changes_textures_but_not_the_whole_histogram(compute):
    """A fine checkerboard and two halves have the same colours in different places."""
    size = color_texture.INPUT_SIZE
    row, column = np.indices((size, size))
    checks, halves = ((row // 4 + column // 4) % 2, row // (size // 2))
    red, blue = np.array([200, 30, 30]), np.array([30, 30, 200])
    a, b = compute([np.where(place[:, :, None], red, blue) for place in (checks, halves)])
    whole = slice(0, 66)  # the level of the pyramid that covers the whole picture
    np.testing.assert_allclose(a[whole], b[whole], atol=0.02)
    assert distance(a[COLOURS.stop :], b[COLOURS.stop :]) > 10


@pytest.mark.parametrize("brightness", [0, 128, 255], ids=["black", "grey", "white"])
def test_uniform_grey_fills_only_grey_bins(compute, brightness):
    size = color_texture.INPUT_SIZE
    (vector,) = compute(np.full((1, size, size, 3), brightness))
    assert np.isfinite(vector).all()
    empty = vector[:60].min()
    # One grey bin or two neighbours hold everything, and no hue holds anything.
    assert np.ptp(vector[:60]) < 1e-3 and 1 <= (vector[60:66] > empty + 0.1).sum() <= 2


@pytest.mark.parametrize("hue", range(0, 360, 45))
def test_pure_hues_fall_into_two_neighbouring_bins(compute, hue):
    size = color_texture.INPUT_SIZE
    colour = pixels(Image.new("HSV", (size, size), (round(hue * 255 / 360), 255, 230)))
    (vector,) = compute(colour[None])
    bins = vector[:60].reshape(10, 2, 3)  # hues, saturations, brightnesses
    held = np.flatnonzero((bins - bins.min()).max((1, 2)) > 0.3)
    assert 1 <= len(held) <= 2 and (len(held) == 1 or np.diff(held)[0] in (1, 9))
    # The bins are 36 degrees apart, so the hue is at most that far from any bin that holds it.
    assert all(abs((hue - 36 * index + 180) % 360 - 180) <= 38 for index in held)


def test_tensorflow_lite_agrees(backbone, compute, flowers):
    import tensorflow as tf

    body = frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name)
    shape = [1, backbone.input_size, backbone.input_size, 3]
    concrete = tf.function(body, input_signature=[tf.TensorSpec(shape, tf.float32)]).get_concrete_function()
    model = tf.lite.TFLiteConverter.from_concrete_functions([concrete]).convert()
    interpreter = tf.lite.Interpreter(model_content=model)
    interpreter.allocate_tensors()
    for picture, expected in zip(flowers, compute(flowers), strict=True):
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], ((picture[None] - 128.0) / 128).astype("f"))
        interpreter.invoke()
        (found,) = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
        np.testing.assert_allclose(found, expected, atol=1e-3)


def accuracy(vectors: np.ndarray, labels: list[str], training: int) -> float:
    from sklearn.linear_model import RidgeClassifier

    model = RidgeClassifier(alpha=300).fit(vectors[:training], labels[:training])
    return model.score(vectors[training:], labels[training:])


def test_it_classifies_drawn_flowers_by_more_than_colour(compute):
    labels = list(drawn_flowers.KINDS) * 40
    vectors = compute([pixels(flower_scenes.picture(kind, 0, 1 + n // 5)) for n, kind in enumerate(labels)])
    colours, everything = accuracy(vectors[:, COLOURS], labels, 140), accuracy(vectors, labels, 140)
    assert everything > 0.65  # chance is 0.2
    assert everything > colours + 0.05


def test_it_classifies_real_flowers(compute, real_data):
    photos = sorted((real_data / "flower_photos").glob("*/*.jpg"))
    order = np.random.default_rng(0).permutation(len(photos))
    vectors = compute([pixels(Image.open(photos[index])) for index in order])
    labels = [photos[index].parent.name for index in order]
    assert accuracy(vectors, labels, len(labels) * 7 // 10) > 0.55  # chance is 0.2
