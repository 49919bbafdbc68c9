"""Folders that appear whole or not at all."""

import os
import sys
import threading
from pathlib import Path

import pytest

from scripts.classifier import atomic_files


def test_a_renamed_folder_appears_and_nothing_is_left(tmp_path):
    with atomic_files.folder(tmp_path / "new" / "photos.writing") as unfinished:
        (unfinished / "1.jpg").write_bytes(b"one")
        os.rename(unfinished, tmp_path / "new" / "photos")
    assert os.listdir(tmp_path / "new") == ["photos"] and os.listdir(tmp_path / "new" / "photos") == ["1.jpg"]


def test_a_part_can_replace_an_empty_folder(tmp_path):
    (tmp_path / "photos").mkdir()
    with atomic_files.folder(tmp_path / "photos.writing") as unfinished:
        (unfinished / "top" / "daisy").mkdir(parents=True)
        (unfinished / "other").mkdir()
        os.rename(unfinished / "top", tmp_path / "photos")
    assert os.listdir(tmp_path) == ["photos"] and os.listdir(tmp_path / "photos") == ["daisy"]


@pytest.mark.parametrize("stop", [OSError, KeyboardInterrupt])
def test_work_that_ends_early_leaves_nothing(tmp_path, stop):
    with pytest.raises(stop), atomic_files.folder(tmp_path / "photos.writing") as unfinished:
        (unfinished / "daisy").mkdir()
        raise stop
    assert os.listdir(tmp_path) == []


def test_files_of_a_killed_process_are_removed_and_links_are_not_followed(tmp_path):
    (tmp_path / "photos.writing" / "daisy").mkdir(parents=True)
    (tmp_path / "photos.writing" / "1.jpg").touch()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "2.jpg").touch()
    (tmp_path / "photos.writing" / "link").symlink_to(tmp_path / "mine")
    with atomic_files.folder(tmp_path / "photos.writing") as unfinished:
        assert os.listdir(unfinished) == []
    assert os.listdir(tmp_path) == ["mine"] and os.listdir(tmp_path / "mine") == ["2.jpg"]


def test_a_new_folder_of_the_same_name_belongs_to_another_process(tmp_path):
    with atomic_files.folder(tmp_path / "photos.writing") as unfinished:
        os.rename(unfinished, tmp_path / "photos")
        unfinished.mkdir()
        (unfinished / "theirs.jpg").touch()
    assert os.listdir(tmp_path / "photos.writing") == ["theirs.jpg"]


@pytest.mark.parametrize("can_exchange", [True, False])
def test_a_folder_with_files_is_replaced_and_remains_are_cleared(tmp_path, monkeypatch, can_exchange):
    if not can_exchange:
        monkeypatch.setattr(atomic_files, "_exchange", lambda one, other: False)
    for name in ("model", ".model.7.old", ".model.mine.old", ".model.writing"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "former").touch()
    with atomic_files.folder(tmp_path / ".model.writing") as unfinished:
        (unfinished / "whole").mkdir()
        (unfinished / "whole" / "new").touch()
        atomic_files.replace(unfinished / "whole", tmp_path / "model")
    assert sorted(os.listdir(tmp_path)) == [".model.mine.old", "model"]
    assert os.listdir(tmp_path / "model") == ["new"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems may be unable to exchange folders")
def test_while_a_folder_is_replaced_one_is_always_there(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "file").touch()
    stop, missing = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            if not os.path.exists(tmp_path / "model" / "file"):
                missing.append(1)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        for _ in range(50):
            with atomic_files.folder(tmp_path / ".model.writing") as unfinished:
                (unfinished / "whole").mkdir()
                (unfinished / "whole" / "file").touch()
                atomic_files.replace(unfinished / "whole", tmp_path / "model")
    finally:
        stop.set()
        looking.join()
    assert not missing


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="there is no file system without new folders")
def test_a_place_where_no_folder_can_be_made_is_an_error(tmp_path):
    """Linux says "no such file or directory", as it would of a folder that another process has just removed."""
    with pytest.raises(OSError), atomic_files.folder(Path("/proc/photos.writing")):
        pass
