"""A cache that can only be read, a full disk, and a cluster that somebody else names."""

import contextlib
import errno
import os
import tempfile
from pathlib import Path

import numpy as np
import pytest

from scripts.classifier.bottlenecks import parts
from scripts.classifier.bottlenecks.cache import BottleneckCache
from scripts.classifier.bottlenecks.cluster import engine
from scripts.classifier.bottlenecks.extraction import Extraction, Job
from scripts.classifier.errors import UserError
from scripts.classifier.photos.digests import PhotoDigests
from scripts.classifier.photos.distortions import WHOLE

KEY, VECTOR = b"k" * 16, np.arange(3, dtype="<f4")[None]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EPERM, errno.EROFS])
def test_a_cache_that_cannot_be_written_can_be_read(tmp_path, monkeypatch, code):
    first = BottleneckCache(tmp_path, "identity", 3)
    first.add([KEY], VECTOR)
    first.close()

    def refuse(path, flags, *more, opened=os.open):
        if flags & (os.O_RDWR | os.O_CREAT):
            raise OSError(code, os.strerror(code), os.fspath(path))
        return opened(path, flags, *more)

    monkeypatch.setattr(parts.os, "open", refuse)
    cache = BottleneckCache(tmp_path, "identity", 3)
    assert KEY in cache and (cache.vectors([KEY]).take(np.array([0])) == VECTOR).all()
    with pytest.raises(UserError, match="give another --bottleneck_dir"):
        cache.add([b"l" * 16], VECTOR)
    cache.close()


@contextlib.contextmanager
def as_anybody():
    """Permissions do not bind root, so root becomes nobody for a while."""
    was, nobody = os.geteuid(), 65534
    if was == 0:
        os.seteuid(nobody)
    try:
        yield
    finally:
        os.seteuid(was)


def test_a_cache_in_a_folder_without_permission_to_write_can_be_read():
    with tempfile.TemporaryDirectory() as place:
        first = BottleneckCache(Path(place), "identity", 3)
        first.add([KEY], VECTOR)
        first.close()
        for path in (each for each in Path(place).rglob("*") if each.is_file()):
            path.chmod(0o444)
        for folder in (Path(place), *(each for each in Path(place).rglob("*") if each.is_dir())):
            folder.chmod(0o555)
        with as_anybody():
            cache = BottleneckCache(Path(place), "identity", 3)
            assert KEY in cache and (cache.vectors([KEY]).take(np.array([0])) == VECTOR).all()
            with pytest.raises(UserError, match=r"Permission denied.*give another --bottleneck_dir"):
                cache.add([b"l" * 16], VECTOR)
            cache.close()
        Path(place).chmod(0o755)


def test_a_full_disk_is_said_of_what_matters(photos, tmp_path, monkeypatch):
    cache = BottleneckCache(tmp_path / "cache", "identity", 3)
    digests = PhotoDigests(tmp_path / "photo_digests.txt", photos)

    def full(*_):
        raise UserError("cannot write photo_digests.txt: No space left on device")

    monkeypatch.setattr(PhotoDigests, "save", full)

    def network():
        raise UserError("cannot write to part-0000.bottlenecks: No space left on device")

    extraction = Extraction([Job("red/red_000.jpg", (WHOLE,))], photos, cache, digests)
    with pytest.raises(UserError, match=r"part-0000\.bottlenecks"):
        extraction.run(network, 32, lambda *_: None)


def test_a_cluster_that_another_user_names_is_not_believed(tmp_path, monkeypatch):
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text("10.0.0.1:6379")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(engine, "_knock", lambda address: None)
    assert engine._running() == "10.0.0.1:6379"
    real = os.fstat

    def other_owner(descriptor):
        found = list(real(descriptor))
        found[4] = os.geteuid() + 1
        return os.stat_result(found)

    monkeypatch.setattr(engine.os, "fstat", other_owner)
    with pytest.raises(UserError, match="belongs to another user: set RAY_ADDRESS"):
        engine._running()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give a file away")
def test_a_cluster_file_given_to_another_user_is_not_believed(tmp_path, monkeypatch):
    named = tmp_path / "ray" / "ray_current_cluster"
    named.parent.mkdir()
    named.write_text("127.0.0.1:9")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    assert engine._running() is None  # nothing answers there
    os.chown(named, 65534, -1)
    with pytest.raises(UserError, match="belongs to another user: set RAY_ADDRESS"):
        engine._running()
