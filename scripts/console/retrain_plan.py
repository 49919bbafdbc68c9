"""The plan of a retraining: its flags, read and checked once, before any work."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from ..classifier import atomic_files
from ..classifier.backbones.backbone import Backbone
from ..classifier.backbones.engine import Engine
from ..classifier.bottlenecks import gathering
from ..classifier.bottlenecks.cache import BottleneckCache
from ..classifier.bottlenecks.cluster.driver import Tell
from ..classifier.bottlenecks.extraction import open_cache
from ..classifier.bottlenecks.gathering import Gathered
from ..classifier.photos import category_names, folders, image_lists, none_photos
from ..classifier.photos.distortions import WHOLE, View
from ..classifier.photos.folders import Place
from ..classifier.photos.image_lists import VALIDATION, ImageLists
from ..classifier.photos.wording import counted
from ..classifier.showing import Show, nowhere
from ..classifier.training import recipe_search, retrained_graph
from ..classifier.training.fine_tuning.tuner import Tuning
from ..classifier.training.journal import Halfway, Journal
from ..classifier.training.outcome import Places
from ..classifier.training.recipe import Recipe
from ..classifier.training.recipe_search import Recipes
from . import bottleneck_flags, flags, network_flags, output_flags, recipe_flags
from .network_flags import Network
from .output_flags import WholeModel
from .path_kinds import FOLDER, NAMES, PHOTOS

FLAGS = flags.FLAGS
flags.most_used("image_dir", "architecture", "how_many_training_steps", "tune", "output_graph")
output_flags.define(
    "tf_files/retrained_graph.pb", "tf_files/retrained_labels.txt", summaries_dir="tf_files/training_summaries"
)
flags.group("photos")
flags.DEFINE_path(
    "none_dir",
    None,
    "A folder of photos of anything else that may come before the camera: other things, empty scenes. They become no "
    "label, but with --unknown the classifier calls more things like these unknown.",
    PHOTOS,
)
flags.group("output")
flags.DEFINE_path(
    "category_names",
    None,
    'A JSON file with readable names for the labels, such as {"1": "pink primrose"}, to be kept with the classifier.',
    NAMES,
)
flags.DEFINE_path(
    "intermediate_output_graphs_dir",
    "tf_files/intermediate_graphs",
    "The folder for graphs written during training.",
    FOLDER,
)
flags.DEFINE_integer(
    "intermediate_store_frequency", 0, "Number of steps between graphs written during training; 0 writes none.", 0
)
flags.DEFINE_string("final_tensor_name", retrained_graph.SCORES, "Name of the classifier's output in the graph.")
flags.DEFINE_bool("print_misclassified_test_images", False, "List the test photos that the classifier gets wrong.")
flags.DEFINE_bool("dry_run", False, "Say what would be done, and stop.")
flags.group("training")
flags.DEFINE_integer("test_batch_size", -1, "Number of photos in the final test; -1 takes all test photos.", -1)


class Loaded(NamedTuple):
    """The network, what it runs on, and the cache of its bottlenecks."""

    backbone: Backbone
    engine: Engine
    cache: BottleneckCache


@dataclass(frozen=True)
class Plan:
    """Everything that a retraining needs to know, in the order of use."""

    image_dir: Place
    none_dir: Place | None  # of photos of none of the labels
    percentages: tuple[float, float]  # of testing and validation photos
    names_file: Path | None  # of readable names for the labels
    network: Network
    views: tuple[View, ...]
    bottleneck_dir: Path
    skipped_file: Path
    recipe: Recipe
    recipes: Recipes | None  # to try first; None: train with `recipe` at once
    tuning: Tuning | None
    summaries_dir: Path
    halfway: Halfway | None
    most_tested: int  # photos; -1: all
    known_kept: float  # the share of known photos that --unknown should recognise
    calibrate: str  # whether scores are calibrated
    places: Places
    model: WholeModel | None
    lists_mistakes: bool
    dry_run: bool
    quiet: bool

    def list_photos(self) -> tuple[ImageLists, dict[str, str] | None]:
        """The photos, and the labels' names if --category_names gives them."""
        lists = image_lists.scan(self.image_dir, *self.percentages)
        recipe_flags.check_validation(len(lists.of(VALIDATION)))
        return lists, None if self.names_file is None else category_names.read(self.names_file, lists.labels)

    def list_none(self) -> ImageLists | None:
        """The photos of none of the labels, if --none_dir gives them."""
        if self.none_dir is None:
            return None
        return none_photos.scan(self.none_dir, self.image_dir, *self.percentages)

    def load_network(self, show: Show = nowhere) -> Loaded:
        backbone, engine = self.network.load(show)
        return Loaded(backbone, engine, open_cache(self.bottleneck_dir, backbone, engine))

    def gather(self, lists: ImageLists, network: Loaded, tell: Tell, show: Show) -> Gathered:
        return self._gather(lists, self.views, self.skipped_file, network, tell, show)

    def gather_none(self, lists: ImageLists, network: Loaded, tell: Tell, show: Show) -> Gathered:
        """Whole photos only: what they teach needs no distorted views."""
        return self._gather(lists, (WHOLE,), self.skipped_none_file, network, tell, show)

    @property
    def skipped_none_file(self) -> Path:
        return self.skipped_file.with_stem(f"{self.skipped_file.stem}_none")

    def _gather(
        self, lists: ImageLists, views: tuple[View, ...], skipped_file: Path, network: Loaded, tell: Tell, show: Show
    ) -> Gathered:
        extract = bottleneck_flags.extract(network.backbone, network.engine, tell)
        return gathering.gather(lists, views, extract, network.cache, self.percentages, skipped_file, show)

    def open_journal(self) -> Journal:
        return Journal(self.summaries_dir, self.halfway)

    def record(self, recipe: Recipe, tried: list[dict], named: dict[str, str] | None) -> dict:
        """Entries for the classifier's record: the recipe, those tried before it, the labels' names."""
        return {"seed": recipe.seed, "recipe": asdict(recipe), "tried": tried, category_names.RECORDED: named}

    def work(self) -> str:
        """The work ahead, in one line."""
        parts = [f"run the photos through {self.network.describe()}"]
        if self.recipes is not None:
            parts.append(f"try {len(self.recipes)} recipes")
        parts.append(f"train a final layer for {_steps(self.recipe.steps)}")
        if self.tuning is not None:
            parts.append(f"fine-tune the network for {_steps(self.tuning.steps)}")
        return ", ".join([*parts, "test it", f"write {self.places.graph}"])

    def describe(self, lists: ImageLists, none: ImageLists | None) -> list[str]:
        """For --dry_run: what would have to be downloaded and computed."""
        left = self.network.remaining_bytes()
        if left == 0:
            cached = missing = 0
            cache = self.load_network().cache
            for each, views in ((lists, self.views), (none, (WHOLE,))):
                if each is not None:
                    extraction = gathering.look_up(each, views, cache)
                    extraction.read_waiting()
                    cached, missing = cached + len(extraction.found.keys), missing + len(extraction.waiting)
            found = [
                "network: nothing to download",
                f"bottlenecks: {counted(cached, 'photo')} cached, {missing:,} to compute",
            ]
        else:
            about = self.network.about_megabytes()
            roughly = "of unknown size" if about is None else f"of about {about:,} MB"
            size = roughly if left is None else f"of {left / 1e6:.1f} MB"
            found = [f"network: a download {size}"]
        return [*found, "dry run: nothing was done"]


