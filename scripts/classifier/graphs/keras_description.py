"""Reads the description of layers in a Keras model's file, before anything is built from it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ..errors import UserError, in_short
from ..photos.preprocessing import RGB
from . import allowed_ops, colour_range, keras_classes

# Layers that may precede the preparation of pixels: none changes their range.
_BEFORE_PREPARING = re.compile(
    "InputLayer|Random.*|Identity|Dropout|GaussianNoise|ZeroPadding2D|Cropping2D|Resizing|CenterCrop|"
    "GetItem|Stack|SlicingOpLambda"
)
# Those of them that may turn the order of colours round.
_TAKING_APART = re.compile("GetItem|SlicingOpLambda")
# Layers that may come between the scores and a model's output.
_BEHIND_SCORES = re.compile("Reshape|Flatten|Dropout|Identity|GlobalAveragePooling2D|ActivityRegularization")

# The packages of Keras itself.
_KERAS = re.compile(r"(keras|tf_keras|builtins)(\..*)?")
# TensorFlow functions that Keras 2 models may call by name. Others could touch files.
_ARITHMETIC = re.compile(
    r"((math|nn|linalg|image|__operators__)\..*|cast|clip_by_value|concat|convert_to_tensor|expand_dims|multiply|"
    r"reduce_\w+|reshape|shape|split|squeeze|stack|strided_slice|subtract|transpose|unstack)"
)

# The largest published networks have a thousand layers of some ten parts, such as initializers and types. Keras needs
# more than a millisecond for each layer.
_MOST_PARTS = 200_000

_HUGE = 10**300  # JSON may hold integers that no float can


def refuse_code(described: object, path: Path) -> None:
    """Refuses all but Keras' own layers of arithmetic: opening a file must never run its author's code."""
    for count, each in enumerate(dicts(described)):
        if count > _MOST_PARTS:
            raise UserError(f"{path} describes more than {_MOST_PARTS:,} layers and parts of layers: it is damaged")
        name, module = each.get("class_name"), each.get("module")
        if name in ("Lambda", "__lambda__"):
            raise UserError(
                f"{path} holds a Lambda layer, which is arbitrary code and is never run here: rebuild the model with "
                "Keras' own layers, such as Rescaling"
            )
        called = each.get("function", each.get("cls_symbol"))
        if called is not None and not _ARITHMETIC.fullmatch(str(called)):
            raise UserError(
                f"{path} calls tf.{in_short(called)}, which is never run here: only arithmetic functions are"
            )
        needed = keras_classes.in_words(name, module, each.get("config"))
        if name is not None and module is not None and not _KERAS.fullmatch(str(module)):
            raise UserError(
                f"{path} needs {needed}, which is not part of Keras: only classifiers made of Keras' own layers can be "
                "opened"
            )
        if name == "TensorFlowOpLayer":
            _refuse_operation(each.get("config"), path)
        elif name is not None and not keras_classes.is_allowed(name, module, each.get("config")):
            raise UserError(
                f"{path} needs {needed}, which is never run here: rebuild the model with Keras' own layers of "
                "arithmetic"
            )


def _refuse_operation(settings: object, path: Path) -> None:
    """Keras of TensorFlow 2.0 to 2.3 kept a TensorFlow operation in a layer, as a node of a graph."""
    from google.protobuf import json_format
    from google.protobuf.message import DecodeError
    from tensorflow.core.framework.node_def_pb2 import NodeDef

    given = settings.get("node_def") if isinstance(settings, dict) else None
    try:
        if isinstance(given, dict):
            node = json_format.ParseDict(given, NodeDef())
        else:
            node = NodeDef.FromString(str(given).encode())
    except (DecodeError, json_format.ParseError):
        raise UserError(
            f"{path} has a TensorFlowOpLayer without a readable operation: save the model again with a newer Keras"
        ) from None
    allowed_ops.refuse_node(node, path)


def takes_raw_pixels(described: dict) -> bool:
    """True if the first thing done to pictures is scaling pixels of 0 to 255 to a network's range."""
    first = next((each for each in _forwards(described) if not _BEFORE_PREPARING.fullmatch(each["class_name"])), None)
    if first is None:
        return False
    kind, settings = first["class_name"], first["config"]
    numbers = list(_numbers(first.get("inbound_nodes", [])))
    if kind == "Rescaling":
        return all(0 < scale < 0.01 for scale in flat(settings["scale"]))
    if kind == "Normalization":
        return max(flat(settings.get("mean")), default=0) > 2
    if not numbers:
        return False
    operation = str(settings.get("function", kind)).rpartition(".")[2].lower().replace("_", "")
    if operation in ("truediv", "truedivide", "divide"):
        return min(numbers) > 100
    if operation in ("multiply", "mul"):
        return 0 < max(numbers) < 0.01
    if operation in ("subtract", "sub"):
        return max(numbers) > 100
    return operation in ("add", "biasadd") and min(numbers) < -100


