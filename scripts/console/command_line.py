"""Runs a command: parses its flags, turns errors meant for the user into one line."""

import faulthandler
import gc
import io
import logging
import os
import shutil
import sys
import tempfile
import textwrap
import warnings
from collections.abc import Callable
from typing import NoReturn

from ..classifier.errors import UserError
from . import flags, missing_packages

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
            status = main(_parse(sys.argv)) or 0
        sys.stdout.flush()  # here, where a reader that has gone is noticed
    except flags.Error as error:
        _fail(f"{' '.join(str(error).split()).rstrip('.')}. Run with --help for the list of flags.")
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
        # The reader of our output (`| head`) has seen enough; nothing more can be written to it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = EXIT_USER_ERROR
    _exit(status)


def refuse_positional(positional: list[str]) -> None:
    """For commands that take flags only: a stray word is a typing error, never ignored."""
    if positional:
        raise UserError(f"unexpected argument {positional[0]!r}: this command takes flags only, as in --name=value")


def options(main: Callable) -> dict[str, object]:
    """The command's own flags and their values."""
    return {flag.name: flag.value for flag in own_flags(main)}


def _parse(argv: list[str]) -> list[str]:
    """Sets the flags; returns the words that belong to none."""
    try:
        return FLAGS(argv)[1:]
    except ValueError as error:  # absl's, of --noflag=value
        raise flags.Error(str(error)) from None


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
    """The command's own docstring, then each of its flags with its default."""
    doc = sys.modules[main.__module__].__doc__ or ""
    width = min(100, shutil.get_terminal_size().columns)
    lines = [doc.strip(), "", "Flags:"]
    for flag in own_flags(main):
        default = "" if flag.default in (None, "", []) else f" (default: {(flag.default_as_str or '').strip(chr(39))})"
        name = f"--[no]{flag.name}" if flag.boolean else f"--{flag.name}"
        words = (flag.help or "").split(";\n")[0]  # behind that, absl explains flags of several values
        text = f"{' '.join(words.split())}{default}"
        lines += [f"  {name}", textwrap.fill(text, width, initial_indent="      ", subsequent_indent="      ")]
    return "\n".join(lines)


def own_flags(main: Callable) -> list[flags.Flag]:
    """Those that the command's module defines, and those that it imports; absl's and TensorFlow's are left out.

    absl files the flags of the module that was run under argv[0], of others under their name.
    """
    by_module = FLAGS.flags_by_module_dict()
    key = sys.argv[0] if main.__module__ == "__main__" else main.__module__
    ours = [module for module in by_module if module == key or module.startswith(f"{__package__}.")]
    found = [flag for module in ours for flag in by_module[module]]
    return sorted(found, key=lambda flag: flag.name)


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
