"""Finds the GPU that TensorFlow can compute on. Where there is a card that it cannot use, a sentence says so."""

from __future__ import annotations

import functools
import os
import queue
import shutil
import subprocess
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ..errors import UserError, in_short

ON_THE_PROCESSOR = "set CUDA_VISIBLE_DEVICES=-1 to compute on the processor"

# From these compute capabilities on, GPUs multiply faster in 16 bits (Volta, Turing), and also in bfloat16 (Ampere).
_FLOAT16_SINCE, _BFLOAT16_SINCE = (7, 0), (8, 0)

# Longer than any driver takes to start, also where it first has to compile TensorFlow's kernels for a new card.
_SECONDS_TO_ANSWER = 300.0
_SECONDS_TO_LIST = 10.0


@dataclass(frozen=True)
class Gpu:
    name: str
    capability: tuple[int, int]  # NVIDIA's compute capability
    device: str = "/GPU:0"  # TensorFlow's name for it

    @property
    def has_float16(self) -> bool:
        return self.capability >= _FLOAT16_SINCE

    @property
    def has_bfloat16(self) -> bool:
        return self.capability >= _BFLOAT16_SINCE


class Found(NamedTuple):
    gpu: Gpu | None
    warnings: tuple[str, ...] = ()  # why there is none, where there is a card


@functools.cache
def look() -> Found:
    """The first GPU that TensorFlow sees. Without a card, TensorFlow is not imported."""
    if os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1") or not _has_card():
        return Found(None)
    import tensorflow as tf

    def ask() -> Found:
        listed = tf.config.list_physical_devices("GPU")
        if not listed:
            return Found(None, (_unseen(tf.__version__),))
        about = tf.config.experimental.get_device_details(listed[0])
        gpu = Gpu(about.get("device_name", "GPU"), about.get("compute_capability", (0, 0)))
        if not tf.config.list_logical_devices("GPU"):
            return Found(None, (f"the GPU {gpu.name} is too old for TensorFlow, which computes on the processor",))
        return Found(gpu)

    found = _answer("TensorFlow cannot use this machine's GPU", ask)
    if found.gpu is not None:
        try_out(found.gpu)
    return found


def try_out(gpu: Gpu, seconds: float = _SECONDS_TO_ANSWER) -> None:
    """Computes something small there. An unsuitable driver or library would otherwise show up in the middle of work."""
    import tensorflow as tf

    def compute() -> None:
        with tf.device(gpu.device):
            made = tf.nn.conv2d(tf.ones([1, 8, 8, 4]), tf.ones([3, 3, 4, 4]), strides=1, padding="VALID")
            product = tf.matmul(tf.reshape(made, [6, 24]), tf.ones([24, 2]))
        if not product.device.endswith(gpu.device.strip("/")):
            raise RuntimeError("it leaves the work to the processor")
        if not (product.numpy() == 24 * 36).all():
            raise RuntimeError("it computes wrong results")

    _answer(f"TensorFlow sees the GPU {gpu.name} but cannot compute on it", compute, seconds)


def _has_card() -> bool:
    """True if this machine shows an NVIDIA card. In Linux under Windows only nvidia-smi knows."""
    if any(Path("/dev").glob("nvidia[0-9]*")):
        return True
    if shutil.which("nvidia-smi") is None:
        return False
    try:
        listed = subprocess.run(
            ["nvidia-smi", "-L"], stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS_TO_LIST, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return listed.returncode == 0 and listed.stdout.startswith(b"GPU ")


def _unseen(version: str) -> str:
    return (
        "TensorFlow does not see this machine's NVIDIA card and computes on the processor: "
        f"pip install 'tensorflow[and-cuda]=={version}' installs what it needs besides a recent driver"
    )


def _answer(problem: str, work: Callable, seconds: float = _SECONDS_TO_ANSWER):
    """The result of `work`, done in a thread, since nothing else can be waited for that may hang inside a driver."""
    import tensorflow as tf

    done: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((work(), None))
        except (tf.errors.OpError, RuntimeError, ValueError) as error:
            done.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        result, error = done.get(timeout=seconds)
    except queue.Empty:
        raise UserError(f"{problem} (no answer in {seconds:g} seconds): {ON_THE_PROCESSOR}") from None
    if error is not None:
        raise UserError(
            f"{problem} ({in_short(error)}): update its driver, make sure that nothing else fills its memory, "
            f"or {ON_THE_PROCESSOR}"
        )
    return result
