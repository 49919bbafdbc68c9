"""Shows photos on the terminal or in a picture file, with the photographers.

    python -m scripts.show_image tf_files/flower_photos/daisy/7568630428_8cf0fc16ff_n.jpg

Photographers are looked up in the LICENSE.txt of the photo's folder or a folder above it, which comes with sets of
Creative Commons photos. Terminals with many colours show the photo in colour. Others, and files, get letters: the
denser, the brighter.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

from PIL import Image

from .classifier import invocation
from .classifier.drawing import captions, picture_files, terminal
from .classifier.errors import UserError
from .classifier.photos import attributions, folders, named_pictures, pixels, walking
from .console import command_line, flags
from .console.console import Console
from .console.path_kinds import PICTURE

FLAGS = flags.FLAGS
flags.group("output")
flags.DEFINE_path(
    "output", None, "Draw the photos with captions into this file (.png or .jpg); several make a sheet.", PICTURE
)
flags.DEFINE_integer(
    "width",
    None,
    "Characters per line on the terminal, or width of --output in pixels. Default: as wide as fits.",
    1,
    10_000,
)

_WIDTH_OF_FILES = 80
_TALLEST = 2  # times as high as wide, if only the width is bounded
# Photos shown from a folder or a pattern: few on a terminal, where each fills the screen.
_MOST_ON_TERMINAL, _MOST_ON_SHEET = 6, 240


def main(positional: list[str]) -> int:
    if not positional:
        example = invocation.command("show_image PHOTO")
        raise UserError(f"no photo given: name photos, or a folder of them, as in {example}")
    console = Console()
    if FLAGS.output is not None:
        output = Path(FLAGS.output)
        photos = _find(positional, _MOST_ON_SHEET, console, but_not=output)
        return _write(photos, output, console)
    photos = _find(positional, _MOST_ON_TERMINAL, console)
    status = _print(photos, console)
    if len(photos) > 1 and status == 0:
        console.suggest(("see them on one sheet", f"show_image {shlex.join(positional)} --output=photos.png"))
    return status


def _find(words: list[str], most: int, console: Console, but_not: Path | None = None) -> list[Path]:
    """The named files, and from each folder or pattern at most `most` photos, evenly spread."""
    photos: list[Path] = []
    for word in words:
        path = Path(word)
        if word and not path.is_dir() and (path.exists() or not set(word) & set("*?[,")):
            photos.append(path)
            continue
        left_out = walking.LeftOut()
        found = [each for each in named_pictures.find([word], left_out) if not _same(each, but_not)]
        console.warn(*walking.described(left_out))
        if len(found) > most:
            console.say(f"showing {most} of {len(found):,} photos in {word}, evenly spread")
            found = [found[at * len(found) // most] for at in range(most)]
        photos += found
    return photos


def _print(photos: list[Path], console: Console) -> int:
    colours = terminal.shows_colours(sys.stdout.isatty(), sys.stdout.encoding, os.environ)
    shown: list[Path] = []
    for path in photos:
        below = [attributions.caption(path, str(path)), *(attributions.missing([path]) if len(photos) == 1 else [])]
        columns, rows = _room(below)
        photo = _open(path, (max(columns, 2 * rows),) * 2)
        if photo is not None:
            console.draw(*([""] if shown else []), *terminal.draw(photo, columns, rows, colours=colours))
            console.say(*below)
            shown.append(path)
    if len(photos) > 1:
        console.say(*attributions.missing(shown))
    return 0 if len(shown) == len(photos) else 1


def _room(below: list[str]) -> tuple[int, int]:
    """The columns and lines that a photo may take with this text below it."""
    if FLAGS.width is not None or not sys.stdout.isatty():
        columns = _WIDTH_OF_FILES if FLAGS.width is None else FLAGS.width
        return columns, columns * _TALLEST // 2
    columns, lines = shutil.get_terminal_size()
    return columns, max(1, lines - 1 - sum(-(-len(line) // columns) for line in below))  # the prompt takes a line too


def _write(photos: list[Path], output: Path, console: Console) -> int:
    picture_files.check(output, "output")
    if FLAGS.width is not None and FLAGS.width < captions.NARROWEST:
        raise UserError(f"--width={FLAGS.width}: captions need at least {captions.NARROWEST} pixels")
    if any(_same(path, output) for path in photos):
        raise UserError(f"--output={output} is one of the photos, which it would replace: give another name")
    box, opened = captions.box(len(photos), FLAGS.width), []
    with console.show("reading photos", "photos")(len(photos)) as advance:
        for path in photos:
            photo = _open(path, box)
            opened += [] if photo is None else [(path, photo)]
            advance(1)
    if not opened:
        return 1
    several = len({path.parent for path, _ in opened}) > 1
    names = [f"{path.parent.name}/{path.name}" if several else path.name for path, _ in opened]
    captioned = [(photo, attributions.caption(path, name)) for (path, photo), name in zip(opened, names, strict=True)]
    with console.waiting("drawing"):
        drawn = captions.draw(captioned, FLAGS.width)
        picture_files.write(drawn.picture, output)
    console.warn(*drawn.warnings())
    paths = [path for path, _ in opened]
    known = [attributions.caption(path, str(path)) for path in paths if not attributions.missing([path])]
    console.say(*known, *attributions.missing(paths))
    size = f"{drawn.picture.width} x {drawn.picture.height} pixels"
    console.say(f"written: {output} ({size})", f"look at it: {output}")
    return 0 if len(opened) == len(photos) else 1


def _open(path: Path, box: tuple[int, int]) -> Image.Image | None:
    """A photo no larger than the box; None, and a line about it, if it cannot be read."""
    try:
        photo = pixels.open_rgb(folders.contents(path), max(box))
    except (pixels.UnreadableImage, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        command_line.print_error(f"{path}: {reason}")
        return None
    photo.thumbnail(box)
    return photo


def _same(path: Path, other: Path | None) -> bool:
    return other is not None and path.exists() and other.exists() and path.samefile(other)


if __name__ == "__main__":
    command_line.run(main)
