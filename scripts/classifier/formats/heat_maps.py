"""Shows what in a picture spoke for a label: heat maps from a classifier's graph.

A network's last maps (graphs/last_maps.py) lead to the logits. How much a place spoke for a label is its values there,
times the gradient with respect to them of the label's logit above the mean of all. Where an average and one layer
follow, these are that layer's weights times the values (class activation maps), and their sum is that logit, but for
the layer's biases.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageOps

from ..backbones import several_views
from ..backbones.engine import PROCESSOR
from ..errors import UserError, in_short
from ..graphs import last_maps, tensor_sizes
from ..graphs.frozen_graph import node_of
from ..graphs.last_maps import LastMaps
from ..photos import fitting, pixels
from ..photos.preprocessing import Overrides, Preprocessing
from . import fast_looks, kinds
from .classifiers import Classifier
from .fast_looks import Fast

if TYPE_CHECKING:
    import tensorflow as tf
    from tensorflow.core.framework.graph_pb2 import GraphDef

# Pictures that go through the network at once: few are asked for, and their maps stay in memory.
BATCH = 8

# Left, upper, right and lower edge of each view, as shares of the square; a mirrored one has its right edge first.
_WHOLE, _MIRRORED = (0.0, 0.0, 1.0, 1.0), (1.0, 0.0, 0.0, 1.0)
_CLOSER = [((1 - kept) / 2, (1 - kept) / 2, (1 + kept) / 2, (1 + kept) / 2) for kept in several_views.CLOSER]
_VIEWS = {1: [_WHOLE], several_views.COUNTS[-1]: [_WHOLE, _MIRRORED, *_CLOSER]}


@dataclass(frozen=True)
class Heat:
    """What spoke for a label (above 0) and against it, in the square that the network saw; the mean is the total."""

    values: np.ndarray  # [height, width] float32
    fit: str

    def over(self, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """The same over the photo, shrunk to this width and height, and where the network saw it at all (bool)."""
        height, width = self.values.shape
        left, upper, right, lower = fitting.seen(size, height, width, self.fit)
        stretched = _resized(self.values, (right - left, lower - upper))
        values, seen = np.zeros(size[::-1], np.float32), np.zeros(size[::-1], bool)
        rows, columns = (slice(max(at, 0), to) for at, to in ((upper, lower), (left, right)))
        seen[rows, columns] = True
        down, across = seen[rows, columns].shape
        values[rows, columns] = stretched[max(-upper, 0) :, max(-left, 0) :][:down, :across]
        return values, seen


@dataclass(frozen=True)
class Explained:
    """A photo, and over it what spoke for each label that was asked for."""

    photo: Image.Image
    heats: list[np.ndarray]  # for each label, [height, width] of the photo
    seen: np.ndarray  # bool, [height, width]: the network looked there


@dataclass(frozen=True)
class Looked:
    """What the network saw in some pictures."""

    scores: np.ndarray  # [pictures, labels]
    maps: list[np.ndarray]  # each [rows, height, width, channels]


class HeatMaps:
    """For one thread at a time."""

    def __init__(self, path: Path, graph_def: GraphDef, take: Preprocessing, found: LastMaps, fast: Fast | None = None):
        """`fast` looks at pictures faster than TensorFlow does."""
        import tensorflow as tf

        self.preprocessing, self._path, self._fast = take, path, fast
        names = [f"{node_of(layer)}:0" for layer in take.layers]
        names += [name if ":" in name else f"{name}:0" for name in (found.logits, *found.maps)]
        with PROCESSOR.graph() as graph:
            entry, scores, logits, *maps = tf.graph_util.import_graph_def(graph_def, name="", return_elements=names)
            self._entry, self._scores, self._maps = entry, scores, maps
            self._asked = tf.compat.v1.placeholder(tf.float32, [None, None])
            self._heat = _heat(logits, maps, self._asked, path)
        tensor_sizes.refuse_large(tensor_sizes.of_graph(graph), path)
        self._session = PROCESSOR.session(graph)

    def explain(
        self,
        pictures: Sequence[bytes],
        labels: Sequence[Sequence[int | None]],
        side: int,
        admit: pixels.Admit = pixels.check_size,
    ) -> Iterator[Explained]:
        """Each photo with its longer side of `side` pixels, explained for its labels; None is its likeliest.

        Raises pixels.UnreadableImage.
        """
        take = self.preprocessing
        for first in range(0, len(pictures), BATCH):
            photos = [
                pixels.open_rgb(each, max(take.input_height, take.input_width, side), admit)
                for each in pictures[first : first + BATCH]
            ]
            squares = [fitting.fit(each, take.input_height, take.input_width, take.fit) for each in photos]
            looked = self.look(np.stack([take.normalise(each) for each in squares]))
            likeliest = looked.scores.argmax(axis=1).tolist()
            asked = [
                [best if each is None else each for each in wanted]
                for best, wanted in zip(likeliest, labels[first : first + BATCH], strict=True)
            ]
            # Pictures with fewer labels than others are asked about their last one again.
            rounds = [
                self.of(looked, [each[min(number, len(each) - 1)] for each in asked])
                for number in range(max(map(len, asked)))
            ]
            for at, photo in enumerate(photos):
                small = ImageOps.contain(photo, (side, side), Image.Resampling.BILINEAR)
                over = [each[at].over(small.size) for each in rounds[: len(asked[at])]]
                yield Explained(small, [heat for heat, _ in over], over[0][1])

    def look(self, pictures: np.ndarray) -> Looked:
        """At prepared pictures, at most BATCH of them."""
        if self._fast is not None:
            scores, *maps = self._fast.look(pictures)
        else:
            scores, *maps = self._run([self._scores, *self._maps], {self._entry: pictures})
        return Looked(scores, maps)

    def of(self, looked: Looked, labels: Sequence[int]) -> list[Heat]:
        """What spoke for this label in each picture."""
        asked = np.zeros(looked.scores.shape, np.float32)
        asked[np.arange(len(labels)), labels] = 1
        found = self._run(self._heat, {self._asked: asked, **dict(zip(self._maps, looked.maps, strict=True))})
        return [Heat(self._square(found, at, len(labels)), self.preprocessing.fit) for at in range(len(labels))]

    def _square(self, heats: list[np.ndarray], at: int, pictures: int) -> np.ndarray:
        """The heat of all maps, each [rows, height, width], for the picture `at`, all its views in their places."""
        height, width = self.preprocessing.input_height, self.preprocessing.input_width
        square = np.zeros((height, width), np.float32)
        for heat in heats:
            views = _VIEWS.get(len(heat) // pictures)
            if views is None or len(heat) % pictures:
                raise _cannot(self._path, "it takes a picture apart in a way of its own")
            apart = heat.reshape(len(views), pictures, *heat.shape[1:])[:, at]
            for view, (left, upper, right, lower) in zip(apart, views, strict=True):
                values = view if left < right else view[:, ::-1]
                (left, right), rows = sorted((left, right)), slice(round(upper * height), round(lower * height))
                part = square[rows, round(left * width) : round(right * width)]
                # Heat for each share of the square, so that the mean keeps the total, however fine the map is.
                part += _resized(values * (values.size / part.size * square.size), (part.shape[1], part.shape[0]))
        return square

    def _run(self, wanted: list, given: dict) -> list[np.ndarray]:
        import tensorflow as tf

        try:
            return self._session.run(wanted, given)
        except (tf.errors.ResourceExhaustedError, MemoryError):
            raise UserError(
                f"{self._path}: too little memory is free for heat maps; close other programs, or leave them out"
            ) from None
        except (ValueError, tf.errors.OpError) as error:
            raise _cannot(self._path, f"TensorFlow cannot compute them: {in_short(error)}") from None


def check(path: Path) -> None:
    """Refuses at once formats whose networks cannot be differentiated."""
    kind = kinds.kind_of(path)
    if kind in (kinds.TFLITE, kinds.ONNX):
        raise _cannot(
            path,
            f"TensorFlow cannot go back through a .{kind} file; give the graph (.pb), Keras model or SavedModel that "
            "it was made from",
        )


def open_for(classifier: Classifier, said: Overrides, many: bool = False) -> HeatMaps:
    """`said` is what the classifier was opened with, `many` expects many pictures, one at a time.

    Raises a UserError of one line if it cannot have heat maps.
    """
    path = classifier.model.path
    check(path)
    contents = kinds.read_contents(path, said, classifier.labels, classifier.named)
    try:
        found = last_maps.find(contents.graph_def, *contents.preprocessing.layers)
    except last_maps.NoMaps as error:
        raise _cannot(path, str(error)) from None
    fast = None
    # Then the classifier itself runs on XNNPACK.
    if many and classifier.model.one_core:
        fast = fast_looks.of(contents.graph_def, contents.preprocessing, found)
    return HeatMaps(path, contents.graph_def, contents.preprocessing, found, fast)


def _heat(logits: tf.Tensor, maps: list[tf.Tensor], asked: tf.Tensor, path: Path) -> list[tf.Tensor]:
    """Of each map [rows, height, width]."""
    import tensorflow as tf

    logits = tf.reshape(logits, tf.shape(asked))
    above = logits - tf.reduce_mean(logits, 1, keepdims=True)
    try:
        # An earlier map speaks for what is computed from it directly, not through a later one.
        gradients = tf.gradients(tf.reduce_sum(asked * above), maps, stop_gradients=maps)
    except (LookupError, ValueError) as error:
        raise _cannot(path, f"TensorFlow cannot go back through it: {in_short(error)}") from None
    heats = [gradient * each for gradient, each in zip(gradients, maps, strict=True)]
    # The gradient of a root is infinite at 0, where there is nothing that could speak for a label.
    return [tf.reduce_sum(tf.where(tf.math.is_finite(each), each, tf.zeros_like(each)), 3) for each in heats]


def _cannot(path: Path, why: str) -> UserError:
    return UserError(f"{path} cannot show what spoke for its answers: {why}")


def _resized(values: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """[height, width] at another width and height, in between by bilinear interpolation."""
    return np.asarray(Image.fromarray(values.astype(np.float32)).resize(size, Image.Resampling.BILINEAR))
