"""Lists the pretrained networks that retrain knows by name.

    python -m scripts.architectures

For each network it shows the size of its input in pixels, the number of values in a bottleneck, the size of the
download, and whether it is here already: in --model_dir, or installed with pip. retrain's --architecture also takes
networks of KerasHub (keras_hub:PRESET), TensorFlow Hub handles, SavedModels and files.
"""

import json
from pathlib import Path

from .classifier.backbones import table
from .classifier.backbones.table import Listed
from .console import command_line, flags
from .console.console import Console
from .console.path_kinds import FOLDER

FLAGS = flags.FLAGS
flags.group("network")
flags.DEFINE_path("model_dir", "tf_files/models", "The folder where pretrained networks are kept.", FOLDER)
flags.group("output")
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
    console.suggest(("train with one", "retrain --architecture=efficientnet_lite0 --image_dir=FOLDER"))
    console.say(
        "  --architecture also takes keras_hub:PRESET, a TensorFlow Hub handle (https://...), a file or a folder"
    )


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
    how = " with pip" if each.package else ""
    return f"{'about ' if each.estimated else ''}{each.megabytes:,} MB{how}"


if __name__ == "__main__":
    command_line.run(main)
