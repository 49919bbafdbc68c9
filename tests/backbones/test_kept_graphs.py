"""Graphs that are kept for later runs, and what a power cut may leave of them."""

import pytest

from scripts.classifier.backbones import kept_graphs
from scripts.classifier.graphs import frozen_graph


def a_graph():
    from tensorflow.core.framework.graph_pb2 import GraphDef

    return GraphDef(node=[frozen_graph.placeholder("input", [None, 2])])


@pytest.mark.parametrize("ending", ["", ".sha256"])
@pytest.mark.parametrize("left", [b"", b"\xff\0"])
def test_damaged_files_are_made_again(tmp_path, ending, left):
    kept, made = tmp_path / "graph.pb", []

    def make():
        made.append(1)
        return a_graph()

    for _ in range(2):
        assert kept_graphs.kept_or_made(kept, make) == a_graph()
    assert len(made) == 1
    (tmp_path / f"graph.pb{ending}").write_bytes(left)
    for _ in range(2):
        assert kept_graphs.kept_or_made(kept, make) == a_graph()
    assert len(made) == 2
