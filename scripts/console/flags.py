"""The flags of a command: modules define them with DEFINE_string and the like, and FLAGS holds their values.

Command lines look as they do with absl: `--name=value`, `--name value`, `--json`, `--nojson`. No package is needed, so
label_image runs if only LiteRT, NumPy and Pillow are installed.
"""

import difflib
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .path_kinds import PathKind

# The headings of --help, in this order.
GROUPS = (
    "photos",
    "distorted views of the training photos",
    "classifier",
    "network",
    "bottlenecks",
    "training",
    "fine-tuning",
    "how a picture is prepared",
    "server",
    "answers in use",
    "output",
)


class Error(Exception):
    """A command line that cannot be understood."""


@dataclass(kw_only=True)
class Flag:
    name: str
    default: Any
    help: str
    convert: Callable[[str], Any]  # raises ValueError("expected ...")
    example: str  # a value to show in messages
    group: str | None
    choices: tuple[str, ...] = ()  # an enum's values
    path: PathKind | None = None  # for flags that are paths
    boolean: bool = False
    multiple: bool = False  # each mention adds a value

    def __post_init__(self) -> None:
        self.value: Any = self.default
        self.present = False  # given on the command line

    @property
    def default_as_str(self) -> str | None:
        """As it would be given on the command line; None if there is no default."""
        if self.default in (None, "", []):
            return None
        if isinstance(self.default, float):
            return f"{self.default:g}"
        return str(self.default).lower() if self.boolean else str(self.default)

    def take(self, word: str) -> None:
        try:
            value = self.convert(word)
        except ValueError as error:
            hint = "" if word.strip() else f", as in --{self.name}={self.example}"
            found = f"--{self.name}={word}" if word.strip() else f"--{self.name} is empty"
            raise Error(f"{found}: {error}{hint}") from None
        self.value = [*self.value, value] if self.multiple and self.present else [value] if self.multiple else value
        self.present = True


class FlagValues:
    """The flags that modules have defined, with their values as attributes."""

    def __init__(self) -> None:
        self._flags: dict[str, Flag] = {}
        self._groups: dict[str, str] = {}  # by module
        self._most_used: tuple[str, ...] = ()

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_flags"][name].value
        except KeyError:
            raise AttributeError(name) from None

    def __getitem__(self, name: str) -> Flag:
        return self._flags[name]

    def __contains__(self, name: str) -> bool:
        return name in self._flags

    def __iter__(self) -> Iterator[Flag]:
        """In the order in which they were defined."""
        return iter(self._flags.values())

    @property
    def most_used(self) -> list[Flag]:
        return [self._flags[name] for name in self._most_used]

    def __call__(self, words: Sequence[str]) -> list[str]:
        """Sets the flags from the words after a command's name; returns the words that belong to no flag."""
        others: list[str] = []
        unknown, left = [], iter(words)
        value: str | None
        for word in left:
            name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
            if word == "--":
                others += left
            elif not word.startswith("-") or not name:
                others.append(word)
            elif name in self._flags:
                flag = self._flags[name]
                if not equals:
                    value = "true" if flag.boolean else next(left, None)
                if value is None:
                    raise Error(f"--{name} needs a value, as in --{name}={flag.example}")
                flag.take(value)
            elif name.startswith("no") and name[2:] in self._flags and self._flags[name[2:]].boolean:
                if equals:
                    raise Error(f"{word}: --{name} takes no value")
                self._flags[name[2:]].take("false")
            else:
                unknown.append(name)
        if unknown:
            raise Error(self._no_such_flag(unknown[0]))
        return others

    def _no_such_flag(self, name: str) -> str:
        spellings = ["help", *self._flags, *(f"no{flag.name}" for flag in self if flag.boolean)]
        near = difflib.get_close_matches(name, spellings, n=1)
        hint = f"Did you mean --{near[0]}?" if near else "Run with --help for the list of flags"
        return f"there is no flag --{name}. {hint}"


