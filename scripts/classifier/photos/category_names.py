"""Names to show for labels, for folders called 1 to 102 and the like."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from .wording import some_of

# The key in a classifier's record: label -> name.
RECORDED = "category_names"

_EXAMPLE = '{"1": "pink primrose", "2": ...}'
_MOST_LISTED = 5


def read(file: Path, labels: Sequence[str]) -> dict[str, str]:
    """label -> name from a JSON file, which must give each of these labels a different name."""
    named = _read(file)
    missing = [label for label in labels if label not in named]
    if missing:
        listed = some_of(missing, _MOST_LISTED)
        others = some_of([str(label) for label in named]) if named else "nothing"
        raise UserError(
            f"{file} has no names for {len(missing)} of {len(labels)} labels ({listed}); it names {others}: "
            f"expected a name for each label, as in {_EXAMPLE}"
        )
    names = {label: _checked(file, label, named[label]) for label in labels}
    name, times = Counter(names.values()).most_common(1)[0]
    if times > 1:
        both = some_of([label for label in labels if names[label] == name])
        raise UserError(f"{file} calls {both} {name!r}: expected a different name for each label")
    return names


def known(record: Mapping | None, labels: Sequence[str]) -> dict[str, str] | None:
    """label -> name from the record. A label that has been renamed since is its own name."""
    recorded = (record or {}).get(RECORDED)
    return {label: recorded.get(label, label) for label in labels} if isinstance(recorded, dict) else None


def recorded(record: Mapping | None, named: Mapping[str, str] | None) -> dict:
    """The record with these names, if there are any."""
    return {**(record or {}), **({} if named is None else {RECORDED: named})}


def shown(labels: Sequence[str], names: Mapping[str, str] | None) -> tuple[str, ...]:
    """The name to show for each label."""
    return tuple(labels) if names is None else tuple(names[label] for label in labels)


def _read(file: Path) -> dict[str, object]:
    try:
        whole = json.loads(file.read_text("utf-8-sig"), object_pairs_hook=lambda pairs: _once_each(file, pairs))
    except FileNotFoundError:
        raise UserError(f"{file} does not exist: give --category_names a JSON file such as {_EXAMPLE}") from None
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}; give --category_names a JSON file") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{file} is not JSON ({error}): expected label and name pairs, as in {_EXAMPLE}") from None
    if not isinstance(whole, dict):
        kind = "a list" if isinstance(whole, list) else f"just {json.dumps(whole)[:40]}"
        raise UserError(f"{file} holds {kind}: expected label and name pairs, as in {_EXAMPLE}")
    return whole


def _once_each(file: Path, pairs: list[tuple[str, object]]) -> dict[str, object]:
    label, times = Counter(label for label, _ in pairs).most_common(1)[0] if pairs else ("", 0)
    if times > 1:
        raise UserError(f"{file} names the label {label} {times} times: keep one name")
    return dict(pairs)


def _checked(file: Path, label: str, name: object) -> str:
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        found = json.dumps(name)
        raise UserError(f"{file} gives the label {label} the name {found[:60]}: expected words, as in {_EXAMPLE}")
    return name.strip()
