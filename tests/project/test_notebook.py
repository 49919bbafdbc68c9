"""notebooks/flowers.ipynb runs from start to finish, on drawn flowers."""

import shutil

import nbformat
from nbclient import NotebookClient

from scripts.classifier.fetching import drawn_flowers
from tests.support.workplace import ROOT

NOTEBOOK = ROOT / "notebooks" / "flowers.ipynb"


def test_it_runs_from_start_to_finish(tmp_path, monkeypatch):
    """Runs in a copy, because the notebook writes into the project's tf_files."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "notebooks").mkdir()
    drawn_flowers.draw(tmp_path / "tf_files" / "drawn_flowers")
    monkeypatch.setenv("POETS_MIRROR", str(tmp_path))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=170, resources={"metadata": {"path": str(tmp_path / "notebooks")}}).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    printed = "".join(output.get("text", "") for output in outputs)
    for words in (
        "drawn ones",
        "epoch 8: training",
        "epoch 12: training",
        "verdict: ",
        "bottlenecks: 0 cached, 500 computed",
        "test accuracy",
    ):
        assert words in printed, words
    assert printed.count("test accuracy") == 2  # retrain's and the network's
    shown = [output for output in outputs if "image/png" in output.get("data", ())]
    assert len(shown) >= 4  # samples, curves twice, views
    assert (tmp_path / "tf_files" / "notebook" / "cnn_graph.pb").exists()


def test_it_is_kept_without_outputs():
    """Outputs would hold paths of the machine it ran on, and change with every run."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in notebook.cells)
