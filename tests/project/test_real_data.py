"""Google's own networks on real photos; skipped unless POETS_REAL_DATA names a folder with them."""

import contextlib
import json
import re
import shutil

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from scripts.classifier.backbones import table
from scripts.classifier.backbones.engine import PROCESSOR
from scripts.classifier.bottlenecks import extraction, gathering
from scripts.classifier.photos import image_lists
from scripts.classifier.photos.distortions import WHOLE
from scripts.classifier.training import accuracy
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.recipe import Recipe
from tests.support.workplace import Workplace


@pytest.fixture(scope="module")
def place(tmp_path_factory, real_data) -> Workplace:
    """Has the archives in its model folder, so that nothing is downloaded, and a trained 0.25_224 classifier."""
    place = Workplace(tmp_path_factory.mktemp("real"))
    shutil.copytree(real_data / "models", place / "models")
    done = place.retrain(
        real_data / "flower_photos", "--architecture=mobilenet_0.25_224", "--how_many_training_steps=4000"
    )
    assert done.returncode == 0, done.stderr
    place.printed = done.stdout
    return place


def test_a_real_network_learns_real_flowers(place, real_data):
    share = float(re.search(r"test accuracy ([\d.]+) %", place.printed).group(1))
    assert share >= 60  # of 50 photos; chance is 20 %, and the cross-validated accuracy below is 83 %
    pictures = sorted((real_data / "flower_photos" / "sunflowers").glob("*.jpg"))[:20]
    answers = place.label("--json", "--top_k=1", *pictures).stdout.splitlines()
    named = [json.loads(line)["labels"][0]["label"] for line in answers]
    assert named.count("sunflowers") >= 17


def test_archives_in_the_model_folder_are_used_once_their_checksum_fits(place, workplace, real_data):
    dry = place.retrain(real_data / "flower_photos", "--architecture=mobilenet_0.25_128", "--dry_run")
    assert "nothing to download" in dry.stdout
    (workplace / "models").mkdir()
    archive = bytearray((real_data / "models" / "mobilenet_v1_0.25_128_frozen.tgz").read_bytes())
    archive[1000] ^= 1
    (workplace / "models" / "mobilenet_v1_0.25_128_frozen.tgz").write_bytes(archive)
    (workplace / "mirror").mkdir()
    damaged = workplace.retrain(real_data / "flower_photos", "--architecture=mobilenet_0.25_128")
    assert damaged.returncode == 1 and "is damaged" in damaged.stderr and damaged.stderr.count("\n") == 1


@pytest.mark.parametrize("architecture", ["mobilenet_0.25_224", "mobilenet_0.25_128", "mobilenet_0.25_128_quantized"])
def test_the_final_layer_is_as_good_as_logistic_regression(place, real_data, architecture):
    """Over five folds of all photos: the original recipe against scikit-learn on the same vectors."""
    backbone = table.load(architecture, place / "models")
    cache = extraction.open_cache(place / "bottlenecks", backbone, PROCESSOR)
    gathered = gathering.gather(
        image_lists.scan(real_data / "flower_photos", 0, 0),
        (WHOLE,),
        gathering.extract_here(backbone, PROCESSOR),
        cache,
        (0, 0),
        place / "skipped.txt",
        lambda total: contextlib.nullcontext(lambda count: None),
    )
    whole = Examples.of(list(gathered.lists.photos), gathered.keys, cache)
    vectors, labels = whole.vectors.take(np.arange(len(whole))), whole.labels
    ours, theirs = [], []
    for learn, judge in StratifiedKFold(5, shuffle=True, random_state=0).split(vectors, labels):
        training, testing = (
            Examples(whole.vectors.at(rows), labels[rows], [whole.paths[at] for at in rows]) for rows in (learn, judge)
        )
        trainer = Trainer(training, testing, 5, Recipe())
        for _ in trainer.run():
            pass
        ours.append(accuracy.measure(trainer.layer, testing).accuracy)
        regression = LogisticRegression(max_iter=2000).fit(vectors[learn], labels[learn])
        theirs.append(regression.score(vectors[judge], labels[judge]))
    assert np.mean(ours) > np.mean(theirs) - 0.02
    assert np.mean(ours) > (0.80 if "224" in architecture else 0.73)


def test_a_folder_with_its_own_split_is_used_as_it_is(workplace, real_data):
    shutil.copytree(real_data / "models", workplace / "models")
    done = workplace.retrain(real_data / "flowers102", "--architecture=mobilenet_0.25_128")
    assert done.returncode == 0, done.stderr
    assert "(the folder's own split)" in done.stdout
    record = json.loads((workplace / "retrained_graph.json").read_text())
    for label, counts in record["photos"].items():
        for split, folder in (("training", "train"), ("validation", "valid"), ("testing", "test")):
            assert counts[split] == len(list((real_data / "flowers102" / folder / label).iterdir()))


def test_distortions_work_on_a_real_network(place, real_data, workplace):
    shutil.copytree(place / "models", workplace / "models")
    done = workplace.retrain(
        real_data / "flower_photos",
        "--architecture=mobilenet_0.25_128",
        "--how_many_training_steps=1000",
        "--flip_left_right",
        "--random_crop=10",
        "--random_scale=10",
        "--random_brightness=10",
        "--distorted_views=4",
    )
    assert done.returncode == 0, done.stderr
    assert float(re.search(r"test accuracy ([\d.]+) %", done.stdout).group(1)) >= 55


def test_an_8_bit_export_is_a_third_of_the_size_and_gives_the_same_labels(place):
    done = place.run("export", f"--graph={place / 'retrained_graph.pb'}", "--format=tflite", "--quantize=int8")
    assert done.returncode == 0, done.stderr
    small = place / "retrained_graph_int8.tflite"
    assert small.stat().st_size < (place / "retrained_graph.pb").stat().st_size / 3
    same, of = map(int, re.search(r"the first label is the same on (\d+) of (\d+) test photos", done.stdout).groups())
    assert of == 50 and same >= 45


def test_other_things_are_called_unknown(place, real_data):
    flags = [f"--graph={place / 'retrained_graph.pb'}", "--unknown", "--json"]
    things = json.loads(place.run("evaluate", f"--image_dir={real_data / 'cifar10' / 'test'}", *flags).stdout)
    assert things["photos"] == 0 and things["strangers"]["turned_away"] > 0.85 * things["strangers"]["photos"]
    known = json.loads(place.run("evaluate", *flags, "--split=validation").stdout)
    assert known["turned_away"] <= 0.06 * known["photos"]


def test_a_graph_written_by_tensorflow_1_labels_photos(place, real_data):
    pictures = sorted((real_data / "flower_photos" / "roses").glob("*.jpg"))[:5]
    legacy = real_data / "legacy" / "retrained_graph.pb"
    many = place.run("label_image", f"--graph={legacy}", "--json", *pictures)
    assert many.returncode == 0 and many.stderr == ""  # it labels a batch without a warning
    alone = place.run("label_image", f"--graph={legacy}", "--json", pictures[3])
    together, single = json.loads(many.stdout.splitlines()[3]), json.loads(alone.stdout)
    assert together["labels"][0]["label"] == single["labels"][0]["label"]
    assert together["labels"][0]["score"] == pytest.approx(single["labels"][0]["score"], abs=1e-4)
    labels = (legacy.parent / "retrained_labels.txt").read_text().splitlines()
    assert {each["label"] for each in together["labels"]} < set(labels)
