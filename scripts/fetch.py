"""Fetches photos to start with.

    python -m scripts.fetch flower_photos

    flower_photos      3,670 real photos of five flowers (229 MB), published with TensorFlow under Creative Commons
    cifar10            60,000 pictures of ten things, 32 x 32 pixels (170 MB), in folders train/ and test/
    drawn_flowers      five kinds of flowers drawn by the program, for machines that are offline
    oxford_flowers102  8,189 photos of 102 flowers (345 MB), split into train/, valid/ and test/ by their publishers
    tfds:NAME          any labelled pictures of TensorFlow Datasets, such as tfds:beans (needs an extra package)

Photos that are there already are left alone, and an interrupted download continues. At the end it prints what the
folder holds.
"""

import re
import shlex
from pathlib import Path

from .classifier.drawing import label_table, picture_files, sample_sheet
from .classifier.errors import UserError
from .classifier.fetching import datasets, oxford_flowers
from .classifier.fetching.datasets import Dataset, Wishes
from .classifier.photos import category_names, image_lists, sizes
from .classifier.photos.image_lists import ImageLists
from .console import command_line, flags
from .console.console import Console
from .console.path_kinds import FOLDER, PICTURE

FLAGS = flags.FLAGS
flags.group("photos")
flags.DEFINE_path("destination", None, "The folder to put the photos in. Default: tf_files/NAME.", FOLDER)
flags.DEFINE_integer("per_kind", Wishes.per_kind, "For drawn_flowers: number of flowers of each kind.", lower_bound=1)
flags.DEFINE_integer(
    "seed", Wishes.seed, "For drawn_flowers: seed of all random numbers; the same seed draws the same flowers."
)
flags.DEFINE_float("patience", Wishes.patience, "Seconds to wait for a server's answer.", lower_bound=0)
flags.group("output")
flags.DEFINE_path("plot", None, "Draw a sheet of samples with their names into this file (.png or .jpg).", PICTURE)


def main(positional: list[str]) -> None:
    console = Console()
    name = _name(positional)
    dataset = datasets.find(name)
    wishes = _wishes(name, dataset)
    destination, plot = _destination(name), _plot()

    before = _photos(destination)
    if before is None:
        console.say(f"{dataset.begins} into {destination}")
    if before is None or dataset.looks_itself:
        console.warn(*dataset.fetch(destination, wishes, console.show))
    else:
        dataset.tidy(destination)
    lists = image_lists.scan(destination, 0, 0, fewest_labels=1)
    names_file, named = _names(lists, destination)

    already = " already (to make it again, delete the folder)" if before == lists else ""
    console.say(f"{len(lists.photos)} photos of {len(lists.labels)} labels are in {destination}{already}")
    console.say(*label_table.lines(lists, named))
    console.say(f"  pictures: {sizes.of(destination / photo.path for photo in lists.photos).describe()}")
    if plot is not None:
        _draw(lists, named, plot, console)
    words = [*dataset.trains.split(), f"--image_dir={destination}"]
    if named is not None:
        words.append(f"--category_names={names_file}")
    console.suggest(
        ("train a classifier", shlex.join(words)), ("look at some photos", shlex.join(["show_image", str(destination)]))
    )


def _name(positional: list[str]) -> str:
    if len(positional) != 1:
        given = " ".join(positional) or "nothing"
        raise UserError(f"expected the name of one dataset ({datasets.KNOWN}), found {given}")
    return positional[0]


def _wishes(name: str, dataset: Dataset) -> Wishes:
    for flag in Wishes.__dataclass_fields__:
        if FLAGS[flag].present and flag not in dataset.heeds:
            raise UserError(f"--{flag} does not apply to {name}: leave it out")
    return Wishes(FLAGS.per_kind, FLAGS.seed, FLAGS.patience)


def _destination(name: str) -> Path:
    if FLAGS.destination is None:
        return Path("tf_files", re.sub(r"[^\w.-]+", "_", name.removeprefix(datasets.TFDS)))
    destination = Path(FLAGS.destination)
    if destination.name in ("", ".."):
        raise UserError(f"--destination is {FLAGS.destination!r}, expected a folder's name: give one, missing or empty")
    return destination


def _plot() -> Path | None:
    if FLAGS.plot is None:
        return None
    plot = Path(FLAGS.plot)
    picture_files.check(plot, "plot")
    return plot


def _photos(folder: Path) -> ImageLists | None:
    """The photos in the folder; None if it is not a folder of photos yet."""
    try:
        return image_lists.scan(folder, 0, 0, fewest_labels=1)
    except UserError:
        return None  # fetching will say what is wrong
    except OSError as error:
        raise UserError(f"cannot look into {folder} ({error.strerror}): give another --destination") from None


def _names(lists: ImageLists, destination: Path) -> tuple[Path, dict[str, str] | None]:
    """The path of the file of label names that may come with the photos, and the names; None if there is no file."""
    file = destination / oxford_flowers.NAMES_FILE
    return file, category_names.read(file, lists.labels) if file.exists() else None


def _draw(lists: ImageLists, named: dict[str, str] | None, plot: Path, console: Console) -> None:
    drawn = sample_sheet.draw(lists, category_names.shown(lists.labels, named))
    picture_files.write(drawn.picture, plot)
    console.warn(*drawn.warnings())
    console.say(f"written: {plot} ({drawn.picture.width} x {drawn.picture.height} pixels)")


if __name__ == "__main__":
    command_line.run(main)
