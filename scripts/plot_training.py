"""Draws training curves: accuracy and loss on training and validation photos.

    python -m scripts.plot_training --output=tf_files/training.png

The curves come from TensorBoard's logs, as retrain writes them, or with --record from the record beside a graph.
"""

from pathlib import Path

from .classifier.drawing import curve_points, picture_files, training_curves
from .classifier.drawing.percent import percent
from .classifier.drawing.training_curves import Curve
from .classifier.training import run_record, summary_curves
from .console import command_line, flags
from .console.console import Console
from .console.path_kinds import FOLDER, PICTURE, RECORD

FLAGS = flags.FLAGS
flags.group("training")
flags.DEFINE_path("summaries_dir", "tf_files/training_summaries", "The folder of TensorBoard's logs.", FOLDER)
flags.DEFINE_path(
    "record", None, "Draw the curves in this record instead, such as tf_files/retrained_graph.json.", RECORD
)
flags.group("output")
flags.DEFINE_path("output", "tf_files/training.png", "The picture file to write (.png or .jpg).", PICTURE)
flags.DEFINE_string("title", None, "The title. Default: the file that the curves come from.")
flags.DEFINE_bool("shade_gap", False, "Shade the gap between training and validation, where it shows overfitting.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    output, source = Path(FLAGS.output), Path(FLAGS.summaries_dir if FLAGS.record is None else FLAGS.record)
    picture_files.check(output, "output")
    curve = summary_curves.read(source) if FLAGS.record is None else run_record.read_curve(source)
    title = f"Training ({source})" if FLAGS.title is None else FLAGS.title
    drawn = training_curves.draw(curve, title, shade_gap=FLAGS.shade_gap)
    picture_files.write(drawn.picture, output)
    console = Console()
    console.warn(*drawn.warnings())
    console.say(
        f"{_measurements(len(curve['step']))} up to step {curve['step'][-1]:,}: {'; '.join(_ends(curve))}",
        f"written: {output} ({drawn.picture.width} x {drawn.picture.height} pixels)",
        f"look at it: {output}",
    )


def _measurements(number: int) -> str:
    return f"{number:,} measurement{'' if number == 1 else 's'}"


def _ends(curve: Curve) -> list[str]:
    """The last measurements."""
    ends = []
    for which, prefix in (("training", ""), ("validation", "validation_")):
        accuracy, loss = (curve_points.last(curve[f"{prefix}{key}"]) for key in ("accuracy", "cross_entropy"))
        words = [] if accuracy is None else [f"accuracy {percent(accuracy)}"]
        words += [] if loss is None else [f"cross entropy {loss:.3f}"]
        ends += [f"{which} {', '.join(words)}"] if words else []
    return ends


if __name__ == "__main__":
    command_line.run(main)
