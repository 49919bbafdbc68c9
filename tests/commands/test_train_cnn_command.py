"""python -m scripts.train_cnn: from photos to a classifier, without a pretrained network."""

import json
import re
import shlex
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from scripts.classifier import machine
from scripts.classifier.photos import image_lists
from scripts.classifier.training.convnet import pictures, verdict
from scripts.classifier.training.convnet.recipes import CnnRecipe, Views
from scripts.classifier.training.final_layer import Evaluation
from tests.support.workplace import Workplace, draw_folder, draw_shape

EPOCHS = 4


def words_of(place: Workplace, photos, *more: str) -> list[str]:
    """Flags for small pictures, with all outputs in `place`."""
    files = {
        "output_graph": "cnn_graph.pb",
        "output_labels": "cnn_labels.txt",
        "checkpoint": "checkpoint.npz",
        "summaries_dir": "summaries",
        "skipped_images": "skipped.txt",
        "plot_curves": "curves.png",
        "cache_dir": "cache",
    }
    places = [f"--{flag}={place / name}" for flag, name in files.items()]
    return [f"--image_dir={photos}", "--image_size=32", *places, *map(str, more)]


RECIPE = ("--augment", "--dropout=0.2", "--testing_percentage=10", "--seed=3")


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Workplace:
    """The basic network on three colours; tests only read it."""
    place = Workplace(tmp_path_factory.mktemp("cnn"))
    draw_folder(place / "photos")
    more = [
        f"--plot_samples={place / 'samples.png'}",
        f"--plot_augmented={place / 'views.png'}",
        f"--output_model={place / 'model.keras'}",
        f"--epochs={EPOCHS}",
    ]
    done = place.run("train_cnn", *words_of(place, place / "photos", *RECIPE, *more))
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    place.printed = done.stdout
    return place


def test_it_prints_its_plan_its_epochs_and_a_verdict(trained):
    printed = trained.printed
    assert "convolution_3 (Conv2D)" in printed and "Total params: 155,171" in printed
    epochs = re.findall(r"^epoch (\d+): training [\d.]+ % \(loss [\d.]+\), validation [\d.]+ %", printed, re.M)
    assert epochs == [str(number + 1) for number in range(EPOCHS)]
    assert re.search(rf"^best epoch: \d of {EPOCHS}; its weights are written", printed, re.M)
    assert "test accuracy" in printed and "verdict: " in printed and "  to try: " in printed
    plan = "plan: decode the photos to 32 x 32 pixels, train the basic network from scratch for 4 epochs, write "
    assert plan in printed and printed.index(plan) < printed.index("decoded 72 photos")
    assert f"\nlook at it: {trained / 'curves.png'}\nnext:\n" in printed


@pytest.mark.parametrize(
    ("precision", "said"), [("float32", ""), ("bfloat16", "; it was measured in bfloat16, they are in float32")]
)
def test_it_says_if_the_written_weights_may_answer_otherwise(photos, workplace, precision, said):
    words = words_of(workplace, photos, "--epochs=1", "--image_size=8", f"--precision={precision}")
    done = workplace.run("train_cnn", *words)
    assert f"best epoch: 1 of 1; its weights are written{said}\n" in done.stdout, done.stderr


def test_the_suggested_commands_work(trained):
    steps = re.findall(r"^  ([\w ]+): +python -m scripts\.(.*)$", trained.printed, re.M)
    assert [what for what, _ in steps] == ["label a photo", "see how good it is", "serve it"]
    for _, words in steps[:2]:
        done = trained.run(*shlex.split(words))
        assert done.returncode == 0, done.stderr
    assert (trained / "report.html").exists()


def test_the_confusion_matrix_is_in_the_test_summaries(trained):
    events = EventAccumulator(str(trained / "summaries" / "test"), size_guidance={"tensors": 0})
    events.Reload()
    assert events.Tags()["tensors"] == ["confusion matrix of the test photos"]


def test_it_writes_what_retrain_writes(trained):
    record = json.loads((trained / "cnn_graph.json").read_text())
    assert record["labels"] == ["blue", "green", "red"] == (trained / "cnn_labels.txt").read_text().split()
    take = record["preprocessing"]
    assert (take["input_layer"], take["output_layer"], take["input_height"]) == ("input", "final_result", 32)
    expected = record["expected"]
    assert expected["photos"] == (record["test"]["photos"] or record["validation"]["photos"]) > 0
    assert sum(expected["label_shares"].values()) == pytest.approx(1) and 1 / 3 < expected["mean_score"] <= 1
    curve = record["curve"]
    assert len(curve["step"]) == EPOCHS and 1 + np.argmax(curve["validation_accuracy"]) == record["best_epoch"]
    for graph in ("cnn_graph.pb", "model.keras"):
        picture = trained / "photos/red/red_000.jpg"
        done = trained.run("label_image", f"--graph={trained / graph}", f"--image={picture}", "--top_k=1")
        assert re.match(r"red \(score=0\.\d+\)$", done.stdout.strip()), done.stdout + done.stderr
    done = trained.run("label_image", f"--graph={trained / 'cnn_graph.pb'}", f"--image={picture}", "--unknown")
    assert done.returncode == 0 and "score" in done.stdout