def channels(described: dict) -> str | None:
    """The order of colours that its first layers show, if they treat them differently; None if it could be either."""
    turned, places = False, set[float]()
    for each in _forwards(described):
        if not _BEFORE_PREPARING.fullmatch(each["class_name"]):
            break
        if _TAKING_APART.fullmatch(each["class_name"]):
            taken = set(_numbers(each.get("inbound_nodes", [])))
            turned = turned or -1 in taken  # [..., ::-1]
            places |= taken
    else:
        return RGB
    turned = turned or {0, 1, 2} <= places  # one by one, which nobody does to keep their order
    numbers = flat(each["config"].get("mean")) or list(_numbers(each.get("inbound_nodes", [])))
    found = colour_range.order_of_means(np.abs(numbers), turned) if len(set(numbers)) > 1 else None
    # Keras itself reads pictures as RGB, so means of somebody's own photos are taken to be in that order.
    return found or (None if turned else RGB)


def pools_its_scores(described: dict) -> bool:
    """True if there is a softmax, and no layer with weights between it and the pooling, as in a SqueezeNet."""
    ends_in_scores = False
    for each in _backwards(described):
        if each["class_name"] == "Softmax" or _activation(each)[1] in ("softmax", "sigmoid"):
            ends_in_scores = True
        if each["class_name"].startswith("Global"):
            return ends_in_scores
        if "units" in each["config"] or "filters" in each["config"]:
            return False
    return ends_in_scores


def gives_logits(described: dict) -> bool:
    """True if the scores come from a layer without an activation."""
    for each in _backwards(described):
        if not _BEHIND_SCORES.fullmatch(each["class_name"]) and _activation(each) != ("Activation", "linear"):
            return _activation(each)[1] == "linear"
    return False


def _activation(layer: dict) -> tuple[str, str | None]:
    named = layer["config"].get("activation")
    return layer["class_name"], named.get("config") if isinstance(named, dict) else named


def _layers(described: dict) -> list[dict] | None:
    """A model's layers; None for a single layer."""
    settings = described.get("config")
    if isinstance(settings, list):
        return settings  # a Sequential, as early Keras described it
    return settings.get("layers") if isinstance(settings, dict) else None


def _forwards(described: dict) -> Iterator[dict]:
    for each in _layers(described) or []:
        yield from [each] if _layers(each) is None else _forwards(each)


def _backwards(described: dict) -> Iterator[dict]:
    """The layers that lead to the output, last one first; where paths meet, only the first path is followed."""
    layers = _layers(described) or []
    if "output_layers" not in described["config"]:
        chain = reversed(layers)
    else:
        chain = _upwards({each["name"]: each for each in layers}, described["config"]["output_layers"])
    for each in chain:
        yield from [each] if _layers(each) is None else _backwards(each)


def _upwards(by_name: dict[str, dict], end: list) -> Iterator[dict]:
    name = next(_sources(end), None)
    while name in by_name:
        yield by_name[name]
        name = next(_sources(by_name[name].get("inbound_nodes", [])), None)


def _sources(value: object) -> Iterator[str]:
    """The names of a layer's inputs, from any form of the list [name, number, number, ...]."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _sources(each)
    elif isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int):
            yield value[0]
        else:
            for each in value:
                yield from _sources(each)


def _numbers(value: object) -> Iterator[float]:
    """The numbers an operation takes besides its inputs from layers."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in ("keras_history", "shape"):
                yield from _numbers(each)
    elif isinstance(value, list):
        from_a_layer = len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)
        for each in value[3:] if from_a_layer else value:
            yield from _numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value) if abs(value) < _HUGE else math.inf


def flat(value: object) -> list[float]:
    """All numbers in nested lists."""
    return list(_numbers(value))


def dicts(value: object) -> Iterator[dict]:
    """However deep: a file may nest more than Python can follow by calls."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            yield each
            waiting += reversed(each.values())
        elif isinstance(each, list):
            waiting += reversed(each)
