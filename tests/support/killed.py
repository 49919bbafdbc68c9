"""Kills commands at chosen moments, and tells whether two runs left the same files."""

import json
import os
import random
import signal
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support import warm_commands
from tests.support.workplace import ROOT, Workplace

_HOOK = ROOT / "tests" / "support" / "killing"
FOLDER, MOMENT, LOG = "POETS_KILLED_IN", "POETS_KILLED_AT", "POETS_KILLED_LOG"  # as the hook names them
_EVENTS = "events.out.tfevents."
_CHECKSUM_AND_KEY = 20  # bytes of a bottleneck's record before its values


@dataclass(frozen=True)
class Moment:
    change: int  # just before this change to a file, counted from 1
    seconds: float  # or, if not 0, this long after that


def run(folder: Path, words: Sequence[str], **environment: str) -> subprocess.CompletedProcess:
    """Runs a command, or with a dot in its name a module, whose changes in `folder` count."""
    module = words[0] if "." in words[0] else f"scripts.{words[0]}"
    return warm_commands.run([module, *map(str, words[1:])], ROOT, _environment(folder, environment))


def _environment(folder: Path, more: dict[str, str]) -> dict[str, str]:
    return Workplace(folder).environment({"PYTHONPATH": str(_HOOK), "POETS_MIRROR": "", **more})


def watched(folder: Path, words: Sequence[str], log: Path) -> tuple[subprocess.CompletedProcess, list[float]]:
    """Runs it undisturbed; returns also the seconds from each change in `folder` to the next."""
    log.unlink(missing_ok=True)
    done = run(folder, words, **{FOLDER: str(folder), LOG: str(log)})
    times = [json.loads(line)[0] for line in log.read_text().splitlines()]
    return done, [after - before for before, after in zip(times, [*times[1:], times[-1]], strict=True)]


def kill(folder: Path, words: Sequence[str], moment: Moment) -> bool:
    """False if it ended before that moment, which it does if it has more to do in one run than in another."""
    done = run(folder, words, **{FOLDER: str(folder), MOMENT: json.dumps([moment.change, moment.seconds])})
    assert done.returncode in (0, -signal.SIGKILL, -signal.SIGALRM), (done.returncode, done.stderr)
    _check_nothing_lives(folder)
    return done.returncode != 0


def moments(gaps: Sequence[float], count: int | None, seed: str) -> list[Moment]:
    """`count` moments at random, half of them between changes; None: each change, and a moment after each."""
    chance = random.Random(seed)
    changes = [number for number in range(1, len(gaps) + 1) for _ in range(2)]
    if count is not None:
        changes = [chance.randint(1, len(gaps)) for _ in range(count)]
    # A timer of 0 seconds would never end.
    delays = [0 if at % 2 == 0 else max(1e-6, gaps[change - 1] * chance.random()) for at, change in enumerate(changes)]
    return [Moment(*each) for each in zip(changes, delays, strict=True)]


def _check_nothing_lives(folder: Path) -> None:
    """No process may hold a file in the folder open."""
    for held in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            place = os.readlink(held)
        except OSError:
            continue  # it has ended, or is another user's
        assert not place.startswith(f"{folder}/"), f"{held} is {place}"


def left_by(folder: Path) -> dict[str, object]:
    """What is in a folder, by name, apart from what differs from one undisturbed run to the next:

    - the names of event files hold their time and process, and each event its time;
    - a record holds the seconds that each stage took;
    - threads add bottlenecks and digests in the order in which they finish;
    - TensorFlow gives each SavedModel a number of its own, in fingerprint.pb;
    - Keras writes the time into an archive, in metadata.json and in its list of files;
    - tf2onnx chooses names of constants by chance.
    """
    return {_name(path, folder): _content(path) for path in sorted(folder.rglob("*"))}


def names_in(folder: Path) -> set[str]:
    return {_name(path, folder) for path in folder.rglob("*")}


def _name(path: Path, folder: Path) -> str:
    name = str(path.relative_to(folder))
    return name.partition(_EVENTS)[0] + _EVENTS if _EVENTS in name else name


def _content(path: Path) -> object:
    if path.is_dir():
        return None
    data = path.read_bytes()
    if path.name.startswith(_EVENTS):
        return _events(path)
    if path.name == "fingerprint.pb":
        return None
    if path.suffix == ".json" and b'"graph_sha256"' in data:
        return {key: value for key, value in json.loads(data).items() if key != "seconds"}
    if path.suffix == ".bottlenecks":
        size = _CHECKSUM_AND_KEY + 4 * json.loads((path.parent / "about.json").read_text())["values"]
        assert len(data) % size == 0
        return sorted(data[at : at + size] for at in range(0, len(data), size))
    if path.name == "photo_digests.txt":
        return sorted(data.splitlines()[1:])
    if path.suffix == ".keras":
        with zipfile.ZipFile(path) as archive:
            return {name: archive.read(name) for name in archive.namelist() if name != "metadata.json"}
    if path.suffix == ".onnx":
        return _arithmetic(data)
    return data


def _events(path: Path) -> list[bytes]:
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    events = list(EventFileLoader(str(path)).Load())
    for each in events:
        each.wall_time = 0
    return [each.SerializeToString(deterministic=True) for each in events]


def _arithmetic(data: bytes) -> object:
    import onnx

    model = onnx.load_from_string(data)
    constants = sorted(onnx.numpy_helper.to_array(each).tobytes() for each in model.graph.initializer)
    metadata = {each.key: each.value for each in model.metadata_props}
    return [node.op_type for node in model.graph.node], constants, metadata
