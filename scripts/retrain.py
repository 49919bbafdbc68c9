"""Turns a folder of photos into an image classifier.

    python -m scripts.retrain --image_dir=tf_files/flower_photos --architecture=mobilenet_0.50_224

The folder holds one folder of photos for each label. Each photo goes once through a network that was
trained on ImageNet; what comes out, its bottleneck, is kept on disk, and a new final layer is trained
on the bottlenecks of all photos. The classifier is written as a frozen graph, with its labels beside it.
"""

from dataclasses import asdict
from pathlib import Path

from absl import flags

from .classifier import atomic_files, machine
from .classifier.backbones import table
from .classifier.backbones.backbone import Backbone
from .classifier.bottlenecks.extraction import open_cache
from .classifier.bottlenecks.gathering import gather, look_up
from .classifier.errors import UserError
from .classifier.formats import kinds, whole_models
from .classifier.graphs import costs, frozen_graph
from .classifier.photos import category_names, folders, image_lists
from .classifier.photos.distortions import View
from .classifier.photos.image_lists import SPLITS, VALIDATION, ImageLists
from .classifier.stopwatch import Stopwatch
from .classifier.training import accuracy, recipe_search, retrained_graph, run_record, words as retraining_text
from .classifier.training.examples import Examples
from .classifier.training.final_layer import FinalLayer, Trainer
from .classifier.training.fine_tuning import stages, unfreezing
from .classifier.training.fine_tuning.tuner import DISTORTIONS
from .classifier.training.recipe import Recipe
from .classifier.training.stages import learn_unknown, share_kept, train, write_graph, write_labels
from .classifier.training.summaries import Summaries
from .console import bottleneck_flags, command_line, network_flags, progress, recipe_flags

