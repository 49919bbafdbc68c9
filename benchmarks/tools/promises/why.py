"""Measures whether heat maps glow where they should, and what they cost.

Of two photos side by side, of two labels, the heat for a label should lie in the half that shows it. The photos are
held out from training.
"""

from __future__ import annotations

import io
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.tools import figures
from benchmarks.tools.study import Study, share
from scripts.classifier.drawing import heat
from scripts.classifier.formats import classifiers, heat_maps, kinds
from scripts.classifier.formats.classifiers import Classifier
from scripts.classifier.formats.heat_maps import HeatMaps
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos import fitting, folders, pixels
from scripts.classifier.photos.preprocessing import Overrides

_PAIRS = 50  # in each fold
_MANY, _SIDE = 1000, 480  # as serve opens a classifier, and how large it draws
_ROUNDS = 30


def measure(study: Study, folds: int) -> list[str]:
    right, shares, costs = [], [], []
    for number, held_out in enumerate(study.deal(folds)):
        layer = study.learn(*map(study.examples, study.rest(held_out))).layer
        with tempfile.TemporaryDirectory(prefix="poets-benchmark-") as temporary:
            path = Path(temporary) / "graph.pb"
            kinds.write(kinds.GRAPH, path, study.contents(layer))
            classifier = classifiers.load(path, None, Wishes(pictures=_MANY))
            maps = heat_maps.open_for(classifier, Overrides(), many=True)
            found = list(_shares(maps, study, held_out, np.random.default_rng(number)))
            shares += found
            right += [each > 0.5 for each in found]
            if not number:
                examples = study.examples(held_out)
                costs = _costs(classifier, maps, folders.contents(study.lists.image_dir / examples.paths[0]))
    return [
        "| two photos side by side | | 95 % interval |",
        "|---|--:|--:|",
        f"| heat maps with most of their weight in the right half, of {len(right)} | {share(sum(right), len(right))} |",
        f"| mean share of the weight in the right half | {100 * np.mean(shares):.1f} % | |",
        f"| time of a heat map, as a multiple of a plain answer's | {np.median(costs):.2f} | |",
    ]


def _shares(maps: HeatMaps, study: Study, held_out: np.ndarray, random: np.random.Generator) -> Iterator[float]:
    """Of each map, the share of its positive weight that lies in the half of its label."""
    examples = study.examples(held_out)
    take = maps.preprocessing
    for _ in range(_PAIRS):
        first = random.integers(len(held_out))
        others = np.flatnonzero(examples.labels != examples.labels[first])
        both = [int(first), int(random.choice(others))]
        square = fitting.fit(
            _side_by_side(study, [examples.paths[each] for each in both]), take.input_height, take.input_width, take.fit
        )
        looked = maps.look(take.normalise(square)[None])
        for half, each in enumerate(both):
            (found,) = maps.of(looked, [int(examples.labels[each])])
            weights = [part.sum() for part in np.array_split(found.values.clip(0), 2, axis=1)]
            yield float(weights[half] / max(sum(weights), 1e-9))


def _side_by_side(study: Study, paths: list[str]) -> Image.Image:
    side = study.backbone.input_size
    whole = Image.new("RGB", (2 * side, side))
    for at, path in enumerate(paths):
        photo = pixels.open_rgb(folders.contents(study.lists.image_dir / path), side)
        whole.paste(Image.fromarray(fitting.fit(photo, side, side, fitting.CROP)), (side * at, 0))
    return whole


def _costs(classifier: Classifier, maps: HeatMaps, photo: bytes) -> list[float]:
    """Time and again: from a photo's bytes to a JPEG with its heat, as a multiple of that to its scores."""
    run = classifier.model.open_runner()

    def plain() -> float:
        start = time.perf_counter()
        classifier.answers(run, classifier.model.preprocessing.apply(photo)[None])
        return time.perf_counter() - start

    def with_heat() -> float:
        start = time.perf_counter()
        (shown,) = maps.explain([photo], [[None]], _SIDE)
        drawn = heat.overlay(shown.photo, shown.heats[0], shown.seen, heat.most(shown.heats))
        drawn.save(io.BytesIO(), "JPEG", quality=85)
        return time.perf_counter() - start

    times = figures.alternated({"plain": plain, "heat": with_heat}, _ROUNDS)
    return [one / other for one, other in zip(times["heat"], times["plain"], strict=True)]
