"""Runs a command: parses its flags and prints errors meant for the user in one line."""

import faulthandler
import gc
import io
import logging
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable
from typing import NoReturn

from ..classifier.errors import UserError
from . import flags, help_text, missing_packages
from .path_kinds import expand_all

FLAGS = flags.FLAGS

# Read by TensorFlow when it is imported. Handing small operations to other threads costs a tenth of the training
# time; large ones still use all cores internally.
TENSORFLOW_SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_NUM_INTEROP_THREADS": "1"}

EXIT_USER_ERROR = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def run(main: Callable[[list[str]], int | None]) -> None:
    """Parses the flags, calls `main` with the other arguments, and exits with the status it returns; None means 0."""
    _tame_tensorflow()
    # Importing TensorFlow makes a million objects that stay. Python's default, a garbage collection every 700
    # allocations, would cost half a second.
    gc.set_threshold(100_000, 20, 20)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name need not be printable
    try:
        if any(word in ("-h", "-help", "--help") for word in sys.argv[1:]):
            print(_help(main))
            status = 0
        else:
            status = main(_parse(sys.argv[1:])) or 0
        sys.stdout.flush()  # inside the try, which handles a reader that has gone
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
        # The reader of our output (`| head`) has gone, and nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = EXIT_USER_ERROR
    _exit(status)


def refuse_positional(positional: list[str]) -> None:
    """For commands that take flags only: a stray word is a typing error and must not be ignored."""
    if positional:
        word = positional[0]
        meant = "image_dir" if os.path.isdir(word) else "graph" if os.path.isfile(word) else ""
        hint = (
            f"did you mean --{meant}={word}?" if meant in FLAGS else "this command takes flags only, as in --name=value"
        )
        raise UserError(f"unexpected argument {word!r}: {hint}")


def own_flags() -> list[flags.Flag]:
    """The flags of the command that is imported, in the order of their definition."""
    return list(FLAGS)


def options() -> dict[str, object]:
    """The command's flags and their values."""
    return {flag.name: flag.value for flag in sorted(own_flags(), key=lambda flag: flag.name)}


def _parse(words: list[str]) -> list[str]:
    """Sets the flags; returns the other arguments, which are paths on most commands."""
    positional = FLAGS(words)
    if not all(word.strip(" ,") for word in positional):
        raise flags.Error("an argument is empty: expected a path or a word; is a shell variable unset?")
    return [expand_all(word) for word in positional]


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    _exit(EXIT_USER_ERROR)


def _exit(status: int) -> NoReturn:
    """Ends at once: everything is written by now, and TensorFlow's shutdown would take most of a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    if "tensorflow" in sys.modules:
        os._exit(status)
    sys.exit(status)


def _help(main: Callable) -> str:
    doc = main.__globals__["__doc__"] or ""
    return help_text.text(doc, own_flags(), FLAGS.most_used, shutil.get_terminal_size().columns)


def _tame_tensorflow() -> None:
    """Makes TensorFlow quiet and fast, which has to happen before it is imported.

    TensorFlow 2.21 writes start-up notes to descriptor 2 whatever TF_CPP_MIN_LOG_LEVEL says, because they come before
    its logging is set up, so the descriptor is redirected to a file. Python's sys.stderr, for messages to the user,
    and faulthandler, for crashes in native code, keep the real one. POETS_NATIVE_LOG=stderr turns this off.
    """
    for name, value in TENSORFLOW_SETTINGS.items():
        os.environ.setdefault(name, value)
    warnings.filterwarnings("ignore")
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    if os.environ.get("POETS_NATIVE_LOG") == "stderr":
        return
    real = os.dup(2)
    sys.stderr = os.fdopen(real, "w", buffering=1, errors="backslashreplace")
    with tempfile.TemporaryFile() as log:
        os.dup2(log.fileno(), 2)
    faulthandler.enable(sys.stderr)
