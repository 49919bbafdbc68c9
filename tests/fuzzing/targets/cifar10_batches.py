"""CIFAR-10's pickles, unpacked from its archive."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from scripts.classifier.fetching import cifar10
from scripts.classifier.showing import nowhere

from ..target import Files, Target
from .torch_files import pickle_numbers, pickle_opcodes

_ONE, _META = cifar10.TRAIN_BATCHES[0], "batches.meta"


def _samples() -> list[Files]:
    rows = np.arange(2 * 3072, dtype=np.uint8).reshape(2, 3072)
    made = []
    for protocol in (2, 5):
        batch = pickle.dumps({b"data": rows, b"labels": [1, 0], b"filenames": [b"a.png", b"b.png"]}, protocol)
        meta = pickle.dumps({b"label_names": [b"frog", b"truck"], b"num_vis": 3072}, protocol)
        made.append({_META: meta, **dict.fromkeys((*cifar10.TRAIN_BATCHES, *cifar10.TEST_BATCHES), batch)})
    return made


def _read(folder: Path) -> None:
    cifar10._write(folder, folder / "pictures", nowhere)


TARGET = Target(
    "cifar10",
    _samples,
    _read,
    inputs=800,
    own=(pickle_numbers, pickle_opcodes),
    # One batch is as good as another.
    spared=frozenset((*cifar10.TRAIN_BATCHES[1:], *cifar10.TEST_BATCHES)),
)
