"""A folder becomes labels and a stable split."""

from pathlib import Path

import hypothesis.strategies as st
import pytest
from hypothesis import given

from scripts.classifier.errors import UserError
from scripts.classifier.photos import image_lists
from scripts.classifier.photos.image_lists import SPLITS, TESTING, TRAINING, VALIDATION, ImageLists, Photo
from tests.support.workplace import draw_shape

TINY = b"\xff\xd8\xff"  # the beginning of a JPEG, which is enough for listing


def fill(folder, label, names):
    for name in names:
        path = folder / label / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(TINY)


def where(lists: ImageLists) -> dict[str, str]:
    return {photo.path: photo.split for photo in lists.photos}


def lists_of(paths: list[str]) -> ImageLists:
    labels = tuple(sorted({path.split("/")[0] for path in paths}))
    photos = tuple(Photo(path, labels.index(path.split("/")[0]), TRAINING) for path in sorted(paths))
    return ImageLists("nowhere", labels, photos)


names = st.text("abcdefgh0123456789_-", min_size=1, max_size=12)


@given(st.sets(names, min_size=3, max_size=60), st.sampled_from([(10, 10), (1, 1), (40, 40), (20, 5)]))
def test_a_label_with_three_photos_has_some_in_each_set(stems, percentages):
    lists = image_lists.deal(lists_of([f"cat/{stem}.jpg" for stem in stems]), *percentages)
    assert {photo.split for photo in lists.photos} == set(SPLITS)


@given(st.sets(names, min_size=40, max_size=60), names)
def test_photos_stay_in_their_set_when_others_are_added(stems, newcomer):
    before = where(image_lists.deal(lists_of([f"cat/{stem}.jpg" for stem in stems]), 20, 20))
    counts = [list(before.values()).count(split) for split in SPLITS]
    after = where(image_lists.deal(lists_of([*before, f"cat/{newcomer}+.jpg"]), 20, 20))
    if min(counts) > 1:  # otherwise one photo was moved to fill an empty set, and may move back
        assert all(after[path] == split for path, split in before.items())


@given(st.lists(names, min_size=4, max_size=12, unique=True))
def test_variations_of_a_photo_stay_together(stems):
    paths = [f"cat/{stem}_nohash_{variation}.jpg" for stem in stems for variation in range(3)]
    dealt = where(image_lists.deal(lists_of(paths), 30, 30))
    for stem in stems:
        assert len({dealt[f"cat/{stem}_nohash_{variation}.jpg"] for variation in range(3)}) == 1


def test_percentages_are_met_on_many_photos():
    dealt = image_lists.deal(lists_of([f"cat/{number}.jpg" for number in range(10_000)]), 10, 20)
    counts = [len(dealt.of(split)) for split in (TESTING, VALIDATION)]
    assert abs(counts[0] - 1000) < 120 and abs(counts[1] - 2000) < 160


def test_zero_percent_means_none():
    dealt = image_lists.deal(lists_of([f"cat/{number}.jpg" for number in range(50)]), 0, 0)
    assert len(dealt.of(TRAINING)) == 50


def test_the_split_does_not_depend_on_where_the_folder_is(tmp_path):
    for place in ("here", "some/where/else"):
        for label in ("a", "b"):
            fill(tmp_path / place, label, [f"{number}.jpg" for number in range(30)])
    here, there = (image_lists.scan(tmp_path / place, 20, 20) for place in ("here", "some/where/else"))
    assert where(here) == where(there)


@pytest.mark.parametrize("name", [".", "./", "../photos", "deeper/.."])
def test_the_split_does_not_depend_on_how_the_folder_is_named(tmp_path, monkeypatch, name):
    for label in ("a", "b"):
        fill(tmp_path / "photos", label, [f"{number}.jpg" for number in range(30)])
    expected = where(image_lists.scan(tmp_path / "photos", 20, 20))
    (tmp_path / "photos" / "deeper").mkdir()
    monkeypatch.chdir(tmp_path / "photos")
    assert where(image_lists.scan(Path(name), 20, 20)) == expected


def test_labels_are_exactly_the_folder_names(tmp_path):
    labels = ["C++", "Ünïcode Blüten", "snake_case", "日本語", "with, comma"]
    for label in labels:
        fill(tmp_path, label, ["1.jpg", "2.jpg", "3.jpg"])
    assert list(image_lists.scan(tmp_path, 10, 10).labels) == sorted(labels)


def test_subfolders_count_and_hidden_files_do_not(tmp_path):
    fill(tmp_path, "a", ["1.jpg", "deep/er/2.jpg", ".hidden.jpg", ".git/3.jpg", "__MACOSX/4.jpg", "Thumbs.db"])
    fill(tmp_path, "b", ["1.jpg"])
    fill(tmp_path, ".cache", ["1.jpg"])
    lists = image_lists.scan(tmp_path, 10, 10)
    assert sorted(where(lists)) == ["a/1.jpg", "a/deep/er/2.jpg", "b/1.jpg"]


