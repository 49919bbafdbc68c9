"""Bottlenecks on clusters of real Ray processes, some of which are killed, cut off or added on the way."""

import contextlib
import fcntl
import json
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from tests.support import ray_hosts, ray_nodes
from tests.support.workplace import ROOT, Workplace, draw_folder, draw_shape

pytest.importorskip("ray", reason="Ray is not installed: pip install -r requirements/cluster.txt")

# Three vectors for each training photo: enough work to be interrupted.
DISTORTED = ("--flip_left_right", "--random_scale=20", "--distorted_views=3")


@pytest.fixture(scope="module")
def nodes():
    with contextlib.closing(ray_nodes.Nodes()) as nodes:
        yield nodes


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("many") / "photos", each=24)


@pytest.fixture(scope="module")
def plainly(many: Path, tmp_path_factory) -> dict[bytes, np.ndarray]:
    """The vectors computed on this machine without a cluster."""
    place = Workplace(tmp_path_factory.mktemp("plainly"))
    done = extract(place, many, *DISTORTED)
    assert done.returncode == 0, done.stderr
    return records(place)


def words(place: Workplace, photos: Path | str, *more: str) -> list[str]:
    kept = ("model_dir", "bottleneck_dir", "skipped_images")
    places = [word for word in place.outputs() if word.startswith(tuple(f"--{flag}" for flag in kept))]
    return [f"--image_dir={photos}", "--architecture=color_texture", *places, *more]


def extract(place: Workplace, photos: Path | str, *more: str, **kwargs):
    return place.run("extract_bottlenecks", *words(place, photos, *more), **kwargs)


def parts(place: Workplace) -> list[Path]:
    return sorted((place / "bottlenecks").glob("*/part-*.bottlenecks"))


def count(place: Workplace) -> int:
    """The number of records so far, while workers may be adding more."""
    about = next((place / "bottlenecks").glob("*/about.json"), None)
    if about is None:
        return 0
    return sum(path.stat().st_size for path in parts(place)) // (20 + 4 * json.loads(about.read_text())["values"])


def records(place: Workplace) -> dict[bytes, np.ndarray]:
    """All vectors by key, after checking that none is there twice."""
    values = json.loads(next((place / "bottlenecks").glob("*/about.json")).read_text())["values"]
    rows = np.concatenate([np.fromfile(path, "<f4").reshape(-1, 5 + values) for path in parts(place)])
    found = {row[:4].tobytes(): row[5:] for row in rows}
    assert len(found) == len(rows)
    return found


