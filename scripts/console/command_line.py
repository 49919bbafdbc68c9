"""Runs a command: parses its flags, turns errors meant for the user into one line."""

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

from ..classifier import invocation
from ..classifier.errors import UserError
from . import flags, help_text
from .path_kinds import expand_all

FLAGS = flags.FLAGS

# Read by TensorFlow when it is imported. Handing small operations to other threads costs a tenth of the training
# time; large ones still use all cores internally.
TENSORFLOW_SETTINGS = {"TF_CPP_MIN_LOG_LEVEL": "2", "TF_NUM_INTEROP_THREADS": "1"}

EXIT_USER_ERROR = 1
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells report it


def run(main: Callable[[list[str]], int | None]) -> None:
    """Parses the flags, calls `main` with what is left of the command line, and exits.

    `main` returns the exit status, None meaning 0.
    """
    _tame_tensorflow()
    # Importing TensorFlow makes a million objects that stay. Collecting garbage after every 700 allocations,
    # Python's default, would cost half a second.
    gc.set_threshold(100_000, 20, 20)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a file name need not be printable
    try:
        if any(word in ("-h", "-help", "--help") for word in sys.argv[1:]):
            print(_help(main))
            status = 0
        else:
            status = main(_parse(sys.argv[1:])) or 0
        sys.stdout.flush()  # here, where a reader that has gone is noticed
    except flags.Error as error:
        _fail(" ".join(str(error).split()))
    except UserError as error:
        _fail(str(error))
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or package == __name__.partition(".")[0]:
            raise
        _fail(
            f"this needs the package {package}, which is not installed: {invocation.install('core')}. "
            "Labelling with a .tflite file needs ai-edge-litert, numpy and Pillow only"
        )
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of our output (`| head`) has seen enough; nothing more can be written to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = EXIT_USER_ERROR
    _exit(status)


def refuse_positional(positional: list[str]) -> None:
    """For commands that take flags only: a stray word is a typing error, never ignored."""
    if positional:
        raise UserError(f"unexpected argument {positional[0]!r}: this command takes flags only, as in --name=value")


def own_flags() -> list[flags.Flag]:
    """The flags of the command that runs, in the order in which they were defined."""
    return list(FLAGS)


def options() -> dict[str, object]:
    """The command's flags and their values."""
    return {flag.name: flag.value for flag in sorted(own_flags(), key=lambda flag: flag.name)}


def _parse(words: list[str]) -> list[str]:
    """Sets the flags; returns the words that belong to none, which name files on most commands."""
    positional = FLAGS(words)
    if not all(word.strip(" ,") for word in positional):
        raise flags.Error("an argument is empty: expected words, or flags as in --name=value")
    return [expand_all(word) for word in positional]


def _fail(message: str) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    _exit(EXIT_USER_ERROR)


def _exit(status: int) -> NoReturn:
    """Ends at once: all is written by now, and TensorFlow would take most of a second to take itself apart."""
    sys.stdout.flush()
    sys.stderr.flush()
    if "tensorflow" in sys.modules:
        os._exit(status)
    sys.exit(status)


def _help(main: Callable) -> str:
    doc = main.__globals__["__doc__"] or ""
    return help_text.text(doc, own_flags(), FLAGS.most_used, shutil.get_terminal_size().columns)


def _tame_tensorflow() -> None:
    """Sets what has to be set before it is imported, and sends what its C++ writes to descriptor 2 elsewhere.

    TensorFlow 2.21 prints start-up notes there whatever TF_CPP_MIN_LOG_LEVEL says, because they
    come before its logging is set up. Python's sys.stderr, which speaks to the user, keeps the
    real one, and so does faulthandler, so that a crash in native code is still seen.
    POETS_NATIVE_LOG=stderr leaves everything in place.
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
