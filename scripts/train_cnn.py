"""Trains a convolutional network from nothing on a folder of photos.

    python -m scripts.train_cnn --image_dir=tf_files/flower_photos --epochs=10

No pretrained network is used: all that the classifier knows it learns from these photos. What is written is
what retrain writes, so that label_image, evaluate and export take it.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from absl import flags

from .classifier import atomic_files, machine
from .classifier.drawing import picture_files, sample_sheet
from .classifier.drawing.lettering import Drawn
from .classifier.errors import UserError
from .classifier.formats import kinds, whole_models
from .classifier.photos import image_lists
from .classifier.photos.image_lists import SPLITS
from .classifier.stopwatch import Stopwatch
from .classifier.training import accuracy, run_record
from .classifier.training.convnet import checkpoints, drawings, pictures, recipes
from .classifier.training.convnet.recipes import CnnRecipe
from .classifier.training.final_layer import Evaluation
from .classifier.training.summaries import Summaries
from .console import command_line, progress

FLAGS = flags.FLAGS
flags.DEFINE_string("image_dir", "tf_files/flower_photos", "The folder of photos: one folder for each label.")
flags.DEFINE_enum(
    "network",
    CnnRecipe.network,
    recipes.NETWORKS,
    "basic: three convolutions and a dense layer, as in the "
    "Keras tutorial; deep: a small residual network, slower and more accurate.",
)
flags.DEFINE_integer("epochs", None, "How often all training photos are looked at; default: 10, for deep 20.", 1)
flags.DEFINE_integer("image_size", CnnRecipe.image_size, "Photos are squeezed to so many pixels a side.", 8, 1024)
flags.DEFINE_integer("batch_size", None, "How many photos a training step looks at; default: 32, for deep 128.", 1)
flags.DEFINE_bool(
    "augment",
    CnnRecipe.augment,
    "Mirror, turn and zoom training photos at random. deep mirrors and shifts them in any case.",
)
flags.DEFINE_float("dropout", CnnRecipe.dropout, "What share of the last values is left out at random in training.")
flags.DEFINE_bool("early_stopping", False, "Stop once --patience epochs have brought no better one.")
flags.DEFINE_integer("patience", 5, "With --early_stopping: how many epochs to wait for a better one.", 1)
flags.DEFINE_bool("resume", False, "Go on with the training in --checkpoint from its last whole epoch.")
flags.DEFINE_string("checkpoint", "tf_files/cnn_checkpoint.npz", "Where training is kept after every epoch.")
flags.DEFINE_enum(
    "cache",
    pictures.AUTO,
    pictures.KINDS,
    "Where decoded photos are kept while training; auto: in "
    "memory if they fit, else on disk; none: each is decoded anew every epoch.",
)
flags.DEFINE_string("cache_dir", "tf_files", "The folder for what is cached on disk, which is gone afterwards.")
flags.DEFINE_enum(
    "precision",
    "auto",
    machine.PRECISIONS,
    "Arithmetic in training; auto: bfloat16 where the processor has it. What is written computes in float32.",
)
flags.DEFINE_float("testing_percentage", 0, "How many of 100 photos are kept for a final test.")
flags.DEFINE_float("validation_percentage", 20, "How many of 100 photos show after each epoch how training goes.")
flags.DEFINE_string("output_graph", "tf_files/cnn_graph.pb", "Where the classifier is written.")
flags.DEFINE_string("output_labels", "tf_files/cnn_labels.txt", "Where its labels are written.")
flags.DEFINE_string(
    "output_model",
    None,
    "Write the whole as a model, too, that takes pixels of 0 to 255: NAME.keras "
    "or NAME.h5 for Keras, or a folder/ for a SavedModel.",
)
flags.DEFINE_string("summaries_dir", "tf_files/cnn_summaries", "Where TensorBoard finds the training.")
flags.DEFINE_string("skipped_images", "tf_files/skipped_images.txt", "Where unreadable photos are listed.")
flags.DEFINE_string(
    "plot_curves",
    "tf_files/cnn_curves.png",
    "Where the training's curves are drawn, the gap between training and validation shaded.",
)
flags.DEFINE_string("plot_samples", None, "Draw nine photos with their labels there before training.")
flags.DEFINE_string("plot_augmented", None, "Draw nine views of one training photo there, as training sees it.")
flags.DEFINE_float(
    "known_photos_kept",
    95,
    "Of 100 photos of its labels, how many the classifier should not call unknown when asked to tell unknown photos.",
    1,
    100,
)
flags.DEFINE_integer(
    "seed", CnnRecipe.seed, "The same seed on the same machine gives the same classifier.", 0, 2**32 - 1
)
flags.DEFINE_bool("quiet", False, "Print errors and warnings only.")

_SUMMARY_WIDTH = 80


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    recipe, precision = _recipe(), machine.decide_precision(FLAGS.precision, large=True)
    percentages = FLAGS.testing_percentage, FLAGS.validation_percentage
    output, labels_file, checkpoint = Path(FLAGS.output_graph), Path(FLAGS.output_labels), Path(FLAGS.checkpoint)
    model_kind = None if FLAGS.output_model is None else whole_models.kind_of(FLAGS.output_model)
    _check_places(output, labels_file, checkpoint)
    if model_kind is not None:
        kinds.check(model_kind, Path(FLAGS.output_model))
    before = checkpoints.read(checkpoint, recipe, precision) if FLAGS.resume else None
    watch = Stopwatch()

    with watch.stage("listing photos"):
        lists = image_lists.scan(Path(FLAGS.image_dir), *percentages)
    _say(*lists.describe())
    command_line.warn(*lists.warnings())
    with watch.stage("decoding"):
        gathered = pictures.decode(
            lists,
            recipe.image_size,
            FLAGS.cache,
            Path(FLAGS.cache_dir),
            percentages,
            Path(FLAGS.skipped_images),
            lambda total: progress.show("decoding", total, "photos", quiet=FLAGS.quiet),
        )
        lists = gathered.lists
    _report_pictures(gathered, watch.seconds["decoding"])
    if FLAGS.plot_samples is not None:
        nine = sample_sheet.draw_some(lists, lists.labels, drawings.NINE, drawings.COLUMNS, FLAGS.seed)
        _draw(nine, FLAGS.plot_samples)

    from .classifier.training.convnet import outcome
    from .classifier.training.convnet.training import CnnExamples, CnnTrainer

    training, validation, testing = (CnnExamples.of(lists.of(split), gathered.pictures) for split in SPLITS)
    if FLAGS.plot_augmented is not None:
        _draw(_views(training, lists.labels, recipe), FLAGS.plot_augmented)
    trainer = CnnTrainer(training, validation, len(lists.labels), precision, recipe)
    fingerprint = run_record.data_fingerprint(gathered.keys, lists)
    if before is not None:
        before.restore(trainer, fingerprint)
        _say(f"going on after epoch {len(trainer.history)}, from {checkpoint}")
    trainer.model.summary(line_length=_SUMMARY_WIDTH, print_fn=_say)

    summaries = Summaries(Path(FLAGS.summaries_dir))
    summaries.evaluations(trainer.history)
    with watch.stage("training"):
        _train(trainer, summaries, lambda: checkpoints.write(checkpoint, trainer, precision, fingerprint))
    with watch.stage("testing"):
        reached = outcome.of(trainer, testing, lists.labels, FLAGS.known_photos_kept / 100)
    graph_def = reached.write(
        output,
        labels_file,
        {
            "options": command_line.options(main),
            "seed": FLAGS.seed,
            "versions": run_record.versions(),
            "steps_trained": trainer.history[-1].step,
            "epochs_trained": len(trainer.history),
            "best_epoch": trainer.best_epoch,
            "backbone": run_record.backbone(reached.backbone, precision),
            "photos": run_record.split_sizes(lists),
            "unreadable_photos": len(gathered.unreadable),
            "data_fingerprint": fingerprint,
            "seconds": watch.seconds,
            "curve": run_record.curve(trainer.history),
        },
    )
    results, which = (reached.tested, "test") if reached.tested.total else (reached.validated, "validation")
    summaries.layer(reached.layer, reached.best_step)
    summaries.graph(graph_def)
    summaries.confusion(results, lists.labels, reached.best_step)
    summaries.close()
    curves = Path(FLAGS.plot_curves)
    picture_files.write(drawings.curves(trainer.history, f"{recipe.network} on {lists.image_dir}").picture, curves)

    _say(f"best epoch: {trainer.best_epoch} of {len(trainer.history)}; its weights are written")
    _say(*accuracy.describe(results, lists.labels, which))
    _say(*reached.verdict.lines())
    written = [output, labels_file, run_record.path_beside(output), curves]
    if reached.tells_unknown is not None:
        written.insert(3, run_record.unknown_beside(output))
    _say(f"written: {', '.join(map(str, written))}")
    if model_kind is not None:
        photos, path = whole_models.photos_to_compare(lists), Path(FLAGS.output_model)
        difference = whole_models.write(model_kind, path, output, lists.labels, photos)
        _say(f"written: {path}; loaded back, it scores {len(photos)} photos within {difference:.1g} of the graph")


def _recipe() -> CnnRecipe:
    if FLAGS["patience"].present and not FLAGS.early_stopping:
        raise UserError(f"--patience={FLAGS.patience} is for --early_stopping: give that too")
    epochs = recipes.default_epochs(FLAGS.network) if FLAGS.epochs is None else FLAGS.epochs
    batch_size = recipes.default_batch_size(FLAGS.network) if FLAGS.batch_size is None else FLAGS.batch_size
    return CnnRecipe(
        FLAGS.network,
        FLAGS.image_size,
        epochs,
        batch_size,
        FLAGS.dropout,
        FLAGS.augment,
        FLAGS.patience if FLAGS.early_stopping else None,
        FLAGS.seed,
    )


def _check_places(*files: Path) -> None:
    for path in files:
        atomic_files.check(path)
    for flag in ("plot_curves", "plot_samples", "plot_augmented"):
        if FLAGS[flag].value is not None:
            picture_files.check(Path(FLAGS[flag].value), flag)


def _train(trainer, summaries: Summaries, keep: Callable[[], None]) -> None:
    """To the end or until Ctrl-C, which leaves what whole epochs came to."""

    def show(epoch: int, photos: int):
        return progress.show(f"epoch {epoch} of {trainer.recipe.epochs}", photos, "photos", quiet=FLAGS.quiet)

    started = time.perf_counter()
    try:
        for reached in trainer.run(show):
            keep()
            summaries.evaluations([reached])
            _say(_in_words(len(trainer.history), reached, time.perf_counter() - started))
            started = time.perf_counter()
    except KeyboardInterrupt:
        if not trainer.history:
            raise  # nothing was trained, so there is nothing to write
        command_line.warn(
            f"stopped after {len(trainer.history)} of {trainer.recipe.epochs} epochs; the best is written, "
            "and --resume goes on"
        )


def _in_words(epoch: int, at: Evaluation, seconds: float) -> str:
    kept = ""
    if at.validation_accuracy is not None:
        kept = f", validation {100 * at.validation_accuracy:.1f} % (loss {at.validation_cross_entropy:.3f})"
    return f"epoch {epoch}: training {100 * at.accuracy:.1f} % (loss {at.cross_entropy:.3f}){kept}, {seconds:.1f} s"


def _views(training, labels: tuple[str, ...], recipe: CnnRecipe) -> Drawn:
    """Of the first training photo; without random views in training, those that --augment would give it."""
    views = recipe.views if recipe.views.any else replace(recipe, augment=True).views
    (square,) = training.pictures.take(training.rows[:1])
    return drawings.views(square, views, FLAGS.seed, labels[training.labels[0]])


def _report_pictures(gathered: pictures.Decoded, seconds: float) -> None:
    if gathered.unreadable:
        command_line.warn(f"{len(gathered.unreadable)} photos cannot be read: see {FLAGS.skipped_images}")
    kept = gathered.pictures
    places = {
        pictures.MEMORY: "kept in memory",
        pictures.DISK: f"kept on disk in {FLAGS.cache_dir}",
        pictures.NONE: "not kept: each is decoded anew every epoch",
    }
    _say(f"decoded {len(gathered.keys)} photos in {seconds:.1f} s; {kept.megabytes:,.0f} MB {places[kept.kind]}")


def _draw(drawn: Drawn, path: str) -> None:
    picture_files.write(drawn.picture, Path(path))
    command_line.warn(*drawn.warnings())
    _say(f"written: {path}")


def _say(*lines: str) -> None:
    if not FLAGS.quiet:
        print(*lines, sep="\n", flush=True)


if __name__ == "__main__":
    command_line.run(main)
