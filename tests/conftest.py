"""Fixtures that several tests share, and the order of tests."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support import order
from tests.support.workplace import Workplace, draw_folder

# The machine may be busy: a slow example is no failure.
settings.register_profile("poets", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("poets")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order.longest_first(items)


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)


@pytest.fixture(scope="session")
def shared_workplace(tmp_path_factory) -> Workplace:
    return Workplace(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    return draw_folder(tmp_path / "photos")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real photos and networks; without it, tests that need it are skipped."""
    place = os.environ.get("POETS_REAL_DATA")
    if not place:
        pytest.skip("POETS_REAL_DATA names no folder of real photos and networks")
    return Path(place)


@pytest.fixture(scope="session")
def retrained(shared_workplace: Workplace) -> Workplace:
    """A classifier of three colours, written by retrain; tests only read it."""
    draw_folder(shared_workplace / "photos")
    done = shared_workplace.retrain(shared_workplace / "photos", cold=True)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    shared_workplace.printed = done.stdout
    return shared_workplace


@pytest.fixture(scope="session")
def small_graph(retrained: Workplace) -> Path:
    """The same as a .tflite file, which opens within half a second."""
    path = retrained / "small.tflite"
    done = retrained.run("export", f"--graph={retrained / 'retrained_graph.pb'}", f"--output={path}")
    assert done.returncode == 0, done.stderr
    return path
