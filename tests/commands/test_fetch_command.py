"""python -m scripts.fetch, and the fetching of photo collections behind it."""

import contextlib
import hashlib
import io
import os
import random
import re
import signal
import subprocess
import sys
import tarfile
import time

import pytest
from PIL import Image

from scripts.classifier.errors import UserError
from scripts.classifier.fetching import downloads, photo_archives
from tests.support import file_server
from tests.support.fetch_command import check_one_line_error, run
from tests.support.file_server import File, Silence, Status
from tests.support.workplace import ROOT

PHOTOS_PATH = "/download.tensorflow.org/example_images/flower_photos.tgz"


@pytest.fixture
def server():
    with file_server.running() as server:
        yield server


# Drawn flowers


def test_flowers_are_drawn_and_described(tmp_path):
    destination = tmp_path / "drawn"
    process = run("drawn_flowers", f"--destination={destination}", "--per_kind=2", "--seed=7")
    assert (process.returncode, process.stderr) == (0, "")
    begins, first, *counts, about = process.stdout.splitlines()[:-3]
    assert begins == f"drawing flowers into {destination}"
    assert first == f"10 photos of 5 labels are in {destination}"
    assert [line.split() for line in counts] == [
        [kind, "2"] for kind in ("daisy", "dandelion", "roses", "sunflowers", "tulips")
    ]
    assert re.fullmatch(r"  pictures: \d+ to \d+ pixels wide, \d+ to \d+ high \(median \d+ x \d+\), in colour", about)
    for path in destination.glob("*/*.jpg"):
        Image.open(path).load()
    sheet = tmp_path / "sheet.png"
    again = run("drawn_flowers", f"--destination={destination}", "--per_kind=2", "--seed=7", f"--plot={sheet}")
    assert again.returncode == 0
    assert again.stdout.splitlines()[:-4] == [f"{first} already (to make it again, delete the folder)", *counts, about]
    words = "retrain --architecture=efficientnet_lite0"
    assert again.stdout.splitlines()[-4:] == [
        f"written: {sheet} (1200 x {Image.open(sheet).height} pixels)",
        "next:",
        f"  train a classifier:   python -m scripts.{words} --image_dir={destination}",
        f"  look at some photos:  python -m scripts.show_image {destination}",
    ]
    assert Image.open(sheet).width == 1200


def test_other_drawn_flowers_are_not_replaced(tmp_path):
    destination = tmp_path / "drawn"
    assert run("drawn_flowers", f"--destination={destination}", "--per_kind=1").returncode == 0
    check_one_line_error(run("drawn_flowers", f"--destination={destination}", "--per_kind=2"), str(destination))


# Real photos


def test_photos_already_there_are_recognised_without_a_network(tmp_path):
    for name in ("roses/1.jpg", "roses/2.jpg", "tulips/1.jpg", "LICENSE.txt"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).touch()
    process = run("flower_photos", f"--destination={tmp_path / 'photos'}", POETS_MIRROR="/no/such/folder")
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.splitlines()[0].startswith(f"3 photos of 2 labels are in {tmp_path / 'photos'} already")
    *counts, about, _, _, _ = process.stdout.splitlines()[1:]
    assert [line.split() for line in counts] == [["roses", "2"], ["tulips", "1"]]
    assert about == "  pictures: no picture can be opened"


UNAVAILABLE = {
    "unknown name": ({"http_proxy": "http://proxy.invalid:3128"}, "its name is not found"),
    "nobody listens": ({"http_proxy": "http://127.0.0.1:1"}, "127.0.0.1:1 (Connection refused)"),
    "an empty folder": ({"POETS_MIRROR": "."}, "No such file"),
    "no folder": ({"POETS_MIRROR": "/no/such/folder"}, "not a folder"),
}


@pytest.mark.parametrize(("environment", "message"), UNAVAILABLE.values(), ids=UNAVAILABLE)
def test_photos_that_cannot_be_fetched_are_a_one_line_error(tmp_path, environment, message):
    process = run("flower_photos", f"--destination={tmp_path / 'photos'}", **environment)
    check_one_line_error(process, message, "POETS_MIRROR")
    assert os.listdir(tmp_path) == []


NO_PHOTOS = {"404": Status(404), "silence": Silence(), "a sign-in page": File(b"please log in"), "503": Status(503)}


@pytest.mark.parametrize("answer", NO_PHOTOS.values(), ids=NO_PHOTOS)
def test_a_server_without_the_photos_is_a_one_line_error(server, tmp_path, answer):
    server.script(PHOTOS_PATH, answer)
    process = run(
        "flower_photos", f"--destination={tmp_path / 'photos'}", "--patience=0.5", POETS_MIRROR=server.address
    )
    check_one_line_error(process, server.address, "python -m scripts.fetch drawn_flowers")
    assert [request.path for request in server.requests][:1] == [PHOTOS_PATH]
    assert os.listdir(tmp_path) == []


def test_ctrl_c_keeps_what_was_fetched(server, tmp_path):
    server.script(PHOTOS_PATH, File(b"x" * 1_000_000, length=False, chunk=10_000, pause=0.02))
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.fetch", "flower_photos", f"--destination={tmp_path / 'photos'}"],
        cwd=ROOT,
        env=os.environ | {"POETS_MIRROR": server.address},
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    wait_for_bytes(tmp_path / "photos.tgz.part", 50_000, process)
    process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == "stopped\n"
    assert process.returncode == 130
    assert (tmp_path / "photos.tgz.part").stat().st_size >= 50_000