FLAGS = flags.FLAGS
flags.DEFINE_string(
    "category_names",
    None,
    'A JSON file of what people call the labels, as in {"1": "pink primrose"}; whatever is written carries it.',
)
flags.DEFINE_string("output_graph", "tf_files/retrained_graph.pb", "Where the classifier is written.")
flags.DEFINE_string("output_labels", "tf_files/retrained_labels.txt", "Where its labels are written.")
flags.DEFINE_string(
    "output_model",
    None,
    "Write the whole as a model, too, that takes pixels of 0 to 255: NAME.keras "
    "or NAME.h5 for Keras, a folder for a SavedModel.",
)
flags.DEFINE_string(
    "intermediate_output_graphs_dir", "tf_files/intermediate_graphs", "Where graphs of half-way training are written."
)
flags.DEFINE_integer("intermediate_store_frequency", 0, "Write one of those every so many steps; 0: none.", 0)
flags.DEFINE_string("summaries_dir", "tf_files/training_summaries", "Where TensorBoard finds the training.")
flags.DEFINE_integer("test_batch_size", -1, "How many photos the final test looks at; -1: all.", -1)
flags.DEFINE_bool("print_misclassified_test_images", False, "List the test photos that were taken for something else.")
flags.DEFINE_string("final_tensor_name", retrained_graph.SCORES, "The name of the classifier's output in the graph.")
flags.DEFINE_float(
    "known_photos_kept",
    95,
    "Of 100 photos of its labels, how many the classifier should not call unknown when asked to tell unknown photos.",
    1,
    100,
)
flags.DEFINE_bool("dry_run", False, "Say what would be done, and do nothing.")
flags.DEFINE_bool("quiet", False, "Print errors and warnings only.")


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    network_flags.check()
    bottleneck_flags.check()
    model_kind = None if FLAGS.output_model is None else whole_models.kind_of(FLAGS.output_model)
    if FLAGS.views > 1 and model_kind in (kinds.KERAS, kinds.H5):
        raise UserError(
            f"--output_model={FLAGS.output_model}: Keras has no layers for --views={FLAGS.views}: name a folder for a "
            "SavedModel, or leave one of them out"
        )
    distorted, views = bottleneck_flags.distortions(), bottleneck_flags.views()
    percentages = bottleneck_flags.percentages()
    recipe, tuning = recipe_flags.recipe(FLAGS.seed), recipe_flags.tuning()
    output, bottleneck_dir = Path(FLAGS.output_graph), Path(FLAGS.bottleneck_dir)
    watch = Stopwatch()

    with watch.stage("listing photos"):
        lists = image_lists.scan(folders.at(FLAGS.image_dir), *percentages)
    names_file = None if FLAGS.category_names is None else Path(FLAGS.category_names)
    named = None if names_file is None else category_names.read(names_file, lists.labels)
    _say(*lists.describe())
    command_line.warn(*lists.warnings())
    recipe_flags.check_validation(len(lists.of(VALIDATION)))
    if FLAGS.dry_run:
        _say(*_plan(lists, views))
        return

    for path in (output, Path(FLAGS.output_labels)):
        atomic_files.check(path)
    if FLAGS.output_model is not None:
        kinds.check(model_kind, Path(FLAGS.output_model))
    with watch.stage("loading the network"):
        backbone = network_flags.load(_show_download)
        precision = machine.decide_precision(FLAGS.precision, large=backbone.large)
        cache = open_cache(bottleneck_dir, backbone, precision)
    retrained_graph.check_name(backbone, FLAGS.final_tensor_name)
    if backbone.name not in table.NAMES:
        _say(backbone.describe())
    if unknown_ops := frozen_graph.newer_than_tensorflow_1(backbone.graph_def):
        command_line.warn(f"TensorFlow 1 will not read the written graph: it does not know {', '.join(unknown_ops)}")
    weights = [] if tuning is None else unfreezing.weights_of(backbone, tuning.start)

    with watch.stage("bottlenecks"):
        gathered = gather(
            lists,
            views,
            bottleneck_flags.extract(backbone, precision, _say),
            cache,
            percentages,
            Path(FLAGS.skipped_images),
            lambda total: progress.show("bottlenecks", total, "photos", quiet=FLAGS.quiet or not total),
        )
        lists, keys = gathered.lists, gathered.keys
        names = category_names.shown(lists.labels, named)
        training, validation, testing = (Examples.of(lists.of(split), keys, cache) for split in SPLITS)
    _tell(retraining_text.bottlenecks(gathered, cache, watch.seconds["bottlenecks"], FLAGS.skipped_images))

    trials = []
    if FLAGS.tune:
        with watch.stage("tuning"):
            trials = _tune(training, validation, lists, recipe)
        recipe = trials[0].recipe
        _say(*recipe_search.describe(trials))

    trainer = Trainer(training, validation, len(lists.labels), recipe)
    summaries = Summaries(Path(FLAGS.summaries_dir))
    with watch.stage("training"):
        curve = train(
            trainer,
            recipe.steps,
            summaries,
            lambda: _store_intermediate(backbone, trainer.layer, trainer.step),
            FLAGS.intermediate_store_frequency or None,
            lambda total: progress.show("training", total, "steps", quiet=FLAGS.quiet),
        )
    _tell(retraining_text.training(trainer, recipe))
    steps, best_step, layer = trainer.step, trainer.best_step, trainer.best

    if tuning is not None:
        before = accuracy.measure(layer, validation)
        if not distorted.any:
            _say(f"fine-tuning on photos that are {DISTORTIONS.describe()}, as no flag says otherwise")
        with watch.stage("fine-tuning"):
            tuned = stages.fine_tune(
                backbone,
                layer,
                weights,
                precision,
                recipe,
                tuning,
                lists,
                distorted if distorted.any else DISTORTIONS,
                steps,
                summaries,
                _store_intermediate,
                FLAGS.intermediate_store_frequency or None,
                lambda total: progress.show("fine-tuning", total, "steps", quiet=FLAGS.quiet),
            )
            curve += tuned.curve
            if tuned.best_step:
                backbone, layer, best_step = tuned.backbone, tuned.layer, steps + tuned.best_step
                training, validation, testing = stages.examples_of(
                    lists,
                    backbone,
                    precision,
                    lambda total: progress.show("bottlenecks anew", total, "photos", quiet=FLAGS.quiet),
                )
        steps += tuned.steps
        after, seconds = accuracy.measure(layer, validation), watch.seconds["fine-tuning"]
        _tell(retraining_text.fine_tuning(tuned, tuning, before, after, seconds))

    with watch.stage("testing"):
        validated = accuracy.measure(layer, validation)
        tested = accuracy.measure(layer, testing.sample(FLAGS.test_batch_size, FLAGS.seed))
        tells_unknown = learn_unknown(training, validation, FLAGS.known_photos_kept / 100, FLAGS.seed)
        known_kept = share_kept(tells_unknown, testing)
    with watch.stage("writing"):
        graph_def = write_graph(backbone, layer, FLAGS.final_tensor_name, output)
        write_labels(lists.labels, Path(FLAGS.output_labels))
        summaries.graph(graph_def)
        summaries.confusion(tested, names, steps)
        summaries.close()
    run_record.write(
        output,
        run_record.preprocessing(backbone, FLAGS.final_tensor_name),
        lists.labels,
        {
            "options": command_line.options(main),
            "seed": FLAGS.seed,
            "versions": run_record.versions(),
            "steps_trained": steps,
            "best_step": best_step,
            "recipe": asdict(recipe),
            "tried": recipe_search.as_record(trials),
            "backbone": run_record.backbone(backbone, precision),
            "photos": run_record.split_sizes(lists),
            "unreadable_photos": len(gathered.unreadable),
            "data_fingerprint": run_record.data_fingerprint(keys, lists),
            "unknown": {"known_photos_kept": FLAGS.known_photos_kept / 100, "test_photos_kept": known_kept},
            "validation": accuracy.as_record(validated, lists.labels),
            "test": accuracy.as_record(tested, lists.labels),
            category_names.RECORDED: named,
            "seconds": watch.seconds,
            "curve": run_record.curve(curve),
        },
        None if tells_unknown is None else tells_unknown.to_bytes(),
    )
    if FLAGS.print_misclassified_test_images:
        _say(*accuracy.misclassified(tested, names))
    _say(*accuracy.describe(tested, names))
    if known_kept is not None:
        _say(f"asked to tell unknown photos, it keeps {100 * known_kept:.1f} % of the test photos as known")
    if backbone.views > 1:
        cost = costs.measure(graph_def, output).multiply_adds
        _say(f"each photo costs {cost / 1e6:,.0f} million multiply-adds, {backbone.views} times as many as one view")
    written = [output, FLAGS.output_labels, run_record.path_beside(output)]
    if tells_unknown is not None:
        written.append(run_record.unknown_beside(output))
    _say(f"written: {', '.join(map(str, written))}")
    if FLAGS.output_model is not None:
        _write_model(model_kind, Path(FLAGS.output_model), output, lists)


