"""Writes an image-classification set of TensorFlow Datasets as folders of labels."""

from __future__ import annotations

import contextlib
import difflib
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from .. import atomic_files, invocation
from ..errors import UserError, in_short
from ..showing import Advance, Show
from . import archives

# The name of a split in TensorFlow Datasets -> its folder here.
_SPLITS = {"train": "train", "validation": "valid", "valid": "valid", "val": "valid", "dev": "valid", "test": "test"}
_ENDINGS = {b"\xff\xd8\xff": ".jpg", b"\x89PNG": ".png"}


@dataclass(frozen=True)
class _Fields:
    """The features of a set that hold pictures and labels."""

    picture: str
    label: str
    names: list[str]


def fetch(name: str, destination: Path, show: Show) -> list[str]:
    """Writes the set `name`, which TensorFlow Datasets prepares if need be. Returns the splits that were left out.

    Pictures are written unchanged to train/, valid/ and test/, or straight to folders of labels if there is only one
    split.
    """
    tfds = _library()
    archives.check_free(destination)
    builder = _builder(tfds, name)
    fields = _fields(tfds, builder, name)
    _prepare(builder, name)
    splits = [split for split in builder.info.splits if split in _SPLITS and builder.info.splits[split].num_examples]
    if not splits:
        raise UserError(f"tfds:{name} has no split called train, validation or test: choose another set")
    total = sum(builder.info.splits[split].num_examples for split in splits)
    try:
        with atomic_files.folder(destination.with_name(f"{destination.name}.writing")) as unfinished:
            with show(total) as advance:
                for split in splits:
                    folder = unfinished if len(splits) == 1 else unfinished / _SPLITS[split]
                    _write(_examples(tfds, builder, split, fields), folder, split, fields.names, advance)
            atomic_files.put(unfinished, destination)
    except OSError as error:
        raise UserError(f"cannot write {destination} ({error.strerror}): give another --destination") from None
    return sorted(set(builder.info.splits) - set(splits))


def _library() -> ModuleType:
    try:
        import tensorflow_datasets
    except ImportError as error:
        raise UserError(
            f"sets of TensorFlow Datasets need the package {error.name or 'tensorflow_datasets'}, which is not "
            f"installed: {invocation.install('datasets')}"
        ) from None
    if not sys.stderr.isatty():
        tensorflow_datasets.disable_progress_bar()
    return tensorflow_datasets


def _builder(tfds: ModuleType, name: str):
    try:
        return tfds.builder(name)
    except tfds.core.DatasetNotFoundError:
        near = difflib.get_close_matches(name, tfds.list_builders(), 3)
        hint = f"did you mean {' or '.join(near)}?" if near else "its catalog lists them: tensorflow.org/datasets"
        raise UserError(f"TensorFlow Datasets has no set {name!r}: {hint}") from None
    except Exception as error:
        # Sets are programs by many authors, and may raise anything.
        raise UserError(f"tfds:{name} cannot be opened: {in_short(error)}") from None


def _fields(tfds: ModuleType, builder, name: str) -> _Fields:
    features = dict(builder.info.features or {})
    pictures = [key for key, each in features.items() if type(each) is tfds.features.Image]
    labels = [key for key, each in features.items() if isinstance(each, tfds.features.ClassLabel)]
    keys = builder.info.supervised_keys
    if keys is not None and keys[0] in pictures and keys[1] in labels:
        pictures, labels = [keys[0]], [keys[1]]
    if len(pictures) != 1 or len(labels) != 1:
        held = ", ".join(f"{key} ({type(each).__name__})" for key, each in features.items()) or "nothing"
        raise UserError(
            f"tfds:{name} holds {held}: expected pictures with one label each, as in tfds:beans or tfds:tf_flowers"
        )
    return _Fields(pictures[0], labels[0], [_folder_name(each) for each in features[labels[0]].names])


def _folder_name(label: str) -> str:
    """The label as a folder's name."""
    return label.replace("/", "_").lstrip(".") or "_"


def _prepare(builder, name: str) -> None:
    # It prints its progress, but standard output is for the command's results.
    try:
        with contextlib.redirect_stdout(sys.stderr):
            builder.download_and_prepare()
    except Exception as error:
        # Any error, as in `_builder`, but usually the network's.
        raise UserError(
            f"tfds:{name} cannot be fetched ({in_short(error)}): check the network, or put the prepared set into "
            f"{builder.data_dir}"
        ) from None


def _examples(tfds: ModuleType, builder, split: str, fields: _Fields) -> Iterator[tuple[bytes, int]]:
    decoders = {fields.picture: tfds.decode.SkipDecoding()}
    for example in builder.as_dataset(split=split, decoders=decoders, shuffle_files=False):
        yield example[fields.picture].numpy(), int(example[fields.label].numpy())


def _write(examples: Iterator[tuple[bytes, int]], folder: Path, split: str, names: list[str], advance: Advance) -> None:
    """Leaves out pictures without a label, which test splits of contests have."""
    for number, (data, label) in enumerate(examples):
        advance(1)
        if 0 <= label < len(names):
            ending = next((each for start, each in _ENDINGS.items() if data.startswith(start)), ".img")
            (folder / names[label]).mkdir(parents=True, exist_ok=True)
            (folder / names[label] / f"{split}_{number:06d}{ending}").write_bytes(data)
