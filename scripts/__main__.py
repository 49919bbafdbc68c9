"""The entry point of all commands: `poets NAME ...`, or `python -m scripts NAME ...` in a clone."""

import difflib
import importlib
import sys

from . import __version__
from .classifier import invocation
from .console import command_line, commands, missing_packages

_PROGRAM = invocation.command("").rstrip(" .")  # `poets`, or `python -m scripts`


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
        near = difflib.get_close_matches(word.replace("-", "_").lower(), commands.NAMES, n=1)
        instead = f"did you mean {invocation.command(near[0])}?" if near else "expected the name of a command."
        sys.exit(f"error: there is no command {word!r}: {instead} {_PROGRAM} --help lists them all")


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
        f"  {invocation.command('retrain --image_dir=tf_files/drawn_flowers --architecture=color_texture')}",
        "",
        f"More about one command: {invocation.command('COMMAND')} --help",
        f"The version: {_PROGRAM} --version",
    ]


if __name__ == "__main__":
    main()
