"""The commands, in the groups that the listing shows."""

import ast
import difflib
from pathlib import Path

from ..classifier import invocation

GROUPS = {
    "Make a classifier": ("retrain", "train_cnn"),
    "Use it": ("label_image", "serve", "export"),
    "See how good it is": ("evaluate", "plot_training"),
    "Photos and networks": ("fetch", "show_image", "architectures", "extract_bottlenecks"),
    "Frozen graphs": ("quantize_graph", "graph_pb2tb", "count_ops"),
    "The command line": ("completion",),
}
NAMES = tuple(name for names in GROUPS.values() for name in names)
PROGRAM = invocation.command("").rstrip(" .")  # `poets`, or `python -m scripts`


def summary(name: str) -> str:
    """The first line of the command's description, read without importing the command, which takes far longer."""
    source = Path(__file__).parents[1].joinpath(f"{name}.py").read_text("utf-8")
    return (ast.get_docstring(ast.parse(source)) or "").splitlines()[0].rstrip(".")


def unknown(word: str) -> str:
    """The error for a word that is no command: which one was probably meant."""
    near = difflib.get_close_matches(word.replace("-", "_").lower(), NAMES, n=1)
    instead = f"did you mean {invocation.command(near[0])}?" if near else "expected the name of a command."
    return f"there is no command {word!r}: {instead} {PROGRAM} --help lists them all"
