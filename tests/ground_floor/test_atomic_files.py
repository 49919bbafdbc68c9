"""Files that appear whole or not at all."""

import fcntl
import os

import pytest

from scripts.classifier import atomic_files
from scripts.classifier.errors import UserError
from scripts.classifier.fetching import downloads


@pytest.fixture
def steps(monkeypatch):
    """What a power cut could come between: files and folders written out, and renames."""
    done = []

    def noted(name):
        real = getattr(os, name)

        def call(*given):
            at = os.readlink(f"/proc/self/fd/{given[0]}") if name == "fsync" else str(given[-1])
            done.append((name, os.path.basename(at), os.path.getsize(at) if os.path.isfile(at) else None))
            return real(*given)

        monkeypatch.setattr(os, name, call)

    noted("fsync")
    noted("replace")
    return done


needs_proc = pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs the names of open files")


@needs_proc
def test_a_file_then_its_folder_are_written_out(tmp_path, steps):
    folder = tmp_path / "new"
    atomic_files.write_bytes(folder / "a.bin", iter([b"one", b"two"]))
    temporary = f".a.bin.{os.getpid()}.tmp"
    assert steps == [("fsync", temporary, 6), ("replace", "a.bin", None), ("fsync", "new", None)]
    assert (folder / "a.bin").read_bytes() == b"onetwo" and os.listdir(folder) == ["a.bin"]


@needs_proc
def test_files_of_one_classifier_appear_once_all_are_written_out(tmp_path, steps):
    atomic_files.write_together({tmp_path / "a": b"1", tmp_path / "b": b"22"})
    assert [name for name, *_ in steps] == ["fsync", "fsync", "replace", "replace", "fsync"]


def test_nothing_is_replaced_if_one_of_the_files_cannot_be_written(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "b").mkdir()
    with pytest.raises(UserError, match="it is a folder"):
        atomic_files.write_together({tmp_path / "a": b"new", tmp_path / "b": b"new"})
    assert (tmp_path / "a").read_bytes() == b"old" and sorted(os.listdir(tmp_path)) == ["a", "b"]


def test_what_a_killed_process_left_is_removed_and_what_another_is_writing_is_not(tmp_path):
    for name in (".a.1.tmp", ".a.2.tmp", ".b.1.tmp", ".a.old.tmp"):
        (tmp_path / name).write_bytes(b"part")
    with (tmp_path / ".a.2.tmp").open() as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        atomic_files.write_bytes(tmp_path / "a", b"whole")
    assert sorted(os.listdir(tmp_path)) == [".a.2.tmp", ".a.old.tmp", ".b.1.tmp", "a"]


@needs_proc
def test_a_folder_is_written_out_before_it_appears(tmp_path, steps, monkeypatch):
    monkeypatch.setattr(atomic_files, "_sync_all", lambda folder: steps.append(("all", sorted(os.listdir(folder)))))
    with atomic_files.folder(tmp_path / "photos.writing") as unfinished:
        (unfinished / "1.jpg").write_bytes(b"one")
        atomic_files.put(unfinished, tmp_path / "photos")
    assert steps == [("all", ["1.jpg"]), ("fsync", tmp_path.name, None)]


def test_a_file_system_that_cannot_write_out_on_demand_is_used_all_the_same(tmp_path, monkeypatch):
    def refuse(descriptor):
        raise OSError(22, "Invalid argument")

    monkeypatch.setattr(os, "fsync", refuse)
    atomic_files.write_bytes(tmp_path / "a", b"whole")
    assert (tmp_path / "a").read_bytes() == b"whole"


def test_a_checksum_that_a_power_cut_emptied_is_written_again(tmp_path, monkeypatch):
    mirror = tmp_path / "mirror"
    (mirror / "example.org").mkdir(parents=True)
    (mirror / "example.org" / "a.bin").write_bytes(b"whole")
    monkeypatch.setenv("POETS_MIRROR", str(mirror))
    (tmp_path / "a.bin.sha256").touch()
    for _ in range(2):
        downloads.fetch("https://example.org/a.bin", tmp_path / "a.bin")
    assert (tmp_path / "a.bin.sha256").read_text().endswith("  a.bin\n")
