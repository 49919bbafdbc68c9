"""retrain --none_dir: photos of none of the labels teach what to call unknown."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.support.published_networks import mobilenet_archive
from tests.support.workplace import Workplace, draw_folder, draw_shape


def draw_none(folder: Path, count: int = 40, first: int = 0) -> Path:
    """Yellow shapes, beside no label."""
    folder.mkdir(parents=True)
    for seed in range(first, first + count):
        draw_shape("yellow", seed).save(folder / f"{seed:03d}.jpg", quality=90)
    return folder


@pytest.fixture(scope="module")
def taught(tmp_path_factory) -> Workplace:
    """A classifier of three colours that has seen yellow things; tests only read it."""
    place = Workplace(tmp_path_factory.mktemp("taught"))
    draw_folder(place / "photos")
    # A flat folder and folders in it, as people have them.
    draw_none(place / "none", 30)
    draw_none(place / "none" / "train" / "more", 10, first=30)  # the name of a split says nothing here
    done = place.retrain(place / "photos", f"--none_dir={place / 'none'}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    place.printed = done.stdout
    return place


def record_of(place: Workplace) -> dict:
    return json.loads((place / "retrained_graph.json").read_text())


def test_it_says_what_they_gained(taught):
    counts = re.search(
        r"none: 40 photos of none of the labels; (\d+) training, (\d+) validation, (\d+) test", taught.printed
    )
    assert counts, taught.printed
    training, validation, testing = map(int, counts.groups())
    told = record_of(taught)["unknown"]["none_photos"]
    assert told["learned"] == training + validation and told["tested"] == testing > 0
    assert f"learned from {told['learned']} photos of none of the labels; of {testing} others, " in taught.printed
    assert told["turned_away"] == testing
    assert (
        f"of {testing} others, {testing} are called unknown" in taught.printed
        and "without --none_dir" in taught.printed
    )


def test_labels_and_scores_stay_as_they_are(taught, retrained):
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        assert (taught / name).read_bytes() == (retrained / name).read_bytes()
    assert record_of(taught)["photos"] == record_of(retrained)["photos"]


@pytest.mark.parametrize("kind", ["pb", "tflite"])
def test_new_ones_are_unknown_in_every_format(taught, kind, tmp_path):
    graph = taught / "retrained_graph.pb"
    if kind != "pb":
        graph = tmp_path / f"exported.{kind}"
        done = taught.run("export", f"--graph={taught / 'retrained_graph.pb'}", f"--output={graph}")
        assert done.returncode == 0, done.stderr
    draw_none(tmp_path / "new", 10, first=500)
    draw_folder(tmp_path / "known", each=10)
    answers = {}
    for folder in ("new", "known"):
        done = taught.run("label_image", f"--graph={graph}", f"--image={tmp_path / folder}", "--unknown", "--json")
        assert done.returncode == 0, done.stderr
        answers[folder] = [json.loads(line)["unknown"] for line in done.stdout.splitlines()]
    assert all(answers["new"]) and sum(answers["known"]) <= 6, answers


def test_evaluate_judges_by_those_that_were_not_learned_from(taught, tmp_path):
    report = tmp_path / "report.html"
    graph = f"--graph={taught / 'retrained_graph.pb'}"
    done = taught.run("evaluate", graph, "--unknown", "--json", f"--report={report}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    told = record_of(taught)["unknown"]["none_photos"]
    assert json.loads(done.stdout)["none_photos"] == {"photos": told["tested"], "turned_away": told["turned_away"]}
    assert "of the test photos of --none_dir." in report.read_text()
    said = taught.run("evaluate", graph, "--unknown").stdout
    assert re.search(rf"test photos of --none_dir rightly called unknown: .*N = {told['tested']}\)", said), said
    assert "none_photos" not in json.loads(taught.run("evaluate", graph, "--json").stdout)
    # In another folder they are not asked for.
    draw_folder(tmp_path / "others", each=4)
    done = taught.run("evaluate", graph, f"--image_dir={tmp_path / 'others'}", "--unknown", "--json")
    assert "none_photos" not in json.loads(done.stdout)


def test_evaluate_goes_on_without_them(workplace, photos):
    none = draw_none(workplace / "none", 12)
    assert workplace.retrain(photos, f"--none_dir={none}").returncode == 0
    shutil.rmtree(none)
    done = workplace.run("evaluate", f"--graph={workplace / 'retrained_graph.pb'}", "--unknown", "--json")
    assert done.returncode == 0 and "none_photos" not in json.loads(done.stdout)
    assert done.stderr.startswith(f"warning: left out the photos of none of the labels (--none_dir: {none} does not")
    assert len(done.stderr.splitlines()) == 1


def test_copies_are_no_evidence(workplace, photos):
    """Copies of each other are never in two sets, and copies of the labels' photos teach nothing."""
    none = draw_none(workplace / "none", 12)
    for path in sorted(none.iterdir()):
        shutil.copy(path, none / f"copy_of_{path.name}")
    shutil.copy(photos / "red" / "red_003.jpg", none / "stray.jpg")
    done = workplace.retrain(photos, f"--none_dir={none}", "--testing_percentage=40")
    assert done.returncode == 0, done.stderr
    assert done.stderr == (
        f"warning: left out 1 photo of --none_dir that is also in {photos} ({none / 'stray.jpg'}): a photo of a label "
        "does not belong there\n"
    )
    told = record_of(workplace)["unknown"]["none_photos"]
    assert told["learned"] + told["tested"] == 12 and told["tested"] > 0
    measured = workplace.run("evaluate", f"--graph={workplace / 'retrained_graph.pb'}", "--unknown", "--json")
    assert json.loads(measured.stdout)["none_photos"]["photos"] == told["tested"]