def test_it_draws_samples_views_and_curves(trained):
    for name, sizes in (("samples.png", (1200, 1200)), ("views.png", (1200, 1200)), ("curves.png", (1380, 470))):
        picture = Image.open(trained / name)
        assert all(abs(got - wanted) < 150 for got, wanted in zip(picture.size, sizes, strict=True)), name
        assert len(picture.convert("RGB").getcolors(1 << 24)) > 20, name


def test_other_commands_take_its_files(trained):
    graph, report = f"--graph={trained / 'cnn_graph.pb'}", trained / "report.html"
    done = trained.run("evaluate", graph, f"--report={report}")
    assert done.returncode == 0 and "test photos" in done.stdout, done.stderr
    assert "training steps" in report.read_text()  # its curves
    picture = trained / "plotted.png"
    done = trained.run("plot_training", f"--summaries_dir={trained / 'summaries'}", f"--output={picture}")
    assert (done.returncode, done.stderr) == (0, "") and f"{EPOCHS} measurements" in done.stdout
    assert picture.exists()


def test_a_killed_and_resumed_training_gives_the_same_result(trained, tmp_path):
    place = Workplace(tmp_path)
    words = words_of(place, trained / "photos", *RECIPE)
    with open(place / "said", "w") as said:
        running = place.start("train_cnn", *words, "--epochs=1000", stdout=said, stderr=said)
    while not (place / "checkpoint.npz").exists():
        assert running.poll() is None, (place / "said").read_text()
        time.sleep(0.002)
    running.kill()
    running.wait(60)
    assert not (place / "cnn_graph.pb").exists()
    done = place.run("train_cnn", *words, f"--epochs={EPOCHS}", "--resume")
    assert done.returncode == 0, done.stderr
    assert 1 <= int(re.search(r"resuming after epoch (\d+)", done.stdout).group(1)) < EPOCHS
    assert (place / "cnn_graph.pb").read_bytes() == (trained / "cnn_graph.pb").read_bytes()


def test_the_deep_network_trains_uncached_on_a_split_with_broken_photos(tmp_path):
    place = Workplace(tmp_path)
    for part, each in (("train", 12), ("test", 4)):
        draw_folder(place / f"photos/{part}", ("green", "red"), each, first=100 * (part == "test"))
    (place / "photos/train/red/broken.jpg").write_bytes(b"\xff\xd8\xff nothing")
    draw_shape("red", 99).convert("RGBA").save(place / "photos/train/red/strange.png")
    more = ("--network=deep", "--epochs=2", "--batch_size=8", "--cache=none", "--early_stopping", "--patience=1")
    done = place.run("train_cnn", *words_of(place, place / "photos", *more))
    assert done.returncode == 0, done.stderr
    assert "25 photos" not in done.stdout and "8 testing" in done.stdout
    assert (
        "left out 1 photo that cannot be read" in done.stderr
        and "broken.jpg\tdamaged" in (place / "skipped.txt").read_text()
    )
    assert "stage_3_sum (Add)" in done.stdout and "N = 8)" in done.stdout
    labelled = place.run("label_image", f"--graph={place / 'cnn_graph.pb'}", f"--image={place / 'photos/test/red'}")
    assert labelled.returncode == 0 and labelled.stdout.count("score=") >= 4


def test_ctrl_c_keeps_the_best_epoch(trained, tmp_path):
    place = Workplace(tmp_path)
    words = words_of(place, trained / "photos", "--epochs=100000", "--image_size=8")
    with open(place / "said", "w") as said:
        running = place.start("train_cnn", *words, stdout=said, stderr=said)
    while not (place / "checkpoint.npz").exists():
        assert running.poll() is None, (place / "said").read_text()
        time.sleep(0.01)
    running.send_signal(signal.SIGINT)
    status, said = running.wait(100), (place / "said").read_text()
    assert status == 0 and "--resume continues" in said, said
    assert "validation accuracy" in said and (place / "cnn_graph.pb").exists()
    # Without test photos, evaluate uses the validation photos and says so.
    done = place.run("evaluate", f"--graph={place / 'cnn_graph.pb'}")
    assert done.returncode == 0 and "validation photos" in done.stdout and "kept for testing" in done.stderr


