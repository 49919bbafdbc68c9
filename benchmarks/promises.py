"""Measures what a classifier promises, each promise on photos that had no part in making it.

    python -m benchmarks.promises --photos=tf_files/flower_photos --architecture=efficientnet_lite0 --only=scores,sure

Each photo is judged once, by a classifier trained on the other folds. Prints a Markdown table for each promise.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.tools import parts, shared_flags
from benchmarks.tools.promises import networks, none, scores, sure, unknown, watching, why
from benchmarks.tools.study import Study
from scripts.console import command_line, flags
from scripts.console.path_kinds import FOLDER

# A promise is a module beside those, and a line here.
_PARTS: dict[str, Callable[[Study, int], list[str]]] = {
    "scores": scores.measure,
    "sure": sure.measure,
    "networks": networks.measure,
    "unknown": unknown.measure,
    "none": none.measure,
    "watching": watching.measure,
    "why": why.measure,
}

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_folds()
flags.DEFINE_list("only", list(_PARTS), "The promises to measure.")
flags.DEFINE_path("folder", None, "The folder that keeps bottlenecks for the next time. Default: none.", FOLDER)


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    parts.check(FLAGS.only, _PARTS)
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        study = shared_flags.study(Path(temporary if FLAGS.folder is None else FLAGS.folder))
        print(study.title(FLAGS.folds))
        for name in FLAGS.only:
            print("", f"## {name}", "", *_PARTS[name](study, FLAGS.folds), sep="\n", flush=True)


if __name__ == "__main__":
    command_line.run(main)
