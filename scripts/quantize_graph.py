"""Quantizes a classifier's weights to 8 bits.

    python -m scripts.quantize_graph --input=tf_files/retrained_graph.pb --mode=weights_rounded

weights_rounded rounds each large tensor to 256 levels and keeps it as floats: the file stays as large, but compresses
well, for example in an app's package. weights stores a byte for each value, and the graph turns the bytes into floats
when it is loaded. Both are plain frozen graphs that label_image takes, with labels and record beside them. Small
tensors are left alone, and so are those that have 8 bits already.
"""

import difflib
import gzip
from dataclasses import replace
from pathlib import Path

from .classifier import atomic_files
from .classifier.errors import UserError
from .classifier.formats import labels as labels_files
from .classifier.graphs import frozen_graph, weight_quantization
from .classifier.graphs.frozen_graph import node_of
from .classifier.graphs.weight_quantization import ROUNDED, STORED, Quantized
from .classifier.photos.preprocessing import Preprocessing
from .classifier.training import run_record
from .console import command_line, flags
from .console.console import Console
from .console.path_kinds import GRAPH

FLAGS = flags.FLAGS
flags.group("classifier")
flags.DEFINE_path("input", "tf_files/retrained_graph.pb", "The frozen graph to quantize.", GRAPH)
flags.DEFINE_string(
    "output_node_names",
    None,
    "The nodes to keep, with commas between, along with all that they need. Default: read from the graph's record, "
    "else final_result.",
)
flags.group("output")
flags.DEFINE_path("output", "tf_files/quantized_graph.pb", "The file to write; may be the input.", GRAPH)
flags.DEFINE_string("mode", ROUNDED, f"{ROUNDED}: keep floats, rounded to 256 levels. {STORED}: store bytes.")
flags.DEFINE_integer("bitdepth", 8, "Number of bits: weights are rounded to 2**bits levels.", 2, 8)

# What the original could do besides. All of it computes on whole numbers.
_GONE = ("round", "quantize", "eightbit", "test")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    _check_mode()
    console, path, output = Console(), Path(FLAGS.input), Path(FLAGS.output)
    graph_def, record, before = frozen_graph.read(path), run_record.read(path), _size(path)
    _check_output(output)
    if record is not None and "quantization" in record:
        console.warn(f"{path} was quantized before: doing it with the graph that it was made of loses less")
    # All of it before anything is written, which may be to the same place.
    labels, unknown, outputs = _labels(path, record, console), run_record.read_unknown(path, record), _outputs(record)
    done = weight_quantization.quantize(graph_def, outputs, FLAGS.mode, FLAGS.bitdepth)
    written = [output]
    frozen_graph.write(done.graph_def, output)
    if labels is not None:
        # Also where the record holds them: a file that is there from another graph would be believed more.
        written.append(labels_files.path_beside(output))
        run_record.write_labels(labels, written[-1])
        if record is not None:
            written.append(run_record.path_beside(output))
            run_record.write(output, _preprocessing(record, outputs), labels, _noted(record, done), unknown)
    _report(done, {f"before: {path}": before, f"after:  {output}": _size(output)})
    console.say(f"written: {', '.join(map(str, written))}")


def _check_output(output: Path) -> None:
    atomic_files.check(output)
    if run_record.path_beside(output) == output:
        raise UserError(f"--output={output}: this name is the record's, expected one that ends in .pb")


def _check_mode() -> None:
    if FLAGS.mode in _GONE:
        raise UserError(
            f"--mode={FLAGS.mode} computes in 8 bits, which TensorFlow no longer does: store in 8 bits with "
            f"--mode={STORED}, or compute in them with python -m scripts.export --format=tflite --quantize=int8"
        )
    if FLAGS.mode not in (ROUNDED, STORED):
        (nearest,) = difflib.get_close_matches(FLAGS.mode, (ROUNDED, STORED), 1, cutoff=0)
        raise UserError(f"--mode={FLAGS.mode} is not known: there are {ROUNDED} and {STORED}; did you mean {nearest}?")


def _outputs(record: dict | None) -> list[str]:
    if FLAGS.output_node_names is None:
        return [node_of(record["preprocessing"]["output_layer"] if record else "final_result")]
    names = [node_of(name.strip()) for name in FLAGS.output_node_names.split(",") if name.strip()]
    if not names:
        raise UserError("--output_node_names is empty: name the nodes to keep, such as final_result")
    return names


def _labels(path: Path, record: dict | None, console: Console) -> tuple[str, ...] | None:
    """As label_image finds them. A graph from elsewhere need not have any."""
    try:
        return labels_files.beside(path, record)
    except UserError as error:
        if record is not None:
            raise
        console.warn(f"what is written goes without labels: {error}")
        return None


def _preprocessing(record: dict, outputs: list[str]) -> Preprocessing:
    take = Preprocessing(**record["preprocessing"])
    _, output_layer = take.layers
    return take if node_of(output_layer) in outputs else replace(take, output_layer=outputs[0])


def _noted(record: dict, done: Quantized) -> dict:
    """All that the record says of how the graph came to be, and what became of it here."""
    by_the_writer = ("preprocessing", "labels", "graph_sha256", "unknown_sha256")
    return {
        **{key: value for key, value in record.items() if key not in by_the_writer},
        "quantization": {
            "mode": FLAGS.mode,
            "bits": FLAGS.bitdepth,
            "tensors": done.tensors,
            "by_channel": done.by_channel,
            "largest_error": done.largest_error,
            "of_graph_sha256": record["graph_sha256"],
            "note": "what is said here of accuracy was measured before",
        },
    }


def _report(done: Quantized, sizes: dict[str, list[str]]) -> None:
    width = max(map(len, sizes))
    for name, (plain, zipped) in sizes.items():
        print(f"{name:{width}}  {plain:>10}, gzipped {zipped:>10}")
    if not done.tensors:
        print(f"no tensor of {weight_quantization.SMALLEST:,} floats or more: all are as they were")
        return
    became = f"rounded to {2**FLAGS.bitdepth} levels" if FLAGS.mode == ROUNDED else "stored in a byte a value"
    channels = ", each channel with levels of its own" if done.by_channel else ""
    print(f"{done.tensors} tensors, {100 * done.share:.1f} % of all floats, {became}{channels}")
    print(f"largest error: {done.largest_error:.2g}, in {done.where}")


def _size(path: Path) -> list[str]:
    """Plain, and as the command gzip makes it."""
    data = path.read_bytes()
    return [f"{len(each) / 1e3:,.0f} kB" for each in (data, gzip.compress(data, 6))]


if __name__ == "__main__":
    command_line.run(main)
