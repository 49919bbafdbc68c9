"""Fetches photos to begin with: python -m scripts.fetch flower_photos | cifar10 | drawn_flowers | tfds:NAME ...

flower_photos      3,670 real photos of five flowers (229 MB), published with TensorFlow under Creative Commons
cifar10            60,000 pictures of ten things at 32 x 32 pixels (170 MB), as train/ and test/ folders of PNG
drawn_flowers      five kinds of flowers drawn on the spot, for machines that reach no network
oxford_flowers102  8,189 photos of 102 flowers (345 MB), split into train/, valid/ and test/ by those who published them
tfds:NAME          any set of pictures with labels of TensorFlow Datasets, such as tfds:beans (an extra)

What is there already is left as it is; what was interrupted is continued. What the folder holds is printed.
"""

import difflib
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

from absl import flags

from .classifier.drawing import picture_files, sample_sheet, text_columns
from .classifier.errors import UserError
from .classifier.fetching import downloads, oxford_flowers, photo_archives, tfds_photos
from .classifier.photos import category_names, image_lists, sizes
from .classifier.photos.image_lists import SPLITS, ImageLists
from .console import command_line, progress

FLAGS = flags.FLAGS
flags.DEFINE_string("destination", None, "Folder to put the photos in; tf_files/<name> unless given.")
flags.DEFINE_integer("per_kind", 100, "How many flowers of each kind to draw.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Where the drawing's random numbers start: the same seed draws the same flowers.")
flags.DEFINE_float(
    "patience",
    downloads.Patience().first_byte_seconds,
    "Seconds that a server is given to begin to answer.",
    lower_bound=0,
)
flags.DEFINE_string("plot", None, "Draw a sheet of samples with their names into this picture file (.png or .jpg).")

_TFDS = "tfds:"
_LONGEST_LABEL = 40
_COLUMN = 10
_MOST_LINES = 120  # so many fill screens enough


def flower_photos(destination: Path) -> None:
    _from_server(partial(photo_archives.fetch, photo_archives.FLOWER_PHOTOS), destination)


def oxford_flowers102(destination: Path) -> None:
    _from_server(oxford_flowers.fetch, destination)


def _from_server(fetch: Callable, destination: Path) -> None:
    if _photos(destination) is not None:
        return
    try:
        fetch(
            destination=destination,
            patience=downloads.Patience(first_byte_seconds=FLAGS.patience),
            show_download=lambda total, done: progress.show(destination.name, total, "B", done=done),
            show_unpacking=lambda total: progress.show("unpacking", total, "B"),
        )
    except downloads.Unavailable as error:
        raise downloads.Unavailable(f"{error}; to go on without: python -m scripts.fetch drawn_flowers") from None


def cifar10(destination: Path) -> None:
    from .classifier.fetching import cifar10

    show = partial(progress.show, "writing", unit="pictures")
    _from_server(partial(cifar10.fetch, show_writing=show), destination)


def drawn_flowers(destination: Path) -> None:
    from .classifier.fetching import drawn_flowers

    with progress.show("drawing", len(drawn_flowers.KINDS) * FLAGS.per_kind, "flowers") as advance:
        drawn_flowers.draw(destination, per_kind=FLAGS.per_kind, seed=FLAGS.seed, on_drawn=advance)


def from_tfds(name: str, destination: Path) -> None:
    if _photos(destination) is None:
        left_out = tfds_photos.fetch(name, destination, lambda total: progress.show("writing", total, "pictures"))
        if left_out:
            command_line.warn(f"splits left out, as they are neither train, validation nor test: {', '.join(left_out)}")


# What fetches each dataset, and the flags that it heeds beside --destination.
DATASETS = {
    "flower_photos": (flower_photos, ("patience",)),
    "cifar10": (cifar10, ("patience",)),
    "drawn_flowers": (drawn_flowers, ("per_kind", "seed")),
    "oxford_flowers102": (oxford_flowers102, ("patience",)),
}