def _write_model(kind: str, path: Path, graph: Path, lists: ImageLists) -> None:
    photos = whole_models.photos_to_compare(lists)
    difference = whole_models.write(kind, path, graph, lists.labels, photos)
    _say(f"written: {path}; loaded back, it scores {len(photos)} photos within {difference:.1g} of the graph")


def _say(*lines: str) -> None:
    if lines and not FLAGS.quiet:
        print(*lines, sep="\n", flush=True)


def _tell(words: retraining_text.Words) -> None:
    lines, warnings = words
    command_line.warn(*warnings)
    _say(*lines)


def _show_download(total: int | None, done: int):
    return progress.show(f"downloading {FLAGS.architecture}", total, "B", quiet=FLAGS.quiet, done=done)


def _plan(lists: ImageLists, views: tuple[View, ...]) -> list[str]:
    """What a run would have to do."""
    left = table.remaining_bytes(FLAGS.architecture, Path(FLAGS.model_dir))
    size = "size unknown" if left is None else f"{left / 1e6:.1f} MB"
    plan = [f"the network {FLAGS.architecture} would be downloaded ({size})"]
    if left == 0:
        backbone = network_flags.load()
        precision = machine.decide_precision(FLAGS.precision, large=backbone.large)
        cache = open_cache(Path(FLAGS.bottleneck_dir), backbone, precision)
        extraction = look_up(lists, views, cache)
        extraction.read_waiting()
        plan = [f"the network {FLAGS.architecture} is here: nothing to download"]
        plan += [f"the bottlenecks of {len(extraction.found.keys)} photos are cached, of {len(extraction.waiting)} not"]
    if FLAGS.tune:
        plan.append("a handful of recipes would be tried on the validation photos")
    steps = f"{FLAGS.how_many_training_steps} training steps"
    if FLAGS.fine_tune_steps:
        steps += f" and {FLAGS.fine_tune_steps} of fine-tuning"
    return [*plan, f"then {steps}, and {FLAGS.output_graph} would be written"]


def _tune(training: Examples, validation: Examples, lists: ImageLists, recipe: Recipe) -> list[recipe_search.Trial]:
    wanted = recipe_search.recipes(recipe, recipe_flags.given())
    with progress.show("tuning", len(wanted), "recipes", quiet=FLAGS.quiet) as advance:
        return recipe_search.search(training, validation, len(lists.labels), wanted, advance)


def _store_intermediate(backbone: Backbone, layer: FinalLayer, step: int) -> None:
    path = Path(FLAGS.intermediate_output_graphs_dir) / f"intermediate_{step}.pb"
    write_graph(backbone, layer, FLAGS.final_tensor_name, path)


if __name__ == "__main__":
    command_line.run(main)
