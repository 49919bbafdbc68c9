"""Prints a script that makes Tab complete commands, flags and values in a shell.

    python -m scripts.completion bash

For bash or zsh. Load it in an open shell, or put this line into ~/.bashrc or ~/.zshrc:

    source <(python -m scripts.completion bash)

Tab then completes commands, flags, networks, formats, datasets and files.
"""

import importlib
import multiprocessing

from .classifier import machine
from .classifier.backbones import table
from .classifier.errors import UserError
from .classifier.fetching import datasets
from .console import command_line, commands, completion_scripts, flags, path_kinds
from .console.completion_scripts import Command, Flag


def main(positional: list[str]) -> None:
    if len(positional) != 1 or positional[0] not in completion_scripts.SHELLS:
        given = " ".join(positional) or "nothing"
        raise UserError(f"expected the name of a shell, {' or '.join(completion_scripts.SHELLS)}, found {given}")
    # Two commands may each define a flag of the same name, so each is imported in its own process.
    with multiprocessing.get_context("fork").Pool(machine.cores(), maxtasksperchild=1) as pool:
        known = pool.map(_command, commands.NAMES, chunksize=1)
    print(completion_scripts.SHELLS[positional[0]](known), end="")


def _command(name: str) -> Command:
    importlib.import_module(f".{name}", __package__)  # which defines its flags
    known = [Flag(flag.name, flag.boolean, _values(flag), flag.path is not None) for flag in command_line.own_flags()]
    words = {"fetch": datasets.NAMES, "completion": tuple(completion_scripts.SHELLS)}
    return Command(name, commands.summary(name), known, words.get(name, ()))


def _values(flag: flags.Flag) -> tuple[str, ...]:
    return table.NAMES if flag.path is path_kinds.NETWORK else flag.choices


if __name__ == "__main__":
    command_line.run(main)
