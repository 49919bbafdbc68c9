"""Heat maps show what in a picture spoke for a label: where they glow, what they add up to, over which part of it."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from scripts.classifier.backbones import several_views, table
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.errors import UserError
from scripts.classifier.fetching import drawn_flowers, flower_scenes
from scripts.classifier.formats import classifiers, heat_maps, kinds
from scripts.classifier.formats.heat_maps import Heat, HeatMaps
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import last_maps
from scripts.classifier.photos import fitting
from scripts.classifier.photos.preprocessing import Overrides
from tests.support import foreign_networks, old_graphs, small_classifiers
from tests.support.workplace import Workplace, draw_shape

_PAIRS = 50  # each is asked about both of its labels


@pytest.fixture(scope="module")
def flowers(tmp_path_factory) -> Workplace:
    """efficientnet_lite0, whose weights come as a package, on drawn flowers."""
    place = Workplace(tmp_path_factory.mktemp("flowers"))
    drawn_flowers.draw(place / "photos", per_kind=16)
    done = place.retrain(place / "photos", "--architecture=efficientnet_lite0", "--how_many_training_steps=300")
    assert done.returncode == 0, done.stderr
    return place


def opened(path: Path) -> tuple[classifiers.Classifier, HeatMaps]:
    classifier = classifiers.load(path, None, Wishes())
    return classifier, heat_maps.open_for(classifier, Overrides())


def side_by_side(left: Image.Image, right: Image.Image) -> np.ndarray:
    whole = Image.new("RGB", (448, 224))
    for at, photo in enumerate((left, right)):
        whole.paste(Image.fromarray(fitting.fit(photo, 224, 224, fitting.CROP)), (224 * at, 0))
    return fitting.fit(whole, 224, 224, fitting.SQUEEZE)


def in_its_half(maps: HeatMaps, pairs: list[tuple[np.ndarray, tuple[int, int]]]) -> int:
    """How many of the maps have more than half of their positive weight in the half of the label asked for."""
    right = 0
    for first in range(0, len(pairs), heat_maps.BATCH):
        some = pairs[first : first + heat_maps.BATCH]
        looked = maps.look(np.stack([maps.preprocessing.normalise(square) for square, _ in some]))
        for half in (0, 1):
            for heat in maps.of(looked, [labels[half] for _, labels in some]):
                halves = np.split(heat.values.clip(0), 2, axis=1)
                right += halves[half].sum() > halves[1 - half].sum()
    return right


def test_of_two_flowers_side_by_side_the_one_asked_for_glows(flowers):
    classifier, maps = opened(flowers / "retrained_graph.pb")
    both = itertools.islice(itertools.cycle(itertools.permutations(range(5), 2)), _PAIRS)
    pairs = []
    for number, labels in enumerate(both):
        # Another seed than that of the photos it learned from.
        photos = [flower_scenes.picture(classifier.labels[label], 99, number) for label in labels]
        pairs.append((side_by_side(*photos), labels))
    assert in_its_half(maps, pairs) >= 0.85 * 2 * _PAIRS


def test_the_same_with_photos(flowers, real_data, tmp_path):
    """Learns from the first half of the photos and is asked about pairs from the second."""
    photos = {
        folder.name: sorted(folder.glob("*.jpg"))
        for folder in sorted((real_data / "flower_photos").iterdir())
        if folder.is_dir()
    }
    place = Workplace(tmp_path)
    for label, files in photos.items():
        (place / "photos" / label).mkdir(parents=True)
        for file in files[: len(files) // 2]:
            (place / "photos" / label / file.name).symlink_to(file)
    assert place.retrain(place / "photos", "--architecture=efficientnet_lite0").returncode == 0
    classifier, maps = opened(place / "retrained_graph.pb")
    both = itertools.islice(itertools.cycle(itertools.permutations(range(5), 2)), _PAIRS)
    pairs = []
    for number, labels in enumerate(both):
        files = [photos[classifier.labels[label]][-1 - number // 2] for label in labels]
        pairs.append((side_by_side(*(Image.open(file).convert("RGB") for file in files)), labels))
    assert in_its_half(maps, pairs) >= 0.85 * 2 * _PAIRS


@pytest.mark.parametrize(
    ("bottleneck", "views", "found"), [(table.LAST, 1, 1), (table.MULTI, 1, 3), (table.LAST, 4, 1), (table.MULTI, 4, 3)]
)
def test_the_heat_adds_up_to_the_logit(tmp_path, bottleneck, views, found):
    """Averages and one layer follow the maps, so nothing but that layer's biases is missing."""
    contents = small_classifiers.contents(
        table.seeing_more(small_classifiers.backbone("mobilenet", tmp_path), bottleneck, views)
    )
    take = contents.preprocessing
    maps = last_maps.find(contents.graph_def, *take.layers)
    assert len(maps.maps) == found
    squares = (small_classifiers.pictures(contents, 2) - 128) / 128
    heat = HeatMaps(Path("it.pb"), contents.graph_def, take, maps)
    looked = heat.look(squares)
    nodes = {node.name: node for node in contents.graph_def.node}
    weights, biases = (
        tf.make_ndarray(nodes[f"final_training_ops/{name}"].attr["value"].tensor)
        for name in ("weights/final_weights", "biases/final_biases")
    )
    _, vectors = small_classifiers.expected(contents, small_classifiers.pictures(contents, 2))
    logits = vectors @ weights
    wanted = logits - logits.mean(1, keepdims=True)
    for label in range(len(biases)):
        totals = [each.values.mean() for each in heat.of(looked, [label, label])]
        # Resizing loses a little at the edges.
        np.testing.assert_allclose(totals, wanted[:, label], rtol=0.05, atol=0.02 * np.abs(wanted).max())


