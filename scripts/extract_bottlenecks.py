"""Computes the bottlenecks of a folder of photos, and nothing else: the part of retrain that a cluster can share.

    python -m scripts.extract_bottlenecks --image_dir=/shared/photos --bottleneck_dir=/shared/bottlenecks --cluster=auto

A retrain with the same flags then finds all of them cached.
"""

import shlex
from pathlib import Path

from absl import flags

from .classifier.bottlenecks import extraction, gathering
from .classifier.photos import folders, image_lists
from .classifier.training import words
from .console import bottleneck_flags, command_line, network_flags
from .console.console import Console

FLAGS = flags.FLAGS
flags.DEFINE_bool("quiet", False, "Print errors and warnings only.")

# retrain needs no cluster for what is cached, and prints what it is asked to.
_NOT_FOR_RETRAIN = ("cluster", "worker_cpus", "quiet", "flagfile")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    network, percentages = network_flags.network(), bottleneck_flags.percentages()
    bottleneck_flags.check()
    console = Console(FLAGS.quiet)

    console.say(f"computing the bottlenecks of the photos in {FLAGS.image_dir} with {network.name}")
    with console.stage("listing photos"):
        lists = image_lists.scan(folders.at(FLAGS.image_dir), *percentages)
    console.tell(lists.describe(), lists.warnings())
    with console.stage("loading the network"):
        backbone, precision = network.load(console.show(f"downloading {network.name}", "B"))
        cache = extraction.open_cache(Path(FLAGS.bottleneck_dir), backbone, precision)
    console.say(backbone.describe())
    with console.stage("bottlenecks"):
        gathered = gathering.gather(
            lists,
            bottleneck_flags.views(),
            bottleneck_flags.extract(backbone, precision, console.say),
            cache,
            percentages,
            Path(FLAGS.skipped_images),
            console.show("bottlenecks", "photos"),
        )
    console.tell(*words.bottlenecks(gathered, cache, console.seconds["bottlenecks"], Path(FLAGS.skipped_images)))
    console.say(f"written: {cache.folder}")
    console.suggest(("train a classifier on them", " ".join(["retrain", *_flags_given()])))


def _flags_given() -> list[str]:
    """The flags of this command line with which retrain finds the same bottlenecks."""
    given = [name for name in FLAGS if FLAGS[name].present and name not in _NOT_FOR_RETRAIN]
    return [shlex.quote(FLAGS[name].serialize()) for name in given]


if __name__ == "__main__":
    command_line.run(main)
