"""Quantizes a classifier's weights to 8 bits.

    python -m scripts.quantize_graph --input=tf_files/retrained_graph.pb --mode=weights_rounded

weights_rounded rounds each large tensor to 256 levels and keeps it as floats: the file stays as large, but compresses
well, for example in an app's package. weights stores a byte for each value, and the graph turns the bytes into floats
when it is loaded. Both are plain frozen graphs that label_image takes, with labels and record beside them. Small
tensors are left alone, and so are those that have 8 bits already.
"""

import difflib
import shlex
from dataclasses import replace
from pathlib import Path

from .classifier import atomic_files, invocation
from .classifier.errors import UserError
from .classifier.formats import labels as labels_files, quantization_words
from .classifier.graphs import frozen_graph, weight_quantization
from .classifier.graphs.frozen_graph import node_of
from .classifier.graphs.weight_quantization import ROUNDED, STORED, Quantized
from .classifier.photos.preprocessing import Overrides, Preprocessing, settle
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

# Other modes of the original quantize_graph, which quantize the arithmetic too.
_OTHER_MODES = ("round", "quantize", "eightbit", "test")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    _check_mode()
    console, path, output = Console(), Path(FLAGS.input), Path(FLAGS.output)
    _check_output(output)
    console.say(f"quantizing {path} ...")
    graph_def, record, before = frozen_graph.read(path), run_record.read(path), quantization_words.sizes(path)
    if record is not None and "quantization" in record:
        console.warn(f"{path} is quantized already: quantizing the graph that it was made from loses less")
    # Everything is read before anything is written: the output may be the input.
    labels, unknown, outputs = _labels(path, record, console), run_record.read_unknown(path, record), _outputs(record)
    done = weight_quantization.quantize(graph_def, outputs, FLAGS.mode, FLAGS.bitdepth)
    if labels is None:
        written = [output]
        frozen_graph.write(done.graph_def, output)
    else:
        # Even if the record holds them: another graph's labels file left there would take precedence.
        data, beside = frozen_graph.serialised(done.graph_def), labels_files.path_beside(output)
        together = run_record.Written(output, data, labels, beside)
        if record is None:
            written = together.write_without_record()
        else:
            written = together.write(_preprocessing(record, outputs), _noted(record, done), unknown)
    sizes = {f"before: {path}": before, f"after:  {output}": quantization_words.sizes(output)}
    console.say(*quantization_words.describe(done, FLAGS.mode, FLAGS.bitdepth, sizes))
    console.say(f"written: {', '.join(map(str, written))}")
    if labels is not None:
        _suggest(console, {path: "accuracy before", output: "accuracy after"}, "" if record else " --image_dir=FOLDER")


def _suggest(console: Console, graphs: dict[Path, str], more: str) -> None:
    console.suggest(*((when, f"evaluate --graph={shlex.quote(str(path))}{more}") for path, when in graphs.items()))


def _check_output(output: Path) -> None:
    atomic_files.check(output)
    if run_record.path_beside(output) == output:
        raise UserError(
            f"--output={output}: the record would be written to the same file; give a name that ends in .pb"
        )


def _check_mode() -> None:
    if FLAGS.mode in _OTHER_MODES:
        computing = invocation.command("export --format=tflite --quantize=int8")
        raise UserError(
            f"--mode={FLAGS.mode} computes in 8 bits, which TensorFlow no longer does: --mode={STORED} stores weights "
            f"in 8 bits; to compute in 8 bits, use {computing}"
        )
    if FLAGS.mode not in (ROUNDED, STORED):
        (nearest,) = difflib.get_close_matches(FLAGS.mode, (ROUNDED, STORED), 1, cutoff=0)
        raise UserError(f"--mode={FLAGS.mode} does not exist: use {ROUNDED} or {STORED}; did you mean {nearest}?")


def _outputs(record: dict | None) -> list[str]:
    if FLAGS.output_node_names is None:
        return [node_of((record or {"preprocessing": {}})["preprocessing"].get("output_layer") or "final_result")]
    names = [node_of(name.strip()) for name in FLAGS.output_node_names.split(",") if name.strip()]
    if not names:
        raise UserError("--output_node_names is empty: name the nodes to keep, for example final_result")
    return names


def _labels(path: Path, record: dict | None, console: Console) -> tuple[str, ...] | None:
    """The labels, found as label_image finds them; None if there are none, as for graphs from elsewhere."""
    try:
        return labels_files.beside(path, record)
    except UserError as error:
        if record is not None:
            raise
        console.warn(f"no labels are written: {error}")
        return None


def _preprocessing(record: dict, outputs: list[str]) -> Preprocessing:
    take = settle(Path(FLAGS.input), record["preprocessing"], Overrides(), needs_layers=True)
    return take if node_of(take.layers[1]) in outputs else replace(take, output_layer=outputs[0])


def _noted(record: dict, done: Quantized) -> dict:
    """The original graph's record, and what quantization changed."""
    rewritten = ("preprocessing", "labels", "graph_sha256", "unknown_sha256")
    return {
        **{key: value for key, value in record.items() if key not in rewritten},
        "quantization": {
            "mode": FLAGS.mode,
            "bits": FLAGS.bitdepth,
            "tensors": done.tensors,
            "by_channel": done.by_channel,
            "largest_error": done.largest_error,
            "of_graph_sha256": record["graph_sha256"],
            "note": "the accuracy in this record was measured before quantization",
        },
    }


if __name__ == "__main__":
    command_line.run(main)
