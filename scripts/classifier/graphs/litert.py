"""Runs .tflite models on LiteRT, which needs no TensorFlow and starts in a tenth of a second."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import UserError, in_short

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

# float32 [1, height, width, 3] -> the requested tensors, float32
Run = Callable[[np.ndarray], list[np.ndarray]]


def open_interpreter(model: bytes, shape: Sequence[int] | None = None, plain: bool = False) -> Interpreter:
    """`shape` sets the input's shape if the model leaves it open. ValueError, RuntimeError: the model cannot be run.

    `plain` leaves XNNPACK out, which is faster, but cannot run every model.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError:
        raise UserError(".tflite files need the package ai-edge-litert: pip install ai-edge-litert") from None
    # One thread: running one picture per core is faster than one picture on all cores.
    kernels = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES if plain else OpResolverType.AUTO
    interpreter = Interpreter(model_content=model, num_threads=1, experimental_op_resolver_type=kernels)
    if shape is not None:
        interpreter.resize_tensor_input(interpreter.get_input_details()[0]["index"], shape)
    interpreter.allocate_tensors()
    return interpreter


def is_runnable(interpreter: Interpreter) -> bool:
    """Tries it with zeros: XNNPACK refuses a model only when it is run."""
    (entry,) = interpreter.get_input_details()
    interpreter.set_tensor(entry["index"], np.zeros(interpreter.get_tensor(entry["index"]).shape, entry["dtype"]))
    try:
        interpreter.invoke()
    except RuntimeError:
        return False
    return True


def runner(interpreter: Interpreter, tensors: Sequence[int]) -> Run:
    """Runs a model in the calling thread only. `tensors` are indices. Quantized values are returned as floats."""
    (entry,) = interpreter.get_input_details()
    details = {each["index"]: each for each in interpreter.get_tensor_details()}
    owner = threading.get_ident()

    def run(pixels: np.ndarray) -> list[np.ndarray]:
        assert threading.get_ident() == owner, "an interpreter belongs to one thread"
        interpreter.set_tensor(entry["index"], _to_tensor(pixels, entry))
        interpreter.invoke()
        return [_from_tensor(interpreter.get_tensor(index), details[index]) for index in tensors]

    return run


def _to_tensor(values: np.ndarray, details: dict) -> np.ndarray:
    kind = np.dtype(details["dtype"])
    if kind.kind == "f":
        return values.astype(kind, copy=False)
    scale, zero = details["quantization"]
    steps = values * np.float32(1 / (scale or 1))
    steps += zero
    np.rint(steps, out=steps)
    return np.clip(steps, np.iinfo(kind).min, np.iinfo(kind).max, out=steps).astype(kind)


def _from_tensor(values: np.ndarray, details: dict) -> np.ndarray:
    if values.dtype.kind == "f":
        return values.astype(np.float32, copy=False)
    scale, zero = details["quantization"]
    return (values.astype(np.float32) - zero) * np.float32(scale or 1)


@contextlib.contextmanager
def errors_in_a_line(path: Path) -> Iterator[None]:
    """For whatever is done with the interpreter of the model at `path`."""
    try:
        yield
    except ValueError:  # also names that are no text, and tensors that are not there
        raise UserError(f"{path} is damaged or cut short, so LiteRT cannot read it: get it again") from None
    except (RuntimeError, MemoryError) as error:
        reason = in_short(error) if str(error) else "it needs more memory than is free"
        raise UserError(f"LiteRT cannot run {path}: {reason}") from None
