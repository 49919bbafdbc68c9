"""Shows photos on the terminal or in a picture file, with the photographers.

    python -m scripts.show_image tf_files/flower_photos/daisy/7568630428_8cf0fc16ff_n.jpg

Photographers are looked up in the LICENSE.txt of the photo's folder or a folder above it, which comes with sets of
Creative Commons photos. Terminals with many colours show the photo in colour. Others, and files, get letters: the
denser, the brighter.
"""

import os
import shutil
import sys
from pathlib import Path

from PIL import Image

from .classifier.drawing import captions, picture_files, terminal
from .classifier.errors import UserError
from .classifier.photos import attributions, pixels
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
    "Characters a line on the terminal, or width of --output in pixels. Default: as wide as fits.",
    1,
    10_000,
)

_WIDTH_OF_FILES = 80
_TALLEST = 2  # times as high as wide, where only the width is bounded


def main(positional: list[str]) -> int:
    if not positional:
        raise UserError("no photo given: name one or more, as in python -m scripts.show_image PHOTO")
    photos, console = [Path(word) for word in positional], Console()
    if FLAGS.output is None:
        return _print(photos, console)
    return _write(photos, Path(FLAGS.output), console)


def _print(photos: list[Path], console: Console) -> int:
    colours = terminal.shows_colours(sys.stdout.isatty(), sys.stdout.encoding, os.environ)
    shown = 0
    for path in photos:
        who = _attribution(path)
        columns, rows = _room(who)
        photo = _open(path, (max(columns, 2 * rows),) * 2)
        if photo is not None:
            if shown:
                console.say("")
            console.say(*terminal.draw(photo, columns, rows, colours=colours), who)
            shown += 1
    return 0 if shown == len(photos) else 1


def _room(below: str) -> tuple[int, int]:
    """Characters a line and lines for a photo with this text below it."""
    if FLAGS.width is not None or not sys.stdout.isatty():
        columns = _WIDTH_OF_FILES if FLAGS.width is None else FLAGS.width
        return columns, columns * _TALLEST // 2
    columns, lines = shutil.get_terminal_size()
    return columns, max(1, lines - 1 - -(-len(below) // columns))  # the prompt takes a line too


def _write(photos: list[Path], output: Path, console: Console) -> int:
    picture_files.check(output, "output")
    if FLAGS.width is not None and FLAGS.width < captions.NARROWEST:
        raise UserError(f"--width={FLAGS.width}: captions need at least {captions.NARROWEST} pixels")
    if any(path.exists() and output.exists() and path.samefile(output) for path in photos):
        raise UserError(f"--output={output} is one of the photos, which it would replace: give another name")
    opened = [(path, _open(path, captions.box(len(photos), FLAGS.width))) for path in photos]
    captioned = [(photo, _attribution(path, path.name)) for path, photo in opened if photo is not None]
    if not captioned:
        return 1
    drawn = captions.draw(captioned, FLAGS.width)
    picture_files.write(drawn.picture, output)
    console.warn(*drawn.warnings())
    console.say(*(_attribution(path) for path, photo in opened if photo is not None))
    console.say(f"written: {output} ({drawn.picture.width} x {drawn.picture.height} pixels)")
    return 0 if len(captioned) == len(photos) else 1


def _open(path: Path, box: tuple[int, int]) -> Image.Image | None:
    """No larger than the box; None, and a line about it, where it cannot be read."""
    try:
        photo = pixels.open_rgb(path.read_bytes(), max(box))
    except (pixels.UnreadableImage, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        print(f"error: {attributions.printable(str(path))}: {reason}", file=sys.stderr, flush=True)
        return None
    photo.thumbnail(box)
    return photo


def _attribution(path: Path, called: str | None = None) -> str:
    name, who = attributions.printable(called or str(path)), attributions.find(path)
    return f"{name}: no attribution, {who}" if isinstance(who, str) else f"{name} {who}"


if __name__ == "__main__":
    command_line.run(main)
