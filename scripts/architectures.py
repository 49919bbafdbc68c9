"""Lists the networks that retrain knows by name.

    python -m scripts.architectures

Of each: width and height of the pictures that it takes, values that it gives a photo, how much there is to download,
and whether that is in --model_dir already. --architecture also takes TensorFlow Hub handles, SavedModels and files.
"""

import json
from pathlib import Path

from absl import flags

from .classifier.backbones import table
from .classifier.backbones.table import Listed
from .console import command_line
from .console.console import Console

FLAGS = flags.FLAGS
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_bool("json", False, "Print JSON.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    listed = table.listed(Path(FLAGS.model_dir))
    if FLAGS.json:
        print(json.dumps([vars(each) for each in listed]))
        return
    console = Console()
    here = sum(each.here for each in listed)
    needs = "1 is here and needs" if here == 1 else f"{here} are here and need"
    console.say(f"{len(listed)} networks to choose from; {needs} no download")
    console.say("", *_table(listed), "")
    console.suggest(("train with one", "retrain --architecture=mobilenet_0.50_224 --image_dir=FOLDER"))


def _table(listed: list[Listed]) -> list[str]:
    rows = [("--architecture", "pixels", "values", "download", "here")]
    for each in listed:
        pixels = f"{each.input_size} x {each.input_size}"
        rows.append((each.name, pixels, f"{each.values:,}", _size(each), "yes" if each.here else ""))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join([f"{name:<{widths[0]}}", *(f"{cell:>{width}}" for cell, width in zip(row, widths[1:], strict=True))])
        for name, *row in rows
    ]


def _size(each: Listed) -> str:
    if each.megabytes is None:
        return "unknown"
    if each.megabytes == 0:
        return "none"
    return f"{'about ' if each.estimated else ''}{each.megabytes:,} MB"


if __name__ == "__main__":
    command_line.run(main)
