"""The order of tests: long ones first, so that no worker is left with one at the end."""

from pathlib import Path

import pytest

from tests.support.workplace import ROOT

# Files that take a quarter of a minute or more, about the longest first.
LONGEST = (
    "bottlenecks/test_cluster.py",
    "commands/test_retrain_command.py",
    "backbones/test_any_backbone.py",
    "project/test_real_data.py",
    "project/test_benchmarks.py",
    "project/test_killed.py",
    "project/test_setup.py",
    "commands/test_serve_command.py",
    "formats/test_keras_format.py",
    "project/test_docs.py",
    "fuzzing/test_fuzzing.py",
    "backbones/test_keras_hub.py",
    "project/test_notebook.py",
    "backbones/test_networks.py",
    "serving/test_serve_fuzz.py",
)


def longest_first(items: list[pytest.Item]) -> None:
    ranks = {ROOT / "tests" / name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(Path(item.path), len(ranks)))
