"""The code stays in order: small modules, one way in, names that explain themselves."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.support import order
from tests.support.workplace import ROOT

SCRIPTS = ROOT / "scripts"
MODULES = sorted(SCRIPTS.rglob("*.py"))
PUBLIC_FACES = [SCRIPTS / "__init__.py", SCRIPTS / "classifier" / "__init__.py"]
COMMAND_LINES, MODULE_LINES, MAIN_LINES = 150, 250, 45
GROUND_FLOOR, NOT_FORMATTED = 8, 20


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"))


def tracked_python() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("this is no git checkout")
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).exists()]


def test_init_files_hold_only_a_docstring():
    """Otherwise importing one module of a package would run them all."""
    for path in MODULES:
        if path.name == "__init__.py" and path not in PUBLIC_FACES:
            body = parsed(path).body
            assert len(body) == 1 and ast.get_docstring(parsed(path)), name(path)


def test_every_module_says_what_it_is():
    for path in MODULES + sorted((ROOT / "tests").rglob("*.py")) + sorted((ROOT / "benchmarks").rglob("*.py")):
        assert ast.get_docstring(parsed(path)), name(path)


def test_imports_within_the_package_are_relative():
    for path in MODULES:
        for node in ast.walk(parsed(path)):
            imported = []
            if isinstance(node, ast.Import):
                imported = [each.name for each in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported = [node.module]
            assert not any(re.match(r"scripts(\.|$)", each) for each in imported), f"{name(path)}:{node.lineno}"


def test_commands_are_short():
    too_long = {name(path): lines(path) for path in SCRIPTS.glob("*.py") if lines(path) > COMMAND_LINES}
    assert not too_long


def test_modules_are_short_or_say_why_not():
    too_long = {name(path): lines(path) for path in MODULES if lines(path) > MODULE_LINES and not says_why(path)}
    assert not too_long


def lines(path: Path) -> int:
    return len(path.read_text("utf-8").splitlines())


def says_why(path: Path) -> bool:
    words = (ast.get_docstring(parsed(path)) or "").split()
    return f"over {MODULE_LINES} lines because" in " ".join(words)


@pytest.mark.parametrize("command", ["retrain", "train_cnn"])
def test_the_main_function_is_short(command):
    (main,) = (
        node
        for node in parsed(SCRIPTS / f"{command}.py").body
        if isinstance(node, ast.FunctionDef) and node.name == "main"
    )
    first = min([main.lineno, *(each.lineno for each in main.decorator_list)])
    assert main.end_lineno - first + 1 <= MAIN_LINES


def test_the_ground_floor_is_small():
    found = {path.stem for path in (SCRIPTS / "classifier").glob("*.py")} - {"__init__"}
    assert len(found) <= GROUND_FLOOR, sorted(found)


def test_files_that_run_first_exist():
    for place in order.LONGEST:
        assert (ROOT / "tests" / place).exists(), place


def test_few_lines_are_exempt_from_formatting():
    places = {name(path): path.read_text("utf-8").count("fmt: " + "skip") for path in tracked_python()}
    found = {place: count for place, count in places.items() if count}
    assert sum(found.values()) <= NOT_FORMATTED, found
