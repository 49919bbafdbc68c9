"""Every command explains itself: an example that works, the flags that most people need, the others by group."""

import functools
import json
import re
import shlex
import subprocess
import sys

import pytest
from hypothesis import example, given, strategies as st

from scripts.classifier import invocation
from scripts.console import help_text
from scripts.console.flags import GROUPS, Flag
from tests.support.workplace import ROOT

COMMANDS = sorted(path.stem for path in (ROOT / "scripts").glob("*.py") if "command_line.run(main)" in path.read_text())
FEW = 6

# Imports a command and tries each flag that takes a path.
LOOK = """
import importlib, json, os, sys
from scripts.console import flags
module = importlib.import_module(f"scripts.{sys.argv[1]}")
def taken(flag, word):
    try:
        flag.take(word)
        return flag.value[-1] if flag.multiple else flag.value
    except flags.Error as error:
        return {"error": str(error)}
found = [
    {
        "name": flag.name, "group": flag.group, "help": flag.help, "default": flag.default, "boolean": flag.boolean,
        "choices": flag.choices,
        "tried": flag.path and [taken(flag, word) for word in ("~/some", "", " ", "gs://some/~")],
    }
    for flag in flags.FLAGS
]
print(json.dumps({"doc": module.__doc__, "flags": found, "most_used": [each.name for each in flags.FLAGS.most_used]}))
"""


@functools.cache
def look(command: str) -> dict:
    done = subprocess.run([sys.executable, "-c", LOOK, command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def flags_of(command: str) -> list[Flag]:
    """The command's flags, as help_text takes them."""
    known = ("name", "group", "help", "default", "boolean")
    return [
        Flag(**{key: each[key] for key in known}, choices=tuple(each["choices"]), convert=str, example="")
        for each in look(command)["flags"]
    ]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_is_in_a_group(command):
    for flag in look(command)["flags"]:
        assert flag["group"] in GROUPS, flag["name"]


@pytest.mark.parametrize("command", COMMANDS)
def test_five_flags_come_first_if_there_are_many(command):
    found = look(command)
    first = found["most_used"]
    assert len(set(first)) == (5 if len(found["flags"]) > FEW else 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_flag_that_is_a_path_is_defined_as_one(command):
    for flag in look(command)["flags"]:
        if flag["tried"] is None:
            assert not re.search(r"tf_files|_(dir|graph|labels|file)\b", f"{flag['default']} {flag['name']}")
            continue
        home, *refused, url = flag["tried"]
        assert home.endswith("/some") and "~" not in home and url == "gs://some/~"
        for each in refused:
            assert re.fullmatch(rf"--{flag['name']} is empty: expected .*, as in --{flag['name']}=\S+", each["error"])


@pytest.mark.parametrize("command", COMMANDS)
def test_flags_are_described_in_plain_words(command):
    for flag in look(command)["flags"]:
        assert re.match(r"[A-Z0-9]|[a-z_]+: ", flag["help"]) and flag["help"].endswith("."), flag["name"]
        assert not re.search(r"\bso many|\bas many|says itself|\bHow many|\bWhat\b", flag["help"]), flag["name"]


@pytest.mark.parametrize("command", COMMANDS)
def test_the_example_can_be_typed(command):
    (line,) = re.findall(r"^    (python -m scripts\.\w+.*)$", look(command)["doc"], re.M)
    *_, module, first = (
        ["", *shlex.split(line)[2:4]] if len(shlex.split(line)) > 3 else ["", *shlex.split(line)[2:], ""]
    )
    assert module == f"scripts.{command}"
    names = {flag["name"] for flag in look(command)["flags"]}
    assert {word.partition("=")[0][2:] for word in shlex.split(line) if word.startswith("--")} <= names
    assert first.startswith("--") or command in (
        "architectures",
        "completion",
        "count_ops",
        "fetch",
        "graph_pb2tb",
        "show_image",
    )


@pytest.mark.parametrize("command", COMMANDS)
@example(columns=100)
@example(columns=80)
@given(columns=st.integers(0, 300))
def test_no_line_is_too_long(command, columns):
    found, flags = look(command), flags_of(command)
    first = [flag for flag in flags if flag.name in found["most_used"]]
    text = help_text.text(found["doc"], flags, first, columns)
    assert max(map(len, text.splitlines())) <= max(help_text.NARROWEST, min(100, columns))
    listed = re.findall(r"^  --(\[no\])?(\w+)\n      \S", text, re.M)
    assert sorted(listed) == sorted(("[no]" if flag.boolean else "", flag.name) for flag in flags), "each once"


def test_an_installed_poets_has_its_own_commands_in_help(monkeypatch):
    monkeypatch.setattr(invocation, "_PACKAGE", "poets")
    text = help_text.text(look("retrain")["doc"], [], [], 100)
    assert "\n    poets retrain --image_dir=" in text and "python -m" not in text


def test_help_is_laid_out_in_groups(workplace):
    text = workplace.run("retrain", "--help", env={"COLUMNS": "100"}).stdout
    headings = re.findall(r"^(\S.*):$", text, re.M)
    assert headings[0] == "Most used" and headings[1:] == [
        name.capitalize() for name in GROUPS if name.capitalize() in headings
    ]
    assert {"Photos", "Network", "Training", "Output"} <= set(headings)
    assert "\n    python -m scripts.retrain --image_dir=tf_files/flower_photos" in text
    assert "Default: tf_files/flower_photos\n" in text and "One of balanced, none. Default: balanced\n" in text
