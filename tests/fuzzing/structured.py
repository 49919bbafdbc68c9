"""Damage to JSON, zip and gzip that leaves the rest in order, so that readers get as far as the damage."""

from __future__ import annotations

import gzip
import io
import json
import random
import struct
import warnings
import zipfile
import zlib

from . import mutations
from .target import Mutation

_LOCAL, _CENTRAL = b"PK\x03\x04", b"PK\x01\x02"
_NAMES = ("", "/", "..", "../a", "a/../../b", "/etc/passwd", "a\0b", "a\nb", "\x1b[31m", "é" * 200)
# What a value of any kind may be replaced by.
_VALUES: tuple[object, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 1e308, -1e308, float("nan"), float("inf"), 1 << 31, 1 << 63, 1 << 64, 10**400),
    *("", "a", "\x1b[31m", "a\nb", "\ud800", "é" * 5000, "../..", "NaN", "0", [], [[]], {}, {"": None}, [0] * 1000),
    *([None], ["a", "a"], {"a": {"b": []}}, {"b64": "AAAA"}, [[[[0]]]]),
)


def json_values(data: bytes, chance: random.Random) -> bytes | None:
    """A value replaced, removed, renamed, doubled, nested or swapped with another."""
    try:
        whole = json.loads(data)
        places = list(_places(whole))
    except (ValueError, RecursionError):
        return None
    if not places:
        return json.dumps(chance.choice(_VALUES)).encode()
    if chance.random() < 0.01:
        return chance.choice([b"[", b'{"a":']) * 100_000
    for _ in range(chance.choice([1, 1, 1, 2, 5])):
        container, key = chance.choice(places)
        if isinstance(container, dict) and key not in container:
            continue  # an earlier change removed it
        if isinstance(container, list) and key >= len(container):
            continue
        _change(container, key, chance.choice(places), chance)
    try:
        return json.dumps(whole, ensure_ascii=chance.random() < 0.5).encode("utf-8", "surrogatepass")
    except (ValueError, RecursionError):  # a value was put into itself
        return None


def json_lines(data: bytes, chance: random.Random) -> bytes | None:
    """One line of several changed like that."""
    lines = data.split(b"\n")
    at = chance.randrange(len(lines))
    changed = json_values(lines[at], chance)
    return None if changed is None else b"\n".join([*lines[:at], changed, *lines[at + 1 :]])


def _places(value: object) -> list[tuple[dict | list, object]]:
    found, waiting = [], [value]
    while waiting:
        container = waiting.pop()
        if not isinstance(container, dict | list):
            continue  # the whole is a single value
        for key, inner in container.items() if isinstance(container, dict) else enumerate(container):
            found.append((container, key))
            if isinstance(inner, dict | list):
                waiting.append(inner)
    return found


def _change(container: dict | list, key: object, other: tuple[dict | list, object], chance: random.Random) -> None:
    done = chance.choice(["replace", "replace", "replace", "remove", "rename", "double", "nest", "swap", "near"])
    value = container[key]
    if done == "replace":
        container[key] = json.loads(json.dumps(chance.choice(_VALUES)))
    elif done == "remove":
        del container[key]
    elif done == "rename" and isinstance(container, dict):
        container[chance.choice(["", "a", "\x1b", f"{key} ", str(key)[:-1]])] = container.pop(key)
    elif done == "double" and isinstance(value, list):
        container[key] = (value * chance.choice([2, 100]))[:10_000]
    elif done == "nest":
        for _ in range(chance.choice([1, 3, 500])):
            value = [value] if chance.random() < 0.5 else {"a": value}
        container[key] = value
    elif done == "swap" and (other[1] in other[0] if isinstance(other[0], dict) else other[1] < len(other[0])):
        container[key], other[0][other[1]] = other[0][other[1]], value
    elif done == "near":
        container[key] = _near(value, chance)


def _near(value: object, chance: random.Random) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return chance.choice([-value, value + 1, value - 1, value * 1000, str(value), 0.5, [value]])
    if isinstance(value, str):
        return mutations.mutate(value.encode("utf-8", "replace"), [b"x"], chance).decode("utf-8", "replace")
    return [value, value]


def zip_members(inside: tuple[Mutation, ...] = ()) -> Mutation:
    """Members renamed, doubled, left out, reordered, or damaged within (also by `inside`) with checksums that fit."""

    def mutate(data: bytes, chance: random.Random) -> bytes | None:
        try:
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                members = [(each.filename, archive.read(each), each.compress_type) for each in archive.infolist()]
        except Exception:  # damaged already, in any of zipfile's ways
            return None
        if not members:
            return None
        at = chance.randrange(len(members))
        name, content, method = members[at]
        done = chance.choice(["damage"] * 6 + ["rename", "double", "leave out", "move", "borrow name", "method"])
        if done == "damage":
            members[at] = name, _damaged(content, [body for _, body, _ in members], inside, chance), method
        elif done == "rename":
            members[at] = chance.choice([*_NAMES, name.upper(), name + "x", name[1:]]), content, method
        elif done == "double":
            members.append(members[at])
        elif done == "leave out":
            del members[at]
        elif done == "move":
            members.insert(chance.randrange(len(members)), members.pop(at))
        elif done == "borrow name":
            members[at] = members[chance.randrange(len(members))][0], content, method
        else:
            members[at] = name, content, chance.choice([zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
        return zipped(members)

    return mutate


def zipped(members: list[tuple[str, bytes, int]]) -> bytes:
    """A zip of (name, content, method), the same on any day."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content, method in members:
            info = zipfile.ZipInfo("name")
            info.filename, info.compress_type = name, method  # the constructor would cut at a NUL
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # two members of one name are meant
                archive.writestr(info, content)
    return file.getvalue()


def zip_headers(data: bytes, chance: random.Random) -> bytes | None:
    """A field of a header changed: sizes, flags, methods, offsets, lengths."""
    starts = [at for mark in (_LOCAL, _CENTRAL, b"PK\x05\x06") for at in _all(data, mark)]
    if not starts:
        return None
    at = chance.choice(starts) + 4 + 2 * chance.randrange(21)
    size = chance.choice([2, 4])
    return data[:at] + (mutations.number(chance) % (1 << 8 * size)).to_bytes(size, "little") + data[at + size :]


def within_gzip(inside: tuple[Mutation, ...] = ()) -> Mutation:
    """Damages what is compressed, and compresses it again."""

    def mutate(data: bytes, chance: random.Random) -> bytes | None:
        try:
            content = gzip.decompress(data)
        except (OSError, EOFError, zlib.error, struct.error):
            return None
        return gzip.compress(_damaged(content, [content], inside, chance), mtime=0)

    return mutate


def _damaged(data: bytes, others: list[bytes], inside: tuple[Mutation, ...], chance: random.Random) -> bytes:
    changed = chance.choice(inside)(data, chance) if inside and chance.random() < 0.6 else None
    return mutations.mutate(data, others, chance) if changed is None else changed


def _all(data: bytes, mark: bytes) -> list[int]:
    found, at = [], data.find(mark)
    while at >= 0:
        found.append(at)
        at = data.find(mark, at + 1)
    return found