def main(positional: list[str]) -> None:
    name = _dataset_name(positional)
    set_name = name.removeprefix(_TFDS)
    fetch, heeded = (partial(from_tfds, set_name), ()) if set_name != name else DATASETS[name]
    for flag in {"patience", "per_kind", "seed"} - set(heeded):
        if FLAGS[flag].present:
            raise UserError(f"--{flag} means nothing for {name}: leave it out")
    folder_name = re.sub(r"[^\w.-]+", "_", set_name)
    destination = Path("tf_files", folder_name) if FLAGS.destination is None else Path(FLAGS.destination)
    if destination.name in ("", ".."):
        raise UserError(f"--destination is {FLAGS.destination!r}, expected a folder's name: give one, missing or empty")
    plot = None if FLAGS.plot is None else Path(FLAGS.plot)
    if plot is not None:
        picture_files.check(plot, "plot")
    before = _photos(destination)
    fetch(destination)
    lists = image_lists.scan(destination, 0, 0, fewest_labels=1)
    names_file = destination / oxford_flowers.NAMES_FILE
    named = category_names.read(names_file, lists.labels) if names_file.exists() else None
    already = " already (delete the folder to have it made anew)" if before == lists else ""
    print(f"{len(lists.photos)} photos of {len(lists.labels)} labels are in {destination}{already}")
    print(*_table(lists, named), sep="\n")
    print(f"  pictures: {sizes.of(destination / photo.path for photo in lists.photos).describe()}")
    if named is not None:
        print(f"names of the labels: --category_names={names_file}")
    if plot is not None:
        drawn = sample_sheet.draw(lists, category_names.shown(lists.labels, named))
        picture_files.write(drawn.picture, plot)
        command_line.warn(*drawn.warnings())
        print(f"written: {plot} ({drawn.picture.width} x {drawn.picture.height} pixels)")


def _dataset_name(positional: list[str]) -> str:
    known = f"{', '.join(DATASETS)} and {_TFDS}NAME"
    if len(positional) != 1:
        given = " ".join(positional) or "nothing"
        raise UserError(f"expected the name of what to fetch ({known}), found {given}")
    name = positional[0]
    if name.startswith(_TFDS) and name != _TFDS:
        return name
    if name not in DATASETS:
        nearest = difflib.get_close_matches(name, DATASETS, 1, cutoff=0)[0]
        raise UserError(f"nothing is known by the name {name!r}: there are {known}; did you mean {nearest}?")
    return name


def _photos(folder: Path) -> ImageLists | None:
    """What the folder holds; None where it is no folder of photos yet."""
    try:
        return image_lists.scan(folder, 0, 0, fewest_labels=1)
    except UserError:
        return None  # whoever is to fill it says why that cannot be
    except OSError as error:
        raise UserError(f"cannot look into {folder} ({error.strerror}): give another --destination") from None


def _table(lists: ImageLists, named: dict[str, str] | None) -> list[str]:
    """A line for each label with its numbers of photos, in each set where there are sets."""
    sets = [split for split in SPLITS if lists.of(split)] if lists.ready_made else [None]
    labels = [label if named is None else f"{label} {named[label]}" for label in lists.labels]
    width = min(_LONGEST_LABEL, max(12, *(text_columns.columns(label) for label in labels)))
    rows = list(zip(labels, *(lists.counts(split) for split in sets), strict=True))
    if lists.ready_made:
        rows = [("", *sets), ("all", *(len(lists.of(split)) for split in sets)), *rows]
    lines = [
        f"  {text_columns.fit(label, width)}" + "".join(f" {each:>{_COLUMN}}" for each in numbers)
        for label, *numbers in rows[:_MOST_LINES]
    ]
    return [*lines, f"  and {len(rows) - _MOST_LINES} more labels"] if len(rows) > _MOST_LINES else lines


if __name__ == "__main__":
    command_line.run(main)
