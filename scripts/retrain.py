"""Turns a folder of photos into an image classifier.

    python -m scripts.retrain --image_dir=tf_files/flower_photos --architecture=efficientnet_lite0

The folder holds a folder of photos for each label. A network pretrained on ImageNet looks at each photo once, and its
output, the bottleneck, is cached on disk. Then a new final layer is trained on the bottlenecks of all photos. The
classifier is written as a frozen graph, with its labels beside it.
"""

from __future__ import annotations

from dataclasses import replace

from .classifier.bottlenecks import gathering
from .classifier.bottlenecks.gathering import Gathered
from .classifier.photos import category_names, none_photos
from .classifier.photos.image_lists import ImageLists
from .classifier.training import calibrating, recipe_search, retrained_graph, run_record, stages, words
from .classifier.training.fine_tuning import stages as fine_tuning, tuner, unfreezing
from .classifier.training.fine_tuning.tuner import Tuning
from .classifier.training.journal import Journal
from .classifier.training.outcome import Outcome
from .classifier.training.recipe import Recipe
from .classifier.training.trained import NonePhotos, Sets, Trained
from .console import command_line, retrain_plan, trainings
from .console.console import Console
from .console.retrain_plan import Loaded, Plan


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    plan = retrain_plan.of_flags()
    console = Console(plan.quiet)

    with console.stage("listing photos"):
        (lists, named), none_lists = plan.list_photos(), plan.list_none()
    trainings.begin(console, lists, [*plan.network.found.warnings, *lists.warnings(named)], plan.places, plan.work())
    if none_lists is not None:
        console.tell([none_photos.describe(none_lists)], none_photos.warnings(none_lists))
    if plan.dry_run:
        with console.waiting("looking up bottlenecks"):
            found = plan.describe(lists, none_lists)
        console.say(*found)
        return

    network = _load(plan, console)
    gathered = _gather(lists, network, plan, console)
    none = None if none_lists is None else _gather_none(none_lists, gathered, network, plan, console)
    lists, names = gathered.lists, category_names.shown(lists.labels, named)
    sets = Sets.of(lists, gathered.keys, network.cache)
    recipe, trials = _choose_recipe(sets, len(lists.labels), plan, console)

    journal = plan.open_journal()
    trained = replace(_train(network, sets, len(lists.labels), recipe, journal, console), none=none)
    if plan.tuning is not None:
        trained = _fine_tune(trained, lists, recipe, plan.tuning, journal, console)
    trained = _calibrate(trained, recipe, plan, console)

    with console.stage("testing"), console.waiting("testing"):
        outcome = Outcome.of(trained, lists.labels, plan.places, plan.known_kept, recipe.seed, plan.most_tested)
    with console.stage("writing"), console.waiting("writing"):
        journal.finish(outcome.graph_def, outcome.tested, names, trained.steps)
    fingerprint = run_record.data_fingerprint(gathered.keys, lists)
    others = [] if none is None else [(none.lists, none.contents)]
    written = outcome.write(
        {
            "options": command_line.options(),
            **plan.record(recipe, recipe_search.as_record(trials), named),
            **run_record.photos(lists, fingerprint, gathered.unreadable, gathered.contents, others),
            "seconds": console.seconds,
        }
    )
    console.say(*words.outcome(outcome, names, plan.lists_mistakes))
    trainings.end(console, outcome, written, plan.model, lists)


def _load(plan: Plan, console: Console) -> Loaded:
    with console.stage("loading the network"), console.waiting("loading the network"):
        network = plan.load_network(console.show(f"downloading {plan.network.name}", "B"))
    retrained_graph.check_name_is_free(network.backbone, plan.places.final_tensor_name)
    console.tell(*words.network(network.backbone, network.engine))
    if plan.tuning is not None:
        unfreezing.weights_of(network.backbone, plan.tuning.start)  # refuses what cannot be fine-tuned
    return network


def _gather(lists: ImageLists, network: Loaded, plan: Plan, console: Console) -> Gathered:
    with console.stage("bottlenecks"):
        gathered = plan.gather(lists, network, console.say, console.show("bottlenecks", "photos"))
    seconds = console.seconds["bottlenecks"]
    console.tell(*words.bottlenecks(gathered, network.cache, seconds, plan.skipped_file))
    return gathered.without_leaks()


def _gather_none(lists: ImageLists, known: Gathered, network: Loaded, plan: Plan, console: Console) -> NonePhotos:
    with console.stage("bottlenecks"):
        gathered = plan.gather_none(lists, network, console.say, console.show("bottlenecks of none", "photos"))
    console.warn(*words.unreadable(len(gathered.unreadable), plan.skipped_none_file))
    gathered, copies = gathering.without_copies(gathered, known)
    console.warn(*copies)
    return NonePhotos(gathered.lists, Sets.of(gathered.lists, gathered.keys, network.cache), gathered.contents)


def _choose_recipe(
    sets: Sets, label_count: int, plan: Plan, console: Console
) -> tuple[Recipe, list[recipe_search.Trial]]:
    if plan.recipes is None:
        return plan.recipe, []
    with console.stage("tuning"), console.show("tuning", "recipes")(len(plan.recipes)) as advance:
        trials = recipe_search.search(sets.training, sets.validation, label_count, plan.recipes, advance)
    console.say(*recipe_search.describe(trials))
    return trials[0].recipe, trials


def _train(
    network: Loaded, sets: Sets, label_count: int, recipe: Recipe, journal: Journal, console: Console
) -> Trained:
    with console.stage("training"):
        trained = stages.train(
            network.backbone, network.engine, sets, label_count, recipe, journal, console.show("training", "steps")
        )
    console.tell(*words.training(trained, recipe))
    return trained


def _fine_tune(
    trained: Trained, lists: ImageLists, recipe: Recipe, tuning: Tuning, journal: Journal, console: Console
) -> Trained:
    if tuning.distortions is tuner.DISTORTIONS:
        console.say(f"fine-tuning on photos that are {tuner.DISTORTIONS.describe()} (the default)")
    shows = console.show("fine-tuning", "steps"), console.show("bottlenecks", "photos")
    with console.stage("fine-tuning"):
        tuned = fine_tuning.fine_tune(trained, lists, recipe, tuning, journal, *shows)
    console.tell(*words.fine_tuning(tuned, tuning, console.seconds["fine-tuning"]))
    return tuned.trained


def _calibrate(trained: Trained, recipe: Recipe, plan: Plan, console: Console) -> Trained:
    with console.stage("calibrating"), console.waiting("calibrating"):
        calibrated = calibrating.calibrate(trained, plan.calibrate, recipe if plan.tuning is None else None)
    console.say(*words.calibration(calibrated))
    return calibrated


if __name__ == "__main__":
    command_line.run(main)
