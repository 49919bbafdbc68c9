"""Gets the presets of KerasHub, and reads what one says about itself before anything is built from it.

A preset is a folder: config.json describes a network, image_converter.json how it prepares pictures, and
model.weights.h5 holds its weights. KerasHub builds whatever class of its own a description names, and fetches some of
them, so only descriptions of networks and of their preparation are let through.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import logging
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from .. import invocation
from ..errors import UserError, in_short
from ..fetching.downloads import Unavailable
from ..graphs import hdf5_contents, keras_description
from ..showing import Advance, Show
from .sources import digest
from .suggestions import suggestion

CONFIG, CONVERTER, WEIGHTS = "config.json", "image_converter.json", "model.weights.h5"

_OLDEST_PYTHON = (3, 11)
_BYTES = 4  # of a weight
_NOT_FOUND = 404
# Some networks make layers, or tables of places, before any weights show that their file has too few of these.
# Published ones take pictures of up to 1,024 pixels, look through windows of up to 24 places, and have up to 50 layers.
_MOST = (
    (re.compile(r"image_(shape|size)"), 4096),
    (re.compile(r"window_size"), 64),
    (re.compile(r".*(layers|depths?|repeats|blocks)"), 1000),
)


def check_installed(name: str) -> None:
    if importlib.util.find_spec("keras_hub") is None:
        old = "" if sys.version_info >= _OLDEST_PYTHON else ", with Python 3.11 or later"
        raise UserError(
            f"--architecture={name} needs the package keras-hub, which is not installed: "
            f"run {invocation.install('keras_hub')}{old}"
        )


@dataclass(frozen=True)
class Preset:
    """A preset's name, or its folder."""

    name: str

    @cached_property
    def folder(self) -> Path | None:
        """None for a name: the files then are where Kaggle's library keeps them."""
        folder = Path(self.name).expanduser()
        return folder if folder.is_dir() else None

    @property
    def origin(self) -> str:
        return self.name if self.folder is not None else f"the preset {self.name}"

    def megabytes_left(self) -> int:
        """To download; about, as it follows from the number of weights."""
        if self.folder is not None or self._kept(WEIGHTS) is not None:
            return 0
        return round(self._published()["metadata"]["params"] * _BYTES / 1e6)

    def fetch(self, show: Show) -> None:
        """Fetches the weights only of a network that takes pictures."""
        if self.folder is None:
            with _quiet(show):
                self._fetch(CONFIG)
                self.described()
                self._fetch(CONVERTER, optional=True)
                self._fetch(WEIGHTS)

    def path(self, file: str) -> Path:
        """Where the file is, or should be."""
        return Path(self._kept(file) or file) if self.folder is None else self.folder / file

    def content(self) -> str:
        """A sha256 over all that determines what the network computes."""
        whole = hashlib.sha256()
        for file in (CONFIG, CONVERTER, WEIGHTS):
            path = self.path(file)
            try:
                whole.update(f"{file} {digest(path) if path.exists() else None}\n".encode())
            except OSError as error:
                raise UserError(f"cannot read {path}: {error.strerror}") from None
        return whole.hexdigest()

    def described(self) -> dict:
        """The network, made of KerasHub's own networks and of Keras' layers."""
        import keras_hub

        described = self._read(CONFIG, keras_hub.models.Backbone, "a network")
        keys = {key for each in keras_description.dicts(described) for key in each}
        if "vocabulary_size" in keys and "image_shape" not in keys:
            raise UserError(
                f"{self.origin} holds a {in_short(described['class_name'])}, which takes no pictures: expected a "
                "network that does, such as dinov2_small"
            )
        return described

    def prepared(self) -> dict | None:
        """How it prepares pictures; None if it does not say."""
        import keras_hub

        if not self.path(CONVERTER).exists():
            return None
        return self._read(CONVERTER, keras_hub.layers.ImageConverter, "a preparation of pictures")

    def weights(self) -> tuple[int, int]:
        """The number of values in the file of weights, and of the arrays they are in."""
        import h5py

        path, arrays = self.path(WEIGHTS), 0

        def count(name: str, item: object) -> None:
            nonlocal arrays
            arrays += isinstance(item, h5py.Dataset)

        try:
            with h5py.File(path, "r") as file:
                values = hdf5_contents.check(file, path.stat().st_size, path)
                file.visititems(count)
        except FileNotFoundError:
            raise UserError(f"{self.origin} has no {WEIGHTS}: expected a KerasHub preset with its weights") from None
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise UserError(f"{path} is damaged or cut short ({in_short(error)}): get it again") from None
        return values, arrays

    def _read(self, file: str, kind: type, expected: str) -> dict:
        path = self.path(file)
        try:
            text = path.read_text("utf-8")
            described = json.loads(text)
            if not isinstance(described, dict) or not isinstance(described.get("config"), dict):
                raise UserError(f"{path} does not describe {expected} of KerasHub: expected a KerasHub preset")
            _refuse_others(json.loads(text), kind, path)
        except FileNotFoundError:
            raise UserError(f"{self.origin} has no {file}: expected the folder of a KerasHub preset") from None
        except (OSError, ValueError, RecursionError) as error:
            raise UserError(f"{path} cannot be read ({in_short(error)}): expected the {file} of a preset") from None
        return described

    def _published(self) -> dict[str, Any]:
        import keras_hub

        known = keras_hub.models.Backbone.presets
        if self.name not in known:
            what = suggestion(self.name, list(known)) or "no such preset"
            raise UserError(
                f"--architecture=keras_hub:{self.name}: {what.replace('network', 'preset')} "
                "(https://keras.io/keras_hub/presets/ lists the names; a preset's folder will do, too)"
            )
        return known[self.name]

    def _handle(self) -> str:
        return self._published()["kaggle_handle"].removeprefix("kaggle://")

    def _kept(self, file: str) -> str | None:
        from kagglehub.cache import Cache  # the only way to ask without a download
        from kagglehub.handle import parse_model_handle

        return Cache().load_from_cache(parse_model_handle(self._handle()), file)

    def _fetch(self, file: str, optional: bool = False) -> None:
        import kagglehub
        import requests

        handle = self._handle()
        try:
            kagglehub.model_download(handle, file)
        except requests.ConnectionError:
            raise Unavailable(
                f"cannot fetch {self.origin}: Kaggle cannot be reached; try again later, or give a preset's folder, "
                "keras_hub:FOLDER"
            ) from None
        except Exception as error:
            # Kaggle's library may raise anything that the libraries below it do.
            if optional and getattr(getattr(error, "response", None), "status_code", None) == _NOT_FOUND:
                return
            raise Unavailable(
                f"cannot fetch {self.origin} ({in_short(error)}): if Kaggle asks for it, accept the model's terms at "
                f"kaggle.com/models/{handle} and set KAGGLE_USERNAME and KAGGLE_KEY; or give a preset's folder, "
                "keras_hub:FOLDER"
            ) from None


