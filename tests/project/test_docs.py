"""Documentation that is not tested is wrong before long."""

import functools
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import messages, warm_commands
from tests.support.published_networks import mobilenet_graph
from tests.support.workplace import ROOT, Workplace, draw_folder

COMMANDS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if "command_line.run(main)" in path.read_text())
DOCS = sorted((ROOT / "docs").glob("*.md"))
PAGES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (ROOT / "README.md", *DOCS)}
README = PAGES["README.md"]

# What a test can have neither drawn nor downloaded, or what takes long.
NOT_HERE = re.compile(
    r"scripts\.(serve|fetch (?!drawn))|--(cluster|fine_tune_steps|tune)\b|https://|densenet161|oxford|cifar10"
    r"|flowers\.keras|theirs\.|_int8|--answers|--format=saved_model|train_cnn .*flower_photos|cnn_graph"
    r"|--sure=95"  # takes 19 validation photos
)
# What stands in for all MobileNets: a file, since the published archives have known sizes and checksums.
NETWORK = (
    "--architecture=network.pb --input_mean=128 --input_std=128 "
    "--bottleneck_layer=MobilenetV1/Logits/AvgPool_1a/AvgPool"
)


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGES[page], re.S)


def command_lines(page: str) -> list[str]:
    """Those that run a command of ours; `poets NAME` is `python -m scripts.NAME`."""
    lines = [line for block in blocks(page, "bash") for line in block.replace("\\\n", " ").splitlines()]
    plain = [re.sub(r"^poets (?!completion)", "python -m scripts.", line.split(" #")[0].strip()) for line in lines]
    return [line for line in plain if line.startswith("python -m scripts.")]


def sections(page: str) -> list[str]:
    return re.split(r"^(?=#)", PAGES[page], flags=re.M)


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


def test_the_front_page_is_short():
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("command", COMMANDS)
def test_the_front_page_lists_every_command_and_links_a_page_that_shows_it(command):
    (row,) = re.findall(rf"^\| `python -m scripts\.{command}` \|.*$", README, re.M)
    linked = {target.partition("#")[0] for target in re.findall(r"\]\(([^)]+)\)", row)}
    assert linked and any(re.search(rf"\b{command}\b", PAGES[page]) for page in linked)


def test_every_page_is_listed_once():
    listed = re.findall(r"^\| .*\| \[[\w.-]+\]\(([\w.-]+)\) \|$", PAGES["docs/README.md"], re.M)
    assert sorted(listed) == [path.name for path in DOCS if path.name != "README.md"]


@pytest.mark.parametrize("page", PAGES)
def test_flags_exist(page):
    for line in command_lines(page):
        for flag in re.findall(r" --(\w+)", line):
            command = line.split()[2].removeprefix("scripts.")
            # --noNAME is --[no]NAME there, but not every flag that begins so is one: --none_dir.
            assert re.search(rf"--(\[no\])?({flag}|{flag.removeprefix('no')})\b", help_of(command)), line


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Workplace:
    """A folder like a clone's after some use: photos, a classifier in two formats, and an old graph."""
    place = Workplace(tmp_path_factory.mktemp("docs"))
    (place / "network.pb").write_bytes(mobilenet_graph(0.25, 224).SerializeToString())
    few = draw_folder(place / "tf_files" / "flower_photos", each=12)
    for name in ("my_photos", "photos"):
        (place / name).symlink_to(few)
    draw_folder(place / "my_other_photos", ("yellow",), each=12)
    shutil.copy(few / "red" / "red_000.jpg", place / "some.jpg")
    for words in (
        "fetch drawn_flowers",
        f"retrain {NETWORK} --how_many_training_steps=50",
        "export --format=onnx",
    ):
        run(place, f"python -m scripts.{words}")
    (place / "old").mkdir()
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(place / "tf_files" / name, place / "old" / name)
    return place


def run(place: Workplace, line: str) -> None:
    done = warm_commands.run(shlex.split(line)[2:], place.folder, place.environment())
    assert done.returncode == 0, f"{line}\n{done.stderr}"


@pytest.mark.parametrize("page", PAGES)
def test_commands_run(page, place):
    """All that need no network but a MobileNet, one after the other."""
    for line in command_lines(page):
        downloads = line.split()[2] in ("scripts.retrain", "scripts.extract_bottlenecks") and not re.search(
            r"--architecture=(color_texture|mobilenet)|=my_photos --architecture=efficientnet_lite0", line
        )
        if not downloads and not NOT_HERE.search(line):
            run(place, re.sub(r"--architecture=mobilenet_\S+", NETWORK, line))


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page, "python")])
def test_python_runs(page, place):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for code in blocks(page, "python"):
        for package in re.findall(r"^import (cv2|onnxruntime)", code, re.M):
            pytest.importorskip(package)
        words = [sys.executable, "-c", code.replace("from poets import", "from scripts.classifier import")]
        done = subprocess.run(words, cwd=place.folder, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_links_inside_the_project_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text("utf-8"), flags=re.S)
    for target in re.findall(r"\]\((?!https?:)([^)]+)\)", text):
        name, _, anchor = target.partition("#")
        path = (ROOT / page).parent / name if name else ROOT / page
        assert path.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(path), f"{page}: {target}"


def anchors(path: Path) -> list[str]:
    """GitHub's, of a page's headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text("utf-8"), re.M)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


@pytest.mark.parametrize("page", PAGES)
def test_every_measured_table_stands_with_the_benchmark_that_prints_it(page):
    code = "".join(path.read_text("utf-8") for path in (ROOT / "benchmarks").rglob("*.py"))
    for section in sections(page):
        named = re.findall(r"`python -m benchmarks\.(\w+)([^`]*)`", section)
        counted = "`python -m tests.fuzzing all" in section and "POETS_KILLS" in section
        assert named or counted or not re.search(r"^\|.*--:", section, re.M), section.splitlines()[0]
        for name, words in named:
            assert "command_line.run(main)" in (ROOT / "benchmarks" / f"{name}.py").read_text("utf-8")
            flags = set(re.findall(r"--(\w+)", words)) - {"help"}
            assert all(f'("{flag}"' in code for flag in flags), words


def test_explained_errors_are_those_that_the_code_has():
    explained = re.findall(r"^\| `(.+?)` \|", PAGES["docs/troubleshooting.md"], re.M)
    assert len(explained) > 40
    assert [quoted for quoted in explained if not messages.occurs(quoted)] == []


@pytest.mark.skipif(sys.version_info < (3, 11), reason="tomllib came with Python 3.11")
def test_licence_is_named():
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["license"] == "Apache-2.0" and "Apache-2.0" in README
    assert "Apache License" in (ROOT / "LICENSE").read_text()


def test_the_library_prints_nothing_and_ends_no_process():
    for path in sorted((ROOT / "scripts" / "classifier").rglob("*.py")):
        if path.name == "trial.py":  # ends only the process that it made
            continue
        code = path.read_text("utf-8")
        assert not re.search(r"^\s*(print\(|sys\.exit|os\._exit|from absl import flags)", code, re.M), path


def test_a_command_imports_only_the_library_or_what_commands_share():
    for path in sorted(Path(ROOT / "scripts").glob("*.py")):
        wings = re.findall(r"^\s*from \.(\w*)", path.read_text("utf-8"), re.M)
        assert set(wings) <= {"", "classifier", "console"}, path