def wait_for_bytes(path, count, process):
    limit = time.monotonic() + 30
    while not path.exists() or path.stat().st_size < count:
        assert process.poll() is None
        assert time.monotonic() < limit
        time.sleep(0.005)


# A small collection replaces the real one: 229 MB are too much for a test.


TREE = {f"{label}/{number}.jpg": random.Random(number).randbytes(20_000) for label in "ab" for number in range(5)}


def tar_of(tree):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, content in tree.items():
            info = tarfile.TarInfo(f"few_photos/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return packed.getvalue()


PACKED = tar_of(TREE)


def few_photos(server, **changes):
    facts = {"size": len(PACKED), "sha256": hashlib.sha256(PACKED).hexdigest(), "top": "few_photos"}
    return photo_archives.PhotoArchive(url=f"{server.address}/few.tgz", **facts | changes)


def tree_of(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_an_archive_becomes_a_folder_of_labels(server, tmp_path):
    server.script("/few.tgz", File(PACKED))
    shown = []

    @contextlib.contextmanager
    def show(total, done=0):
        shown.append([total, done])
        yield shown[-1].append

    photo_archives.fetch(few_photos(server), tmp_path / "photos", show_download=show, show_unpacking=show)
    assert tree_of(tmp_path / "photos") == TREE
    assert os.listdir(tmp_path) == ["photos"]
    assert [(total, done + sum(advances)) for total, done, *advances in shown] == [(len(PACKED), len(PACKED))] * 2


FETCH_IN_A_PROCESS = """
import sys
from pathlib import Path
from scripts.classifier.fetching import photo_archives
photos = photo_archives.PhotoArchive(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4])
photo_archives.fetch(photos, Path(sys.argv[5]))
"""


@pytest.mark.parametrize("least", [1, 60_000, 150_000])
def test_a_killed_run_is_continued(server, tmp_path, least):
    server.script("/few.tgz", File(PACKED, chunk=4000, pause=0.01), File(PACKED))
    photos = few_photos(server)
    process = subprocess.Popen(
        [
            sys.executable,
            "-c",
            FETCH_IN_A_PROCESS,
            photos.url,
            str(photos.size),
            photos.sha256,
            photos.top,
            str(tmp_path / "photos"),
        ],
        cwd=ROOT,
    )
    wait_for_bytes(tmp_path / "photos.tgz.part", least, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    arrived = (tmp_path / "photos.tgz.part").stat().st_size
    photo_archives.fetch(photos, tmp_path / "photos")
    assert tree_of(tmp_path / "photos") == TREE
    assert server.ranges() == [None, f"bytes={arrived}-"]
    assert os.listdir(tmp_path) == ["photos"]


def test_a_run_killed_before_unpacking_fetches_nothing_again(server, tmp_path):
    (tmp_path / "photos.tgz").write_bytes(PACKED)
    (tmp_path / "photos.extracting" / "few_photos" / "a").mkdir(parents=True)
    photo_archives.fetch(few_photos(server), tmp_path / "photos")
    assert tree_of(tmp_path / "photos") == TREE
    assert server.requests == []
    assert os.listdir(tmp_path) == ["photos"]


def test_a_destination_in_use_is_noticed_before_fetching(server, tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(UserError, match="holds other files"):
        photo_archives.fetch(few_photos(server), tmp_path)
    assert server.requests == []


def test_a_wrong_archive_is_refused(server, tmp_path):
    server.script("/few.tgz", File(PACKED))
    with pytest.raises(downloads.Unavailable, match="expected 0000"):
        photo_archives.fetch(few_photos(server, sha256="0" * 64), tmp_path / "photos")
    with pytest.raises(UserError, match="expected a folder other"):
        photo_archives.fetch(few_photos(server, top="other"), tmp_path / "photos")
    assert not (tmp_path / "photos").exists()


# Typing errors


MISTAKES = {
    "no name": ([], "flower_photos, cifar10, drawn_flowers, oxford_flowers102 or tfds:NAME"),
    "two names": (["flower_photos", "drawn_flowers"], "found flower_photos drawn_flowers"),
    "a misspelt name": (["flower-photo"], "did you mean flower_photos?"),
    "another misspelt name": (["drawnflowers"], "did you mean drawn_flowers?"),
    "no such flag": (["drawn_flowers", "--sed=1"], "seed"),
    "no flowers": (["drawn_flowers", "--per_kind=0"], "per_kind"),
    "a flag for drawings": (["flower_photos", "--per_kind=3"], "--per_kind does not apply to flower_photos"),
    "a flag for downloads": (["drawn_flowers", "--patience=3"], "--patience does not apply to drawn_flowers"),
    "here": (["flower_photos", "--destination=."], "expected a folder's name"),
    "nowhere": (["flower_photos", "--destination="], "--destination is empty: expected a folder"),
    "a file": (["flower_photos", "--destination=setup.sh"], "Not a directory"),
    "a plot of another kind": (["drawn_flowers", "--plot=a.gif"], "ends in .png"),
    "Oxford's from a mirror that is not there": (["oxford_flowers102"], "which is not a folder"),
    "an occupied folder": (["drawn_flowers", "--destination=scripts"], "scripts"),
}


@pytest.mark.parametrize(("arguments", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_reported_in_one_line(arguments, message):
    check_one_line_error(run(*arguments, POETS_MIRROR="/no/such/folder"), message)


def test_help_describes_every_flag():
    process = run("--help")
    assert process.returncode == 0
    for word in ("flower_photos", "drawn_flowers", "--destination", "--per_kind", "--seed", "--patience"):
        assert word in process.stdout
