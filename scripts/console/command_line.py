"""Runs a command: parses its flags and prints errors meant for the user in one line."""

import gc
import io
import logging
import os
import shutil
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn, TextIO

from ..classifier.errors import UserError
from ..classifier.formats import quiet_tensorflow
from ..classifier.plain_text import printable
from . import flags, help_text, missing_packages
from .path_kinds import expand_all

FLAGS = flags.FLAGS

EXIT_USER_ERROR = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def run(main: Callable[[list[str]], int | None]) -> None:
    """Parses the flags, calls `main` with the other arguments, and exits with the status it returns; None means 0."""
    _tame_tensorflow()
    # Importing TensorFlow makes a million objects that stay. Garbage collections as often as by default would cost
    # half a second.
    gc.set_threshold(100_000, 20, 20)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name may not be printable
    try:
        if any(word in ("-h", "-help", "--help") for word in sys.argv[1:]):
            print(_help(main))
            status = 0
        else:
            status = main(_parse(sys.argv[1:])) or 0
        sys.stdout.flush()  # inside the try, in case the reader has gone
    except flags.Error as error:
        _fail(" ".join(str(error).split()))
    except UserError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        package = missing_packages.named_by(error)
        if package is None:
            raise
        _fail(missing_packages.remedy(package))
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of the output (such as `| head`) has gone, so nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = EXIT_USER_ERROR
    _exit(status)


def refuse_positional(positional: list[str]) -> None:
    """For commands that take flags only: a stray word is probably a typing error."""
    if positional:
        word = positional[0]
        meant = "image_dir" if os.path.isdir(word) else "graph" if os.path.isfile(word) else ""
        hint = (
            f"did you mean --{meant}={word}?" if meant in FLAGS else "this command takes flags only, as in --name=value"
        )
        raise UserError(f"unexpected argument {word!r}: {hint}")


def print_error(message: str) -> None:
    print_safely(f"error: {message}", file=sys.stderr)


def print_safely(*lines: object, file: TextIO | None = None) -> None:
    """Prints lines that may hold names from elsewhere."""
    print(*map(printable, lines), sep="\n", file=file, flush=True)


def own_flags() -> list[flags.Flag]:
    """The flags of the command that is imported, in the order of their definition."""
    return list(FLAGS)


def options() -> dict[str, object]:
    """The command's flags and their values."""
    return {flag.name: flag.value for flag in sorted(own_flags(), key=lambda flag: flag.name)}


def _parse(words: list[str]) -> list[str]:
    """Sets the flags; returns the other arguments, which are paths for most commands."""
    positional = FLAGS(words)
    if not all(word.strip(" ,") for word in positional):
        raise flags.Error("an argument is empty: expected a path or a word; is a shell variable unset?")
    return [expand_all(word) for word in positional]


def _fail(message: str) -> NoReturn:
    print_error(message)
    _exit(EXIT_USER_ERROR)


def _exit(status: int) -> NoReturn:
    """Ends at once: everything has been written, and TensorFlow's shutdown would take most of a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    if "tensorflow" in sys.modules:
        os._exit(status)
    sys.exit(status)


def _help(main: Callable) -> str:
    doc = main.__globals__["__doc__"] or ""
    return help_text.text(doc, own_flags(), FLAGS.most_used, shutil.get_terminal_size().columns)


def _tame_tensorflow() -> None:
    warnings.filterwarnings("ignore")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if "precision" not in FLAGS:
        # Only computing bottlenecks and training are worth the seconds and the memory that a GPU takes. This way a
        # written classifier also gives the same answers everywhere.
        os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    quiet_tensorflow.for_a_command()
