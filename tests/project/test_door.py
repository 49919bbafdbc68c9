"""`python -m scripts` lists the commands, and one line says what keeps a command from running."""

import os
import subprocess
import sys
import venv

import pytest

from scripts.console import commands
from tests.support.workplace import ROOT

FILES = {path.stem for path in (ROOT / "scripts").glob("*.py")} - {"__init__", "__main__"}


def python(*words, interpreter=sys.executable, cwd=ROOT):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [str(interpreter), "-m", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120)


def test_every_command_is_in_a_group():
    assert sorted(commands.NAMES) == sorted(FILES)


def test_commands_are_listed_with_their_summaries():
    done = python("scripts")
    assert done.returncode == 0 and done.stderr == ""
    for name in commands.NAMES:
        assert f"\n  {name} " in done.stdout and commands.summary(name) in done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 100


def test_a_command_may_also_be_given_as_a_word():
    assert python("scripts", "count_ops", "--help").stdout == python("scripts.count_ops", "--help").stdout


@pytest.mark.parametrize(
    ("word", "meant"), [("retran", "retrain"), ("label-image", "label_image"), ("Evaluate", "evaluate"), ("xyz", None)]
)
def test_a_misspelt_command_is_an_error(word, meant):
    done = python("scripts", word)
    assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: there is no command '{word}'")
    assert (f"did you mean python -m scripts.{meant}?" in done.stderr) == (meant is not None)


def test_a_misspelt_module_is_answered_with_the_command_that_was_meant():
    done = python("scripts.retran")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        "error: there is no command 'retran': did you mean python -m scripts.retrain? "
        "python -m scripts --help lists them all\n"
    )


@pytest.fixture(scope="module")
def bare(tmp_path_factory):
    """A Python without packages."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, symlinks=True)
    return folder / "bin" / "python"


@pytest.mark.parametrize("name", commands.NAMES)
def test_without_packages_one_line_says_what_to_do(bare, tmp_path, name):
    for words in ([f"scripts.{name}"], ["scripts", name]):
        done = python(*words, interpreter=bare, cwd=tmp_path)
        assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1, done.stderr
        assert done.stderr.startswith("error: the package ")
        assert f"source {ROOT}/.venv/bin/activate" in done.stderr or f"bash {ROOT}/setup.sh" in done.stderr


def test_the_listing_needs_no_packages(bare):
    assert python("scripts", interpreter=bare).stdout == python("scripts").stdout


def test_importing_the_package_prints_and_changes_nothing():
    code = "import sys, scripts; assert sys.excepthook is sys.__excepthook__; print(scripts.__version__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == "" and done.stdout.strip()