def assert_same(found: dict[bytes, np.ndarray], expected: dict[bytes, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for key, vector in expected.items():
        np.testing.assert_allclose(found[key], vector, rtol=1e-5, atol=1e-5)


def wait_until(true, seconds: float = 240) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def nothing_is_left_of_the_run(place: Workplace) -> bool:
    return not (place / "bottlenecks" / "cluster_runs").exists()


def test_a_local_cluster_copes_with_unreadable_photos_and_copies(workplace, tmp_path):
    photos = draw_folder(tmp_path / "photos", each=24)
    shutil.copytree(photos / "red", photos / "copies")
    (photos / "green" / "empty.jpg").touch()
    draw_shape("green", 99).save(photos / "green" / "crashing.jpg", comment=b"ends its decoder")
    with_bug = {"PYTHONPATH": str(ROOT / "tests" / "support" / "crashing_decoder")}
    done = workplace.retrain(photos, "--cluster=local", "--fit=crop", env=with_bug, cold=True)
    assert done.returncode == 0, done.stderr
    assert "Ray started here: " in done.stdout and "24 cached, 72 computed in " in done.stdout
    skipped = workplace / "skipped_images.txt"
    said = [line for line in done.stderr.splitlines() if not line.startswith("bottlenecks: ")]  # progress
    unreadable, doubles, leaked = said  # no messages from Ray
    assert unreadable == f"warning: left out 2 photos that cannot be read: see {skipped}"
    assert doubles.startswith("warning: 24 photos are filed under two labels")
    assert "test photos are also training or validation photos (copies/red_0" in leaked
    assert skipped.read_text().splitlines() == [
        f"{photos}/green/crashing.jpg\tcrashes the decoder (SIGSEGV)",
        f"{photos}/green/empty.jpg\tempty file",
    ]
    assert nothing_is_left_of_the_run(workplace)
    (photos / "green" / "crashing.jpg").unlink()
    alone = Workplace(tmp_path / "alone")
    assert "72 computed" in extract(alone, photos, "--fit=crop").stdout
    assert_same(records(workplace), records(alone))
    assert "96 cached, 0 computed" in extract(workplace, photos, "--fit=crop").stdout


def test_a_node_dies_after_another_has_joined(workplace, nodes, many, plainly, tmp_path):
    first, where = nodes.one(), f"--cluster={nodes.client_address}"
    with (tmp_path / "out").open("w+") as out, (tmp_path / "errors").open("w+") as errors:
        driver = workplace.start(
            "extract_bottlenecks",
            *words(workplace, many, *DISTORTED, where),
            stdout=out,
            stderr=errors,
            env=nodes.environment,
        )
        wait_until(lambda: driver.poll() is not None or count(workplace) > 0)
        assert driver.poll() is None, (tmp_path / "errors").read_text()
        for worker in ray_nodes.workers(first):
            worker.suspend()
        before = count(workplace)
        assert before < len(plainly)
        nodes.add()
        wait_until(lambda: count(workplace) > before)  # by the new node
        nodes.kill(first)
        assert driver.wait(120) == 0, (tmp_path / "errors").read_text()
    said = (tmp_path / "out").read_text()
    assert f"the Ray cluster at {nodes.client_address.removeprefix('ray://')}: 1 processor on 1 machine" in said
    assert_same(records(workplace), plainly)
    assert nothing_is_left_of_the_run(workplace)


def test_what_a_dead_driver_had_computed_is_kept(workplace, nodes, many, plainly, tmp_path):
    nodes.one()
    with (tmp_path / "nothing").open("w") as nothing:
        driver = workplace.start(
            "extract_bottlenecks",
            *words(workplace, many, *DISTORTED, "--cluster=auto"),
            stdout=nothing,
            stderr=nothing,
            env=nodes.environment,
        )
        wait_until(lambda: count(workplace) > 0)
        driver.kill()
        driver.wait()
    assert 0 < count(workplace) < len(plainly)
    done = extract(workplace, many, *DISTORTED)  # at once, before the workers can have noticed
    assert done.returncode == 0, done.stderr
    computed = int(done.stdout.partition(" cached, ")[2].split()[0])
    assert 0 < computed < len(plainly)
    assert_same(records(workplace), plainly)
    assert nothing_is_left_of_the_run(workplace)


def test_a_host_is_cut_off_and_keeps_computing(workplace, many, plainly, tmp_path):
    with ray_hosts.hosts(2) as (head, first, second), (tmp_path / "out").open("w+") as out:
        address = {"RAY_ADDRESS": f"{head.ip}:6379"}
        command = workplace.command("extract_bottlenecks", *words(workplace, many, *DISTORTED, "--cluster=auto"))
        driver = subprocess.Popen(
            head.command(*command),
            cwd=ROOT,
            env={**workplace.environment(head.environment), **address},
            stdout=out,
            stderr=out,
        )
        try:
            wait_until(lambda: first.workers() and second.workers() and count(workplace) > 0)
            (zombie,) = first.workers()
            suspend_between_writes(zombie, workplace)
            first.cut_off()
            # It wakes up and continues only after the other host has started its block again.
            wait_until(lambda: any(len(lines) > 1 for lines in claims(workplace)))
            zombie.resume()
            assert driver.wait(120) == 0, (tmp_path / "out").read_text()
        finally:
            driver.kill()
        assert_same(records(workplace), plainly)
        assert nothing_is_left_of_the_run(workplace)


def suspend_between_writes(worker, place: Workplace) -> None:
    """A process that sleeps while it holds the lock of a claim would keep everybody waiting: here, locks never end."""
    while True:
        worker.suspend()
        if not any(map(is_locked, claim_files(place))):
            return
        worker.resume()
        time.sleep(0.01)


def is_locked(path: Path) -> bool:
    with path.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def claim_files(place: Workplace) -> list[Path]:
    return list((place / "bottlenecks").glob("cluster_runs/*/claim-*"))


def claims(place: Workplace) -> list[list[str]]:
    """The attempts at each block."""
    return [path.read_text().splitlines() for path in claim_files(place)]


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("somewhere", "error: --cluster=somewhere: expected auto, local or ray://HOST:PORT\n"),
        ("ray://127.0.0.1:9", "error: no Ray cluster answers at ray://127.0.0.1:9 ("),
    ],
    ids=["unknown place", "nobody there"],
)
def test_places_without_a_cluster_are_refused(workplace, photos, where, message):
    done = extract(workplace, photos, f"--cluster={where}")
    assert done.returncode == 1 and done.stderr.startswith(message) and done.stderr.count("\n") == 1


def test_without_ray_only_the_cluster_is_refused(workplace, photos, tmp_path):
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['ray'] = sys.modules['fsspec'] = None\n")
    without = {"env": {"PYTHONPATH": str(tmp_path)}, "cold": True}
    done = extract(workplace, photos, "--cluster=local", **without)
    message = "--cluster=local needs the package ray, which is not installed: pip install -r requirements/cluster.txt"
    assert (done.returncode, done.stderr) == (1, f"error: {message}\n")
    done = extract(workplace, photos, **without)
    assert done.returncode == 0 and "0 cached, 72 computed" in done.stdout
