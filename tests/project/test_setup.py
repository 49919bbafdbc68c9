"""setup.sh, in a scratch copy of this folder, with packages that need no network."""

import functools
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import zipfile
from pathlib import Path

import pytest

from tests.support import file_server
from tests.support.file_server import File
from tests.support.workplace import ROOT

VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"
PHOTOS_PATH = "/download.tensorflow.org/example_images/flower_photos.tgz"
WHEEL = "borrowed-1.0-py3-none-any.whl"
run_quietly = functools.partial(subprocess.run, capture_output=True, text=True, timeout=120)


def environment(home, **changes):
    """Has the tests' own Python as `python3`, and a mirror without photos."""
    tools = home.parent / "tools"
    tools.mkdir(exist_ok=True)
    write_script(tools / "python3", f'exec "{Path(sys._base_executable).resolve()}" "$@"')
    changes = {"PATH": f"{tools}:{os.environ['PATH']}", "POETS_MIRROR": str(tools)} | changes
    ours = ("PYTHON", "VIRTUAL_ENV", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)} | changes


def setup(home, *arguments, **changes):
    """Runs setup.sh from a folder other than its own."""
    return run_quietly(["bash", home / "setup.sh", *arguments], cwd=home.parent, env=environment(home, **changes))


def write_script(path, *lines):
    path.write_text("\n".join(["#!/bin/sh", *lines, ""]))
    path.chmod(0o755)
    return path


