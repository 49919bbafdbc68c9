"""Unpacking archives, good and bad ones."""

import contextlib
import gzip
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import warnings
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given, settings, strategies as st

from scripts.classifier import machine
from scripts.classifier.backbones import published_archives
from scripts.classifier.errors import UserError
from scripts.classifier.fetching import archives
from tests.support.workplace import ROOT

TREE = {
    "flowers/daisy/1.jpg": b"one" * 1000,
    "flowers/daisy/2 ü.jpg": b"",
    "flowers/C++/3.jpg": random.Random(3).randbytes(50_000),
    f"flowers/{'long ' * 30}/{'name ' * 30}.jpg": b"long",  # too long for a plain tar header
    "LICENSE.txt": b"free",
}


def member(name, content=b"", **attributes):
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for attribute, value in attributes.items():
        setattr(info, attribute, value)
    return info, content


def write_tar(path, members, mode="w:gz", form=tarfile.PAX_FORMAT):
    with tarfile.open(path, mode, format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return path


def write_zip(path, members, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as zipped:
        for name, content in members:
            zipped.writestr(name, content)
    return path


def tree_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


MAKERS = {
    "tar.gz": lambda path: write_tar(path, [member(*item) for item in TREE.items()]),
    "tar": lambda path: write_tar(path, [member(*item) for item in TREE.items()], "w"),
    "old GNU tar": lambda path: write_tar(path, [member(*item) for item in TREE.items()], "w", tarfile.GNU_FORMAT),
    "zip": lambda path: write_zip(path, TREE.items()),
    "stored zip": lambda path: write_zip(path, TREE.items(), zipfile.ZIP_STORED),
}


@pytest.fixture(params=MAKERS.values(), ids=MAKERS)
def archive(request, tmp_path):
    path = tmp_path / "archive"  # its content, not its name, shows the format
    request.param(path)
    return path


def test_files_come_out_as_they_were_packed(archive, tmp_path):
    advances = []

    @contextlib.contextmanager
    def show(total, done=0):
        advances.append(-total)
        yield advances.append

    destination = tmp_path / "some" / "where"
    assert archives.extract(archive, destination, show=show) == destination
    assert tree_of(destination) == TREE
    assert os.listdir(destination.parent) == ["where"]
    assert sum(advances) == 0


def test_the_top_folder_can_become_the_destination(archive, tmp_path):
    destination = tmp_path / "photos"
    archives.extract(archive, destination, top="flowers")
    assert tree_of(destination) == {
        name.removeprefix("flowers/"): content for name, content in TREE.items() if name.startswith("flowers/")
    }
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive", "photos"]


def test_an_unexpected_top_folder_is_refused(archive, tmp_path):
    with pytest.raises(UserError, match=r"holds LICENSE.txt, flowers at its top, expected a folder birds"):
        archives.extract(archive, tmp_path / "photos", top="birds")
    assert os.listdir(tmp_path) == ["archive"]


def test_files_packed_by_tar_itself_come_out(tmp_path):
    (tmp_path / "flowers" / "daisy").mkdir(parents=True)
    (tmp_path / "flowers" / "daisy" / "1.jpg").write_bytes(b"one")
    subprocess.run(["tar", "czf", "archive.tgz", "./flowers"], cwd=tmp_path, check=True)
    archives.extract(tmp_path / "archive.tgz", tmp_path / "photos", top="flowers")
    assert tree_of(tmp_path / "photos") == {"daisy/1.jpg": b"one"}


def test_modes_and_owners_are_ignored(tmp_path):
    path = write_tar(tmp_path / "archive", [member("run", b"#!/bin/sh", mode=0o6777, uid=1, gid=1)])
    archives.extract(path, tmp_path / "out")
    found = (tmp_path / "out" / "run").stat()
    assert found.st_mode & 0o7111 == 0
    assert found.st_uid == os.geteuid()


def test_other_files_at_the_destination_stay(archive, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "mine.jpg").write_bytes(b"mine")
    with pytest.raises(UserError, match="holds other files"):
        archives.extract(archive, tmp_path / "photos")
    assert tree_of(tmp_path / "photos") == {"mine.jpg": b"mine"}


def test_an_empty_folder_may_be_filled(archive, tmp_path):
    (tmp_path / "photos").mkdir()
    archives.extract(archive, tmp_path / "photos")
    assert tree_of(tmp_path / "photos") == TREE


def test_a_file_at_the_destination_stays(archive, tmp_path):
    (tmp_path / "photos").write_bytes(b"mine")
    with pytest.raises(UserError, match="Not a directory"):
        archives.extract(archive, tmp_path / "photos")
    assert (tmp_path / "photos").read_bytes() == b"mine"


# Members that are refused


def zip_member(name, mode):
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    return info


REFUSED = {
    "absolute": lambda path: write_tar(path, [member("ok.txt", b"ok"), member("/tmp/evil", b"evil")]),
    "parent": lambda path: write_tar(path, [member("ok.txt", b"ok"), member("../evil", b"evil")]),
    "parent in the middle": lambda path: write_tar(path, [member("a/../../evil", b"evil")]),
    "parent folder": lambda path: write_tar(path, [member("a/../../evil", type=tarfile.DIRTYPE)]),
    "symbolic link": lambda path: write_tar(path, [member("evil", type=tarfile.SYMTYPE, linkname="/etc/passwd")]),
    "hard link": lambda path: write_tar(
        path, [member("ok.txt", b"ok"), member("evil", type=tarfile.LNKTYPE, linkname="ok.txt")]
    ),
    "character device": lambda path: write_tar(path, [member("evil", type=tarfile.CHRTYPE)]),
    "block device": lambda path: write_tar(path, [member("evil", type=tarfile.BLKTYPE)]),
    "pipe": lambda path: write_tar(path, [member("evil", type=tarfile.FIFOTYPE)]),
    "zip, absolute": lambda path: write_zip(path, [("ok.txt", b"ok"), ("/tmp/evil", b"evil")]),
    "zip, parent": lambda path: write_zip(path, [("ok.txt", b"ok"), ("a/../../evil", b"evil")]),
    "zip, symbolic link": lambda path: write_zip(path, [(zip_member("evil", 0o120777), b"/etc/passwd")]),
    "zip, device": lambda path: write_zip(path, [(zip_member("evil", 0o020666), b"")]),
}


class Zeros:
    """What is left of a file of zeros."""

    def read(self, size):
        return bytes(size)


def tar_of_zeros(path, size):
    info = tarfile.TarInfo("zeros.jpg")
    info.size = size
    with tarfile.open(path, "w:gz") as tar:
        tar.addfile(info, Zeros())
    return path


def zip_of_zeros(path, size, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as zipped, zipped.open("zeros.jpg", "w") as member:
        for _ in range(size // 1_000_000):
            member.write(bytes(1_000_000))
    return path


def sparse_tar(path, size):
    """A member of which the archive holds nothing: GNU tar writes them for files with holes."""
    header = bytearray(tarfile.TarInfo("zeros.jpg").tobuf(tarfile.GNU_FORMAT))
    header[156:157] = tarfile.GNUTYPE_SPARSE
    header[386:410] = b"%011o\0%011o\0" % (size, 0)  # the only piece, at the end and empty
    header[483:495] = b"%011o\0" % size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    path.write_bytes(gzip.compress(bytes(header) + bytes(1024)))
    return path


def modern_sparse_tar(path, size):
    attributes = {"GNU.sparse.major": "0", "GNU.sparse.minor": "1", "GNU.sparse.map": f"{size},0"}
    sizes = {"GNU.sparse.size": str(size), "GNU.sparse.name": "zeros.jpg"}
    return write_tar(path, [member("zeros.jpg", pax_headers={**attributes, **sizes})])


def long_header_tar(path, size):
    return write_tar(path, [member("zeros.jpg", pax_headers={"comment": "x" * size})])


def zeros_after_the_end(path, size):
    tar_of_zeros(path, 10)
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(size)))
    return path


SIZE = 200_000_000
BOMBS = {
    "tar.gz": (tar_of_zeros, "unpack to more than 64 MB"),
    "zip": (zip_of_zeros, "unpack to more than 64 MB"),
    "another method": (lambda path, size: zip_of_zeros(path, size, zipfile.ZIP_BZIP2), "another method than deflate"),
    "holes": (sparse_tar, "'zeros.jpg' has holes"),
    "holes as of today": (modern_sparse_tar, "'zeros.jpg' has holes"),
    "a long header": (lambda path, size: long_header_tar(path, 3_000_000), "a header of more than a megabyte"),
    "after the end": (zeros_after_the_end, "unpack to more than 64 MB"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_archive_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path, monkeypatch, bomb):
    make, says = BOMBS[bomb]
    path = make(tmp_path / "archive", SIZE)
    written = []
    monkeypatch.setattr(shutil, "copyfileobj", lambda *given: written.append(given))
    with pytest.raises(UserError, match=says):
        archives.extract(path, tmp_path / "out")
    assert os.listdir(tmp_path) == ["archive"]
    assert written == [] or bomb == "after the end"


def test_a_small_archive_may_hold_a_single_colour(tmp_path):
    archives.extract(tar_of_zeros(tmp_path / "archive", 20_000_000), tmp_path / "out")
    assert (tmp_path / "out" / "zeros.jpg").stat().st_size == 20_000_000


def test_an_archive_that_does_not_fit_on_the_disk_is_refused_before_the_disk_is_full(archive, tmp_path, monkeypatch):
    monkeypatch.setattr(machine, "free_disk", lambda folder: 40_000)
    with pytest.raises(UserError, match=r"has no room for its 'flowers/C\+\+/3.jpg'; free some space"):
        archives.extract(archive, tmp_path / "out")
    assert os.listdir(tmp_path) == ["archive"]


@pytest.mark.parametrize("make", [tar_of_zeros, sparse_tar], ids=["zeros", "holes"])
def test_one_file_is_not_taken_out_of_a_bomb_either(tmp_path, make):
    with pytest.raises(UserError, match=r"delete it to download it again"):
        published_archives.read_member(make(tmp_path / "archive", SIZE), "zeros.jpg")


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_links_devices_and_paths_that_lead_outside_are_refused(tmp_path, make):
    path = tmp_path / "archive"
    make(path)
    with pytest.raises(UserError, match=r"its member '.*evil'"):
        archives.extract(path, tmp_path / "deep" / "out")
    assert os.listdir(tmp_path / "deep") == []
    assert sorted(os.listdir(tmp_path)) == ["archive", "deep"]


def test_an_encrypted_zip_is_refused(tmp_path):
    path = write_zip(tmp_path / "archive", [("secret.jpg", b"secret")])
    content = bytearray(path.read_bytes())
    for start, flags in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        content[content.index(start) + flags] |= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="encrypted"):
        archives.extract(path, tmp_path / "out")


names = (
    st.lists(
        st.sampled_from(["..", ".", "", "a", "b", "...", "..a", "a b", "ü", "~", "C:", "\\..", "-"]),
        min_size=1,
        max_size=5,
    )
    .map("/".join)
    .filter(bool)
)


@settings(max_examples=150, deadline=None)
@given(names=st.lists(names, min_size=1, max_size=4), zipped=st.booleans())
@example(names=["a", "a/b"], zipped=False)
def test_nothing_is_ever_written_outside(names, zipped):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "archive")
        if zipped:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # about names that occur twice
                write_zip(path, [(name, b"content") for name in names])
        else:
            write_tar(path, [member(name, b"content") for name in names])
        destination = Path(folder, "deep", "out")
        with contextlib.suppress(UserError):
            archives.extract(path, destination)
        assert sorted(os.listdir(folder)) == ["archive", "deep"]
        assert set(os.listdir(destination.parent)) <= {"out"}
        harmless = not any(name.startswith("/") or ".." in name.split("/") for name in names)
        assert harmless or not destination.exists()


# Damaged archives


def test_an_archive_cut_off_anywhere_is_an_error(archive, tmp_path):
    content = archive.read_bytes()
    # A tar is whole once its end mark has begun; tarfile pads that to 10,240 bytes.
    whole = len(content.rstrip(b"\0")) // 512 * 512 + 512 if content[257:262] == b"ustar" else len(content)
    for cut in {*range(0, whole, 997), *range(whole - 700, whole, 100), whole - 1}:
        archive.write_bytes(content[:cut])
        with pytest.raises(UserError, match="is damaged"):
            archives.extract(archive, tmp_path / "out")
        assert os.listdir(tmp_path) == ["archive"]


def test_a_wrong_checksum_at_the_very_end_is_noticed(tmp_path):
    path = MAKERS["tar.gz"](tmp_path / "archive")
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match="CRC"):
        archives.extract(path, tmp_path / "out")
    assert os.listdir(tmp_path) == ["archive"]