def of_flags() -> Plan:
    """Refuses whatever is bound to fail, before looking at any photo."""
    bottleneck_flags.check()
    recipe = recipe_flags.recipe(FLAGS.seed)
    plan = Plan(
        image_dir=folders.at(FLAGS.image_dir),
        none_dir=None if FLAGS.none_dir is None else folders.at(FLAGS.none_dir),
        percentages=bottleneck_flags.percentages(),
        names_file=None if FLAGS.category_names is None else Path(FLAGS.category_names),
        network=network_flags.network(on_a_cluster=FLAGS.cluster is not None),
        views=bottleneck_flags.views(),
        bottleneck_dir=Path(FLAGS.bottleneck_dir),
        skipped_file=Path(FLAGS.skipped_images),
        recipe=recipe,
        recipes=recipe_search.recipes(recipe, recipe_flags.given()) if FLAGS.tune else None,
        tuning=recipe_flags.tuning(bottleneck_flags.distortions()),
        summaries_dir=Path(FLAGS.summaries_dir),
        halfway=_halfway(),
        most_tested=FLAGS.test_batch_size,
        known_kept=FLAGS.known_photos_kept / 100,
        calibrate=FLAGS.calibrate,
        places=output_flags.places(final_tensor_name=FLAGS.final_tensor_name),
        model=output_flags.whole_model(FLAGS.views),
        lists_mistakes=FLAGS.print_misclassified_test_images,
        dry_run=FLAGS.dry_run,
        quiet=FLAGS.quiet,
    )
    retrained_graph.check_name(plan.places.final_tensor_name)
    if not plan.dry_run:
        output_flags.check(plan.places, plan.model)
        if not plan.bottleneck_dir.exists():  # an existing one may hold all bottlenecks already
            atomic_files.check_folder(plan.bottleneck_dir, "bottleneck_dir")
        if plan.halfway is not None:
            atomic_files.check_folder(plan.halfway.folder, "intermediate_output_graphs_dir")
    return plan


def _steps(count: int) -> str:
    return "1 step" if count == 1 else f"{count:,} steps"


def _halfway() -> Halfway | None:
    every = FLAGS.intermediate_store_frequency
    return Halfway(Path(FLAGS.intermediate_output_graphs_dir), every, FLAGS.final_tensor_name) if every else None
