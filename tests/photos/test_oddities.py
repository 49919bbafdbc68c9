"""Likely mistakes in folders of photos: one warning of each kind, with advice."""

import json
import shutil

import pytest

from scripts.classifier.photos import image_lists
from tests.photos.test_image_lists import fill
from tests.support.workplace import draw_folder


def photos(folder, **counts):
    for label, count in counts.items():
        fill(folder, label, [f"{number}.jpg" for number in range(count)])


def warnings(folder, names=None):
    return image_lists.scan(folder, 10, 10).warnings(names)


def test_a_folder_without_oddities_gives_no_warnings(tmp_path):
    photos(tmp_path, daisy=30, roses=100)
    (tmp_path / "LICENSE.txt").write_text("CC-BY")
    assert warnings(tmp_path) == []


def test_photos_beside_the_label_folders_are_named(tmp_path):
    photos(tmp_path, daisy=30, roses=30)
    fill(tmp_path, ".", ["b.jpg"])
    assert warnings(tmp_path) == [
        f"1 photo lies beside the label folders and is left out ({tmp_path / 'b.jpg'}): move it into the folder of "
        "its label"
    ]
    fill(tmp_path, ".", ["a.jpg", "c.png", ".hidden.jpg"])
    assert warnings(tmp_path) == [
        f"3 photos lie beside the label folders and are left out (such as {tmp_path / 'a.jpg'}): move each into the "
        "folder of its label"
    ]


def test_photos_beside_the_labels_of_a_ready_made_split_are_named(tmp_path):
    for part in ("train", "test"):
        photos(tmp_path / part, a=30, b=30)
    fill(tmp_path, "train", ["lost.jpg"])
    assert [warning.split(" and ")[0] for warning in warnings(tmp_path)] == ["1 photo lies beside the label folders"]


@pytest.mark.parametrize("other", ["Daisy", "DAISY", "daisy "])
def test_a_label_spelt_in_two_ways_is_named(tmp_path, other):
    photos(tmp_path, daisy=40, roses=40, **{other: 20})
    one, two = (f"{label!r} ({count} photos)" for label, count in sorted([("daisy", 40), (other, 20)]))
    assert warnings(tmp_path) == [
        f"{one} and {two} are separate labels: if they mean the same, move their photos into one folder"
    ]


def test_many_labels_spelt_in_two_ways_are_one_warning(tmp_path):
    photos(tmp_path, **{"sea holly": 20, "sea_holly": 20, "sea-holly": 20, "Tulip": 20, "tulip": 20})
    (warning,) = warnings(tmp_path)
    assert warning.startswith(
        "'Tulip' (20 photos) and 'tulip' (20 photos) are separate labels; so are 'sea holly' and "
    )
    photos(tmp_path, Rose=20, rose=20)
    (warning,) = warnings(tmp_path)
    assert "; 2 other labels also come in several spellings: if" in warning


def test_numbers_are_not_taken_for_two_spellings(tmp_path):
    photos(tmp_path, **{"1": 20, "-1": 20, "11": 20})
    assert warnings(tmp_path) == []


def test_labels_with_few_photos_are_named_in_one_warning(tmp_path):
    photos(tmp_path, **{str(label): 3 + label for label in range(12)}, enough=20)
    (warning,) = warnings(tmp_path, {str(label): f"flower {label}" for label in range(12)} | {"enough": "enough"})[:1]
    assert warning == (
        "12 of 13 labels have fewer than 20 photos, seldom enough to learn from: add to flower 0 (3), flower 1 (4), "
        "flower 2 (5) and 9 more"
    )


def test_a_label_with_a_single_photo_is_named(tmp_path):
    photos(tmp_path, a=1, b=20)
    assert warnings(tmp_path)[0] == "a has 1 photo; fewer than 20 are seldom enough to learn from: add more"


def test_labels_without_training_photos_are_one_warning(tmp_path):
    photos(tmp_path / "train", a=30, b=30)
    photos(tmp_path / "test", a=30, b=30, c=30, d=3)
    assert warnings(tmp_path) == ["c and d have no training photos, so no photo will ever get that label: add photos"]


