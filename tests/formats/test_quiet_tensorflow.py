"""In a user's own program, loading a classifier prints nothing, and standard error stays the program's own."""

import os
import subprocess
import sys

import pytest

from scripts.classifier.formats import quiet_tensorflow
from tests.support.workplace import ROOT, draw_shape

PROGRAM = """
import os, sys, warnings
{before}
from scripts.classifier import load_classifier
stream = sys.stderr
classifier = load_classifier(sys.argv[1])
assert sys.stderr is stream
print(classifier.predict(sys.argv[2], top_k=1)[1][0])
print("by Python", file=sys.stderr)
sys.stderr.flush()
os.write(2, b"by the system\\n")
"""
OWN = "by Python\nby the system\n"


def program(retrained, tmp_path, graph="retrained_graph.pb", before="", **more: str):
    """Runs PROGRAM in a new Python; returns its standard error."""
    draw_shape("red", 77).save(tmp_path / "red.png")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("TF_", "POETS_"))} | more
    command = [sys.executable, "-c", PROGRAM.format(before=before), retrained / graph, tmp_path / "red.png"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "red\n"
    return done.stderr


def test_a_graph_is_loaded_quietly_and_standard_error_is_given_back(retrained, tmp_path):
    assert program(retrained, tmp_path) == OWN


def test_a_tflite_file_is_loaded_quietly_too(retrained, small_graph, tmp_path):
    assert program(retrained, tmp_path, small_graph.name) == OWN


def test_tensorflows_messages_can_be_shown(retrained, tmp_path):
    said = program(retrained, tmp_path, POETS_NATIVE_LOG="stderr")
    assert "oneDNN" in said and said.endswith(OWN)


def test_a_program_that_imports_tensorflow_itself_is_left_alone(retrained, tmp_path):
    assert "oneDNN" in program(retrained, tmp_path, before="import tensorflow")


def test_standard_error_is_back_once_every_load_has_ended(capfd, monkeypatch):
    monkeypatch.setattr(quiet_tensorflow, "_redirection", quiet_tensorflow._Redirection())
    monkeypatch.setattr(quiet_tensorflow._redirection, "_ours", True)
    with quiet_tensorflow.while_loading():
        with quiet_tensorflow.while_loading():
            os.write(2, b"lost\n")
        os.write(2, b"lost too\n")
    os.write(2, b"kept\n")
    with pytest.raises(ValueError), quiet_tensorflow.while_loading():
        raise ValueError
    os.write(2, b"kept too\n")
    assert capfd.readouterr().err == "kept\nkept too\n"
