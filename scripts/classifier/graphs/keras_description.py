"""Reads the description of its layers that a Keras model's file holds, before anything is built of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ..errors import UserError

# Between a model's input and what prepares pixels: nothing that changes their range.
_BEFORE_PREPARING = re.compile(
    "InputLayer|Random.*|Identity|Dropout|GaussianNoise|ZeroPadding2D|Cropping2D|Resizing|CenterCrop|"
    "GetItem|Stack|SlicingOpLambda"
)
# Between what gives scores and a model's output.
_BEHIND_SCORES = re.compile("Reshape|Flatten|Dropout|Identity|GlobalAveragePooling2D|ActivityRegularization")

# Functions of TensorFlow that Keras 2 calls by name in its models. Others could touch files.
_ARITHMETIC = re.compile(
    r"((math|nn|linalg|image|__operators__)\..*|cast|clip_by_value|concat|convert_to_tensor|expand_dims|multiply|"
    r"reduce_\w+|reshape|shape|split|squeeze|stack|strided_slice|subtract|transpose|unstack)"
)


def refuse_code(described: object, path: Path) -> None:
    """What a file says is to be run must be Keras' own: no program of the file's maker runs because it is opened."""
    for each in _dicts(described):
        name, module = each.get("class_name"), each.get("module")
        if name in ("Lambda", "__lambda__"):
            raise UserError(
                f"{path} holds a Lambda layer, a program of its own, which is not run here: build it anew from Keras' "
                "own layers, such as Rescaling"
            )
        called = each.get("function", each.get("cls_symbol"))
        if called is not None and not _ARITHMETIC.fullmatch(str(called)):
            raise UserError(f"{path} calls tf.{called}, which is not run here: only arithmetic is")
        if name is not None and module is not None and not re.fullmatch(r"(keras|tf_keras|builtins)(\..*)?", module):
            raise UserError(
                f"{path} needs {name} of {module}, which Keras does not have: classifiers that only use Keras' own "
                "layers can be opened"
            )


def takes_raw_pixels(described: dict) -> bool:
    """Whether the first that is done to pictures is to bring pixels of 0 to 255 to a network's range."""
    first = next((each for each in _forwards(described) if not _BEFORE_PREPARING.fullmatch(each["class_name"])), None)
    if first is None:
        return False
    kind, settings = first["class_name"], first["config"]
    numbers = list(_numbers(first.get("inbound_nodes", [])))
    if kind == "Rescaling":
        return all(0 < scale < 0.01 for scale in _flat(settings["scale"]))
    if kind == "Normalization":
        return max(_flat(settings.get("mean")), default=0) > 2
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


def gives_logits(described: dict) -> bool:
    """Whether scores are what a layer without activation gives."""
    for each in _backwards(described):
        if not _BEHIND_SCORES.fullmatch(each["class_name"]) and _activation(each) != ("Activation", "linear"):
            return _activation(each)[1] == "linear"
    return False


def towards_input(described: dict) -> Iterator[tuple[str, str]]:
    """Kinds and names of the layers that lead to the output, the last one first."""
    for each in _backwards(described):
        yield each["class_name"], each["config"]["name"]


def _activation(layer: dict) -> tuple[str, str | None]:
    named = layer["config"].get("activation")
    return layer["class_name"], named.get("config") if isinstance(named, dict) else named


def _layers(described: dict) -> list[dict] | None:
    """Of a model; None for a layer."""
    settings = described.get("config")
    if isinstance(settings, list):
        return settings  # a Sequential, as early Keras described it
    return settings.get("layers") if isinstance(settings, dict) else None


def _forwards(described: dict) -> Iterator[dict]:
    for each in _layers(described) or []:
        yield from [each] if _layers(each) is None else _forwards(each)


def _backwards(described: dict) -> Iterator[dict]:
    """The layers that lead to the output, where several do the first of them."""
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
    """The names of layers in a list that says what is fed to one: [name, number, number, ...], in any of its forms."""
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
    """Those that an operation is given beside what comes from layers."""
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in ("keras_history", "shape"):
                yield from _numbers(each)
    elif isinstance(value, list):
        from_a_layer = len(value) >= 3 and isinstance(value[0], str) and isinstance(value[1], int)
        for each in value[3:] if from_a_layer else value:
            yield from _numbers(each)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield float(value)


def _flat(value: object) -> list[float]:
    """All numbers in nested lists; none where there are none."""
    return list(_numbers(value))


def _dicts(value: object) -> Iterator[dict]:
    if isinstance(value, dict):
        yield value
        for each in value.values():
            yield from _dicts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _dicts(each)
