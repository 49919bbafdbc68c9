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

FLAGS = flags.FLAGS
flags.DEFINE_string("model_dir", "tf_files/models", "Where pretrained networks are kept.")
flags.DEFINE_bool("json", False, "Print JSON.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    listed = table.listed(Path(FLAGS.model_dir))
    if FLAGS.json:
        print(json.dumps([vars(each) for each in listed]))
    else:
        print(*_table(listed), sep="\n")


def _table(listed: list[Listed]) -> list[str]:
    width = max(len(each.name) for each in listed)
    lines = [f"{'--architecture':<{width}}  pixels  values  download  here"]
    for each in listed:
        size = "-" if each.megabytes == 0 else "unknown" if each.megabytes is None else f"{each.megabytes} MB"
        here = "yes" if each.here else "no"
        lines.append(f"{each.name:<{width}}  {each.input_size:>6}  {each.values:>6,}  {size:>8}  {here}")
    return lines


if __name__ == "__main__":
    command_line.run(main)