def test_few_and_unreadable_ones_are_said(workplace, photos):
    none = draw_none(workplace / "none", 5)
    (none / "cut.jpg").write_bytes(b"\xff\xd8\xff")
    (none / "notes.txt").write_text("yellow things")
    done = workplace.retrain(photos, f"--none_dir={none}")
    assert done.returncode == 0, done.stderr
    first, second, third = done.stderr.splitlines()
    assert first.startswith("warning: 1 file is not a photo and is left out:") and "notes.txt" in first
    assert second.startswith(f"warning: --none_dir: {none} has 6 photos: expect little gain from fewer than 10")
    assert third == f"warning: left out 1 photo that cannot be read: see {workplace / 'skipped_images_none.txt'}"
    assert "cut.jpg" in (workplace / "skipped_images_none.txt").read_text()


def test_fine_tuned_networks_see_them_again(workplace, photos):
    mobilenet_archive(workplace / "mirror")
    none = draw_none(workplace / "none", 20)
    words = ["--architecture=mobilenet_0.50_128", "--fine_tune_steps=20", "--fine_tune_learning_rate=0.01"]
    done = workplace.retrain(photos, f"--none_dir={none}", *words)
    assert done.returncode == 0, done.stderr
    told = record_of(workplace)["unknown"]["none_photos"]
    measured = workplace.run("evaluate", f"--graph={workplace / 'retrained_graph.pb'}", "--unknown", "--json")
    expected = {"photos": told["tested"], "turned_away": told["turned_away"]}
    assert json.loads(measured.stdout)["none_photos"] == expected


def test_a_dry_run_counts_them(workplace, photos):
    done = workplace.retrain(photos, f"--none_dir={draw_none(workplace / 'none', 12)}", "--dry_run")
    assert done.returncode == 0 and "bottlenecks: 0 photos cached, 84 to compute" in done.stdout


def test_mistakes_are_named_before_any_work(workplace, photos):
    (workplace / "empty").mkdir()
    (workplace / "texts").mkdir()
    (workplace / "texts" / "a.txt").write_text("no photo")
    broken = workplace / "broken"
    broken.mkdir()
    for number in range(3):
        (broken / f"{number}.jpg").write_bytes(b"\xff\xd8\xff")
    shutil.copytree(photos / "red", workplace / "reds")
    for folder, message in [
        (workplace / "missing", "missing does not exist: give a folder of photos of none of the labels"),
        (workplace / "empty", "empty is empty: give a folder of photos of none of the labels"),
        (workplace / "texts", "texts holds no photos (1 file is not a photo"),
        (workplace / "texts" / "a.txt", "a.txt is a file: give a folder"),
        (photos, f"error: --none_dir is the same folder as --image_dir ({photos}): photos of none"),
        (photos / "red", f"error: --none_dir lies in --image_dir ({photos / 'red'}): photos of none"),
        (workplace.folder, f"error: --image_dir lies in --none_dir ({workplace.folder}): photos of none"),
        (broken, f"3 of 3 photos in {broken} cannot be read"),
        (workplace / "reds", f"error: --none_dir: all photos in {workplace / 'reds'} are also in {photos}"),
    ]:
        done = workplace.retrain(photos, f"--none_dir={folder}")
        assert done.returncode == 1 and message in done.stderr.splitlines()[-1], done.stderr
        assert not (workplace / "retrained_graph.pb").exists()


def test_copies_of_those_learned_from_are_no_test_of_unknown(taught, tmp_path):
    """Under another name, in another folder, where they would count as things that were rightly turned away."""
    shutil.copytree(taught / "photos", tmp_path / "elsewhere")
    shutil.copytree(taught / "none", tmp_path / "elsewhere" / "yellow")
    draw_none(tmp_path / "new", 5, first=100)
    for photo in (tmp_path / "new").iterdir():
        shutil.copy(photo, tmp_path / "elsewhere" / "yellow" / f"new_{photo.name}")
    graph = f"--graph={taught / 'retrained_graph.pb'}"
    done = taught.run("evaluate", graph, "--json", "--unknown", f"--image_dir={tmp_path / 'elsewhere'}")
    assert done.returncode == 0, done.stderr
    told = record_of(taught)["unknown"]["none_photos"]
    assert json.loads(done.stdout)["strangers"]["photos"] == 5 + told["tested"]