BAD = {
    "dropout": (["--dropout=1"], "--dropout=1: expected a number from 0 to below 1"),
    "patience alone": (["--patience=3"], "needs --early_stopping"),
    "size": (["--image_size=4"], "image_size"),
    "network": (["--network=wide"], "basic or deep"),
    "curves": (["--plot_curves=curves.gif"], ".png"),
    "views": (["--plot_augmented=views"], ".png"),
    "model": (["--output_model=model.pb"], ".keras"),
    "nothing to resume": (["--resume"], "does not exist"),
    "no folder": (["--image_dir=nowhere"], "nowhere does not exist"),
    "percentages": (["--validation_percentage=60", "--testing_percentage=40"], "leave no photos"),
    "a stray word": (["deep"], "unexpected argument"),
}


@pytest.mark.parametrize(("words", "message"), BAD.values(), ids=BAD)
def test_mistakes_are_reported_in_one_line(photos, workplace, words, message):
    done = workplace.run("train_cnn", *words_of(workplace, photos, *words))
    assert done.returncode == 1 and done.stdout.count("\n") <= 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and message in done.stderr
    assert not (workplace / "cnn_graph.pb").exists()


@pytest.mark.parametrize(
    "place",
    [
        "output_graph=/proc/graph.pb",
        "output_labels=/proc/labels.txt",
        "output_model=/proc/model.keras",
        "checkpoint=/proc/checkpoint.npz",
        "summaries_dir=/proc/summaries",
        "plot_curves=/proc/curves.png",
    ],
)
def test_an_unwritable_output_is_refused_before_any_work(photos, workplace, place):
    done = workplace.run("train_cnn", *words_of(workplace, photos, f"--{place}"))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1
    assert place.partition("=")[2] in done.stderr


def test_another_or_a_damaged_training_is_not_resumed(trained, workplace):
    words = words_of(trained, trained / "photos", *RECIPE, "--epochs=9", "--resume")
    done = workplace.run("train_cnn", *words, "--dropout=0.5")
    assert done.returncode == 1 and "--dropout=0.2, now 0.5" in done.stderr
    (workplace / "damaged.npz").write_bytes((trained / "checkpoint.npz").read_bytes()[:-5000])
    done = workplace.run("train_cnn", *words, f"--checkpoint={workplace / 'damaged.npz'}")
    assert done.returncode == 1 and "cannot be read" in done.stderr and done.stderr.count("\n") == 1
    with np.load(trained / "checkpoint.npz") as arrays:
        whole = dict(arrays)
    strings, list_only = np.array(["one", "two"]), np.array("[]")
    for wrong, says in (({"about": list_only}, "cannot be read"), ({"state_0": strings}, "does not fit this network")):
        np.savez(workplace / "damaged.npz", **{**whole, **wrong})
        done = workplace.run("train_cnn", *words, f"--checkpoint={workplace / 'damaged.npz'}")
        assert done.returncode == 1 and says in done.stderr and done.stderr.count("\n") == 1


def test_every_cache_gives_the_same_pictures(photos, tmp_path):
    lists = image_lists.scan(photos, 0, 20)
    paths = [photo.path for photo in lists.photos]
    taken = {}
    for kind in pictures.KINDS:
        kept = pictures.Pictures(photos, paths, 16, kind, tmp_path / "cache")
        digests, unreadable = kept.fill(lambda count: None)
        assert list(digests) == paths and not unreadable
        taken[kind] = kept.take(kept.rows(lists.photos[::-1]))
    assert taken[pictures.MEMORY].shape == (72, 16, 16, 3)
    assert all(np.array_equal(each, taken[pictures.MEMORY]) for each in taken.values())
    assert list((tmp_path / "cache").iterdir()) == []


def test_pixels_go_to_disk_if_memory_is_short(photos, tmp_path, monkeypatch):
    paths = [photo.path for photo in image_lists.scan(photos, 0, 20).photos]
    assert pictures.Pictures(photos, paths, 16, pictures.AUTO, tmp_path).kind == pictures.MEMORY
    monkeypatch.setattr(machine, "free_memory", lambda: 1000)
    assert pictures.Pictures(photos, paths, 16, pictures.AUTO, tmp_path).kind == pictures.DISK


def history(training: list[float], validation: list[float | None]) -> list[Evaluation]:
    pairs = zip(training, validation, strict=True)
    return [Evaluation(step, one, 1.0, other, 1.0) for step, (one, other) in enumerate(pairs)]


EVEN = (200,) * 5  # validation photos of each label

