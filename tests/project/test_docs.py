"""Documentation that is not tested is wrong before long."""

import functools
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import warm_commands
from tests.support.workplace import ROOT, Workplace

README = (ROOT / "README.md").read_text("utf-8")
COMMANDS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if "command_line.run(main)" in path.read_text())
CLUSTER = (ROOT / "docs" / "cluster.md").read_text("utf-8")
BLOCKS = re.findall(r"```bash\n(.*?)```", README + CLUSTER, re.S)
LINES = [line.split(" #")[0].strip() for block in BLOCKS for line in block.replace("\\\n", " ").splitlines()]


@functools.cache
def help_of(command: str) -> str:
    words = [sys.executable, "-m", f"scripts.{command}", "--help"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_every_flag_is_described(command):
    words = help_of(command)
    assert len(words.splitlines()[0]) > 10
    flags = re.findall(r"^  --(?:\[no\])?(\w+)\n      (.*)$", words, re.M)
    assert (flags or command == "completion") and all(len(text) > 10 for _, text in flags)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_needs_no_tensorflow(command):
    """Or it would take seconds."""
    code = (
        "import sys, runpy; sys.argv = ['x', '--help']\n"
        f"try: runpy.run_module('scripts.{command}', run_name='__main__')\n"
        "except SystemExit: pass\n"
        "heavy = {'tensorflow', 'keras', 'tensorboard', 'matplotlib'}\n"
        "print(heavy & set(sys.modules), file=sys.stderr)"
    )
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == "set()"


@pytest.mark.parametrize("command", COMMANDS)
def test_readme_shows_every_command(command):
    assert f"python -m scripts.{command}" in README


def test_readmes_flags_exist():
    known = {command: help_of(command) for command in COMMANDS}
    for line in LINES:
        if (found := re.match(r"python -m scripts\.(\w+)", line)) is not None:
            for flag in re.findall(r"--(?:no)?(\w+)", line):
                assert re.search(rf"--(\[no\])?{flag}\b", known[found.group(1)]), line


def test_readmes_offline_commands_run(tmp_path):
    """Those on drawn flowers, one after the other, in an empty folder."""
    lines = [line for line in LINES if line.startswith("python -m scripts.") and "drawn" in line]
    assert len(lines) >= 3
    environment = Workplace(tmp_path).environment()
    for line in lines:
        done = warm_commands.run(shlex.split(line)[2:], tmp_path, environment)
        assert done.returncode == 0, f"{line}\n{done.stderr}"


def test_links_inside_the_project_lead_somewhere():
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "docs" / "cluster.md"):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text("utf-8")):
            assert (page.parent / target).exists(), f"{page}: {target}"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_licence_is_named():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0" and "Apache-2.0" in README
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_library_prints_nothing_and_ends_no_process():
    for path in sorted((ROOT / "scripts" / "classifier").rglob("*.py")):
        code = path.read_text("utf-8")
        assert not re.search(r"^\s*(print\(|sys\.exit|os\._exit|from absl import flags)", code, re.M), path


def test_a_command_imports_only_the_library_or_what_commands_share():
    for path in sorted(Path(ROOT / "scripts").glob("*.py")):
        wings = re.findall(r"^\s*from \.(\w*)", path.read_text("utf-8"), re.M)
        assert set(wings) <= {"", "classifier", "console"}, path
