"""Writes and reads TFLite Model Metadata, which tools for phones look for, and the files packed with it.

The metadata is a flatbuffer inside the model. The files are a zip archive after it: read from the start, the whole is
a model, and read from the end, an archive.
"""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import UserError
from ..fetching import unpacked_sizes
from ..photos import fitting
from . import flatbuffer_tables, tflite_file
from .flatbuffer_tables import Fields, Table

NAME, IDENTIFIER = "TFLITE_METADATA", b"M001"

# The fields used here, from metadata_schema.fbs of TensorFlow Lite Support.
_MODEL_NAME, _MODEL_DESCRIPTION, _MODEL_VERSION, _MODEL_SUBGRAPHS, _MODEL_FILES, _MODEL_MIN_PARSER = 0, 1, 2, 3, 6, 7
_SUBGRAPH_INPUTS, _SUBGRAPH_OUTPUTS, _SUBGRAPH_FILES = 2, 3, 4
_TENSOR_NAME, _TENSOR_DESCRIPTION, _TENSOR_CONTENT, _TENSOR_PROCESSES, _TENSOR_STATS, _TENSOR_FILES = 0, 1, 3, 4, 5, 6
_CONTENT_KIND, _CONTENT_PROPERTIES, _IMAGE_COLOURS = 0, 1, 0
_PROCESS_KIND, _PROCESS_OPTIONS, _NORMALIZATION_MEAN, _NORMALIZATION_STD = 0, 1, 0, 1
_STATS_MAX, _STATS_MIN = 0, 1
_FILE_NAME, _FILE_DESCRIPTION, _FILE_TYPE = 0, 1, 2

# The schema's enumerations and union types.
_FEATURES, _IMAGE = 1, 2
_UNKNOWN, _RGB = 0, 1
_NORMALIZATION = 1
_DESCRIPTIONS, _AXIS_LABELS = 1, 2
_MIN_PARSER = "1.0.0"  # the first version has all of these


@dataclass(frozen=True)
class Description:
    """What other tools are told. The normalization is for float input; 8-bit input takes the pixels themselves."""

    name: str
    text: str
    mean: float
    std: float
    input_range: tuple[float, float]
    output_range: tuple[float, float]
    labels: str  # the file that holds them, one per line
    files: Mapping[str, bytes]
    is_rgb: bool = True  # the schema has no word for BGR
    fit: str = fitting.SQUEEZE  # how a picture becomes the input's square


@dataclass(frozen=True)
class Found:
    """What a file's metadata says."""

    mean: tuple[float, ...] = ()  # one, or one for each colour; empty if it does not say
    std: tuple[float, ...] = ()
    labels: tuple[str, ...] | None = None
    files: Mapping[str, bytes] = field(default_factory=dict)


def embed(model: bytes, input_name: str, output_name: str, description: Description) -> bytes:
    metadata = flatbuffer_tables.pack(_tables(description), IDENTIFIER)
    file = io.BytesIO()
    file.write(tflite_file.rewrite(model, input_name, output_name, {NAME: metadata}))
    with zipfile.ZipFile(file, "a") as archive:
        for name, data in description.files.items():
            # A bare ZipInfo has no time of writing. Readers on phones need entries uncompressed.
            archive.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_STORED)
    return file.getvalue()


def read(data: bytes, origin: object) -> Found:
    """`data` is a model that LiteRT opens."""
    try:
        files = _unzip(data)
        metadata = tflite_file.metadata(data, NAME)
        if metadata is None or metadata[4:8] != IDENTIFIER:
            return Found(files=files)
        return _find(Table.root(metadata), files, origin)
    except unpacked_sizes.TooLarge as error:
        raise UserError(
            f"the files inside {origin} are refused ({error}): get it from a place that you trust"
        ) from None
    except (struct.error, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile, NotImplementedError):
        raise UserError(f"the metadata of {origin} is damaged: get it again") from None


