"""Installed from its wheel, Poets works in any folder, with the commands and the library that a clone has."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from scripts.console import commands
from tests.support.workplace import ROOT

BUILT_FROM = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
FOLDERS = ("scripts", "requirements", "tests", "benchmarks", "docs")
LISTED = {
    "cluster",
    "datasets",
    "keras-hub",
    "networks",
    "notebook",
    "onnx",
    "serve",
}  # with - for _, as metadata has it


def run(*words, cwd, **environment) -> subprocess.CompletedProcess:
    ours = ("PYTHONPATH", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, env=kept | environment, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done
    return done


def build(kind: str, source: Path, into: Path) -> Path:
    """Calls the build backend as build and pip do."""
    code = f"import setuptools.build_meta as backend; backend.build_{kind}({str(into)!r})"
    run(sys.executable, "-c", code, cwd=source)
    (built,) = into.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("source")
    for name in BUILT_FROM:
        shutil.copy(ROOT / name, folder)
    for name in FOLDERS:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


@pytest.fixture(scope="module")
def wheel(source, tmp_path_factory):
    """Built from the source distribution, as installers do."""
    sdist = build("sdist", source, tmp_path_factory.mktemp("sdist"))
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(sdist) as archive:
        archive.extractall(unpacked)
    (folder,) = unpacked.iterdir()
    assert not (folder / "tests").exists() and not (folder / "benchmarks").exists()
    return build("wheel", folder, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """The programs of a fresh environment, which borrows the packages of this one instead of fetching them."""
    venv = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", venv, cwd=venv)
    (site,) = venv.glob("lib/python*/site-packages")
    (site / "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n")
    # Not --no-deps: the packages here must meet the wheel's requirements.
    run(venv / "bin" / "python", "-m", "pip", "install", "--no-index", wheel, cwd=venv)
    return venv / "bin"


@pytest.fixture(scope="module")
def elsewhere(installed, tmp_path_factory):
    """A folder with photos and a classifier that the installed commands made."""
    folder = tmp_path_factory.mktemp("elsewhere")
    run(installed / "poets", "fetch", "drawn_flowers", "--per_kind=20", cwd=folder)
    photos = ["--image_dir=tf_files/drawn_flowers", "--architecture=color_texture"]
    done = run(installed / "poets", "retrain", *photos, "--how_many_training_steps=100", cwd=folder)
    assert "poets label_image" in done.stdout and "scripts" not in done.stdout
    return folder


def test_the_wheel_holds_the_package_and_nothing_else(wheel, source):
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = {path for path in (ROOT / "scripts").rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert packed == {f"poets/{path.relative_to(ROOT / 'scripts').as_posix()}" for path in files}


def test_its_requirements_are_those_in_the_lists(installed):
    code = (
        "from importlib import metadata\n"
        "about = metadata.metadata('photo-poets')\n"
        "print(about['License-Expression'], *sorted(about.get_all('Provides-Extra')))\n"
        "print(*about.get_all('Requires-Dist'), sep='\\n')"
    )
    first, *required = run(installed / "python", "-c", code, cwd=ROOT.parent).stdout.splitlines()
    assert first.split() == ["Apache-2.0", *sorted(LISTED)]
    core = [
        line.split(" ")[0] for line in (ROOT / "requirements" / "core.txt").read_text().splitlines() if "==" in line
    ]
    assert [line for line in required if "extra" not in line] == core
    assert any(line.startswith("starlette==") and 'extra == "serve"' in line for line in required)


def test_a_photo_is_labelled_from_another_folder(installed, elsewhere):
    photo = "tf_files/drawn_flowers/roses/roses_0001.jpg"
    done = run(installed / "poets", "label_image", f"--image={photo}", "--top_k=1", cwd=elsewhere)
    assert "(score=" in done.stdout and done.stderr == ""


def test_the_library_answers_as_the_command_does(installed, elsewhere):
    photo = "tf_files/drawn_flowers/roses/roses_0001.jpg"
    code = (
        "from poets import load_classifier, process_image\n"
        f"probabilities, names = load_classifier('tf_files/retrained_graph.pb').predict({photo!r}, top_k=1)\n"
        f"assert process_image({photo!r}).shape[2] == 3\n"
        "print(f'{names[0]} (score={probabilities[0]:.5f})')"
    )
    command = run(installed / "poets", "label_image", f"--image={photo}", "--top_k=1", cwd=elsewhere)
    assert run(installed / "python", "-c", code, cwd=elsewhere).stdout == command.stdout


@pytest.mark.parametrize("words", [["--help"], []])
def test_it_lists_its_commands_in_groups(installed, tmp_path, words):
    done = run(installed / "poets", *words, cwd=tmp_path)
    for group, names in commands.GROUPS.items():
        assert f"\n{group}:\n" in done.stdout
        for name in names:
            assert f"\n  {name} " in done.stdout
    assert "python -m" not in done.stdout


def test_it_names_its_version(installed, tmp_path):
    assert run(installed / "poets", "--version", cwd=tmp_path).stdout == "Poets 0.1.0\n"
