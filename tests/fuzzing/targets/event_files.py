"""TensorBoard's event files, which plot_training draws."""

from __future__ import annotations

import struct
from pathlib import Path

from scripts.classifier.drawing import training_curves
from scripts.classifier.training import summary_curves

from ..target import Files, Target

_FOLDERS = ("train", "validation")
_NAME = "events.out.tfevents.1"


def _samples() -> list[Files]:
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.tensor_pb2 import TensorProto

    old, new = b"", b""
    for step in range(4):
        event = Event(step=10 * step)
        for tag in ("accuracy_1", "cross_entropy_1"):
            event.summary.value.add(tag=tag, simple_value=0.2 * step)
        old += _framed(event.SerializeToString())
        event = Event(step=10 * step)
        event.summary.value.add(tag="epoch_accuracy", tensor=TensorProto(dtype=1, float_val=[0.2 * step]))
        content = struct.pack("<f", 0.3 * step)
        event.summary.value.add(tag="epoch_loss", tensor=TensorProto(dtype=1, tensor_content=content))
        new += _framed(event.SerializeToString())
    return [{f"{folder}/{_NAME}": data for folder in _FOLDERS} for data in (old, new)]


def _framed(data: bytes) -> bytes:
    """The checksums are not read."""
    return struct.pack("<QI", len(data), 0) + data + bytes(4)


def _read(folder: Path) -> None:
    training_curves.draw(summary_curves.read(folder), "Training")


TARGET = Target("event_files", _samples, _read, inputs=200)
