"""Measures classifiers by cross-validation: the graph and its smaller forms.

    python -m benchmarks.quality --photos=tf_files/flower_photos

Each photo is judged once, by a classifier trained without it. Prints a Markdown table.
"""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.tools import shared_flags
from benchmarks.tools.study import Study, first_labels, share
from scripts.classifier.formats import kinds
from scripts.classifier.graphs import frozen_graph, weight_quantization
from scripts.classifier.training import learning_unknown, run_record
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.unknown import Unknown
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_folds()

_GRAPH = "the graph"
_CALIBRATION_PHOTOS = 100
_KEPT = 0.95  # share of known photos, by default


@dataclass
class _Form:
    """One form of the classifier, over all folds."""

    right: int = 0
    same: int = 0  # how often its first label is the graph's
    kilobytes: list[float] = field(default_factory=list)


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    forms: dict[str, _Form] = {}
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        study = shared_flags.study(Path(temporary))
        for number, held_out in enumerate(study.deal(FLAGS.folds), 1):
            print(f"fold {number} of {FLAGS.folds}", file=sys.stderr, flush=True)
            training, validation = (study.examples(rows) for rows in study.rest(held_out))
            testing = study.examples(held_out)
            trainer = study.learn(training, validation)
            tells = learning_unknown.learn(training, validation, _KEPT, 0)
            assert tells is not None, "every fold has validation photos"
            _judge(study, _written(study, trainer, training, tells), testing, forms)
    print(study.title(FLAGS.folds), end="\n\n")
    _print_forms(forms, len(study.lists.photos))


def _judge(study: Study, written: Iterator[tuple[str, Path]], testing: Examples, forms: dict[str, _Form]) -> None:
    firsts: dict[str, np.ndarray] = {}
    for name, path in written:
        firsts[name] = first_labels(path, [study.photos / picture for picture in testing.paths])
        form = forms.setdefault(name, _Form())
        form.right += int((firsts[name] == testing.labels).sum())
        form.same += int((firsts[name] == firsts[_GRAPH]).sum())
        form.kilobytes.append(path.stat().st_size / 1000)


def _written(study: Study, trainer: Trainer, training: Examples, tells: Unknown) -> Iterator[tuple[str, Path]]:
    """The graph itself, then every smaller form of it."""
    contents = study.contents(trainer.layer, tells.to_bytes())
    take, graph_def = contents.preprocessing, contents.graph_def
    path = study.folder / "graph.pb"
    graphs = {_GRAPH: graph_def}
    for mode in (weight_quantization.ROUNDED, weight_quantization.STORED):
        smaller = weight_quantization.quantize(graph_def, ["final_result"], mode)
        graphs[f"quantize_graph --mode={mode}"] = smaller.graph_def
    for name, each in graphs.items():
        run_record.Written(path, frozen_graph.serialised(each), contents.labels).write(take, contents.record)
        yield name, path
    for quantize in kinds.QUANTIZATIONS:
        path = study.folder / f"{quantize}.tflite"
        samples = (
            take.apply((study.photos / picture).read_bytes()) for picture in training.paths[:_CALIBRATION_PHOTOS]
        )
        kinds.write(kinds.TFLITE, path, contents, quantize, samples)
        yield f"export --format=tflite --quantize={quantize}", path


def _print_forms(forms: dict[str, _Form], total: int) -> None:
    print("| classifier | kB | accuracy | 95 % interval | same first label as the graph |")
    print("|---|--:|--:|--:|--:|")
    for name, form in forms.items():
        same = f"{100 * form.same / total:.1f} %"
        print(f"| {name} | {np.mean(form.kilobytes):,.0f} | {share(form.right, total)} | {same} |")


if __name__ == "__main__":
    command_line.run(main)
