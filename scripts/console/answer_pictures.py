"""The pictures that label_image draws of its answers: --plot and --why."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from ..classifier.drawing import answers as drawings, heat_maps as heat_drawings, picture_files
from ..classifier.drawing.lettering import Drawn
from ..classifier.errors import UserError
from ..classifier.formats import heat_maps
from ..classifier.formats.classifiers import Classifier
from ..classifier.formats.heat_maps import HeatMaps
from ..classifier.photos import folders, pixels
from ..classifier.photos.wording import some_of
from ..classifier.training import unknown
from . import command_line, flags, input_flags
from .answer_lines import Said
from .console import Console
from .path_kinds import PICTURE

FLAGS = flags.FLAGS

_MOST_DRAWN = 20  # one below the other: nobody looks at more
_LONGEST_LABEL = 30  # characters of a label in a message


def define() -> None:
    """The flags. To be called where they belong in the command's help."""
    flags.group("output")
    flags.DEFINE_path("plot", None, "Draw each picture beside its scores into this file (.png or .jpg).", PICTURE)
    flags.DEFINE_path(
        "why", None, "Draw what in each picture spoke for its first label into this file (.png or .jpg).", PICTURE
    )
    flags.DEFINE_string("why_label", None, "With --why: also draw what spoke for this label.")


@dataclass
class Pictures:
    """What is asked for, and the answers so far."""

    plot: Path | None
    why: Path | None
    _answered: list[Said] = field(default_factory=list)
    _classifier: Classifier | None = None
    _heat_maps: HeatMaps | None = None
    _label: int | None = None  # that of --why_label

    def open(self, classifier: Classifier) -> None:
        """Refuses what this classifier cannot show."""
        self._classifier = classifier
        if self.why is not None:
            self._label = None if FLAGS.why_label is None else _label(classifier, FLAGS.why_label)
            self._heat_maps = heat_maps.open_for(classifier, input_flags.overrides())

    def add(self, said: Said) -> None:
        if self.plot is not None or self.why is not None:
            self._answered.append(said)

    def write(self, aside: TextIO) -> None:
        """Says on `aside` what it wrote."""
        if not self._answered:
            return
        if self.plot is not None:
            _write(self.plot, drawings.draw([_shown(each) for each in self._answered]), aside)
        if self.why is not None:
            _write(self.why, heat_drawings.draw(self._explained()), aside)

    def _explained(self) -> list[heat_drawings.Explained]:
        classifier, found = self._classifier, self._heat_maps
        assert classifier is not None and found is not None, "`open` comes before `write`"
        # dict.fromkeys: the label that was asked for may be the first one.
        first = [said.answer.best(1)[0] for said in self._answered]
        labels = [list(dict.fromkeys([best, best if self._label is None else self._label])) for best in first]
        files = [folders.contents(said.path) for said in self._answered]
        return [
            heat_drawings.Explained(
                shown.photo,
                said.path.name,
                [
                    heat_drawings.For(classifier.names[label], float(said.answer.scores[label]), heat, shown.seen)
                    for label, heat in zip(asked, shown.heats, strict=True)
                ],
            )
            for said, asked, shown in zip(
                self._answered, labels, found.explain(files, labels, heat_drawings.PHOTO_SIDE), strict=True
            )
        ]


def asked(pictures: list[Path]) -> Pictures:
    """Refuses before any work what could not be drawn of these pictures."""
    plot, why = (None if path is None else Path(path) for path in (FLAGS.plot, FLAGS.why))
    for flag, file in (("plot", plot), ("why", why)):
        if file is not None:
            _check(flag, file, pictures)
    if why is None:
        if FLAGS.why_label is not None:
            raise UserError("--why_label says what to draw into the file of --why: give --why=FILE.png, too")
    else:
        if plot is not None and plot.absolute() == why.absolute():
            raise UserError(f"--plot={plot} and --why={why} would be one file: give two names")
        heat_maps.check(Path(FLAGS.graph))
    return Pictures(plot, why)


def _check(flag: str, file: Path, pictures: list[Path]) -> None:
    if len(pictures) > _MOST_DRAWN:
        raise UserError(f"--{flag} shows {_MOST_DRAWN} pictures at most, found {len(pictures)}: give fewer")
    if any(path.exists() and file.exists() and path.samefile(file) for path in pictures):
        raise UserError(f"--{flag}={file} would replace one of the pictures: give another name")
    picture_files.check(file, flag)


def _label(classifier: Classifier, wanted: str) -> int:
    """The index of the label with this name, or whose name for people it is."""
    for known in (classifier.labels, classifier.names):
        if wanted in known:
            return known.index(wanted)
    known = tuple(dict.fromkeys((*classifier.names, *classifier.labels)))
    folded = {each.casefold(): each for each in reversed(known)}
    near = [folded[each] for each in difflib.get_close_matches(wanted.casefold(), folded, n=3)]
    hint = (
        f"did you mean {some_of(near)}?" if near else f"it knows {some_of([each[:_LONGEST_LABEL] for each in known])}"
    )
    raise UserError(f"--why_label={wanted[:_LONGEST_LABEL]} is none of the classifier's labels: {hint}")


def _shown(said: Said) -> drawings.Shown:
    why = f"unlike its training photos (distance {said.answer.distance or 0:.2f}, limit 1)"
    photo = pixels.open_rgb(folders.contents(said.path), drawings.PHOTO_SIDE)
    scores = [(rank.name, rank.score) for rank in said.ranks]
    strange = (unknown.NAME, why) if said.answer.unknown else None
    return drawings.Shown(photo, said.path.name, scores, strange, None if said.sure is None else said.sure.describe())


def _write(file: Path, drawn: Drawn, aside: TextIO) -> None:
    picture_files.write(drawn.picture, file)
    Console().warn(*drawn.warnings())
    command_line.print_safely(f"written: {file}", f"look at it: {file}", file=aside)
