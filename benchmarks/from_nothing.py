"""Measures training from nothing: how good it gets and how long it takes.

    python -m benchmarks.from_nothing --flowers=tf_files/flower_photos --cifar10=tf_files/cifar10

Each row is a run of train_cnn in a process of its own, on the test photos of a folder that brings some, else on the
validation photos. Processor time is that of the whole run, import and decoding included; shared among the cores it is
what the run takes where nothing else runs. Prints a Markdown table.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path

from absl import flags

from benchmarks import machine, processes
from scripts import command_line
from scripts.classifier import networks

FLAGS = flags.FLAGS
flags.DEFINE_string("flowers", None, "A folder of photos for the basic network, plain and with augmentation.")
flags.DEFINE_string("cifar10", None, "CIFAR-10 as folders, for both networks at 32 pixels.")
flags.DEFINE_float("testing_percentage", 0, "How many of 100 photos are kept for testing where the folder keeps none.")
flags.DEFINE_integer("seed", 0, "The seed of every run.", 0)

_FLOWERS = (("--epochs=10",), ("--epochs=15", "--augment", "--dropout=0.2"))
_CIFAR10 = (("--image_size=32", "--epochs=10"), ("--image_size=32", "--network=deep", "--epochs=10"))


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    print(machine.describe(), end="\n\n")
    print("| train_cnn | accuracy | photos judged | best epoch | an epoch, processor | the same on all cores |")
    print("|---|--:|--:|--:|--:|--:|")
    for folder, runs in ((FLAGS.flowers, _FLOWERS), (FLAGS.cifar10, _CIFAR10)):
        for words in runs if folder is not None else ():
            _measure(folder, words)


def _measure(folder: str, words: tuple[str, ...]) -> None:
    print(folder, *words, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        files = {
            "output_graph": "graph.pb", "output_labels": "labels.txt", "checkpoint": "checkpoint.npz",
            "summaries_dir": "summaries", "skipped_images": "skipped.txt", "plot_curves": "curves.png",
        }  # fmt: skip
        places = [f"--{flag}={Path(temporary, name)}" for flag, name in files.items()]
        before = _processor_seconds()
        processes.output(
            "-m", "scripts.train_cnn", f"--image_dir={folder}", f"--testing_percentage={FLAGS.testing_percentage:g}",
            f"--seed={FLAGS.seed}", "--quiet", *places, *words,
        )  # fmt: skip
        took = _processor_seconds() - before
        record = json.loads(Path(temporary, "graph.json").read_text())
    judged = record["test"] if record["test"]["photos"] else record["validation"]
    seconds = took / record["epochs_trained"]
    print(f"| {Path(folder).name} {' '.join(words)} | {100 * judged['accuracy']:.1f} % | {judged['photos']} | "
          f"{record['best_epoch']} | {seconds:.1f} s | {seconds / networks.cores():.1f} s |", flush=True)  # fmt: skip


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    command_line.run(main)