def _refuse_others(plain: dict, kind: type, path: Path) -> None:
    """Refuses all but a `kind` of KerasHub's, made of such and of Keras' layers. `plain` is of no use after that."""
    import keras

    for each in keras_description.dicts(plain):
        registered, name = each.get("registered_name"), each.get("class_name")
        ours = str(each.get("module")).partition(".")[0] == "keras_hub"
        if ours or ">" in str(registered) or each is plain:
            known = keras.saving.get_registered_object(registered) if isinstance(registered, str) else None
            fits = isinstance(known, type) and issubclass(known, kind)
            if not fits or (getattr(known, "__name__", None), known.__module__) != (name, each.get("module")):
                raise UserError(
                    f"{path} needs {in_short(registered)}, expected {kind.__name__}s of KerasHub and layers of Keras "
                    "alone"
                )
            for key in ("registered_name", "class_name", "module"):
                del each[key]
        for key, sizes in each.items():
            most = next((most for words, most in _MOST if words.fullmatch(key)), math.inf)
            if any(size > most for size in keras_description.flat(sizes)):
                raise UserError(f"{path} has the {key} {in_short(sizes)}, expected at most {most:,}: it is damaged")
    keras_description.refuse_code(plain, path)


@contextlib.contextmanager
def _quiet(show: Show) -> Iterator[None]:
    """Shows downloads as ours, in place of the log and the bars of Kaggle's library."""
    import kagglehub.clients

    logger, bar = logging.getLogger("kagglehub"), kagglehub.clients.tqdm
    level = logger.level

    @contextlib.contextmanager
    def shown(*, total: int, initial: int, **_: object) -> Iterator[_Bar]:
        with show(total, initial) as advance:
            yield _Bar(update=advance)

    logger.setLevel(logging.CRITICAL)
    kagglehub.clients.tqdm = shown
    try:
        yield
    finally:
        logger.setLevel(level)
        kagglehub.clients.tqdm = bar


class _Bar(NamedTuple):
    update: Advance
