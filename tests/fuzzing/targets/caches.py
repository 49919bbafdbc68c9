"""The folders of bottlenecks: vectors, their keys, suspects, digests of photos, and what cluster runs leave behind."""

from __future__ import annotations

import contextlib
import hashlib
import json
import random
import struct
import tempfile
import zlib
from dataclasses import asdict
from pathlib import Path

import numpy as np

from scripts.classifier.bottlenecks import key_blocks
from scripts.classifier.bottlenecks.cache import BottleneckCache
from scripts.classifier.bottlenecks.cluster import run_folder
from scripts.classifier.bottlenecks.cluster.run_folder import Result
from scripts.classifier.photos.digests import PhotoDigests, beside

from ..structured import json_values
from ..target import Files, Target

_IDENTITY, _SIZE = "a network; 32; float32", 3
_FEW, _BLOCK = 5, key_blocks.ROWS
_RUN = f"cluster_runs/{'ab' * 8}"
_PHOTOS = ("red/a.jpg", "red/b.jpg", "blue/é.jpg")


def _key(number: int) -> bytes:
    return hashlib.blake2b(b"%d" % number, digest_size=16).digest()


def _vectors(count: int) -> np.ndarray:
    return np.arange(count * _SIZE, dtype=np.float32).reshape(count, _SIZE)


def _cached() -> list[Files]:
    made = []
    for count in (_FEW, _BLOCK + _FEW):
        with tempfile.TemporaryDirectory() as folder:
            with _opened(Path(folder)) as cache:
                cache.add([_key(number) for number in range(count)], _vectors(count))
            files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
            made.append({**files, "part-0000.suspects": b"1\n3\n"})
    return made


def _opened(folder: Path, checked_at_look_up: int = 1 << 30) -> contextlib.closing[BottleneckCache]:
    return contextlib.closing(BottleneckCache(folder, _IDENTITY, _SIZE, most_checked_at_look_up=checked_at_look_up))


def _read_cache(folder: Path) -> None:
    """Whatever is damaged, vectors that are found must be the right ones; those that are not are computed again."""
    wanted = [_key(number) for number in range(_FEW)]
    for checked_at_look_up in (1 << 30, 0):
        with _opened(folder, checked_at_look_up) as cache:
            found = np.flatnonzero(cache.present(wanted))
            vectors = cache.vectors([wanted[at] for at in found])
            np.testing.assert_array_equal(vectors.take(np.arange(len(found))), _vectors(_FEW)[found])
    with _opened(folder) as cache:
        missing = np.flatnonzero(~cache.present(wanted))
        cache.add([wanted[at] for at in missing], _vectors(_FEW)[missing])
        assert cache.present(wanted).all()
        np.testing.assert_array_equal(cache.vectors(wanted).take(np.arange(_FEW)), _vectors(_FEW))


def _records(data: bytes, chance: random.Random) -> bytes | None:
    """Whole records moved, doubled or emptied, which keeps their checksums right."""
    size = 20 + 4 * _SIZE
    if len(data) % size or not data:
        return None
    records = [data[at : at + size] for at in range(0, len(data), size)]
    at, other = chance.randrange(len(records)), chance.randrange(len(records))
    done = chance.choice(["swap", "double", "empty", "other network"])
    if done == "swap":
        records[at], records[other] = records[other], records[at]
    elif done == "double":
        records[at] = records[other]
    elif done == "empty":
        records[at] = bytes(size)
    else:  # a sound record for another way of computing vectors
        key, vector = records[at][:16], records[at][20:]
        records[at] = key + zlib.crc32(key + vector).to_bytes(4, "little") + vector
    return b"".join(records)


def _blocks(data: bytes, chance: random.Random) -> bytes | None:
    """Keys beside the part that are wrong, with checksums that fit."""
    size = 16 * _BLOCK
    if len(data) < size + 4:
        return None
    keys = bytearray(data[:size])
    for _ in range(chance.choice([1, 3, 100])):
        at, other = 16 * chance.randrange(_BLOCK), 16 * chance.randrange(_BLOCK)
        keys[at : at + 16] = chance.choice([keys[other : other + 16], bytes(16), chance.randbytes(16)])
    seed = zlib.crc32(bytes(8), zlib.crc32(_IDENTITY.encode()))
    return bytes(keys) + struct.pack("<I", zlib.crc32(keys, seed)) + data[size + 4 :]


def _suspects(data: bytes, chance: random.Random) -> bytes | None:
    if not data.endswith(b"\n") or len(data) > 100 or b" " in data:
        return None
    return data + chance.choice(
        [b"-1\n", b"9" * 18 + b"\n", b"9" * 400 + b"\n", b"\xb2\n", b" 1\n", b"1e3\n", b"0x1\n"]
    )


def _digests() -> list[Files]:
    made = []
    for stamp in ("1,2,3,4", "ETag=abc,size=7"):
        with tempfile.TemporaryDirectory() as folder:
            remembered = PhotoDigests(beside(Path(folder)), Path("photos"))
            for name in _PHOTOS:
                remembered.put(name, stamp, hashlib.sha256(name.encode()).digest()[:16])
            remembered.save()
            made.append({"photo_digests.txt": _anywhere(beside(Path(folder)).read_bytes())})
    return made


def _anywhere(data: bytes) -> bytes:
    """Names of photos do not depend on the folder that this runs in."""
    lines = data.split(b"\n", 1)[1].replace(str(Path.cwd()).encode("utf-8", "surrogateescape"), b"/anywhere")
    return _checked(b"00000000\n" + lines)


def _checked(data: bytes) -> bytes:
    _, _, lines = data.partition(b"\n")
    return b"%08x\n" % zlib.crc32(lines) + lines


def _sealed_digests(files: Files) -> Files:
    return {name: _checked(data) for name, data in files.items()}


def _read_digests(folder: Path) -> None:
    file = beside(folder)
    remembered = PhotoDigests(file, Path("/anywhere/photos"))
    for name in _PHOTOS:
        assert remembered.get(name) is None  # no such photo is there
    remembered.put("new.jpg", "stamp", bytes(16))
    remembered.save()
    again = PhotoDigests(file, Path("/anywhere/photos"))
    assert again._known["/anywhere/photos/new.jpg"].startswith(bytes(16) + b"stamp")


def _runs() -> list[Files]:
    read = [(name, "1,2,3,4", "00" * 16) for name in _PHOTOS]
    result = asdict(Result([*read, ("c.jpg", None, "11" * 16)], {"d.jpg": "damaged"}, 3))
    driver = json.dumps({"token": "ab" * 8, "image_dir": "/anywhere/photos"}).encode()
    files = {f"{_RUN}/driver": driver, f"{_RUN}/claim-000000": b"0123456789abcdef a host\n"}
    return [files, {**files, f"{_RUN}/result-000000.json": json.dumps(result).encode()}]


def _read_runs(folder: Path) -> None:
    run_folder.RunFolder(folder / _RUN, "ab" * 8).is_seen()
    run_folder.RunFolder(folder / _RUN, "ab" * 8).result(0)
    run_folder.recover(folder)
    assert not (folder / "cluster_runs").exists()
    PhotoDigests(beside(folder), Path("/anywhere/photos")).get("c.jpg")


CACHE = Target("cache", _cached, _read_cache, inputs=500, own=(_records, _blocks, _suspects))
DIGESTS = Target("digests", _digests, _read_digests, inputs=300, seal=_sealed_digests)
RUNS = Target("cluster_runs", _runs, _read_runs, inputs=500, own=(json_values,))