def new_home(folder):
    """Like a clone, except that its only required package borrows those that the tests run with."""
    home = folder / "poets"
    shutil.copytree(ROOT / "scripts", home / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "setup.sh", home)
    (home / "tf_files").mkdir()
    (home / "requirements").mkdir()
    wheel = folder / WHEEL
    with zipfile.ZipFile(wheel, "w") as packed:
        packed.writestr("borrowed.pth", sysconfig.get_path("purelib") + "\n")
        about = "borrowed-1.0.dist-info"
        packed.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: borrowed\nVersion: 1.0\n")
        packed.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        packed.writestr(f"{about}/RECORD", "")
    for name in ("core", "onnx", "networks", "keras_hub", "notebook", "serve", "cluster", "test"):
        (home / "requirements" / f"{name}.txt").write_text(f"--no-index\n{wheel}\n-c constraints.txt\n")
    (home / "requirements" / "constraints.txt").touch()
    return home


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A scratch copy that is set up except for the flower photos, which could not be fetched."""
    home = new_home(tmp_path_factory.mktemp("setup"))
    (home / "tf_files" / "drawn_flowers").mkdir()
    process = setup(home)
    assert process.returncode == 0, process
    assert f"making .venv with Python {VERSION}" in process.stdout
    return home


def test_without_photos_flowers_are_drawn_instead(home):
    shutil.rmtree(home / "tf_files" / "drawn_flowers")
    process = setup(home)
    assert process.returncode == 0, process
    assert process.stderr.startswith("error: cannot fetch http://download.tensorflow.org/")
    assert process.stderr.count("error") == 1
    assert "500 photos of 5 labels are in tf_files/drawn_flowers" in process.stdout
    assert ".venv/bin/python -m scripts.fetch flower_photos" in process.stdout
    assert "scripts.retrain --image_dir=tf_files/drawn_flowers --architecture=efficientnet_lite0" in process.stdout
    assert sum(path.suffix == ".jpg" for path in home.glob("tf_files/drawn_flowers/*/*")) == 500
    assert sorted(os.listdir(home.parent)) == [WHEEL, "poets", "tools"]


def test_finished_steps_are_skipped_but_photos_are_asked_for_again(home):
    before = (home / ".venv" / "pyvenv.cfg").stat().st_mtime_ns
    process = setup(home)
    assert process.returncode == 0
    assert "making" not in process.stdout
    assert "installing" not in process.stdout
    assert "500 photos" not in process.stdout
    assert "cannot fetch" in process.stderr
    assert (home / ".venv" / "pyvenv.cfg").stat().st_mtime_ns == before


def test_with_photos_there_is_nothing_left_to_do(home):
    photos = home / "tf_files" / "flower_photos"
    photos.mkdir()
    process = setup(home, POETS_MIRROR="/no/such/folder")
    photos.rmdir()
    assert (process.returncode, process.stderr) == (0, "")
    assert process.stdout.startswith("Ready.")
    assert "python -m scripts.retrain --architecture=efficientnet_lite0" in process.stdout


def test_other_requirements_are_installed(home):
    requirements = home / "requirements" / "core.txt"
    requirements.write_text(requirements.read_text() + "# changed\n")
    assert "installing the packages in requirements/core.txt" in setup(home).stdout
    assert "installing" not in setup(home).stdout


def test_packages_that_cannot_be_installed_are_an_error(home):
    requirements = home / "requirements" / "core.txt"
    right = requirements.read_text()
    requirements.write_text(f"{right}\nno-such-package==1.0\n")
    process = setup(home)
    assert process.returncode == 1
    assert process.stderr.splitlines()[-1].startswith("error: could not install the packages in requirements/core.txt")
    assert "Ready" not in process.stdout
    requirements.write_text(right)
    assert setup(home).returncode == 0


def test_ctrl_c_stops_the_script_too(home):
    with file_server.running() as server:
        server.script(PHOTOS_PATH, File(b"x" * 1_000_000, length=False, chunk=10_000, pause=0.02))
        process = subprocess.Popen(
            ["bash", home / "setup.sh"],
            env=environment(home, POETS_MIRROR=server.address),
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        partial = home / "tf_files" / "flower_photos.tgz.part"
        wait_until(lambda: partial.exists() and partial.stat().st_size > 0, process)
        os.killpg(process.pid, signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr == "stopped\n"
    assert "Ready" not in stdout
    assert partial.stat().st_size > 0
    partial.unlink()


def test_tests_run_with_the_arguments_given(home):
    (home / "tests").mkdir(exist_ok=True)
    (home / "tests" / "test_few.py").write_text(
        "import os\n"
        "def test_workers(): assert os.environ['PYTEST_XDIST_WORKER_COUNT'] == '2'\n"
        "def test_place(): assert os.path.exists('setup.sh')\n"
        "def test_wrong(): assert False\n"
    )
    process = setup(home, "test", "tests/test_few.py", "-k", "workers or place")
    assert process.returncode == 0, process
    assert "2 passed" in process.stdout
    assert "cannot fetch" not in process.stderr
    again = setup(home, "test", "tests/test_few.py", "-n", "0", "-k", "place or wrong")
    assert again.returncode == 1
    assert "1 failed, 1 passed" in again.stdout
    assert "installing" not in again.stdout


def test_demo_draws_trains_and_labels_without_fetching(home):
    flowers = home / "tf_files" / "drawn_flowers"
    shutil.rmtree(flowers)
    few = ["drawn_flowers", f"--destination={flowers}", "--per_kind=4"]
    assert run_quietly([sys.executable, "-m", "scripts.fetch", *few], cwd=ROOT).returncode == 0
    process = setup(home, "demo", POETS_MIRROR="/no/such/folder")
    assert process.returncode == 0, process
    assert "POETS_MIRROR" not in process.stderr
    assert (home / "tf_files" / "retrained_graph.pb").stat().st_size > 0
    lines = process.stdout.splitlines()
    labelling = lines.index("labelling tf_files/drawn_flowers/daisy/daisy_0001.jpg:")
    named = {line.split(" (score=")[0] for line in lines[labelling + 1 : labelling + 6]}
    assert named == {path.name for path in flowers.iterdir() if path.is_dir()}
    assert lines[labelling + 6] == "It works. Next:"


def test_a_python_other_than_the_environments_is_refused(home):
    other = write_script(home.parent / "tools" / "python3.10x", "echo 3.99")
    process = setup(home, PYTHON=str(other))
    assert process.returncode == 1
    assert f".venv has Python {VERSION} but PYTHON={other} is 3.99" in process.stderr
    assert (home / ".venv").is_dir()


def test_a_killed_setup_is_continued(tmp_path):
    home = new_home(tmp_path)
    (home / "tf_files" / "flower_photos").mkdir()
    process = subprocess.Popen(
        ["bash", home / "setup.sh"],
        env=environment(home),
        stdout=subprocess.DEVNULL,
        start_new_session=True,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until((home / ".venv" / "bin" / "python").exists, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert (home / ".venv" / "unfinished").exists()
    again = setup(home)
    assert (again.returncode, again.stderr) == (0, "")
    assert "making a new .venv" in again.stdout
    assert "Ready." in again.stdout
    assert not (home / ".venv" / "unfinished").exists()
    assert run_quietly([home / ".venv" / "bin" / "python", "-c", "import absl.flags"]).returncode == 0


def wait_until(condition, process):
    limit = time.monotonic() + 60
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < limit
        time.sleep(0.005)


# A fake Python answers setup.sh's questions.
FAKE_PYTHONS = {
    "too old": (["echo 3.9"], "python3 is Python 3.9, expected 3.10 to 3.13"),
    "too new": (["echo 3.14"], "python3 is Python 3.14, expected 3.10 to 3.13"),
    "broken": (["exit 1"], "python3 is Python of an unknown version, expected 3.10 to 3.13"),
    "no venv": (['case "$*" in *ensurepip*) exit 1;; esac', "echo 3.11"], "sudo apt install python3.11-venv"),
    "venv fails": (['case "$*" in "-m venv"*) exit 1;; esac', "echo 3.12"], "could not make .venv"),
}


@pytest.mark.parametrize(("lines", "message"), FAKE_PYTHONS.values(), ids=FAKE_PYTHONS)
@pytest.mark.parametrize("words", [[], ["demo"], ["test"]], ids=str)
def test_an_unsuitable_python_is_refused(tmp_path, lines, message, words):
    home = new_home(tmp_path)
    write_script(tmp_path / "python3", *lines)
    process = setup(home, *words, PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert process.returncode == 1
    assert process.stderr.startswith("error: ")
    assert process.stderr.count("\n") == 1
    assert message in process.stderr
    assert (home / ".venv" / "unfinished").exists() or not (home / ".venv").exists()


def test_a_missing_python_is_an_error(tmp_path):
    process = setup(new_home(tmp_path), PYTHON="python3.99")
    assert process.returncode == 1
    assert process.stderr.startswith("error: python3.99 was not found, expected Python 3.10 to 3.13")


@pytest.mark.parametrize("words", [["deno"], ["demo", "now"], ["--tset"], ["-x", "-y"]], ids=str)
def test_unknown_words_are_refused(tmp_path, words):
    process = setup(new_home(tmp_path), *words)
    assert (process.returncode, process.stdout) == (1, "")
    assert process.stderr.count("\n") == 1
    assert "usage: bash setup.sh" in process.stderr
    assert not (tmp_path / "poets" / ".venv").exists()


def test_help_is_printed(tmp_path):
    process = setup(new_home(tmp_path), "--help")
    assert process.returncode == 0
    for word in ("demo", "test", ".venv", "PYTHON="):
        assert word in process.stdout
    assert not (tmp_path / "poets" / ".venv").exists()
