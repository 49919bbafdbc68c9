"""Writes what TensorBoard shows."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from scripts.classifier import confusion_picture
from scripts.classifier.accuracy import Results
from scripts.classifier.errors import UserError
from scripts.classifier.final_layer import Evaluation, FinalLayer

# A constant with more values than this is left out of the graph's picture: it would double the file.
_LARGEST_CONSTANT_SHOWN = 64


class Summaries:
    """The event files of one training, in train/ and validation/ of a folder; those of the last one go."""

    def __init__(self, folder: Path):
        import tensorflow as tf

        self._writers = {}
        try:
            for name in ("train", "validation"):
                (folder / name).mkdir(parents=True, exist_ok=True)
                # The original emptied the whole folder; only what TensorBoard would mix up has to go.
                for old in (folder / name).glob("events.out.tfevents.*"):
                    old.unlink()
                self._writers[name] = tf.summary.create_file_writer(str(folder / name))
        except OSError as error:
            raise UserError(f"cannot write to {folder}: {error.strerror}; give another --summaries_dir") from None

    def graph(self, graph_def) -> None:
        import tensorflow as tf

        shown = type(graph_def)()
        shown.CopyFrom(graph_def)
        for node in shown.node:
            if node.op == "Const" and tf.make_ndarray(node.attr["value"].tensor).size > _LARGEST_CONSTANT_SHOWN:
                node.attr["value"].tensor.ClearField("tensor_content")
                node.attr["value"].tensor.ClearField("float_val")
        with self._writers["train"].as_default(step=0):
            tf.summary.graph(shown)

    def evaluations(self, evaluations: list[Evaluation]) -> None:
        import tensorflow as tf

        with self._writers["train"].as_default():
            for at in evaluations:
                tf.summary.scalar("accuracy", at.accuracy, at.step)
                tf.summary.scalar("cross_entropy", at.cross_entropy, at.step)
        with self._writers["validation"].as_default():
            for at in evaluations:
                if at.validation_accuracy is not None:
                    tf.summary.scalar("accuracy", at.validation_accuracy, at.step)
                    tf.summary.scalar("cross_entropy", at.validation_cross_entropy, at.step)

    def layer(self, layer: FinalLayer, step: int) -> None:
        """Histograms of weights and biases, and their mean, stddev, min and max, under the original's names."""
        import tensorflow as tf

        with self._writers["train"].as_default(step=step):
            for name, values in (("weights", layer.weights), ("biases", layer.biases)):
                prefix = f"final_training_ops/{name}/summaries"
                tf.summary.scalar(f"{prefix}/mean", values.mean())
                tf.summary.scalar(f"{prefix}/stddev", values.std())
                tf.summary.scalar(f"{prefix}/min", values.min())
                tf.summary.scalar(f"{prefix}/max", values.max())
                tf.summary.histogram(f"{prefix}/histogram", values)

    def confusion(self, results: Results, labels: tuple[str, ...], step: int) -> None:
        """The test photos' confusion matrix as a picture."""
        import tensorflow as tf

        picture = np.asarray(confusion_picture.draw(results.confusion, labels))
        with self._writers["validation"].as_default(step=step):
            tf.summary.image("confusion_matrix", picture[None])

    def close(self) -> None:
        for writer in self._writers.values():
            writer.close()
