"""Flags about the files that training writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..classifier import atomic_files
from ..classifier.errors import UserError
from ..classifier.formats import kinds, whole_models
from ..classifier.photos.image_lists import ImageLists
from ..classifier.photos.wording import counted
from ..classifier.training import calibrating
from ..classifier.training.outcome import Places
from . import flags
from .path_kinds import FOLDER, GRAPH, LABELS, MODEL

FLAGS = flags.FLAGS


def define(graph: str, labels: str, summaries_dir: str) -> None:
    """Defines the flags, with the defaults of one command."""
    flags.group("output")
    flags.DEFINE_path("output_graph", graph, "The file for the classifier.", GRAPH)
    flags.DEFINE_path("output_labels", labels, "The file for the classifier's labels.", LABELS)
    flags.DEFINE_path(
        "output_model",
        None,
        "Also write the classifier as one model that takes 0-255 pixels: NAME.keras or NAME.h5 for Keras, a folder/ "
        "for a SavedModel.",
        MODEL,
    )
    flags.DEFINE_path("summaries_dir", summaries_dir, "The folder for TensorBoard's logs.", FOLDER)
    flags.DEFINE_float(
        "known_photos_kept",
        95,
        "Percentage of photos of its labels that the classifier should still recognise with --unknown.",
        1,
        100,
    )
    flags.DEFINE_enum(
        "calibrate",
        calibrating.AUTO,
        calibrating.CHOICES,
        "Whether scores are corrected to mean what they say. auto: by one number, the temperature, if photos that it "
        "did not learn from show that it helps. No photo's first label changes.",
    )
    flags.DEFINE_bool("quiet", False, "Print errors and warnings only.")


@dataclass(frozen=True)
class WholeModel:
    """The model from pixels to scores that --output_model asks for."""

    kind: str
    path: Path

    def check(self) -> None:
        """Refuses at once what `write` would refuse after long work."""
        kinds.check(self.kind, self.path)

    def write(self, graph: Path, labels: Sequence[str], lists: ImageLists) -> str:
        """Converts the written graph; returns a line about differences in scores."""
        photos = whole_models.photos_to_compare(lists)
        difference = whole_models.write(self.kind, self.path, graph, tuple(labels), photos)
        checked = counted(len(photos), "photo")
        return f"written: {self.path} (on {checked}, its scores differ from the graph's by at most {difference:.1g})"


def check(places: Places, model: WholeModel | None, *others: Path) -> None:
    """Refuses before any work what could not be written at the end."""
    atomic_files.check_folder(Path(FLAGS.summaries_dir), "summaries_dir")
    places.check()
    for path in others:
        atomic_files.check(path)
    if model is not None:
        model.check()


def places(**more: str) -> Places:
    return Places(Path(FLAGS.output_graph), Path(FLAGS.output_labels), **more)


def whole_model(views: int = 1) -> WholeModel | None:
    """None without --output_model."""
    if FLAGS.output_model is None:
        return None
    kind = whole_models.kind_of(FLAGS.output_model)
    if views > 1 and kind in (kinds.KERAS, kinds.H5):
        raise UserError(
            f"--output_model={FLAGS.output_model}: Keras has no layers for --views={views}: name a folder for a "
            "SavedModel, or leave one of them out"
        )
    return WholeModel(kind, Path(FLAGS.output_model))
