"""Measures classifiers by cross-validation: the graph, its smaller forms, and how they recognise unknown photos.

    python -m benchmarks.quality --photos=tf_files/flower_photos --strangers=FOLDER

Each photo is judged once, by a classifier trained without it. Prints Markdown tables.
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
from scripts.classifier.photos.folders import pictures_below
from scripts.classifier.training import learning_unknown, run_record
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.unknown import Unknown
from scripts.console import command_line, flags

FLAGS = flags.FLAGS
shared_flags.define_network()
shared_flags.define_folds()
flags.DEFINE_list("strangers", [], "Folders with pictures of none of the labels.")
flags.DEFINE_float("known_photos_kept", 95, "How many of 100 photos of its labels should stay known.", 1, 100)

_GRAPH = "the graph"
_CALIBRATION_PHOTOS = 100


@dataclass
class _Form:
    """One form of the classifier, over all folds."""

    right: int = 0
    same: int = 0  # how often its first label is the graph's
    kilobytes: list[float] = field(default_factory=list)


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    strangers = _strangers()
    forms: dict[str, _Form] = {}
    known = f"{FLAGS.photos}, held out"
    unknown: dict[str, list[float]] = {known: [], **{name: [] for name in strangers}}
    with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
        study = shared_flags.study(Path(temporary))
        looks = {name: _vectors(study, pictures) for name, pictures in strangers.items()}
        for number, held_out in enumerate(study.deal(FLAGS.folds), 1):
            print(f"fold {number} of {FLAGS.folds}", file=sys.stderr, flush=True)
            training, validation = (study.examples(rows) for rows in study.rest(held_out))
            testing = study.examples(held_out)
            trainer = study.learn(training, validation)
            tells = learning_unknown.learn(training, validation, FLAGS.known_photos_kept / 100, 0)
            kept = learning_unknown.share_kept(tells, testing)
            assert tells is not None and kept is not None, "every fold has photos for validation and for testing"
            unknown[known].append(1 - kept)
            for name, vectors in looks.items():
                unknown[name].append(float((tells.distances(vectors) > 1).mean()))
            _judge(study, _written(study, trainer, training, tells), testing, forms)
    print(study.title(FLAGS.folds), end="\n\n")
    _print_forms(forms, len(study.lists.photos))
    _print_unknown(unknown)


def _strangers() -> dict[str, list[Path]]:
    """The pictures in each folder, by its name in the table."""
    found = {folder: pictures_below(shared_flags.existing(folder)) for folder in FLAGS.strangers}
    return {f"{folder} ({len(pictures)} pictures)": pictures for folder, pictures in found.items()}


def _vectors(study: Study, pictures: list[Path]) -> np.ndarray:
    """The bottlenecks of pictures from outside the study."""
    network, size = study.network, study.backbone.input_size
    run = network.runner()
    take = run_record.preprocessing(study.backbone, "")
    vectors = []
    for path in pictures:
        batch = np.zeros((network.batch, size, size, 3), np.float32)
        batch[0] = take.apply(path.read_bytes())
        vectors.append(run(batch)[0])
    return np.stack(vectors)


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


def _print_unknown(unknown: dict[str, list[float]]) -> None:
    print("\n| photos | called unknown | lowest to highest fold |\n|---|--:|--:|")
    for name, each in unknown.items():
        print(f"| {name} | {100 * np.mean(each):.1f} % | {100 * min(each):.1f} to {100 * max(each):.1f} % |")


if __name__ == "__main__":
    command_line.run(main)
