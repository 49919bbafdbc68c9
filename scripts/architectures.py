"""Lists the pretrained networks that retrain knows by name.

    python -m scripts.architectures

For each network it shows the size of its input in pixels, the number of values in a bottleneck, the size of the
download, and whether it is in --model_dir already. retrain's --architecture also takes TensorFlow Hub handles,
SavedModels and files.
"""

import json
from pathlib import Path

from .classifier.backbones import table
from .classifier.backbones.table import Listed
from .console import command_line, flags
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
