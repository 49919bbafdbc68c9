"""Prints a script that completes commands, flags and their values in bash or zsh.

    python -m scripts.completion bash

Load it in the shell that you have open, or add the same line to ~/.bashrc or ~/.zshrc:

    source <(python -m scripts.completion bash)

Tab then completes commands, flags, networks, formats, datasets and files.
"""

import importlib
import multiprocessing

from .classifier import machine
from .classifier.backbones import table
from .classifier.errors import UserError
from .classifier.fetching import datasets
from .console import command_line, commands, completion_scripts
from .console.completion_scripts import Command, Flag


def main(positional: list[str]) -> None:
    if len(positional) != 1 or positional[0] not in completion_scripts.SHELLS:
        given = " ".join(positional) or "nothing"
        raise UserError(f"expected the name of a shell, {' or '.join(completion_scripts.SHELLS)}, found {given}")
    # Two commands may each define a flag of the same name, so each is imported in a process of its own.
    with multiprocessing.get_context("fork").Pool(machine.cores(), maxtasksperchild=1) as pool:
        known = pool.map(_command, commands.NAMES, chunksize=1)
    print(completion_scripts.SHELLS[positional[0]](known), end="")


def _command(name: str) -> Command:
    module = importlib.import_module(f".{name}", __package__)
    flags = [
        Flag(flag.name, flag.boolean, _values(flag), flag.flag_type().startswith(("string", "multi string")))
        for flag in command_line.own_flags(module.main)
    ]
    words = {"fetch": datasets.NAMES, "completion": tuple(completion_scripts.SHELLS)}
    return Command(name, commands.summary(name), flags, words.get(name, ()))


def _values(flag) -> tuple[str, ...]:
    if flag.name == "architecture":
        return table.NAMES
    return tuple(getattr(flag.parser, "enum_values", None) or ())


if __name__ == "__main__":
    command_line.run(main)