def test_uneven_labels_are_named(tmp_path):
    photos(tmp_path, roses=200, daisy=41, tulips=60)
    assert warnings(tmp_path) == []
    photos(tmp_path, lilies=40)
    assert warnings(tmp_path) == [
        "roses has 200 photos, lilies only 40; small labels are learned less well: add to them"
    ]


def test_other_files_and_empty_folders_are_counted(tmp_path):
    photos(tmp_path, a=20, b=20, empty=0)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a" / "notes.txt").write_text("no photo")
    assert warnings(tmp_path) == [
        f"{tmp_path / 'empty'} holds no photos and is left out",
        f"1 file is not a photo and is left out: {tmp_path / 'a' / 'notes.txt'}",
    ]
    (tmp_path / "vacant").mkdir()
    (tmp_path / "b" / "notes.txt").write_text("no photo")
    assert warnings(tmp_path) == [
        f"2 folders in {tmp_path} hold no photos and are left out: empty and vacant",
        f"2 files are not photos and are left out, such as {tmp_path / 'a' / 'notes.txt'}",
    ]


def test_a_folder_of_labels_among_labels_is_named(tmp_path):
    photos(tmp_path, tulips=30)
    photos(tmp_path / "Photos", daisy=30, roses=30)
    assert warnings(tmp_path) == [
        "the label Photos is a folder of folders (daisy and roses): if those are the labels, use "
        f"--image_dir={tmp_path / 'Photos'}"
    ]


def test_a_split_with_a_folder_beside_it_is_named(tmp_path):
    for part in ("train", "test"):
        photos(tmp_path / part, a=30, b=30)
    photos(tmp_path, misc=30)
    assert warnings(tmp_path) == [
        f"test and train in {tmp_path} are taken for labels, because misc lies beside them: if they are a split, move "
        "misc away"
    ]


def test_labels_divided_into_folders_are_no_mistake(tmp_path):
    for label in ("daisy", "roses"):
        photos(tmp_path / label, **{"2024": 20, "2025": 20})
    assert warnings(tmp_path) == []
    photos(tmp_path, tulips=30)
    fill(tmp_path, "daisy", ["its own.jpg"])
    fill(tmp_path, "roses", ["its own.jpg"])
    assert warnings(tmp_path) == []


def test_a_folder_one_too_high_or_too_low_is_named(workplace):
    photos(workplace / "above" / "Photos", daisy=3, roses=3)
    done = workplace.retrain(workplace / "above")
    assert done.returncode == 1 and done.stderr == (
        f"error: {workplace / 'above'} holds photos of one label only (Photos); did you mean "
        f"{workplace / 'above' / 'Photos'}? It holds daisy and roses\n"
    )
    done = workplace.retrain(workplace / "above" / "Photos" / "daisy")
    assert done.returncode == 1 and f"did you mean {workplace / 'above' / 'Photos'}? It holds daisy and" in done.stderr


def test_the_same_photo_under_two_labels_is_named(workplace):
    draw_folder(workplace / "photos", ("red", "blue"), each=20)
    red, blue = workplace / "photos" / "red", workplace / "photos" / "blue"
    copied = sorted(red.iterdir())[:2]
    for photo in copied:
        shutil.copy(photo, blue / f"again_{photo.name}")
    expected = (
        f"warning: 2 photos are filed under two labels, for example as blue/again_{copied[0].name} and "
        f"red/{copied[0].name}: keep each under one\n"
        f"warning: 1 test photo is also a training or validation photo (red/{copied[0].name}): it is left out of the "
        "test\n"
    )
    assert workplace.retrain(workplace / "photos").stderr == expected
    (blue / f"again_{copied[1].name}").unlink()
    assert (
        "warning: the same photo is filed under two labels, as blue/again_"
        in workplace.retrain(workplace / "photos").stderr
    )


def test_warnings_show_the_names_of_labels(workplace):
    draw_folder(workplace / "photos", ("red", "blue"), each=6)
    (workplace / "names.json").write_text(json.dumps({"red": "poppy", "blue": "cornflower"}))
    done = workplace.retrain(workplace / "photos", f"--category_names={workplace / 'names.json'}", "--dry_run")
    assert done.stderr == (
        "warning: both labels have fewer than 20 photos, seldom enough to learn from: add to cornflower (6) and "
        "poppy (6)\n"
    )
