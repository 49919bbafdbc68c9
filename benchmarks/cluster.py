"""Measures what Poets makes of more photos than usual, and holds each figure against what it should be.

    python -m benchmarks.cluster

Prints one Markdown table. Takes some minutes; what else the machine does meanwhile shows in the figures.
"""

import sys
import tempfile
from pathlib import Path

from absl import flags

from benchmarks import figures, machine, many_photos, many_vectors
from scripts import command_line
from scripts.classifier.errors import UserError

FLAGS = flags.FLAGS
flags.DEFINE_list("photo_counts", ["10000", "100000", "1000000"], "How many photos are listed, split and looked up.")
flags.DEFINE_integer("vectors", 10_000_000, "Over how many vectors training is started.", many_vectors.LEAST)
flags.DEFINE_integer("steps", 500, "How many training steps are taken over these.", 100)
flags.DEFINE_integer("rounds", 3, "How often photos are looked up; the median counts.", 1)
_ROWS = {
    "photos": lambda folder: many_photos.many_photos(folder, _counts(FLAGS.photo_counts), FLAGS.rounds),
    "vectors": lambda folder: many_vectors.many_vectors(folder, FLAGS.vectors, FLAGS.steps),
}
flags.DEFINE_list("only", list(_ROWS), "Which of them to measure.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    unknown = sorted(set(FLAGS.only) - set(_ROWS))
    if unknown:
        raise UserError(f"--only={','.join(unknown)} is not known: choose from {', '.join(_ROWS)}")
    _counts(FLAGS.photo_counts)
    found: list[figures.Figure] = []
    loads = [machine.load()]
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as folder:
        for name, measure in _ROWS.items():
            if name in FLAGS.only:
                print(f"measuring {name}", file=sys.stderr, flush=True)
                found += measure(Path(folder))
    loads.append(machine.load())
    print(machine.describe(), "before: {}; after: {}".format(*loads), figures.table(found), sep="\n\n")


def _counts(words: list[str]) -> list[int]:
    for word in words:
        if not word.isdecimal() or int(word) < 100:
            raise UserError(f"--photo_counts={word}: expected numbers of at least 100, with commas between")
    return [int(word) for word in words]


if __name__ == "__main__":
    command_line.run(main)