FLAGS = FlagValues()


def group(name: str) -> None:
    """Puts the flags that the calling module defines from here on into one of the groups."""
    if name not in GROUPS:
        raise ValueError(f"there is no group {name!r} of flags")
    FLAGS._groups[_caller()] = name


def most_used(*names: str) -> None:
    """Names the flags to show at the top of --help."""
    FLAGS._most_used = names


def DEFINE_string(name: str, default: str | None, help: str) -> None:
    _define(name, default, help, str, example=default or "some_text")


def DEFINE_path(name: str, default: str | None, help: str, kind: PathKind) -> None:
    _define(name, default, help, kind.read, example=kind.example, path=kind)


def DEFINE_multi_path(name: str, default: list[str], help: str, kind: PathKind) -> None:
    _define(name, default, help, kind.read, example=kind.example, path=kind, multiple=True)


def DEFINE_list(name: str, default: list[str], help: str) -> None:
    """A list separated by commas, such as 512,256."""
    _define(name, default, help, lambda word: [part.strip() for part in word.split(",")] if word else [], example="a,b")


def DEFINE_bool(name: str, default: bool | None, help: str) -> None:
    _define(name, default, help, _to_bool, example="true", boolean=True)


def DEFINE_integer(
    name: str, default: int | None, help: str, lower_bound: int | None = None, upper_bound: int | None = None
) -> None:
    convert = _within(lower_bound, upper_bound, _to_int, "a whole number")
    _define(name, default, help, convert, example=str(lower_bound or 0 if default is None else default))


def DEFINE_float(
    name: str, default: float | None, help: str, lower_bound: float | None = None, upper_bound: float | None = None
) -> None:
    convert = _within(lower_bound, upper_bound, float, "a number")
    _define(name, default, help, convert, example="0.5" if default is None else str(default))


def DEFINE_enum(name: str, default: str | None, enum_values: Sequence[str], help: str) -> None:
    def one_of(word: str) -> str:
        if word not in enum_values:
            raise ValueError(f"expected {' or '.join([', '.join(enum_values[:-1]), enum_values[-1]])}")
        return word

    _define(name, default, help, one_of, example=default or enum_values[0], choices=tuple(enum_values))


def _define(name: str, default: Any, help: str, convert: Callable[[str], Any], **more: Any) -> None:
    if name in FLAGS:
        raise ValueError(f"--{name} is defined twice")
    flag = Flag(name=name, default=default, help=help, convert=convert, group=FLAGS._groups.get(_caller()), **more)
    FLAGS._flags[name] = flag


def _caller() -> str:
    """The module that called this one."""
    frame = sys._getframe(1)
    while frame.f_globals["__name__"] == __name__ and frame.f_back is not None:
        frame = frame.f_back
    return frame.f_globals["__name__"]


def _to_bool(word: str) -> bool:
    if word.lower() in ("true", "t", "1"):
        return True
    if word.lower() in ("false", "f", "0"):
        return False
    raise ValueError("expected true or false")


def _to_int(word: str) -> int:
    """Decimal, or hexadecimal or octal: 0x1f, 0o17."""
    return int(word, {"0x": 16, "0o": 8}.get(word[:2], 10))


def _within(low: float | None, high: float | None, convert: Callable[[str], Any], kind: str) -> Callable[[str], Any]:
    def convert_and_check(word: str) -> Any:
        expected = f"expected {kind}{_range(low, high)}"
        try:
            value = convert(word)
        except ValueError:
            raise ValueError(expected) from None
        if (low is not None and value < low) or (high is not None and value > high):
            raise ValueError(expected)
        return value

    return convert_and_check


def _range(low: float | None, high: float | None) -> str:
    if low is None and high is None:
        return ""
    if low is not None and high is not None:
        return f" from {low} to {high}"
    return f" of at least {low}" if high is None else f" of at most {high}"
