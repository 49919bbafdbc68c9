"""python -m scripts.plot_training: curves from the log or from the record, and mistakes."""

import json
import struct

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.drawing import training_curves
from scripts.classifier.errors import UserError
from scripts.classifier.training import summary_curves


def test_the_log_and_the_record_agree(retrained, workplace):
    record = json.loads((retrained / "retrained_graph.json").read_text())["curve"]
    assert summary_curves.read(retrained / "summaries")["step"] == list(range(10, 201, 10))
    read = summary_curves.read(retrained / "summaries")
    for name, values in record.items():
        np.testing.assert_allclose(read[name], values, rtol=1e-4)
    for number, flags in enumerate(
        (
            [f"--summaries_dir={retrained / 'summaries'}"],
            [f"--record={retrained / 'retrained_graph.json'}", "--shade_gap"],
        )
    ):
        picture = workplace / f"{number}.png"
        done = workplace.run("plot_training", *flags, f"--output={picture}")
        assert done.returncode == 0 and done.stderr == ""
        assert "20 measurements up to step 200: training accuracy" in done.stdout and str(picture) in done.stdout
        assert Image.open(picture).width > 1000


@pytest.mark.parametrize("length", [1 << 40, (1 << 64) - 1])
def test_a_record_longer_than_its_log_is_the_end_of_it(retrained, tmp_path, length):
    (log,) = (retrained / "summaries" / "train").glob("events*")
    (tmp_path / "train").mkdir()
    data = log.read_bytes()[:1500]
    (tmp_path / "train" / log.name).write_bytes(struct.pack("<Q", length) + data[8:])
    with pytest.raises(UserError, match="holds no training log"):
        summary_curves.read(tmp_path)


def test_an_unfinished_log_is_read_as_far_as_it_goes(retrained, tmp_path):
    (log,) = (retrained / "summaries" / "train").glob("events*")
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / log.name).write_bytes(log.read_bytes()[:1500])
    curve = summary_curves.read(tmp_path)
    assert 0 < len(curve["step"]) < 20 and set(curve["validation_accuracy"]) == {None}


def test_logs_of_the_original_and_of_keras_are_read(tmp_path):
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    for part, tag in (("train", "accuracy_1"), ("validation", "epoch_accuracy")):
        (tmp_path / part).mkdir()
        event = Event(step=3, summary=Summary(value=[Summary.Value(tag=tag, simple_value=0.5)])).SerializeToString()
        head = struct.pack("<QI", len(event), 0)
        (tmp_path / part / "events.out.tfevents.1.here").write_bytes(head + event + bytes(4))
    curve = summary_curves.read(tmp_path)
    assert curve["step"] == [3] and curve["accuracy"] == curve["validation_accuracy"] == [0.5]


def test_the_gap_is_shaded_where_validation_is_worse():
    steps = list(range(1, 101))
    curve = {
        "step": steps,
        "accuracy": [0.9] * 100,
        "validation_accuracy": [0.5] * 50 + [0.95] * 50,
        "cross_entropy": [0.3] * 100,
        "validation_cross_entropy": [None] * 100,
    }
    plain, shaded = (
        np.asarray(training_curves.draw(curve, "a", shade_gap=shade).picture, int)[:500] for shade in (False, True)
    )
    changed = np.abs(plain - shaded).sum(axis=2) > 40
    assert changed[:, 100:280].sum() > 20 * changed[:, 330:500].sum()


WRONG = {
    "no log": (["--summaries_dir=tests"], "holds no training log"),
    "no folder": (["--summaries_dir=nope"], "nope does not exist"),
    "no record": (["--record=nope.json"], "cannot read nope.json"),
    "no JSON": (["--record=README.md"], "not JSON"),
    "another ending": (["--output=a.gif"], "ends in .png"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_reported_in_one_line(workplace, case):
    words, says = WRONG[case]
    done = workplace.run("plot_training", f"--output={workplace / 'a.png'}", *words)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1 and says in done.stderr
    assert list(workplace.folder.iterdir()) == []