def _unzip(data: bytes) -> dict[str, bytes]:
    if not zipfile.is_zipfile(io.BytesIO(data)):
        return {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        unpacked_sizes.check_zip(archive, len(data))
        return {name: archive.read(name) for name in archive.namelist()}


def _find(model: Table, files: Mapping[str, bytes], origin: object) -> Found:
    graphs = model.tables(_MODEL_SUBGRAPHS)[:1]
    images = [each for graph in graphs for each in graph.tables(_SUBGRAPH_INPUTS)[:1]]
    scores = [each for graph in graphs for each in graph.tables(_SUBGRAPH_OUTPUTS)[:1]]
    attached = model.tables(_MODEL_FILES)
    attached += [file for graph in graphs for file in graph.tables(_SUBGRAPH_FILES)]
    attached += [file for tensor in images + scores for file in tensor.tables(_TENSOR_FILES)]
    for file in attached:
        if (name := file.text(_FILE_NAME)) not in files:
            raise UserError(f"{origin} is cut short: its file {name} is missing; get it again")
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    for process in (each for image in images for each in image.tables(_TENSOR_PROCESSES)):
        if process.number(_PROCESS_KIND) == _NORMALIZATION:
            options = process.table(_PROCESS_OPTIONS)
            mean, std = options.floats(_NORMALIZATION_MEAN), options.floats(_NORMALIZATION_STD)
    labels = [
        files[file.text(_FILE_NAME)]
        for each in scores
        for file in each.tables(_TENSOR_FILES)
        if file.number(_FILE_TYPE) == _AXIS_LABELS
    ]
    return Found(mean, std, _lines(labels[0]) if labels else None, files)


def _lines(data: bytes) -> tuple[str, ...]:
    """Each line is a label, even an empty one."""
    lines = data.decode("utf-8-sig", "surrogateescape").replace("\r\n", "\n").split("\n")
    return tuple(lines[:-1] if lines[-1] == "" else lines)


def _tables(say: Description) -> Fields:
    normalization = {_NORMALIZATION_MEAN: _floats(say.mean), _NORMALIZATION_STD: _floats(say.std)}
    colours = _RGB if say.is_rgb else _UNKNOWN
    image = {
        _TENSOR_NAME: "image",
        _TENSOR_DESCRIPTION: f"{fitting.WORDS[say.fit].capitalize()}.",
        _TENSOR_CONTENT: {_CONTENT_KIND: _IMAGE, _CONTENT_PROPERTIES: {_IMAGE_COLOURS: colours}},
        _TENSOR_PROCESSES: [{_PROCESS_KIND: _NORMALIZATION, _PROCESS_OPTIONS: normalization}],
        _TENSOR_STATS: _stats(*say.input_range),
    }
    labels = {_FILE_NAME: say.labels, _FILE_DESCRIPTION: "One label per line.", _FILE_TYPE: _AXIS_LABELS}
    scores = {
        _TENSOR_NAME: "probability",
        _TENSOR_DESCRIPTION: "The probability of each label.",
        _TENSOR_CONTENT: {_CONTENT_KIND: _FEATURES, _CONTENT_PROPERTIES: {}},
        _TENSOR_STATS: _stats(*say.output_range),
        _TENSOR_FILES: [labels],
    }
    others = [{_FILE_NAME: name, _FILE_TYPE: _DESCRIPTIONS} for name in say.files if name != say.labels]
    return {
        _MODEL_NAME: say.name,
        _MODEL_DESCRIPTION: say.text,
        _MODEL_VERSION: "1",
        _MODEL_SUBGRAPHS: [{_SUBGRAPH_INPUTS: [image], _SUBGRAPH_OUTPUTS: [scores]}],
        _MODEL_FILES: others,
        _MODEL_MIN_PARSER: _MIN_PARSER,
    }


def _stats(low: float, high: float) -> Fields:
    return {_STATS_MIN: _floats(low), _STATS_MAX: _floats(high)}


def _floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)
