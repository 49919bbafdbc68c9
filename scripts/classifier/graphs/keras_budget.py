"""Bounds the weights of a Keras model by what its file holds, before Keras makes them, and tells what its layers give.

A description of a few bytes can ask for layers of any size.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import inspect
import math
from collections.abc import Iterator
from types import ModuleType
from typing import Any

# Some layers keep values that files leave out, such as a random state. As float32 these take 64 MB, which harms nobody.
_SPARE = 16_000_000

# So do they in arrays of their own, some for each that a file has.
_SPARE_ARRAYS = 200

_BYTES = 4  # of float32, in which nearly all layers compute

_left: contextvars.ContextVar[list[float] | None] = contextvars.ContextVar("left", default=None)


class TooMany(ValueError):
    """The text gives the reason, and fits into parentheses."""


@contextlib.contextmanager
def of(values: int, library: ModuleType, arrays: float = math.inf) -> Iterator[None]:
    """Inside, the layers that this thread builds may have this many weights together, in this many arrays.

    `library`: keras or tf_keras.
    """
    _count(library.layers.Layer)
    before = _left.set([values + _SPARE, 2 * arrays + _SPARE_ARRAYS])
    try:
        yield
    finally:
        _left.reset(before)


def _count(layer: Any) -> None:
    """Lets every layer tell its weights before it makes them. Keras asks nobody, and fills them at once."""
    if hasattr(layer.add_weight, "counted"):
        return
    add_weight, parameters = layer.add_weight, inspect.signature(layer.add_weight)

    @functools.wraps(add_weight)
    def counted(*args, **kwargs):
        left = _left.get()
        if left is not None:
            shape = parameters.bind(*args, **kwargs).arguments.get("shape") or ()
            left[0] -= math.prod(int(size) for size in ((shape,) if isinstance(shape, int) else tuple(shape)))
            left[1] -= 1
            if min(left) < 0:
                raise TooMany("its layers have more weights than the file holds")
        return add_weight(*args, **kwargs)

    counted.counted = True  # type: ignore[attr-defined]
    layer.add_weight = counted


def shapes(model: object) -> Iterator[tuple[tuple[int | None, ...], int]]:
    """Of all that its layers give, as often as they are used, with the bytes of an element."""
    waiting, seen = [model], set()
    while waiting:
        layer = waiting.pop()
        if id(layer) in seen:
            continue
        seen.add(id(layer))
        waiting += getattr(layer, "layers", [])
        for node in getattr(layer, "_inbound_nodes", []):
            # Keras 3 and Keras 2 call it differently, and Keras 2 has no list around a single one.
            given = node.output_tensors if hasattr(node, "output_tensors") else node.outputs
            for tensor in given if isinstance(given, list | tuple) else [given]:
                yield tuple(tensor.shape), _BYTES
