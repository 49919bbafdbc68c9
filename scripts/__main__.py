"""The entry point of all commands: `poets NAME ...`, or `python -m scripts NAME ...` in a clone."""

import importlib
import sys

from . import __version__
from .classifier import invocation
from .console import command_line, commands, missing_packages


def main() -> None:
    sys.excepthook = missing_packages.report
    word, *rest = sys.argv[1:] or ["--help"]
    if word in commands.NAMES:
        sys.argv = [invocation.command(word), *rest]
        command_line.run(importlib.import_module(f".{word}", __package__).main)
    elif word in ("-h", "-help", "--help", "help"):
        print(*_listing(), sep="\n")
    elif word == "--version":
        print(f"Poets {__version__}")
    else:
        sys.exit(f"error: {commands.unknown(word)}")


def _listing() -> list[str]:
    """The commands in groups, each with the first line of its description."""
    width = max(map(len, commands.NAMES))
    lines = [
        "Poets turns a folder of photos into an image classifier.",
        "",
        f"usage: {invocation.command('COMMAND')} [FLAGS]",
    ]
    for group, names in commands.GROUPS.items():
        lines += ["", f"{group}:", *(f"  {name:<{width}}  {commands.summary(name)}" for name in names)]
    return [
        *lines,
        "",
        "A first classifier, of flowers that are drawn on the spot:",
        f"  {invocation.command('fetch drawn_flowers')}",
        f"  {invocation.command('retrain --image_dir=tf_files/drawn_flowers --architecture=efficientnet_lite0')}",
        "",
        f"More about one command: {invocation.command('COMMAND')} --help",
        f"The version: {commands.PROGRAM} --version",
    ]


if __name__ == "__main__":
    main()