def brightness() -> Backbone:
    """Averages of small fields, then of all of them: where something is bright is all that it sees."""
    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(tf.float32, [None, 80, 80, 3], name="input")
        fields = tf.nn.avg_pool2d(pictures, 4, 4, "VALID")
        tf.reduce_mean(fields, [1, 2], name="bottleneck")
    return Backbone("brightness", 80, graph.as_graph_def(), "bottleneck", 3, "")


def test_a_view_is_put_back_to_its_place():
    """A bright spot left of the middle is in all four views: mirroring and enlarging must not move its heat."""
    contents = small_classifiers.contents(several_views.of(brightness()))
    maps = last_maps.find(contents.graph_def, *contents.preprocessing.layers)
    heat = HeatMaps(Path("it.pb"), contents.graph_def, contents.preprocessing, maps)
    square = np.zeros((2, 80, 80, 3), np.float32)
    square[1, 32:40, 20:28] = 1
    dark, spot = heat.of(heat.look(square), [0, 0])
    assert not dark.values.any()
    strength = np.abs(spot.values)
    places = [strength.sum(axis) @ np.arange(80) / strength.sum() for axis in (0, 1)]
    assert places == pytest.approx([23.5, 35.5], abs=0.5)
    assert strength[28:44, 16:32].sum() > 0.97 * strength.sum()


@pytest.mark.parametrize("kind", [kinds.GRAPH, kinds.KERAS, kinds.H5, kinds.SAVED_MODEL])
def test_every_format_with_a_graph_shows_the_same(tmp_path, kind):
    contents = small_classifiers.contents(small_classifiers.backbone("keras_network", tmp_path), hidden=(6,))
    kinds.write(kinds.GRAPH, tmp_path / "it.pb", contents)
    kinds.write(kind, tmp_path / f"other{kinds.WRITTEN[kind]}", contents)
    pixels = small_classifiers.pictures(contents, 2)
    shown = []
    for path in (tmp_path / "it.pb", tmp_path / f"other{kinds.WRITTEN[kind]}"):
        _, maps = opened(path)
        looked = maps.look(np.stack([maps.preprocessing.normalise(each) for each in pixels]))
        shown.append([each.values for each in maps.of(looked, [0, 2])])
    np.testing.assert_allclose(shown[1], shown[0], rtol=1e-3, atol=1e-3 * np.abs(shown[0]).max())


