"""Tab completes commands, flags, their values and files, in real shells."""

import shutil

import pytest

from tests.support.terminal import PROMPT, Terminal
from tests.support.workplace import ROOT, Workplace

LEFT_OF_A_LINE = "\x15"  # Ctrl-U deletes it


@pytest.fixture(scope="module", params=["bash", "zsh"])
def shell(request, tmp_path_factory):
    """A shell in a folder with one file and the completion scripts of a clone and of an installed Poets."""
    if shutil.which(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    folder = tmp_path_factory.mktemp("completion")
    (folder / "photograph.jpg").touch()
    (folder / "poets").symlink_to(ROOT / "scripts")
    clone = Workplace(folder).run("completion", request.param)
    installed = Workplace(folder).run_as("poets", "completion", request.param)
    terminal = Terminal(request.param, folder)
    for name, done in (("clone", clone), ("installed", installed)):
        assert done.returncode == 0 and done.stderr == ""
        (folder / name).write_text(done.stdout)
    yield terminal
    terminal.close()


@pytest.mark.parametrize(
    ("door", "typed", "completed"),
    [
        ("installed", "poets retra", "poets retrain "),
        ("installed", "poets retrain --how_many", "poets retrain --how_many_training_steps="),
        ("installed", "poets retrain --architecture=dens", "poets retrain --architecture=densenet161 "),
        ("installed", "poets retrain --architecture dens", "poets retrain --architecture densenet161 "),
        ("installed", "poets export --format=sav", "poets export --format=saved_model "),
        ("installed", "poets evaluate --nojs", "poets evaluate --nojson "),
        ("installed", "poets fetch cif", "poets fetch cifar10 "),
        ("installed", "poets completion z", "poets completion zsh "),
        ("installed", "poets label_image --image=phot", "poets label_image --image=photograph.jpg"),
        ("installed", "poets label_image phot", "poets label_image photograph.jpg"),
        ("clone", "python -m scripts.retra", "python -m scripts.retrain "),
        ("clone", "python -m scripts.export --format=sav", "python -m scripts.export --format=saved_model "),
        ("clone", "python -m scripts.label_image phot", "python -m scripts.label_image photograph.jpg"),
        ("clone", "python phot", "python photograph.jpg"),
    ],
)
def test_tab_completes(shell, door, typed, completed):
    shell.type(f"source ./{door}\r")
    shell.read_until(PROMPT)
    shell.type(f"{typed}\t")
    shell.read_until(completed)
    shell.type(LEFT_OF_A_LINE + "echo done\r")
    shell.read_until("done\r\n")


def test_a_number_is_not_completed(shell):
    shell.type("source ./installed\r")
    shell.read_until(PROMPT)
    shell.type("poets retrain --how_many_training_steps=phot\t1\r")
    assert "photograph" not in shell.read_until("not found")


@pytest.mark.parametrize("words", [[], ["fish"], ["bash", "zsh"]])
def test_an_unknown_shell_is_an_error(tmp_path, words):
    done = Workplace(tmp_path).run("completion", *words)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: expected the name of a shell, bash or zsh, found ")
