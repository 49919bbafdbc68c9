"""Hidden layers, other optimizers and --tune, through retrain."""

import dataclasses
import json
import re

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.classifier.formats import kinds
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import frozen_graph, weight_quantization
from scripts.classifier.training import recipe_search
from scripts.classifier.training.recipe import Recipe
from tests.support.graph_readers import assert_readable_by_tensorflow_1, same_in_opencv
from tests.support.small_classifiers import backbone, contents, expected, pictures
from tests.support.workplace import Workplace, draw_shape

HEAD = [
    "--hidden_units=24,12",
    "--dropout=0.2",
    "--optimizer=adam",
    "--label_smoothing=0.05",
    "--weight_decay=0.01",
    "--how_many_training_steps=150",
]


@pytest.fixture(scope="module")
def deep(retrained, tmp_path_factory) -> Workplace:
    """A classifier with two hidden layers, and an intermediate graph."""
    place = Workplace(tmp_path_factory.mktemp("deep"))
    again = f"--bottleneck_dir={retrained / 'bottlenecks'}"
    done = place.retrain(retrained / "photos", *HEAD, again, "--intermediate_store_frequency=100")
    assert done.returncode == 0, done.stderr
    place.printed = done.stdout
    return place


def test_hidden_layers_learn_and_label(deep):
    assert "test accuracy 100.0 %" in deep.printed and "with --unknown, " in deep.printed
    for kind in ("blue", "green", "red"):
        draw_shape(kind, 1000).save(deep / f"new_{kind}.png")
    answers = deep.label("--top_k=1", *(deep / f"new_{kind}.png" for kind in ("blue", "green", "red"))).stdout
    assert re.findall(r"^(\w+) \(score", answers, re.M) == ["blue", "green", "red"]
    record = json.loads((deep / "retrained_graph.json").read_text())
    assert record["recipe"]["hidden_units"] == [24, 12] and record["recipe"]["optimizer"] == "adam"


def test_other_readers_read_hidden_layers(deep):
    graph_def = frozen_graph.read(deep / "retrained_graph.pb")
    assert_readable_by_tensorflow_1(graph_def)
    same_in_opencv(graph_def, 128)
    nodes = {node.name: node for node in graph_def.node}
    assert next(iter(nodes["final_training_ops/Wx_plus_b/MatMul"].input)) == "final_training_ops/hidden_2/Relu"


def test_tensorboard_shows_hidden_layers(deep):
    events = EventAccumulator(str(deep / "summaries" / "train"), size_guidance={"tensors": 0})
    events.Reload()
    tags = events.Tags()["tensors"]
    for scope in ("hidden_1/", "hidden_2/", ""):
        assert f"final_training_ops/{scope}weights/summaries/histogram" in tags


def test_an_intermediate_graph_has_hidden_layers_too(deep):
    files = ("intermediate/intermediate_100.pb", "retrained_graph.pb")
    halfway, written = (frozen_graph.read(deep / name) for name in files)
    assert [node.name for node in halfway.node] == [node.name for node in written.node] and halfway != written


@pytest.mark.parametrize("kind", [kinds.KERAS, kinds.TFLITE, kinds.SAVED_MODEL])
def test_hidden_layers_are_exported(tmp_path, kind):
    whole = contents(backbone("keras_network", tmp_path), hidden=(7, 5))
    path = tmp_path / f"classifier{kinds.WRITTEN[kind]}"
    kinds.write(kind, path, whole)
    model = kinds.open_model(path, Wishes(bottlenecks=True))
    run = model.open_runner()
    take = model.preprocessing
    prepared = (pictures(whole) - np.float32(take.input_mean)) / np.float32(take.input_std)
    given = [np.concatenate(each) for each in zip(*(run(picture[None]) for picture in prepared), strict=True)]
    for values, wanted in zip(given, expected(whole, pictures(whole)), strict=True):
        np.testing.assert_allclose(values, wanted, rtol=1e-4, atol=1e-4)


def test_hidden_layers_in_8_bits_keep_their_scores(tmp_path):
    whole = contents(backbone("keras_network", tmp_path), hidden=(200,))
    smaller = weight_quantization.quantize(whole.graph_def, ["final_result"], weight_quantization.STORED).graph_def
    stored = {node.name for node in smaller.node if node.op == "Dequantize"}
    assert any("hidden_1" in name for name in stored)
    scores = [
        expected(dataclasses.replace(whole, graph_def=each), pictures(whole))[0] for each in (whole.graph_def, smaller)
    ]
    assert 0 < np.abs(scores[0] - scores[1]).max() < 0.1


def test_tuning_shows_a_table_and_trains_with_the_best(workplace, retrained):
    again = f"--bottleneck_dir={retrained / 'bottlenecks'}"
    done = workplace.retrain(
        retrained / "photos", "--tune", "--label_smoothing=0.1", again, "--how_many_training_steps=60"
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((workplace / "retrained_graph.json").read_text())
    tried = record["tried"]
    assert len(tried) == 8 and all(each["recipe"]["label_smoothing"] == 0.1 for each in tried)
    order = [(-each["right"], each["cross_entropy"]) for each in tried]
    assert order == sorted(order) and record["recipe"] == tried[0]["recipe"]
    for each in tried:
        assert re.search(rf"^  {re.escape(each['name'])} +{each['right']} \(", done.stdout, re.M)
    assert "the test photos give a fair one" in done.stdout


def test_settings_that_were_given_are_not_tuned():
    asked = Recipe(optimizer="sgd", hidden_units=(8,), learning_rate=0.02)
    tried = recipe_search.recipes(asked, {"optimizer", "hidden_units"})
    assert all((each.optimizer, each.hidden_units) == ("sgd", (8,)) for each in tried)
    assert {each.learning_rate for each in tried} == {0.02, 0.001, 0.1} and next(iter(tried)) == asked
    assert len(set(tried)) == len(tried) < len(recipe_search.recipes(asked, set()))


WRONG = {
    "words": (["--hidden_units=abc"], "error: --hidden_units=abc: expected whole numbers with commas between"),
    "no units": (["--hidden_units=64,0"], "error: --hidden_units=64,0: a layer needs at least one unit"),
    "dropout": (["--dropout=1"], "error: --dropout=1: expected a number from 0 to below 1"),
    "smoothing": (["--label_smoothing=1"], "error: --label_smoothing=1: expected a number from 0 to below 1"),
    "optimizer": (["--optimizer=adagrad"], "optimizer"),
    "decay": (["--weight_decay=-1"], "weight_decay"),
    "class weights": (["--class_weights=even"], "class_weights"),
    "patience": (["--early_stopping=0"], "early_stopping"),
    "nothing to tune by": (["--tune", "--validation_percentage=0"], "error: --tune needs validation photos"),
    "nothing to stop by": (
        ["--early_stopping=3", "--validation_percentage=0"],
        "error: --early_stopping needs validation",
    ),
    "layer without steps": (["--fine_tune_from=x"], "error: --fine_tune_from is for fine-tuning"),
    "nothing learnt": (["--fine_tune_steps=5"], "error: --fine_tune_steps: color_texture has no learnt weights"),
    "name of a hidden layer": (["--final_tensor_name=final_training_ops/hidden_1/Relu"], "final_tensor_name"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_reported_in_one_line(workplace, retrained, case):
    flags, says = WRONG[case]
    done = workplace.retrain(retrained / "photos", *flags)
    assert done.returncode == 1 and done.stdout.count("\n") <= 2  # no photo has been read
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr
    assert not (workplace / "retrained_graph.pb").exists() and not (workplace / "bottlenecks").exists()