@pytest.mark.parametrize(("bottleneck", "views"), [(table.LAST, 1), (table.MULTI, 4)])
def test_a_server_of_a_small_graph_looks_faster_and_sees_the_same(tmp_path, bottleneck, views):
    plain = small_classifiers.backbone("mobilenet", tmp_path)
    contents = small_classifiers.contents(table.seeing_more(plain, bottleneck, views))
    kinds.write(kinds.GRAPH, tmp_path / "it.pb", contents)
    classifier = classifiers.load(tmp_path / "it.pb", None, Wishes(pictures=1000))
    squares = (small_classifiers.pictures(contents, 2) - 128) / 128
    shown = []
    for many in (False, True):
        maps = heat_maps.open_for(classifier, Overrides(), many)
        shown.append(np.stack([each.values for each in maps.of(maps.look(squares), [0, 2])]))
    np.testing.assert_allclose(shown[1], shown[0], rtol=1e-3, atol=1e-4 * np.abs(shown[0]).max())


@pytest.mark.parametrize("made", ["ancestor", "poets_mobilenet", "hub", "one_by_one"])
def test_old_graphs_have_maps(tmp_path, made):
    """They were made to tell the colour of a blot, so that is where they look."""
    path = old_graphs.write(tmp_path, getattr(old_graphs, made)())
    classifier, maps = opened(path)
    take = maps.preprocessing
    square = fitting.fit(draw_shape("red", 5), take.input_height, take.input_width, fitting.SQUEEZE)
    looked = maps.look(take.normalise(square)[None])
    red = classifier.labels.index("red")
    assert looked.scores.argmax() == red
    (heat,) = maps.of(looked, [red])
    blot = (square[..., 0] > 200) & (square[..., 1] < 60)
    assert heat.values[blot].mean() > heat.values[~blot].mean()


def test_a_network_that_averages_its_scores_has_a_map(tmp_path):
    foreign_networks.squeezenet(3).save(tmp_path / "it.keras")
    said = Overrides(input_mean=0.0, input_std=1.0)
    contents = kinds.read_contents(tmp_path / "it.keras", said, foreign_networks.LABELS, None)
    assert len(last_maps.find(contents.graph_def, *contents.preprocessing.layers).maps) == 1


@pytest.mark.parametrize(
    ("size", "fit", "seen"),
    [
        ((100, 50), fitting.SQUEEZE, (0, 0, 100, 50)),
        ((100, 50), fitting.CROP, (25, 0, 75, 50)),
        ((50, 100), fitting.CROP, (0, 25, 50, 75)),
        ((100, 50), fitting.PAD, (0, 0, 100, 50)),
    ],
)
def test_heat_lies_where_the_network_saw_the_photo(size, fit, seen):
    """A photo that is bright in one corner of what is seen has its heat there."""
    photo = Image.new("RGB", size)
    left, upper, right, lower = seen
    photo.paste("white", (left, upper, left + (right - left) // 5, upper + (lower - upper) // 5))
    square = fitting.fit(photo, 64, 64, fit)
    values, where = Heat((square == 255).all(axis=2).astype(np.float32), fit).over(size)
    assert where.sum() == (right - left) * (lower - upper) and where[upper:lower, left:right].all()
    wanted = np.asarray(photo)[..., 0] > 0
    assert (values > 0.5)[wanted].mean() > 0.8 and (values > 0.5)[~wanted].mean() < 0.02


def test_what_cannot_be_shown_is_said_in_one_line(tmp_path, small_graph):
    with pytest.raises(UserError, match=r"go back through a \.tflite file; give the graph"):
        heat_maps.check(small_graph)
    contents = small_classifiers.contents(small_classifiers.backbone("mobilenet", tmp_path))
    with pytest.raises(last_maps.NoMaps, match="not from a softmax"):
        last_maps.find(contents.graph_def, "input", "final_training_ops/Wx_plus_b/add")
