"""Flags that look and behave like absl's, for machines where nothing is installed but what runs .tflite files."""

import difflib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


class Error(Exception):
    """A command line that cannot be understood."""


@dataclass
class Flag:
    name: str
    default: Any
    help: str
    convert: Callable[[str], Any]  # ValueError: why a word is no value for it
    boolean: bool = False
    multiple: bool = False  # whether each mention adds a value

    def __post_init__(self) -> None:
        self.value: Any = self.default
        self._mentioned = False

    @property
    def default_as_str(self) -> str:
        return str(self.default).lower() if self.boolean else str(self.default)

    def take(self, word: str) -> None:
        try:
            value = self.convert(word)
        except ValueError as error:
            raise Error(f"flag --{self.name}={word}: {error}") from None
        if self.multiple:
            self.value = [*self.value, value] if self._mentioned else [value]
        else:
            self.value = value
        self._mentioned = True


class FlagValues:
    """The flags that were defined, their values as attributes."""

    def __init__(self) -> None:
        self._flags: dict[str, Flag] = {}
        self._modules: dict[str, list[Flag]] = {}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_flags"][name].value
        except KeyError:
            raise AttributeError(name) from None

    def add(self, flag: Flag, module: str) -> None:
        self._flags[flag.name] = flag
        self._modules.setdefault(module, []).append(flag)

    def flags_by_module_dict(self) -> dict[str, list[Flag]]:
        return self._modules

    def __call__(self, argv: Sequence[str]) -> list[str]:
        """Takes the values from the command line; gives its first word and those that belong to no flag."""
        others, unknown, words = [argv[0]], [], iter(argv[1:])
        value: str | None
        for word in words:
            name, equals, value = word.removeprefix("-").removeprefix("-").partition("=")
            if word == "--":
                others += words
            elif not word.startswith("-") or not name:
                others.append(word)
            elif name in self._flags:
                flag = self._flags[name]
                if not equals:
                    value = "true" if flag.boolean else next(words, None)
                if value is None:
                    raise Error(f"Missing value for flag {word}")
                flag.take(value)
            elif name.startswith("no") and name[2:] in self._flags and self._flags[name[2:]].boolean:
                if equals:
                    raise Error(f"{word} does not take an argument")
                self._flags[name[2:]].take("false")
            else:
                unknown.append(name)
        if unknown:
            near = difflib.get_close_matches(unknown[0].removeprefix("no"), self._flags, n=3)
            hint = f". Did you mean: {', '.join(near)} ?" if near else ""
            raise Error(f"Unknown command line flag '{unknown[0]}'{hint}")
        return others


FLAGS = FlagValues()


def DEFINE_string(name: str, default: str | None, help: str) -> None:
    _define(Flag(name, default, help, str))


def DEFINE_multi_string(name: str, default: list[str], help: str) -> None:
    _define(Flag(name, default, help, str, multiple=True))


def DEFINE_bool(name: str, default: bool, help: str) -> None:
    _define(Flag(name, default, help, _to_bool, boolean=True))


def DEFINE_integer(
    name: str, default: int | None, help: str, lower_bound: int | None = None, upper_bound: int | None = None
) -> None:
    _define(Flag(name, default, help, _within(lower_bound, upper_bound, _to_int, "a whole number")))


def DEFINE_float(
    name: str, default: float | None, help: str, lower_bound: float | None = None, upper_bound: float | None = None
) -> None:
    _define(Flag(name, default, help, _within(lower_bound, upper_bound, float, "a number")))


def DEFINE_enum(name: str, default: str | None, enum_values: Sequence[str], help: str) -> None:
    def one_of(word: str) -> str:
        if word not in enum_values:
            raise ValueError(f"value should be one of <{'|'.join(enum_values)}>")
        return word

    _define(Flag(name, default, f"<{'|'.join(enum_values)}>: {help}", one_of))


def _define(flag: Flag) -> None:
    """Filed under the module that calls DEFINE_something, or argv[0] where that is the one that was run."""
    module = sys._getframe(2).f_globals["__name__"]
    FLAGS.add(flag, sys.argv[0] if module == "__main__" else module)


def _to_bool(word: str) -> bool:
    if word.lower() in ("true", "t", "1"):
        return True
    if word.lower() in ("false", "f", "0"):
        return False
    raise ValueError("expected true or false")


def _to_int(word: str) -> int:
    """In base 10, or as 0x1f or 0o17."""
    return int(word, {"0x": 16, "0o": 8}.get(word[:2], 10))


def _within(low: float | None, high: float | None, convert: Callable[[str], Any], kind: str) -> Callable[[str], Any]:
    def convert_and_check(word: str) -> Any:
        try:
            value = convert(word)
        except ValueError:
            raise ValueError(f"expected {kind}") from None
        if (low is not None and value < low) or (high is not None and value > high):
            limits = [f"at {way} {limit}" for way, limit in (("least", low), ("most", high)) if limit is not None]
            raise ValueError(f"expected {kind}, {' and '.join(limits)}")
        return value

    return convert_and_check
