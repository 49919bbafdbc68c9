"""A classifier is not judged by photos that training has seen, whatever they are called now."""

import base64
import json
import shutil

import numpy as np
import pytest

from scripts.classifier.training import record_check, seen
from tests.support.workplace import draw_folder, draw_shape
from tests.training.test_damaged_records import copy_with

KINDS = ("blue", "green", "red")


def evaluate(place, *words, graph=None):
    return place.run("evaluate", f"--graph={graph or place / 'retrained_graph.pb'}", *words)


def record_of(place):
    return json.loads((place / "retrained_graph.json").read_text("utf-8"))


def sizes(place):
    """The numbers of photos that training used."""
    found = record_of(place)["photos"].values()
    return {split: sum(each[split] for each in found) for split in ("training", "validation", "testing")}


@pytest.fixture(scope="module")
def copied(retrained, tmp_path_factory):
    """The photos of the classifier in another folder, under other names."""
    folder = tmp_path_factory.mktemp("copied") / "elsewhere"
    for photo in (retrained / "photos").glob("*/*.jpg"):
        (folder / photo.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(photo, folder / photo.parent.name / f"again {photo.name}")
    return folder


@pytest.fixture(scope="module")
def before(retrained, tmp_path_factory):
    """The same classifier, as written before records knew what training has seen."""
    record = {key: value for key, value in record_of(retrained).items() if key != "seen"}
    return copy_with(retrained, tmp_path_factory.mktemp("before"), record)


def test_a_copy_of_the_folder_is_measured_by_what_is_new(retrained, copied, tmp_path):
    used = sizes(retrained)
    report = tmp_path / "report.html"
    done = evaluate(retrained, f"--image_dir={copied}", "--json", f"--report={report}")
    assert done.returncode == 0, done.stderr
    gone = used["training"] + used["validation"]
    assert f"warning: left out {gone} photos that training has seen (blue/again blue_0" in done.stderr
    measured = json.loads(done.stdout)
    assert measured["photos"] == used["testing"] == record_of(retrained)["test"]["photos"]
    assert measured["accuracy"] == record_of(retrained)["test"]["accuracy"]
    assert measured["seen"] == {"proven": True, "training": 0, "validation": 0, "left_out": gone}
    assert f"{used['testing']} photos it had never seen" in report.read_text("utf-8")


def test_photos_added_to_a_copy_count(retrained, copied, tmp_path):
    folder = shutil.copytree(copied, tmp_path / "more")
    for kind in KINDS:
        for seed in range(5):
            draw_shape(kind, 7000 + seed).save(folder / kind / f"{seed}.jpg")
    measured = json.loads(evaluate(retrained, f"--image_dir={folder}", "--json").stdout)
    assert measured["photos"] == sizes(retrained)["testing"] + 15


@pytest.mark.parametrize("split", ["all", "training", "validation"])
def test_seen_photos_are_kept_on_request(retrained, copied, split, tmp_path):
    used, report = sizes(retrained), tmp_path / "report.html"
    own = split == "validation"  # the names decide what is in a set, and those of the copy are others
    folder = [] if own else [f"--image_dir={copied}"]
    done = evaluate(retrained, *folder, f"--split={split}", f"--report={report}")
    assert done.returncode == 0 and "left out" not in done.stderr, done.stderr
    page = report.read_text("utf-8")
    if split == "all":
        total, gone = sum(used.values()), used["training"] + used["validation"]
        said = f"it was trained on {used['training']} of these photos and tuned on {used['validation']}: expect less"
        assert said in done.stdout
        assert f" {total} photos, {gone} of which it had seen in training" in page
    elif split == "training":
        assert "it was trained on " in done.stdout and "in training" in page
    else:
        assert "it did not learn from" in page
    assert "never seen" not in page


def test_the_own_folder_is_judged_by_its_test_photos(retrained, tmp_path):
    done = evaluate(retrained, "--json", f"--report={tmp_path / 'report.html'}")
    measured = json.loads(done.stdout)
    assert done.stderr.count("left out") == 0 and measured["split"] == "testing"
    assert measured["seen"] == {"proven": True, "training": 0, "validation": 0, "left_out": 0}
    assert "it had never seen" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.parametrize("whole", [True, False])
def test_photos_that_are_all_seen_are_refused_in_one_line(retrained, tmp_path, whole):
    places = [photo.parent.name + "/" + photo.name for photo in sorted((retrained / "photos").glob("*/*.jpg"))]
    digests = {place: seen_use(retrained, retrained / "photos" / place) for place in places}
    some = [place for place in places if digests[place] == "training"][: None if whole else 1]
    for place in some:
        (tmp_path / "old" / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(retrained / "photos" / place, tmp_path / "old" / place)
    done = evaluate(retrained, f"--image_dir={tmp_path / 'old'}", f"--report={tmp_path / 'report.html'}")
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    photos = f"all {len(some)} photos" if whole else "the only photo"
    assert f"has seen {photos} to measure on in {tmp_path / 'old'}: it was trained on " in done.stderr
    assert "give photos that are new to it, or --split=all to measure on" in done.stderr
    assert not (tmp_path / "report.html").exists()
    assert evaluate(retrained, f"--image_dir={tmp_path / 'old'}", "--split=all").returncode == 0


def seen_use(place, photo):
    from scripts.classifier.photos.digests import digest

    return seen.of(record_of(place)).uses([digest(photo.read_bytes())])[0]


def test_old_records_claim_less(retrained, before, copied, tmp_path):
    for folder in ([], [f"--image_dir={copied}"]):
        done = evaluate(retrained, *folder, f"--report={tmp_path / 'report.html'}", graph=before)
        assert done.returncode == 0 and "left out" not in done.stderr, done.stderr
        assert ("it is not known which photos it was trained on: these may" in done.stdout) == bool(folder)
        page = (tmp_path / "report.html").read_text("utf-8")
        assert "photos it is not known to have learned from" in page and "never seen" not in page
    measured = json.loads(evaluate(retrained, "--json", graph=before).stdout)
    assert not measured["seen"]["proven"]


def test_every_format_and_quantized_graphs_carry_it(retrained, copied, tmp_path):
    graph, used = retrained / "retrained_graph.pb", sizes(retrained)
    done = retrained.run("quantize_graph", f"--input={graph}", f"--output={tmp_path / 'q.pb'}")
    assert done.returncode == 0, done.stderr
    files = [tmp_path / "q.pb"]
    for kind, name in (("tflite", "a.tflite"), ("keras", "a.keras"), ("saved_model", "saved"), ("onnx", "a.onnx")):
        files.append(tmp_path / name)
        done = retrained.run("export", f"--graph={graph}", f"--format={kind}", f"--output={tmp_path / name}")
        assert done.returncode == 0, done.stderr
        assert f"scored on {used['testing']} test photos:" in done.stdout
    for file in files:
        measured = json.loads(evaluate(retrained, f"--image_dir={copied}", "--json", graph=file).stdout)
        assert measured["photos"] == used["testing"] and measured["seen"]["proven"], file


def test_export_compares_on_new_photos(retrained, before, copied, tmp_path):
    used = sizes(retrained)
    flags = [f"--image_dir={copied}", f"--output={tmp_path / 'a.tflite'}"]
    done = retrained.run("export", f"--graph={retrained / 'retrained_graph.pb'}", *flags)
    gone = used["training"] + used["validation"]
    assert f"left out {gone} photos that training has seen (blue/again blue_0" in done.stdout
    assert f"scored on {used['testing']} photos (training has seen none of them):" in done.stdout
    done = retrained.run("export", f"--graph={before}", *flags)
    assert f"scored on {sum(used.values())} photos (it is not known whether training has seen them):" in done.stdout
    for photo in copied.glob("*/*.jpg"):
        if seen_use(retrained, photo) == "training":
            (tmp_path / "old" / photo.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(photo, tmp_path / "old" / photo.parent.name)
    flags[0] = f"--image_dir={tmp_path / 'old'}"
    done = retrained.run("export", f"--graph={retrained / 'retrained_graph.pb'}", *flags)
    assert done.returncode == 0, done.stderr
    assert f"not scored, as training has seen all {used['training']} photos to score it on" in done.stdout


@pytest.fixture
def leaky(tmp_path):
    """A ready-made split, with two photos of each label in two of its parts."""
    draw_folder(tmp_path / "leaky" / "train", each=20)
    draw_folder(tmp_path / "leaky" / "test", each=0)
    for kind in KINDS:
        for seed in range(6):
            draw_shape(kind, 800 + seed).save(tmp_path / "leaky" / "test" / kind / f"{seed}.jpg", quality=90)
        for seed in range(2):
            shutil.copy(
                tmp_path / "leaky" / "train" / kind / f"{kind}_{seed:03d}.jpg", tmp_path / "leaky" / "test" / kind
            )
    return tmp_path / "leaky"


@pytest.mark.parametrize("command", ["retrain", "train_cnn"])
def test_leaked_test_photos_are_left_out(workplace, leaky, command):
    words = ["--distorted_views=2", "--flip_left_right", "--random_crop=10"]
    if command == "train_cnn":
        words = ["--epochs=1", "--image_size=24", f"--checkpoint={workplace / 'point.keras'}", "--cache=memory"]
        places = [flag for flag in workplace.outputs() if flag.startswith(("--output", "--summ", "--skip"))]
        done = workplace.run(command, f"--image_dir={leaky}", *places, *words)
    else:
        done = workplace.retrain(leaky, *words)
    assert done.returncode == 0, done.stderr
    assert "6 test photos are also training or validation photos (test/blue/blue_000.jpg ...): they are" in done.stderr
    assert "N = 18)" in done.stdout
    done = evaluate(workplace, "--json")
    assert "left out 6 test photos that training has seen (test/blue/blue_000.jpg ...): --split=all" in done.stderr
    measured = json.loads(done.stdout)
    assert measured["photos"] == 18 and measured["seen"]["left_out"] == 6
    assert measured["accuracy"] == record_of(workplace)["test"]["accuracy"]


def test_a_damaged_entry_is_refused_in_one_line(retrained, tmp_path):
    entry = record_of(retrained)["seen"]
    graph = copy_with(
        retrained, tmp_path, {**record_of(retrained), "seen": {**entry, "training": entry["training"][:-5]}}
    )
    done = evaluate(retrained, graph=graph)
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "is damaged (its seen should be digests of training and validation photos): delete it" in done.stderr


def test_sixty_thousand_photos_take_eleven_bytes_each():
    entry = {
        split: base64.b64encode(np.random.default_rng(number).bytes(8 * photos)).decode()
        for split, number, photos in (("training", 1, 54_000), ("validation", 2, 6_000))
    }
    assert record_check.fault({"preprocessing": {}, "labels": ["a"], "seen": entry}) != "its seen"
    assert len(json.dumps(entry)) < 11 * 60_000
    known = seen.of({"seen": entry})
    contents = [each.tobytes() + bytes(8) for each in (*known.training, *known.validation)]
    uses = known.uses([*contents, *(np.random.default_rng(3).bytes(16) for _ in range(60_000))])
    assert [uses.count(use) for use in ("training", "validation", "testing")] == [54_000, 6_000, 60_000]