@settings(max_examples=150, deadline=None)
@given(data=st.data(), maker=st.sampled_from(sorted(MAKERS)))
def test_flipped_bytes_never_crash(data, maker):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "archive")
        MAKERS[maker](path)
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            content[data.draw(st.integers(0, min(len(content) - 1, 3000)))] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        try:
            archives.extract(path, Path(folder, "out"))
        except UserError as error:
            assert "\n" not in str(error)
            assert os.listdir(folder) == ["archive"]


NO_ARCHIVES = {
    "nothing": b"",
    "a web page": b"<html>not found</html>" * 100,
    "the beginning of gzip": b"\x1f\x8b",
    "gzip, but no tar": gzip.compress(b"x" * 2000),
    "the beginning of zip": b"PK\3\4",
}


@pytest.mark.parametrize("content", NO_ARCHIVES.values(), ids=NO_ARCHIVES)
def test_files_that_are_not_archives_are_refused(tmp_path, content):
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(UserError, match="is damaged, or not a tar"):
        archives.extract(tmp_path / "archive", tmp_path / "out")


def test_a_missing_archive_is_an_error(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        archives.extract(tmp_path / "archive", tmp_path / "out")


# Interruptions

EXTRACT_IN_A_PROCESS = """
import sys
from pathlib import Path
from scripts.classifier.fetching import archives
archives.extract(Path(sys.argv[1]), Path(sys.argv[2]))
"""


def extract_in_a_process(archive, destination):
    return subprocess.Popen([sys.executable, "-c", EXTRACT_IN_A_PROCESS, archive, destination], cwd=ROOT)


COUNT = 1500


@pytest.fixture
def many(tmp_path):
    yield write_tar(tmp_path / "many", [member(f"{number:05}", b"x" * 100) for number in range(COUNT)], "w")
    shutil.rmtree(tmp_path / "out")  # pytest would keep these many files for days


@pytest.mark.parametrize("least", [1, 200])
def test_a_killed_extraction_is_done_again(many, tmp_path, least):
    unfinished = tmp_path / "out.extracting"
    process = extract_in_a_process(many, tmp_path / "out")
    limit = time.monotonic() + 30
    while not unfinished.exists() or len(os.listdir(unfinished)) < least:
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    (unfinished / "99999").write_bytes(b"from another archive")
    archives.extract(many, tmp_path / "out")
    assert sorted(os.listdir(tmp_path / "out")) == [f"{number:05}" for number in range(COUNT)]
    assert sorted(os.listdir(tmp_path)) == ["many", "out"]


def test_processes_that_unpack_the_same_archive_do_not_harm_each_other(many, tmp_path):
    processes = [extract_in_a_process(many, tmp_path / "out") for _ in range(2)]
    # The later process either waits for the earlier one or finds the work done.
    assert 0 in [process.wait() for process in processes]
    assert len(os.listdir(tmp_path / "out")) == COUNT
    assert sorted(os.listdir(tmp_path)) == ["many", "out"]


def test_a_zip_member_without_a_name_is_refused(tmp_path):
    nameless = zipfile.ZipInfo("x")
    nameless.filename = ""
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as zipped:
        zipped.writestr(nameless, b"one")
    with pytest.raises(UserError, match="its member '' has no name"):
        archives.extract(tmp_path / "a.zip", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_thousands_of_long_names_in_a_row_are_damage(tmp_path):
    name = member("././@LongLink", type=tarfile.GNUTYPE_LONGNAME)[0]
    name.size = 4
    block = name.tobuf(tarfile.GNU_FORMAT) + b"abc\0".ljust(tarfile.BLOCKSIZE, b"\0")
    (tmp_path / "a.tar").write_bytes(5000 * block + tarfile.TarInfo("x").tobuf() + bytes(1024))
    with pytest.raises(UserError, match="is damaged"):
        archives.extract(tmp_path / "a.tar", tmp_path / "out")
