"""The flag of evaluate about a log of answers, and what it does instead of looking at photos."""

from collections.abc import Callable
from pathlib import Path

from ..classifier.errors import UserError
from ..classifier.formats import kinds
from ..classifier.judging import answer_log, over_time, over_time_words
from ..classifier.judging.answer_log import Log, Origin
from ..classifier.photos import category_names
from ..classifier.plain_text import json_line
from ..classifier.training import expected
from . import flags, input_flags
from .console import Console
from .path_kinds import ANSWERS

FLAGS = flags.FLAGS
flags.group("answers in use")
flags.DEFINE_path(
    "answers",
    None,
    "Look at no photos, but at the answers that serve --log_answers has kept in this file, beside what was expected at "
    "training.",
    ANSWERS,
)

_ABOUT_PHOTOS = ("image_dir", "split", "report", "unknown", "labels", "sure")


def evaluate(console: Console) -> None:
    """Tells what the log shows. Needs neither photos nor, for a graph's record, TensorFlow."""
    for name in _ABOUT_PHOTOS:
        if FLAGS[name].present:
            raise UserError(f"--answers reads a log and looks at no photos: leave out --{name}")
    record = _record(console)
    log = answer_log.read(Path(FLAGS.answers))
    if log.damaged:
        lines = (
            "1 line that is no answer was" if log.damaged == 1 else f"{log.damaged:,} lines that are no answers were"
        )
        console.warn(f"{lines} left out of {FLAGS.answers}")
    labels = tuple((record or {}).get("labels", ()))
    own = answer_log.fingerprint(record)

    def mine(origin: Origin) -> bool:
        return own is not None and origin.classifier == own

    history = over_time.of(log, mine, labels, expected.of_record(record, labels))
    console.warn(*over_time_words.of_several(log), *_not_compared(record, log, mine))
    names = input_flags.names()
    named = (
        category_names.known(record, history.labels) if names is None else category_names.read(names, history.labels)
    )
    console.say(*over_time_words.describe(history, category_names.shown(history.labels, named)))
    if FLAGS.json:
        print(json_line({"answers": FLAGS.answers, **over_time_words.as_record(log, history)}))


def _record(console: Console) -> dict | None:
    graph = Path(FLAGS.graph)
    if not FLAGS["graph"].present and not graph.exists():
        return None
    with console.waiting(f"reading the record of {graph}"):
        return kinds.read_record(graph)


def _not_compared(record: dict | None, log: Log, mine: Callable[[Origin], bool]) -> list[str]:
    """Why there is nothing to compare with, or what is left out of it."""
    own = sum(number for origin, number in log.origins().items() if mine(origin))
    if own == len(log.lines) and (record or {}).get("expected") is not None:
        return []
    if record is None:
        return ["nothing is known of what to expect: give the classifier with --graph"]
    if not own:
        return [f"none of the answers are of {FLAGS.graph}: give the classifier that gave them with --graph"]
    if record.get("expected") is None:
        return [f"the record of {FLAGS.graph} does not say what to expect: train again"]
    return [f"what follows is about the {own:,} answers of {FLAGS.graph}"]
