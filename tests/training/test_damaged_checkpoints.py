"""Checkpoints whose parts make no sense are refused before the training goes on."""

import io
import json
from types import SimpleNamespace

import numpy as np
import pytest

from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.errors import UserError
from scripts.classifier.training.convnet import checkpoints
from scripts.classifier.training.convnet.recipes import CnnRecipe
from scripts.classifier.training.final_layer import Evaluation

BEST = np.ones((2, 3), np.float32)


def written(tmp_path, history=None, options=None, **arrays):
    trainer = SimpleNamespace(state=[], history=[], best_weights=[BEST], recipe=CnnRecipe(), engine=PROCESSOR)
    trainer.history = [Evaluation(10, 0.5, 1.0, 0.4, 1.1)]
    path = tmp_path / "checkpoint.npz"
    checkpoints.write(path, trainer, "photos")
    held = dict(np.load(path))
    about = json.loads(str(held["about"]))
    about["history"] = about["history"] if history is None else history
    about["options"] |= options or {}
    data = io.BytesIO()
    np.savez(data, **{**held, **arrays, "about": np.array(json.dumps(about))})
    path.write_bytes(data.getvalue())
    return path, trainer


def refusal(path, trainer) -> str:
    trainer.history = []
    with pytest.raises(UserError) as error:
        checkpoints.read(path, CnnRecipe(), "float32").restore(trainer, "photos")
    assert trainer.history == [] and "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("wrong", ["0.5", None, [0.5], -1])
def test_a_history_that_is_not_of_numbers(tmp_path, wrong):
    entry = {"step": 10, "accuracy": 0.5, "cross_entropy": 1.0, "validation_accuracy": 0.4}
    history = [{**entry, "validation_cross_entropy": 1.1}, {**entry, "validation_cross_entropy": wrong, "step": wrong}]
    assert "damaged or not a checkpoint" in refusal(*written(tmp_path, history))


@pytest.mark.parametrize("wrong", [np.ones((3, 2), np.float32), np.ones((2, 3)), np.array(["a"])])
def test_best_weights_of_another_shape_or_type(tmp_path, wrong):
    assert "does not fit this network" in refusal(*written(tmp_path, best_0=wrong))


def test_options_of_any_length_make_a_short_message(tmp_path):
    text = refusal(*written(tmp_path, options={"precision": "é" * 5000, "batch_size": 99}))
    assert len(text) < 600 and "is from a training with" in text


def test_characters_that_do_not_exist(tmp_path):
    path, trainer = written(tmp_path, options={"precision": "\x01"})
    held = dict(np.load(path))
    text = str(held["about"]).replace("\\u0001", "?")
    codes = np.array(text).reshape(1).view(np.uint32).copy()
    codes[text.index("?")] = 0x110000
    data = io.BytesIO()
    np.savez(data, **{**held, "about": codes.view(f"<U{len(codes)}").reshape(())})
    path.write_bytes(data.getvalue())
    assert "damaged or not a checkpoint" in refusal(path, trainer)


def test_a_sound_checkpoint_is_restored(tmp_path):
    path, trainer = written(tmp_path)
    trainer.history = []
    checkpoints.read(path, CnnRecipe(), "float32").restore(trainer, "photos")
    assert trainer.history == [Evaluation(10, 0.5, 1.0, 0.4, 1.1)]
    np.testing.assert_array_equal(trainer.best_weights[0], BEST)