HISTORIES = {
    "nothing learned": ([0.2, 0.23, 0.25], [0.18, 0.2, 0.22], None),
    "overfitting": ([0.4, 0.6, 0.8, 0.9], [0.4, 0.55, 0.6, 0.58], 3),
    "learning": ([0.4, 0.6, 0.7, 0.75], [0.4, 0.58, 0.68, 0.73], None),
    "underfitting": ([0.2, *[0.25] * 5], [0.2, *[0.25] * 5], None),
}


@pytest.mark.parametrize("name", HISTORIES)
def test_the_verdict_fits_the_curves(name):
    training, validation, since = HISTORIES[name]
    judged = verdict.judge(history(training, validation), EVEN, CnnRecipe())
    assert (judged.name, judged.since_epoch) == (name, since) and judged.advice
    assert verdict.best_epoch(history(training, validation)) == 1 + validation.index(max(validation))


@pytest.mark.parametrize("reached", [[0.38, 0.4, 0.41], [0.7, 0.71, 0.71, 0.71, 0.71]])
def test_a_few_epochs_do_not_show_that_accuracy_has_stopped_rising(reached):
    judged = verdict.judge(history(reached, reached), EVEN, CnnRecipe())
    assert judged.name == verdict.LEARNING and "too few epochs to tell" in judged.text
    assert "--resume" in judged.advice[0]


NO_BETTER = {
    "below": ((20,) * 5, 0.157, "guessing gives 20.0 %, the best epoch 15.7 % of 100 validation photos"),
    "one label is common": (
        (60, 20, 20),
        0.55,
        "guessing gives 60.0 %, the best epoch 55.0 % of 100 validation photos",
    ),
    "maybe": (
        (4, 3, 3),
        0.6,
        "guessing gives 40.0 %, the best epoch 60.0 % of 10 validation photos, which could be luck",
    ),
}


@pytest.mark.parametrize(("counts", "reached", "says"), NO_BETTER.values(), ids=NO_BETTER)
def test_no_better_than_guessing_means_nothing_learned(counts, reached, says):
    judged = verdict.judge(history([0.2, 0.2], [0.1, reached]), counts, CnnRecipe(epochs=2), Path("my photos"))
    first, *advice = judged.lines()
    assert first == f"verdict: has learned nothing yet: {says}"
    assert advice[0] == "  to try: --resume --epochs=4 continues from here" and advice[-1].endswith(
        "scripts.retrain --image_dir='my photos'"
    )


def test_memorising_photos_means_nothing_learned():
    judged = verdict.judge(history([0.5, 0.99], [0.2, 0.2]), (20,) * 5, CnnRecipe())
    assert judged.name == verdict.NOTHING and "memorises" in judged.advice[0]


def test_there_is_no_verdict_without_validation_photos():
    assert verdict.judge(history([0.5], [None]), (0,) * 5, CnnRecipe()).name is None


def test_random_views_flip_shift_rotate_and_zoom():
    from scripts.classifier.training.convnet.random_views import RandomViews

    pixels = np.random.default_rng(0).uniform(0, 255, (64, 9, 9, 3)).astype(np.float32)
    flips = RandomViews(Views(flip=True), seed=1)
    assert np.array_equal(flips(pixels, training=False), pixels)
    flipped = flips(pixels, training=True).numpy()
    mirrored = [np.allclose(one, two[:, ::-1], atol=1e-3) for one, two in zip(flipped, pixels, strict=True)]
    same = [np.allclose(one, two, atol=1e-3) for one, two in zip(flipped, pixels, strict=True)]
    assert all(np.logical_xor(mirrored, same)) and 10 < sum(mirrored) < 54
    # Shifts are whole pixels: no new values appear.
    shifted = RandomViews(Views(shift=0.25), seed=1)(pixels, training=True).numpy()
    assert all(set(one.ravel()) <= set(two.ravel()) for one, two in zip(shifted, pixels, strict=True))
    turned = RandomViews(Views(rotation=0.1, zoom=0.1), seed=1)(pixels, training=True).numpy()
    assert turned.shape == pixels.shape and not np.allclose(turned, pixels)
    assert np.allclose(turned[:, 4, 4], pixels[:, 4, 4], atol=1e-2)  # the centre stays in place


def test_what_spoke_for_an_answer_is_drawn(trained):
    """Through a flat layer, and without the dropout of training; the graph and the Keras model show the same."""
    drawn = []
    for name in ("cnn_graph.pb", "model.keras"):
        out = trained / f"why {name}.png"
        photo = next((trained / "photos" / "red").iterdir())
        done = trained.run("label_image", f"--graph={trained / name}", f"--image={photo}", f"--why={out}")
        assert done.returncode == 0, done.stderr
        drawn.append(np.asarray(Image.open(out), int))
    assert drawn[0].shape == drawn[1].shape and np.abs(drawn[0] - drawn[1]).mean() < 1
