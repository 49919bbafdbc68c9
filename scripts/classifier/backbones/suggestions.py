"""Suggests the network that a misspelt name may have meant."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

_PARTS = re.compile(r"(?P<stem>.+?)_(?P<width>\d*\.?\d+)_(?P<size>\d+)(?P<rest>_quantized)?")
_STEMS = {"mobilenetv1": "mobilenet"}

# Below this similarity a suggestion would be a wild guess.
_SIMILAR = 0.6
_MOST_LISTED = 4


class _Parts(NamedTuple):
    """A name such as mobilenet_0.50_224: one network at several widths, for several sizes of picture."""

    stem: str
    width: str
    size: str
    rest: str

    @property
    def plain_stem(self) -> str:
        plain = _plain(self.stem)
        return _STEMS.get(plain, plain)


def suggestion(name: str, known: Sequence[str]) -> str:
    """Which part of `name` is wrong, or "did you mean ...?"; empty if nothing is similar."""
    same = [each for each in known if _plain(each) == _plain(name)]
    if same:
        return _did_you_mean(same[:1])
    parts = _parts(name)
    if parts is not None:
        relatives = [(each, found) for each in known if (found := _parts(each)) and _related(found, parts)]
        # mobilenet and MobileNet are two families: prefer the one spelt as the user spelt it.
        stems = list(dict.fromkeys(found.stem for _, found in relatives))
        if stems:
            stem = parts.stem if parts.stem in stems else stems[0]
            return _part_by_part(parts, [(each, found) for each, found in relatives if found.stem == stem])
    return _did_you_mean(_family_of(name, known) or _most_similar(name, known))


def _part_by_part(parts: _Parts, family: list[tuple[str, _Parts]]) -> str:
    widths = list(dict.fromkeys(found.width for _, found in family))
    sizes = list(dict.fromkeys(found.size for _, found in family))
    wrong = []
    if not any(float(width) == float(parts.width) for width in widths):
        wrong.append(f"no such width, choose {_either(widths)}")
    if parts.size not in sizes:
        wrong.append(f"no such size, choose {_either(sizes)}")
    if wrong:
        return "; ".join(wrong)
    of_width = [(each, found.size) for each, found in family if float(found.width) == float(parts.width)]
    return _did_you_mean([each for each, size in of_width if size == parts.size] or [each for each, _ in of_width])


def _family_of(name: str, known: Sequence[str]) -> list[str]:
    """The networks whose names begin in the same way: densenet, EfficientNetB, resnet18."""
    plain, quantized = _plain(name), "quant" in name.lower()
    plain = plain.partition("quant")[0]
    same_kind = [each for each in known if each.endswith("_quantized") == quantized]
    begun = [each for each in same_kind if plain and _plain(each).startswith(plain)]
    family = begun or [each for each in same_kind if _letters(plain) and _letters(each) == _letters(plain)]
    spelt_alike = [each for each in family if each.startswith(name)]
    return spelt_alike if spelt_alike and len(family) > _MOST_LISTED else family


def _most_similar(name: str, known: Sequence[str]) -> list[str]:
    def likeness(each: str) -> tuple[float, float]:
        plain = difflib.SequenceMatcher(None, _plain(name), _plain(each)).ratio()
        return plain, difflib.SequenceMatcher(None, name, each).ratio()

    nearest = max(known, key=likeness)
    return [nearest] if likeness(nearest)[0] >= _SIMILAR else []


def _did_you_mean(names: list[str]) -> str:
    if not names:
        return ""
    if len(names) > _MOST_LISTED:
        return f"no such network, did you mean one of {names[0]}, {names[1]} ... {names[-1]}?"
    return f"no such network, did you mean {_either(names)}?"


def _either(words: list[str]) -> str:
    return " or ".join(filter(None, (", ".join(words[:-1]), words[-1])))


def _parts(name: str) -> _Parts | None:
    found = _PARTS.fullmatch(name)
    return None if found is None else _Parts(found["stem"], found["width"], found["size"], found["rest"] or "")


def _related(found: _Parts, parts: _Parts) -> bool:
    return found.plain_stem == parts.plain_stem and found.rest == parts.rest


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _letters(name: str) -> str:
    return re.sub(r"[0-9].*", "", _plain(name))
