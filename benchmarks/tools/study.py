"""Trains on most of the photos, writes the classifier in every small form, and judges each on the rest."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from scripts.classifier.backbones import table
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.network import Network
from scripts.classifier.bottlenecks import extraction
from scripts.classifier.bottlenecks.gathering import Gathered, extract_here, gather
from scripts.classifier.formats import classifiers, kinds
from scripts.classifier.formats.contents import Contents
from scripts.classifier.formats.model import Wishes
from scripts.classifier.graphs import frozen_graph, weight_quantization
from scripts.classifier.photos import image_lists
from scripts.classifier.photos.distortions import WHOLE
from scripts.classifier.photos.image_lists import SPLITS, TESTING, TRAINING, VALIDATION, ImageLists
from scripts.classifier.training import accuracy, retrained_graph, run_record, unknown
from scripts.classifier.training.accuracy import Results
from scripts.classifier.training.examples import Examples
from scripts.classifier.training.final_layer import Trainer
from scripts.classifier.training.fine_tuning import stages, tuner, unfreezing
from scripts.classifier.training.fine_tuning.tuner import Tuning
from scripts.classifier.training.recipe import Recipe
from scripts.classifier.training.stages import Show, learn_unknown, share_kept
from scripts.classifier.training.summaries import Summaries

GRAPH = "the graph"
_CALIBRATION_PHOTOS = 100
_MANY = 100  # from here on a graph is run on its fastest engine


@dataclass
class Found:
    """Sums over the folds, by the name of what was judged."""

    right: Counter
    same: Counter  # how often the first label is that of the graph
    kilobytes: dict[str, list[float]]
    known_away: list[float]
    strangers_away: dict[str, list[float]]


@dataclass(frozen=True)
class Study:
    folder: Path
    photos: Path
    model_dir: Path
    architecture: str
    steps: int
    kept: float
    bottleneck: str = table.LAST
    views: int = 1

    @cached_property
    def backbone(self) -> Backbone:
        return table.seeing_more(table.load(self.architecture, self.model_dir), self.bottleneck, self.views)

    @cached_property
    def _gathered(self) -> tuple[Gathered, Examples]:
        cache = extraction.open_cache(self.folder / "bottlenecks", self.backbone, "float32")
        gathered = gather(
            image_lists.scan(self.photos, 0, 0),
            (WHOLE,),
            extract_here(self.backbone, "float32"),
            cache,
            self.folder / "bottlenecks",
            (0, 0),
            self.folder / "skipped.txt",
            lambda total: contextlib.nullcontext(lambda count: None),
        )
        return gathered, Examples.of(list(gathered.lists.photos), gathered.keys, cache)

    @property
    def lists(self) -> ImageLists:
        return self._gathered[0].lists

    def deal(self, folds: int) -> Iterator[np.ndarray]:
        """The rows of each part; every label is in all of them alike."""
        labels = self._gathered[1].labels
        order = np.random.default_rng(0).permutation(len(labels))
        order = order[np.argsort(labels[order], kind="stable")]
        yield from (np.sort(order[first::folds]) for first in range(folds))

    def vectors(self, pictures: list[Path]) -> np.ndarray:
        """The bottlenecks of other pictures."""
        network = Network(self.backbone, "float32")
        run, size = network.runner(), self.backbone.input_size
        take = run_record.preprocessing(self.backbone, "")
        vectors = []
        for path in pictures:
            batch = np.zeros((network.batch, size, size, 3), np.float32)
            batch[0] = take.apply(path.read_bytes())
            vectors.append(run(batch)[0])
        return np.stack(vectors)

    def right(self, held_out: np.ndarray) -> np.ndarray:
        """Whether each of these photos is told by what the others taught."""
        _, _, trainer = self._learn(held_out)
        testing = self._examples(held_out)
        return trainer.layer.probabilities(testing.vectors.take(np.arange(len(testing)))).argmax(1) == testing.labels

    def judge(self, held_out: np.ndarray, strangers: dict[str, np.ndarray], found: Found) -> None:
        training, validation, trainer = self._learn(held_out)
        tells = learn_unknown(training, validation, self.kept, 0)
        testing = self._examples(held_out)
        found.known_away.append(1 - share_kept(tells, testing))
        for name, vectors in strangers.items():
            found.strangers_away[name].append(float((tells.distances(vectors) > 1).mean()))
        firsts: dict[str, np.ndarray] = {}
        for name, path in self._write(trainer, training, tells):
            firsts[name] = self._first_labels(path, testing)
            found.right[name] += int((firsts[name] == testing.labels).sum())
            found.same[name] += int((firsts[name] == firsts[GRAPH]).sum())
            found.kilobytes.setdefault(name, []).append(path.stat().st_size / 1000)

    def _learn(self, held_out: np.ndarray) -> tuple[Examples, Examples, Trainer]:
        """From the photos that are not held out: those trained on, those for validation, what was learnt."""
        validation, training = (self._examples(rows) for rows in self._rest(held_out))
        trainer = Trainer(training, validation, len(self.lists.labels), Recipe(steps=self.steps))
        for _ in trainer.run():
            pass
        return training, validation, trainer

    def fine_tune(self, held_out: np.ndarray, tuning: Tuning, show: Show) -> tuple[Results, Results, float]:
        """What the photos held out are taken for before and after fine-tuning, and the seconds that it took."""
        backbone, recipe = self.backbone, Recipe(steps=self.steps)
        lists = self._dealt(held_out)
        examples = self._gathered[1]
        row_of = {path: row for row, path in enumerate(examples.paths)}
        training, validation, testing = (
            self._examples(np.array([row_of[photo.path] for photo in lists.of(split)])) for split in SPLITS
        )
        trainer = Trainer(training, validation, len(lists.labels), recipe)
        for _ in trainer.run():
            pass
        started = time.perf_counter()
        with contextlib.closing(Summaries(self.folder / "summaries")) as summaries:
            tuned = stages.fine_tune(
                backbone,
                trainer.best,
                unfreezing.weights_of(backbone, tuning.start),
                "float32",
                recipe,
                tuning,
                lists,
                tuner.DISTORTIONS,
                trainer.step,
                summaries,
                lambda *_: None,
                None,
                show,
            )
        seconds = time.perf_counter() - started
        *_, after = stages.examples_of(lists, tuned.backbone, "float32", show)
        return accuracy.measure(trainer.best, testing), accuracy.measure(tuned.layer, after), seconds

    def _dealt(self, held_out: np.ndarray) -> ImageLists:
        """The photos with those held out for testing, and of the others as many for validation as `judge` keeps."""
        kept = set(self._rest(held_out)[0])
        tested = set(held_out)
        photos = [
            replace(photo, split=TESTING if row in tested else VALIDATION if row in kept else TRAINING)
            for row, photo in enumerate(self.lists.photos)
        ]
        return replace(self.lists, photos=tuple(photos))

    def _rest(self, held_out: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For validation, about as many as retrain keeps, an eighth of what is not tested; and for training."""
        rest = np.random.default_rng(1).permutation(np.setdiff1d(np.arange(len(self._gathered[1])), held_out))
        kept = max(1, len(rest) // 8)
        return rest[:kept], rest[kept:]

    def _examples(self, rows: np.ndarray) -> Examples:
        whole = self._gathered[1]
        return Examples(whole.vectors.at(rows), whole.labels[rows], [whole.paths[row] for row in rows])

    def _write(self, trainer: Trainer, training: Examples, tells: unknown.Unknown) -> Iterator[tuple[str, Path]]:
        """The classifier in every form that makes it smaller, the graph itself first."""
        take = run_record.preprocessing(self.backbone, "final_result")
        graph_def = retrained_graph.join(self.backbone, trainer.layer, "final_result")
        record = {"backbone": run_record.backbone(self.backbone, "float32")}
        contents = Contents(graph_def, take, self.backbone.bottleneck_name, self.lists.labels, record, tells.to_bytes())
        path = self.folder / "graph.pb"
        graphs = {GRAPH: graph_def}
        for mode in (weight_quantization.ROUNDED, weight_quantization.STORED):
            smaller = weight_quantization.quantize(graph_def, ["final_result"], mode)
            graphs[f"quantize_graph --mode={mode}"] = smaller.graph_def
        for name, each in graphs.items():
            frozen_graph.write(each, path)
            run_record.write(path, take, self.lists.labels, record)
            yield name, path
        for quantize in kinds.QUANTIZATIONS:
            path = self.folder / f"{quantize}.tflite"
            samples = (
                take.apply((self.photos / picture).read_bytes()) for picture in training.paths[:_CALIBRATION_PHOTOS]
            )
            kinds.write(kinds.TFLITE, path, contents, quantize, samples)
            yield f"export --format=tflite --quantize={quantize}", path

    def _first_labels(self, path: Path, testing: Examples) -> np.ndarray:
        classifier = classifiers.load(path, None, Wishes(pictures=_MANY))
        answers = classifier.label([self.photos / picture for picture in testing.paths])
        return np.array([answer.scores.argmax() for _, answer in answers])
