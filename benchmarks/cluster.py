"""Measures Poets on many photos and on Ray, and compares each figure with its target.

    python -m benchmarks.cluster

Prints one Markdown table. Takes some minutes. Other load on the machine makes the figures worse.
"""

import tempfile
from pathlib import Path

from benchmarks import many_photos, many_vectors, ray_nodes
from benchmarks.tools import parts, shared_flags
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
flags.DEFINE_list("photo_counts", ["10000", "100000", "1000000"], "Numbers of photos to list, split and look up.")
flags.DEFINE_integer("vectors", 10_000_000, "Number of vectors to train on.", many_vectors.LEAST)
flags.DEFINE_integer("steps", 500, "Number of training steps on them.", 100)
flags.DEFINE_integer("rounds", 3, "Number of times each figure is measured; the median counts.", 1)
flags.DEFINE_integer("count", 3670, "Number of photos for Ray, copied from those in --photos.", 20)
_PARTS = {
    "photos": lambda folder: many_photos.many_photos(folder, _photo_counts(), FLAGS.rounds),
    "vectors": lambda folder: many_vectors.many_vectors(folder, FLAGS.vectors, FLAGS.steps),
    "worker": lambda folder: ray_nodes.one_worker(shared_flags.workbench(folder, rounds=FLAGS.rounds)),
    "nodes": lambda folder: ray_nodes.two_nodes(shared_flags.workbench(folder, rounds=FLAGS.rounds)),
}
flags.DEFINE_list("only", list(_PARTS), "The parts to measure.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    parts.check(FLAGS.only, _PARTS)
    _photo_counts()
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as folder:
        parts.report(lambda: parts.measure(FLAGS.only, _PARTS, Path(folder)))


def _photo_counts() -> list[int]:
    return parts.counts("photo_counts", FLAGS.photo_counts, 100)


if __name__ == "__main__":
    command_line.run(main)
