"""Computes only the bottlenecks of a folder of photos, also on a cluster.

    python -m scripts.extract_bottlenecks --image_dir=tf_files/flower_photos --architecture=mobilenet_0.50_224

A retrain with the same flags then finds all bottlenecks cached. On a cluster of several machines, --image_dir and
--bottleneck_dir are folders that all machines share.
"""

import shlex
import sys
from pathlib import Path

from .classifier import atomic_files
from .classifier.bottlenecks import extraction, gathering
from .classifier.photos import folders, image_lists
from .classifier.training import words
from .console import bottleneck_flags, command_line, flags, network_flags
from .console.console import Console

FLAGS = flags.FLAGS
flags.most_used("image_dir", "architecture", "bottleneck_dir", "cluster", "worker_cpus")
flags.group("output")
flags.DEFINE_bool("quiet", False, "Print errors and warnings only.")

# Flags to leave out of the suggested retrain: cached bottlenecks need no cluster.
_WITH_A_VALUE, _WITHOUT = ("cluster", "worker_cpus"), ("quiet", "noquiet")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    network, percentages = network_flags.network(FLAGS.cluster is not None), bottleneck_flags.percentages()
    bottleneck_flags.check()
    if not Path(FLAGS.bottleneck_dir).exists():  # an existing one may hold all bottlenecks already
        atomic_files.check_folder(Path(FLAGS.bottleneck_dir), "bottleneck_dir")
    console = Console(FLAGS.quiet)

    console.say(f"computing the bottlenecks of the photos in {FLAGS.image_dir} with {network.describe()}")
    with console.stage("listing photos"):
        lists = image_lists.scan(folders.at(FLAGS.image_dir), *percentages)
    console.tell(lists.describe(), [*network.found.warnings, *lists.warnings()])
    with console.stage("loading the network"), console.waiting("loading the network"):
        backbone, engine = network.load(console.show(f"downloading {network.name}", "B"))
        cache = extraction.open_cache(Path(FLAGS.bottleneck_dir), backbone, engine)
    console.say(backbone.describe(), *engine.describe())
    with console.stage("bottlenecks"):
        gathered = gathering.gather(
            lists,
            bottleneck_flags.views(),
            bottleneck_flags.extract(backbone, engine, console.say),
            cache,
            percentages,
            Path(FLAGS.skipped_images),
            console.show("bottlenecks", "photos"),
        )
    console.tell(*words.bottlenecks(gathered, cache, console.seconds["bottlenecks"], Path(FLAGS.skipped_images)))
    console.say(f"written: {cache.folder}")
    console.suggest(("train a classifier on them", shlex.join(["retrain", *_flags_for_retrain(sys.argv[1:])])))


def _flags_for_retrain(given: list[str]) -> list[str]:
    """The flags that make retrain use the same bottlenecks."""
    flags_kept, left = [], iter(given)
    for word in left:
        name, equals, _ = word.lstrip("-").partition("=")
        if name in _WITH_A_VALUE and not equals:
            next(left, None)
        elif name not in (*_WITH_A_VALUE, *_WITHOUT):
            flags_kept.append(word)
    return flags_kept


if __name__ == "__main__":
    command_line.run(main)
