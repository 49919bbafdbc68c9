"""Measures training from nothing: its accuracy and its time.

    python -m benchmarks.from_nothing --flowers=tf_files/flower_photos --cifar10=tf_files/cifar10

Each row is a run of train_cnn in a separate process, judged on the folder's test photos, or on the validation photos
if it has none. On flowers, the Keras tutorial's network is trained on the same photos. Processor time includes import
and decoding; divided by the number of cores, it is the time on an idle machine. Prints a Markdown table.

    python -m benchmarks.from_nothing --timed=tf_files/flower_photos --avx2

Times epochs against plain Keras' in the same run, and prints a table with the ratio.
"""

import json
import resource
import sys
import tempfile
from pathlib import Path

from benchmarks import epochs as epoch_times, plain_keras
from benchmarks.tools import figures, machine, processes
from scripts.classifier.machine import cores, has_bfloat16
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
flags.DEFINE_string("flowers", None, "A folder of photos for the basic network, plain and with augmentation.")
flags.DEFINE_string("cifar10", None, "CIFAR-10 as folders, for both networks at 32 pixels.")
flags.DEFINE_string("timed", None, "A folder of photos: time epochs of the basic network, in turn with plain Keras'.")
flags.DEFINE_bool("avx2", False, "With --timed: use what a processor with AVX2 and nothing newer has.")
flags.DEFINE_integer("rounds", 3, "With --timed: the number of times that each is measured; the median counts.", 1)
flags.DEFINE_float("testing_percentage", 0, "Test photos, in percent, if the folder has none of its own.")
flags.DEFINE_integer("seed", 0, "The seed of every run.", 0)

# Epochs, and whether photos are augmented.
_FLOWERS = ((10, False), (15, True))
_CIFAR10 = (("--image_size=32", "--epochs=10"), ("--image_size=32", "--network=deep", "--epochs=10"))


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    print(machine.describe(), end="\n\n")
    if FLAGS.timed is not None:
        precision = "bfloat16" if has_bfloat16() and not FLAGS.avx2 else "float32"
        print(figures.table(epoch_times.figures(FLAGS.timed, precision, FLAGS.avx2, FLAGS.rounds)), flush=True)
    if FLAGS.flowers is not None or FLAGS.cifar10 is not None:
        _measure_all()


def _measure_all() -> None:
    print("| network | accuracy | photos judged | best epoch | processor time per epoch | time on all cores |")
    print("|---|--:|--:|--:|--:|--:|")
    for epochs, augmented in _FLOWERS if FLAGS.flowers is not None else ():
        words = (f"--epochs={epochs}", *(("--augment", "--dropout=0.2") if augmented else ()))
        _measure(FLAGS.flowers, words)
        _measure_keras(FLAGS.flowers, epochs, augmented)
    for words in _CIFAR10 if FLAGS.cifar10 is not None else ():
        _measure(FLAGS.cifar10, words)


def _measure(folder: str, words: tuple[str, ...]) -> None:
    print(folder, *words, file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        files = {
            "output_graph": "graph.pb",
            "output_labels": "labels.txt",
            "checkpoint": "checkpoint.npz",
            "summaries_dir": "summaries",
            "skipped_images": "skipped.txt",
            "plot_curves": "curves.png",
        }
        places = [f"--{flag}={Path(temporary, name)}" for flag, name in files.items()]
        before = _processor_seconds()
        processes.output(
            "-m",
            "scripts.train_cnn",
            f"--image_dir={folder}",
            f"--testing_percentage={FLAGS.testing_percentage:g}",
            f"--seed={FLAGS.seed}",
            "--quiet",
            *places,
            *words,
        )
        took = _processor_seconds() - before
        record = json.loads(Path(temporary, "graph.json").read_text())
    judged = record["test"] if record["test"]["photos"] else record["validation"]
    _print(f"{Path(folder).name} {' '.join(words)}", judged, record["best_epoch"], took / record["epochs_trained"])


def _measure_keras(folder: str, epochs: int, augmented: bool) -> None:
    kind = "augmented" if augmented else "plain"
    print(folder, "plain Keras", epochs, kind, file=sys.stderr, flush=True)
    before = _processor_seconds()
    found = processes.apart(plain_keras.train, folder, epochs, augmented, FLAGS.seed)
    name = f"{Path(folder).name}, the tutorial's network in plain Keras, {kind}, {epochs} epochs"
    _print(name, found, found["best_epoch"], (_processor_seconds() - before) / epochs)


def _print(name: str, judged: dict, best_epoch: int, seconds: float) -> None:
    print(
        f"| {name} | {100 * judged['accuracy']:.1f} % | {judged['photos']} | {best_epoch} | {seconds:.1f} s | "
        f"{seconds / cores():.1f} s |",
        flush=True,
    )


def _processor_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    command_line.run(main)
