"""Computes the bottlenecks of a folder of photos, and nothing else: the part of retrain that a cluster can share.

    python -m scripts.extract_bottlenecks --image_dir=/shared/photos --bottleneck_dir=/shared/bottlenecks --cluster=auto

A retrain with the same flags then finds all of them cached.
"""

from pathlib import Path

from absl import flags

from .classifier import machine
from .classifier.bottlenecks import extraction, gathering
from .classifier.photos import folders, image_lists
from .classifier.stopwatch import Stopwatch
from .classifier.training import words
from .console import bottleneck_flags, command_line, network_flags, progress

FLAGS = flags.FLAGS
flags.DEFINE_bool("quiet", False, "Print errors and warnings only.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    network_flags.check()
    bottleneck_flags.check()
    bottleneck_dir, percentages = Path(FLAGS.bottleneck_dir), bottleneck_flags.percentages()
    watch = Stopwatch()

    with watch.stage("listing photos"):
        lists = image_lists.scan(folders.at(FLAGS.image_dir), *percentages)
    _say(*lists.describe())
    command_line.warn(*lists.warnings())
    with watch.stage("loading the network"):
        backbone = network_flags.load(
            lambda total, done: progress.show(
                f"downloading {FLAGS.architecture}", total, "B", quiet=FLAGS.quiet, done=done
            )
        )
        precision = machine.decide_precision(FLAGS.precision, large=backbone.large)
        cache = extraction.open_cache(bottleneck_dir, backbone, precision)
    _say(backbone.describe())
    with watch.stage("bottlenecks"):
        gathered = gathering.gather(
            lists,
            bottleneck_flags.views(),
            bottleneck_flags.extract(backbone, precision, _say),
            cache,
            percentages,
            Path(FLAGS.skipped_images),
            lambda total: progress.show("bottlenecks", total, "photos", quiet=FLAGS.quiet or not total),
        )
    lines, warnings = words.bottlenecks(gathered, cache, watch.seconds["bottlenecks"], FLAGS.skipped_images)
    command_line.warn(*warnings)
    _say(*lines, f"kept in {cache.folder}")


def _say(*lines: str) -> None:
    if lines and not FLAGS.quiet:
        print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    command_line.run(main)
