"""The shared folder of workers, without Ray: who may add to the cache, and what is saved when a driver dies."""

import contextlib
import json
import os
import pickle
import subprocess
import sys
import threading
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from scripts.classifier.bottlenecks.cache import BottleneckCache
from scripts.classifier.bottlenecks.cluster import blocks, run_folder
from scripts.classifier.bottlenecks.cluster.claims import Claim, ClaimedCache, Superseded
from scripts.classifier.bottlenecks.cluster.decoder import Decoder
from scripts.classifier.bottlenecks.cluster.run_folder import Result, RunFolder
from scripts.classifier.bottlenecks.extraction import Job
from scripts.classifier.photos import folders, pixels
from scripts.classifier.photos.digests import PhotoDigests
from scripts.classifier.photos.distortions import WHOLE, View
from tests.support.workplace import ROOT, draw_folder, draw_shape

SIZE = 5


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def cache(folder: Path) -> BottleneckCache:
    return BottleneckCache(folder, "one", SIZE)


def count(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.bottlenecks")) // (20 + 4 * SIZE)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["begin", "add", "flush"]), st.integers(0, 9))))
def test_nothing_is_stored_twice_in_any_order_of_attempts(tmp_path_factory, acts):
    """Three workers share a block, each with its own view of the cache, as on separate machines."""
    folder = tmp_path_factory.mktemp("claims")
    caches = [cache(folder / "cache") for _ in range(3)]
    adding: dict[int, ClaimedCache] = {}
    last = None
    for worker, act, number in acts:
        if act == "begin":
            caches[worker].refresh()
            adding[worker], last = ClaimedCache(caches[worker], Claim(folder / "claim", str(worker))), worker
        elif worker in adding and act == "add" and key(number) not in adding[worker]:
            adding[worker].add([key(number)], np.full((1, SIZE), number, np.float32))
        elif worker in adding and act == "flush":
            before = count(folder / "cache")
            with contextlib.suppress(Superseded):
                adding[worker].flush()
            assert worker == last or count(folder / "cache") == before
    for each in caches:
        each.close()
    whole = cache(folder / "cache")
    there = [number for number in range(10) if key(number) in whole]
    assert count(folder / "cache") == len(there)
    vectors = whole.vectors([key(number) for number in there]).take(np.arange(len(there)))
    assert (vectors[:, 0] == there).all()
    whole.close()


def test_an_attempt_waits_until_the_previous_one_has_finished_adding(tmp_path):
    first = Claim(tmp_path / "claim", "here")
    happened = []
    with first.held():
        other = threading.Thread(target=lambda: happened.append(Claim(tmp_path / "claim", "there")))
        other.start()
        other.join(0.1)
        assert not happened
    other.join()
    assert happened[0].earlier == ["here"]
    with pytest.raises(Superseded), first.held():
        pass


_DRIVER = """
import sys, time
from pathlib import Path
from scripts.classifier.bottlenecks.cluster.claims import Claim
from scripts.classifier.bottlenecks.cluster.run_folder import Result, RunFolder
from scripts.classifier.photos import folders
photos, bottlenecks = map(Path, sys.argv[1:])
with RunFolder.opened(bottlenecks, photos) as run:
    photo = folders.stamp(photos, "red/red_000.jpg")
    Claim(run.claim(0), "here")
    run.write_result(0, Result([("red/red_000.jpg", photo, "ab" * 16)], {}, 1))
    print(run.path, flush=True)
    time.sleep(100)
"""


def test_a_dead_drivers_digests_are_kept_and_its_workers_stop(tmp_path):
    photos, kept = draw_folder(tmp_path / "photos", each=1), tmp_path / "bottlenecks"
    driver = subprocess.Popen(
        [sys.executable, "-c", _DRIVER, photos, kept], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    run = Path(driver.stdout.readline().strip())
    assert run.is_absolute(), "the driver ended before it printed its folder"
    claim = Claim(run / "claim-000001", "a worker")
    run_folder.recover(kept)
    assert run.exists()  # the driver is alive
    driver.kill()
    driver.communicate()
    run_folder.recover(kept)
    digests = PhotoDigests(kept / "photo_digests.txt", photos)
    assert digests.get("red/red_000.jpg") == b"\xab" * 16
    assert not run.parent.exists()
    with pytest.raises(Superseded), claim.held():
        pass
    with pytest.raises(Superseded):
        Claim(run / "claim-000002", "a worker")


@given(st.lists(st.integers(1, 4), min_size=1, max_size=60), st.integers(1, 5))
def test_each_photo_is_in_one_block_with_its_copies(tmp_path_factory, sizes, workers):
    folder = tmp_path_factory.mktemp("blocks")
    for number, size in enumerate(sizes):
        (folder / f"{number}.jpg").write_bytes(b"x" * size)
    waiting = [Job(f"{number}.jpg", (WHOLE,)) for number in range(len(sizes))]
    found = list(blocks.cut(waiting, folder, workers, large_network=False))
    assert sorted(job.path for block in found for job in block) == sorted(job.path for job in waiting)
    assert all(found)
    whole = max(1, -(-len(sizes) // (8 * workers)))
    assert max(map(len, found)) <= 4 * whole
    for size in set(sizes):
        alike = {job.path for job, mine in zip(waiting, sizes, strict=True) if mine == size}
        inside = [block for block in found if any(job.path in alike for job in block)]
        assert len(inside) == 1 or len(alike) > whole


def test_a_decoder_survives_a_picture_that_crashes_it(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "tests" / "support" / "crashing_decoder"))
    sound, broken = tmp_path / "sound.jpg", tmp_path / "broken.jpg"
    draw_shape("red", 1).save(sound)
    draw_shape("red", 1).save(broken, comment=b"ends its decoder")
    with contextlib.closing(Decoder()) as decoder:
        for _ in range(2):
            assert decoder.look(sound.read_bytes(), 32, [WHOLE])[0].shape == (32, 32, 3)
            with pytest.raises(pixels.UnreadableImage, match=r"crashes the decoder \(SIGSEGV\)"):
                decoder.look(broken.read_bytes(), 32, [WHOLE])
        with pytest.raises(pixels.UnreadableImage, match="empty file"):
            decoder.look(b"", 32, [View()])


@pytest.mark.parametrize(
    ("hidden", "message"),
    [
        ("bottlenecks", "--bottleneck_dir must be a folder that all machines share"),
        ("photos", "--image_dir must be a folder that all machines share"),
    ],
)
def test_a_worker_that_cannot_see_the_drivers_folders_says_so(tmp_path, hidden, message):
    pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements/cluster.txt")
    from scripts.classifier.bottlenecks.cluster.task import Task
    from scripts.classifier.bottlenecks.cluster.worker import Worker

    photos, kept = draw_folder(tmp_path / "photos", each=1), tmp_path / "bottlenecks"
    with RunFolder.opened(kept, photos) as run:
        stamp = folders.stamp(photos, "red/red_000.jpg")
        if hidden == "photos":
            photos.rename(tmp_path / "elsewhere")
        else:
            (run.path / "driver").write_text('{"token": "of another folder with this name"}')
        task = Task(str(photos), str(kept), str(run.path), run.token, "red/red_000.jpg", stamp, None, "float32", 1)
        outcome = Worker(task)({"number": 0, "photos": 1, "jobs": pickle.dumps([Job("red/red_000.jpg", (WHOLE,))])})
    assert outcome["error"].startswith("the worker on ") and message in outcome["error"]


def test_a_result_survives_writing_and_reading(tmp_path):
    with RunFolder.opened(tmp_path, tmp_path) as run:
        written = Result([("a label/\udcff.jpg", None, "00" * 16)], {"a/b.jpg": "empty file"}, 3)
        assert run.result(7) is None
        run.write_result(7, written)
        found = run.result(7)
    assert found.unreadable == written.unreadable and found.computed == 3
    assert [tuple(each) for each in found.read] == written.read


def test_a_worker_names_the_package_that_is_missing():
    pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements/cluster.txt")
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "from scripts.classifier.bottlenecks.cluster.task import Task\n"
        "from scripts.classifier.bottlenecks.cluster.worker import Worker\n"
        "task = Task('photos', 'kept', 'run', 'token', 'a photo', None, None, 'float32', 1)\n"
        "print(Worker(task)({'number': 0, 'photos': 1, 'jobs': b''})['error'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith("the worker on ") and " has no package PIL: pip install " in done.stdout, done.stderr


def test_remains_in_the_folder_of_runs_are_healed_or_left_alone(tmp_path):
    runs, photos = tmp_path / "cache" / "cluster_runs", tmp_path / "photos"
    sound = json.dumps({"token": "0" * 16, "image_dir": str(photos)})
    drivers = [
        "",
        "null",
        "{",
        '{"other": 1}',
        '{"image_dir": 5}',
        r'{"image_dir": "\ud800"}',
        '{"image_dir": "a://b"}',
    ]
    drivers.append(sound)
    for number, driver in enumerate(drivers):
        (runs / f"{number:016x}").mkdir(parents=True)
        (runs / f"{number:016x}" / "driver").write_text(driver)
    last = runs / f"{len(drivers) - 1:016x}"
    results = ["", "[]", '{"other": 1}', '{"read": [["a.jpg"]], "unreadable": {}, "computed": 1}']
    results += ['{"read": [["a.jpg", "1", 5]], "unreadable": {}, "computed": 1}', '{"read": 5, "unreadable": {}}']
    results += ['{"read": [], "unreadable": 1, "computed": 1}', "\udcff"]
    results += [r'{"read": [["\ud800", "1", "00"]], "unreadable": {}, "computed": 1}']
    results += [r'{"read": [["a.jpg", "\ud800", "00"]], "unreadable": {}, "computed": 1}']
    results += ['{"read": [["a.jpg", "1", "' + "00" * 17 + '"]], "unreadable": {}, "computed": 1}']
    for number, result in enumerate(results):
        (last / f"result-{number:06d}.json").write_text(result, errors="surrogateescape")
    (runs / ".DS_Store").write_bytes(b"\0\0\0\1Bud1")
    (runs / "mine").mkdir()
    (runs / "mine" / "driver").write_text("of a golf club")
    run_folder.recover(tmp_path / "cache")
    run_folder.recover(tmp_path / "cache")
    assert sorted(os.listdir(runs)) == [".DS_Store", "mine"]
    assert not (tmp_path / "cache" / "photo_digests.txt").exists()  # no result was sound
