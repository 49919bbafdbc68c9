"""Fetches photos to begin with: python -m scripts.fetch flower_photos | drawn_flowers

flower_photos   3,670 real photos of five flowers (229 MB), published with TensorFlow under Creative Commons
drawn_flowers   five kinds of flowers drawn on the spot, for machines that reach no network

What is there already is left as it is; what was interrupted is continued.
"""

import difflib
from pathlib import Path

from absl import flags

from scripts import command_line, progress
from scripts.classifier import datasets, downloads
from scripts.classifier.errors import UserError

FLAGS = flags.FLAGS
flags.DEFINE_string("destination", None, "Folder to put the photos in; tf_files/<name> unless given.")
flags.DEFINE_integer("per_kind", 100, "How many flowers of each kind to draw.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Where the drawing's random numbers start: the same seed draws the same flowers.")
flags.DEFINE_float(
    "patience", downloads.Patience().first_byte_seconds, "Seconds that a server is given to begin to answer.",
    lower_bound=0,
)


def flower_photos(destination: Path) -> None:
    if _photos_by_label(destination):
        return
    try:
        datasets.fetch(
            datasets.FLOWER_PHOTOS, destination, patience=downloads.Patience(first_byte_seconds=FLAGS.patience),
            show_download=lambda total, done: progress.show(destination.name, total, "B", done=done),
            show_unpacking=lambda total: progress.show("unpacking", total, "B"),
        )
    except downloads.Unavailable as error:
        raise downloads.Unavailable(f"{error}; to go on without: python -m scripts.fetch drawn_flowers") from None


def drawn_flowers(destination: Path) -> None:
    from scripts.classifier import drawn_flowers

    with progress.show("drawing", len(drawn_flowers.KINDS) * FLAGS.per_kind, "flowers") as advance:
        drawn_flowers.draw(destination, per_kind=FLAGS.per_kind, seed=FLAGS.seed, on_drawn=advance)


# What fetches each dataset, and the flags that it heeds beside --destination.
DATASETS = {
    "flower_photos": (flower_photos, ("patience",)),
    "drawn_flowers": (drawn_flowers, ("per_kind", "seed")),
}


def main(positional: list[str]) -> None:
    name = _dataset_name(positional)
    fetch, heeded = DATASETS[name]
    for flag in {"patience", "per_kind", "seed"} - set(heeded):
        if FLAGS[flag].present:
            raise UserError(f"--{flag} means nothing for {name}: leave it out")
    destination = Path("tf_files", name) if FLAGS.destination is None else Path(FLAGS.destination)
    if destination.name in ("", ".."):
        raise UserError(f"--destination is {FLAGS.destination!r}, expected a folder's name: give one, missing or empty")
    before = _photos_by_label(destination)
    fetch(destination)
    labels = _photos_by_label(destination)
    already = " already (delete the folder to have it made anew)" if labels == before else ""
    print(f"{sum(labels.values())} photos of {len(labels)} labels are in {destination}{already}")
    for label, count in labels.items():
        print(f"  {label:<12} {count:>6}")


def _dataset_name(positional: list[str]) -> str:
    known = " and ".join(DATASETS)
    if len(positional) != 1:
        given = " ".join(positional) or "nothing"
        raise UserError(f"expected the name of what to fetch ({known}), found {given}")
    if positional[0] not in DATASETS:
        nearest = difflib.get_close_matches(positional[0], DATASETS, 1, cutoff=0)[0]
        raise UserError(f"nothing is known by the name {positional[0]!r}: there are {known}; did you mean {nearest}?")
    return positional[0]


def _photos_by_label(folder: Path) -> dict[str, int]:
    try:
        labels = [path for path in folder.iterdir() if path.is_dir()]
        counts = {label.name: sum(file.is_file() for file in label.iterdir()) for label in labels}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"cannot look into {folder} ({error.strerror}): give another --destination") from None
    return {label: counts[label] for label in sorted(counts) if counts[label]}


if __name__ == "__main__":
    command_line.run(main)