def test_content_decides_if_the_ending_says_nothing(tmp_path):
    fill(tmp_path, "a", ["photo", "picture.dat"])
    fill(tmp_path, "b", ["1.jpg"])
    (tmp_path / "a" / "notes.txt").write_text("not a picture")
    lists = image_lists.scan(tmp_path, 0, 0)
    assert sorted(where(lists)) == ["a/photo", "a/picture.dat", "b/1.jpg"]
    assert lists.other_files == {"a/notes.txt": "not an image"}


def test_a_link_that_leads_back_up_is_followed_once(tmp_path):
    fill(tmp_path, "a", ["1.jpg"])
    fill(tmp_path, "b", ["1.jpg"])
    (tmp_path / "a" / "loop").symlink_to(tmp_path / "a", target_is_directory=True)
    assert len(image_lists.scan(tmp_path, 0, 0).photos) == 2


@pytest.mark.parametrize("names", [("train", "valid", "test"), ("training", "validation", "testing"), ("train", "val")])
def test_a_ready_made_split_is_used_as_it_is(tmp_path, names):
    for name in names:
        for label in ("a", "b"):
            fill(tmp_path / name, label, [f"{number}.jpg" for number in range(20)])
    lists = image_lists.scan(tmp_path, 10, 10)
    assert lists.labels == ("a", "b") and lists.ready_made
    meaning = dict(zip(names, SPLITS, strict=False))
    for photo in lists.photos:
        if photo.split != meaning[photo.path.split("/")[0]]:
            # Photos only move from training to a set that the folder does not have.
            assert len(names) == 2 and (photo.path.split("/")[0], photo.split) == ("train", TESTING)
    assert set(where(lists).values()) == set(SPLITS)


def test_train_may_also_be_a_label(tmp_path):
    for label in ("train", "bus", "test"):
        fill(tmp_path, label, ["1.jpg", "2.jpg", "3.jpg"])
    assert image_lists.scan(tmp_path, 10, 10).labels == ("bus", "test", "train")


def test_two_names_for_one_set_are_refused(tmp_path):
    for name in ("train", "valid", "validation"):
        fill(tmp_path / name, "a", ["1.jpg"])
    with pytest.raises(UserError, match="valid and validation, which both mean validation"):
        image_lists.scan(tmp_path, 10, 10)


def test_splitting_again_after_unreadable_photos_fills_the_sets(tmp_path):
    lists = lists_of([f"{label}/{number}.jpg" for label in "ab" for number in range(12)])
    lists = image_lists.deal(lists, 10, 10)
    gone = [photo.path for photo in lists.photos if photo.label == 0 and photo.split == TESTING]
    again = image_lists.deal(image_lists.without(lists, gone), 10, 10)
    assert {photo.split for photo in again.photos if photo.label == 0} == set(SPLITS)


def test_a_label_without_readable_photos_is_removed(tmp_path):
    lists = lists_of(["a/1.jpg", "b/1.jpg", "c/1.jpg"])
    left = image_lists.without(lists, ["b/1.jpg"])
    assert left.labels == ("a", "c") and [photo.label for photo in left.photos] == [0, 1]


CLEAR_ERRORS = {
    "missing": (lambda folder: folder / "nope", "does not exist"),
    "file": (lambda folder: _file(folder / "photo.jpg"), "is a file"),
    "empty": (lambda folder: _folder(folder / "empty"), "is empty"),
    "photos without folders": (lambda folder: _file(folder / "flat" / "1.jpg").parent, "holds photos themselves"),
    "one label": (lambda folder: _file(folder / "one" / "cat" / "1.jpg").parent.parent, "one label only (cat)"),
    "no photos": (lambda folder: _file(folder / "text" / "cat" / "a.txt", b"x").parent.parent, "no folder with photos"),
}


def _file(path, data=TINY):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _folder(path):
    path.mkdir()
    return path


@pytest.mark.parametrize("case", CLEAR_ERRORS)
def test_an_unusable_folder_is_a_clear_error(workplace, case):
    make, says = CLEAR_ERRORS[case]
    done = workplace.retrain(make(workplace.folder))
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr
    assert not (workplace / "retrained_graph.pb").exists()


@pytest.mark.parametrize(
    "flags", [("--testing_percentage=60", "--validation_percentage=60"), ("--testing_percentage=-1",)]
)
def test_impossible_percentages_are_refused(workplace, photos, flags):
    done = workplace.retrain(photos, *flags)
    assert done.returncode == 1 and "percentage=" in done.stderr and done.stderr.count("\n") == 1


def test_labels_survive_to_the_printed_answer(workplace):
    for label, kind in (("C++", "red"), ("blå_日本", "blue")):
        (workplace / "photos" / label).mkdir(parents=True)
        for seed in range(20):
            draw_shape(kind, seed).save(workplace / "photos" / label / f"{seed}.jpg")
    done = workplace.retrain(workplace / "photos")
    assert done.returncode == 0, done.stderr
    assert (workplace / "retrained_labels.txt").read_text("utf-8") == "C++\nblå_日本\n"
    answer = workplace.label(f"--image={workplace / 'photos' / 'C++' / '3.jpg'}")
    assert answer.stdout.startswith("C++ (score=") and "blå_日本 (score=" in answer.stdout
