"""Damaged inputs of every kind are read or refused in one line; nothing crashes, hangs or fills the memory.

Longer by hand, with other seeds: see CONTRIBUTING.md.
"""

import importlib.util

import pytest

from tests.fuzzing.table import TARGETS
from tests.support import warm_commands
from tests.support.workplace import ROOT

SEED = 1


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_inputs(workplace, name):
    for package in TARGETS[name].imports:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"needs the package {package}")
    words = ["tests.fuzzing", name, f"--seed={SEED}", f"--findings={workplace / 'findings'}"]
    done = warm_commands.run(words, ROOT, workplace.environment())
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{name}: {TARGETS[name].inputs:,} inputs: " in done.stdout
