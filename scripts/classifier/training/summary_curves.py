"""Reads training curves from TensorBoard's event files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from ..errors import UserError
from .summaries import EVENT_FILE

# The names of each measure in retrain, in the original retrain and in Keras.
_TAGS = {
    "accuracy": ("accuracy", "accuracy_1", "epoch_accuracy"),
    "cross_entropy": ("cross_entropy", "cross_entropy_1", "epoch_loss"),
}
# A record is the length of its data, a checksum of the length, the data, and a checksum of the data.
_HEAD, _TAIL = struct.Struct("<QI"), 4


def read(folder: Path) -> dict[str, list[float | None]]:
    """Columns for training_curves, from train/ and validation/ in the folder."""
    measured = {part: _measures(folder / part) for part in ("train", "validation")}
    steps = sorted({step for values in measured.values() for each in values.values() for step in each})
    if not steps:
        found = "holds no training log" if folder.is_dir() else "does not exist"
        raise UserError(f"{folder} {found}: give --summaries_dir the folder that retrain wrote its summaries to")
    return {
        "step": [*steps],
        **{name: [measured["train"][name].get(step) for step in steps] for name in _TAGS},
        **{f"validation_{name}": [measured["validation"][name].get(step) for step in steps] for name in _TAGS},
    }


def _measures(folder: Path) -> dict[str, dict[int, float]]:
    """measure -> step -> value; if a step was written more than once, the last one counts."""
    found: dict[str, dict[int, float]] = {name: {} for name in _TAGS}
    names = {tag: name for name, tags in _TAGS.items() for tag in tags}
    for path in sorted(folder.glob(f"{EVENT_FILE}*")):
        for step, tag, value in _scalars(path):
            if tag in names:
                found[names[tag]][step] = value
    return found


def _scalars(path: Path) -> Iterator[tuple[int, str, float]]:
    from google.protobuf.message import DecodeError
    from tensorboard.compat.proto.event_pb2 import Event

    try:
        for data in _records(path):
            event = Event.FromString(data)
            for each in event.summary.value:
                if each.HasField("simple_value"):  # as TensorFlow 1 wrote it
                    yield event.step, each.tag, each.simple_value
                elif len(each.tensor.float_val) == 1:
                    yield event.step, each.tag, each.tensor.float_val[0]
                elif len(each.tensor.tensor_content) == 4:
                    yield event.step, each.tag, *struct.unpack("<f", each.tensor.tensor_content)
    except DecodeError:
        raise UserError(f"{path} is damaged: delete it, or train again") from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None


def _records(path: Path) -> Iterator[bytes]:
    """All complete records: the last one may be half-written."""
    with path.open("rb") as file:
        size = path.stat().st_size
        while len(head := file.read(_HEAD.size)) == _HEAD.size:
            length, _ = _HEAD.unpack(head)
            if length + _TAIL > size - file.tell():
                return
            yield file.read(length + _TAIL)[:length]
