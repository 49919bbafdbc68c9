"""The drawn flowers: seeded, varied, written whole or not at all."""

import contextlib
import os
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.errors import UserError
from scripts.classifier.fetching import drawn_flowers

PER_KIND = 6


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn") / "flowers"
    assert drawn_flowers.draw(folder, PER_KIND, seed=3) == dict.fromkeys(drawn_flowers.KINDS, PER_KIND)
    return folder


def telling(tell):
    """A `show` that passes all progress to `tell`."""

    @contextlib.contextmanager
    def show(total, done=0):
        yield tell

    return show


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.jpg"))}


def test_the_wanted_number_of_each_kind_is_written(drawn):
    assert sorted(path.name for path in drawn.iterdir() if path.is_dir()) == sorted(drawn_flowers.KINDS)
    for kind in drawn_flowers.KINDS:
        assert sorted(path.name for path in (drawn / kind).iterdir()) == [
            f"{kind}_{number:04d}.jpg" for number in range(1, PER_KIND + 1)
        ]
    assert [path.name for path in drawn.parent.iterdir()] == ["flowers"], "something is left beside the folder"


def test_the_folder_says_that_these_are_not_photographs(drawn):
    assert "not photographs" in (drawn / "README.txt").read_text()


def test_the_pictures_are_jpegs_of_varied_shape(drawn):
    shapes = set()
    for path in drawn.rglob("*.jpg"):
        with Image.open(path) as image:
            assert image.format == "JPEG" and image.mode == "RGB"
            assert 320 <= max(image.size) <= 400 and 200 <= min(image.size) <= 340
            shapes.add(image.size)
    assert len(shapes) > PER_KIND


def test_the_same_seed_gives_the_same_pictures_however_many_are_drawn(drawn, tmp_path):
    drawn_flowers.draw(tmp_path / "fewer", 2, seed=3)
    fewer, all_of_them = bytes_of(tmp_path / "fewer"), bytes_of(drawn)
    assert len(fewer) == 2 * len(drawn_flowers.KINDS)
    assert all(all_of_them[name] == content for name, content in fewer.items())


def test_another_seed_gives_different_pictures(drawn, tmp_path):
    drawn_flowers.draw(tmp_path / "other", 2, seed=4)
    assert not set(bytes_of(tmp_path / "other").values()) & set(bytes_of(drawn).values())


def test_no_two_pictures_are_alike(drawn):
    contents = list(bytes_of(drawn).values())
    assert len(set(contents)) == len(contents)


def test_colour_alone_does_not_give_a_kind_away():
    for kind, palette in drawn_flowers_palettes().items():
        others = {colour for other, colours in drawn_flowers_palettes().items() if other != kind for colour in colours}
        assert set(palette) & others, f"{kind} shares no colour with another kind"


def drawn_flowers_palettes():
    from scripts.classifier.fetching.flower_shapes import PALETTES

    assert set(PALETTES) == set(drawn_flowers.KINDS)
    return PALETTES


def test_progress_is_reported_from_the_calling_thread(tmp_path):
    told = []
    drawn_flowers.draw(tmp_path / "flowers", 2, show=telling(lambda count: told.append((count, threading.get_ident()))))
    assert told == [(1, threading.get_ident())] * 2 * len(drawn_flowers.KINDS)


def test_drawing_again_leaves_a_complete_folder_as_it_is(drawn):
    before = {path: path.stat().st_mtime_ns for path in drawn.rglob("*")}
    told = []
    counts = drawn_flowers.draw(drawn, PER_KIND, seed=3, show=telling(told.append))
    assert counts == dict.fromkeys(drawn_flowers.KINDS, PER_KIND) and told == []
    assert {path: path.stat().st_mtime_ns for path in drawn.rglob("*")} == before


def test_the_readme_names_no_source_file(drawn):
    about = (drawn / "README.txt").read_text()
    assert ".py" not in about and "scripts/" not in about and "fetch drawn_flowers" in about


FORMER_ABOUT = """\
These flowers are drawn by {}. They are not photographs.
They let everything run where the real flower photos cannot be fetched; what a classifier
learns from them says little about real flowers.

Kinds: daisy, dandelion, roses, sunflowers, tulips. Pictures of each: 2. Seed: 3.
Licence: as the program that drew them, Apache-2.0.
"""


@pytest.mark.parametrize(
    "drawn_by",
    ["a program (scripts/classifier/drawn_flowers.py)", "Poets (python -m scripts.fetch drawn_flowers)"],
    ids=["first", "second"],
)
def test_a_folder_from_an_earlier_version_is_recognised_and_left_as_it_is(tmp_path, drawn_by):
    former_about = FORMER_ABOUT.format(drawn_by)
    folder = tmp_path / "flowers"
    drawn_flowers.draw(folder, 2, seed=3)
    (folder / "README.txt").write_text(former_about)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert drawn_flowers.draw(folder, 2, seed=3) == dict.fromkeys(drawn_flowers.KINDS, 2)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert (folder / "README.txt").read_text() == former_about
    with pytest.raises(UserError, match="nor a complete folder of these flowers"):
        drawn_flowers.draw(folder, 2, seed=4)


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "flowers").mkdir()
    drawn_flowers.draw(tmp_path / "flowers", 1)
    assert len(bytes_of(tmp_path / "flowers")) == len(drawn_flowers.KINDS)


def other_photos(folder: Path) -> None:
    (folder / "cats").mkdir(parents=True)
    (folder / "cats" / "tom.jpg").write_bytes(b"tom")


def other_seed(folder: Path) -> None:
    drawn_flowers.draw(folder, 1, seed=8)


def one_missing(folder: Path) -> None:
    drawn_flowers.draw(folder, 1, seed=7)
    (folder / "roses" / "roses_0001.jpg").unlink()


def a_file(folder: Path) -> None:
    folder.write_text("not a folder")


@pytest.mark.parametrize("make", [other_photos, other_seed, one_missing, a_file])
def test_other_files_are_left_alone(tmp_path, make):
    folder = tmp_path / "flowers"
    make(folder)
    before = bytes_of(folder)
    with pytest.raises(UserError, match=r"(?s)\A[^\n]*flowers[^\n]*\Z"):
        drawn_flowers.draw(folder, 1, seed=7)
    assert bytes_of(folder) == before
    assert os.listdir(tmp_path) == ["flowers"]


def test_stopping_halfway_leaves_nothing(tmp_path):
    def stop(count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        drawn_flowers.draw(tmp_path / "flowers", 5, show=telling(stop))
    assert os.listdir(tmp_path) == []


def test_a_missing_parent_folder_is_created(tmp_path):
    drawn_flowers.draw(tmp_path / "new" / "flowers", 1)
    assert len(bytes_of(tmp_path / "new" / "flowers")) == len(drawn_flowers.KINDS)


def test_light_and_background_vary(drawn):
    corners = [np.asarray(Image.open(path))[:20, :20].mean((0, 1)) for path in drawn.rglob("*.jpg")]
    assert np.std(corners, axis=0).min() > 20
