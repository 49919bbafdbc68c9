"""Trains a convolutional network from scratch on a folder of photos.

    python -m scripts.train_cnn --image_dir=tf_files/flower_photos --epochs=10

There is no pretrained network: all that the classifier knows it learns from these photos. It writes the same files as
retrain, so label_image, evaluate and export take them.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from .classifier.drawing import picture_files, sample_sheet
from .classifier.drawing.lettering import Drawn
from .classifier.photos.image_lists import TESTING, TRAINING, VALIDATION, ImageLists
from .classifier.training import accuracy, calibrating, run_record, words
from .classifier.training.convnet import checkpoints, drawings, verdict
from .classifier.training.convnet.pictures import Decoded
from .classifier.training.convnet.verdict import Verdict
from .classifier.training.journal import Journal
from .classifier.training.outcome import Outcome
from .console import cnn_plan, command_line, trainings
from .console.cnn_plan import Plan
from .console.console import Console

if TYPE_CHECKING:
    from .classifier.training.convnet.training import CnnTrainer

_SUMMARY_WIDTH = 80
_LESS_MEMORY = "give a smaller --batch_size or --image_size"


def main(positional: list[str]) -> None:
    command_line.refuse_positional(positional)
    plan = cnn_plan.of_flags()
    console = Console(plan.quiet)

    with console.stage("listing photos"):
        lists = plan.list_photos()
    trainings.begin(console, lists, [*plan.gpu_warnings, *lists.warnings()], plan.places, plan.work())
    decoded = _decode(lists, plan, console)
    lists, labels = decoded.lists, decoded.lists.labels
    _draw_photos(decoded, plan, console)

    trainer = _begin(decoded, plan, console)
    journal = Journal(plan.summaries_dir)
    _train(trainer, journal, decoded, plan, console)

    with console.stage("testing"), console.waiting("testing"):
        outcome, judged = _test(trainer, decoded, plan)
    which, results = ("test", outcome.tested) if outcome.tested.total else ("validation", outcome.validated)
    with console.stage("writing"):
        journal.layer(outcome.trained.layer, trainer.best_step)
        journal.finish(outcome.graph_def, results, labels, trainer.best_step, which)
    written = outcome.write(
        {
            "options": command_line.options(),
            "seed": plan.recipe.seed,
            "epochs_trained": len(trainer.history),
            "best_epoch": trainer.best_epoch,
            "verdict": {"name": judged.name, "since_epoch": judged.since_epoch},
            **run_record.photos(lists, decoded.fingerprint, decoded.unreadable, decoded.contents),
            "seconds": console.seconds,
        }
    )
    written += _draw_curves(trainer, lists, plan)
    precision = trainer.engine.precision
    rounded = "" if precision == "float32" else f"; it was measured in {precision}, they are in float32"
    console.say(f"best epoch: {trainer.best_epoch} of {len(trainer.history)}; its weights are written{rounded}")
    console.say(*words.calibration(outcome.trained), *accuracy.describe(results, labels, which), *judged.lines())
    trainings.end(console, outcome, written, plan.model, lists, plan.curves)


def _decode(lists: ImageLists, plan: Plan, console: Console) -> Decoded:
    with console.stage("decoding"):
        decoded = plan.decode(lists, console.show("decoding", "photos"))
    console.tell(*decoded.describe(console.seconds["decoding"], plan.cache_dir, plan.skipped_file))
    return decoded.without_leaks()


def _draw_photos(decoded: Decoded, plan: Plan, console: Console) -> None:
    """If the flags ask for it: samples, and one training photo as training sees it."""
    lists, recipe = decoded.lists, plan.recipe
    if plan.samples is not None:
        nine = sample_sheet.draw_some(lists, lists.labels, drawings.NINE, drawings.COLUMNS, recipe.seed)
        _write_picture(nine, plan.samples, console)
    if plan.augmented is not None:
        augmented = drawings.as_trained_on(decoded.of(TRAINING), recipe, lists.labels)
        _write_picture(augmented, plan.augmented, console)


def _write_picture(drawn: Drawn, path: Path, console: Console) -> None:
    picture_files.write(drawn.picture, path)
    console.tell([f"written: {path}"], drawn.warnings())


def _begin(decoded: Decoded, plan: Plan, console: Console) -> CnnTrainer:
    """A new training, or with --resume the one in the checkpoint."""
    with console.waiting("loading TensorFlow"):
        from .classifier.training.convnet.training import CnnTrainer

    label_count = len(decoded.lists.labels)
    trainer = CnnTrainer(decoded.of(TRAINING), decoded.of(VALIDATION), label_count, plan.engine, plan.recipe)
    if plan.resumed is not None:
        plan.resumed.restore(trainer, decoded.fingerprint)
        console.say(f"resuming after epoch {len(trainer.history)}, from {plan.checkpoint}")
    trainer.model.summary(line_length=_SUMMARY_WIDTH, print_fn=console.say)
    return trainer


def _train(trainer: CnnTrainer, journal: Journal, decoded: Decoded, plan: Plan, console: Console) -> None:
    from .classifier.training.convnet import stages

    epochs = plan.recipe.epochs
    with console.stage("training"), plan.engine.guarded(_LESS_MEMORY):
        stages.train(
            trainer,
            journal,
            keep=lambda: checkpoints.write(plan.checkpoint, trainer, decoded.fingerprint),
            show=lambda epoch: console.show(f"epoch {epoch} of {epochs}", "photos"),
            tell=console.say,
        )
    if not trainer.ended:
        done = f"stopped after {len(trainer.history)} of {epochs} epochs"
        console.warn(f"{done}; the best epoch is written, and --resume continues")


def _test(trainer: CnnTrainer, decoded: Decoded, plan: Plan) -> tuple[Outcome, Verdict]:
    from .classifier.training.convnet import stages

    labels = decoded.lists.labels
    with plan.engine.guarded(_LESS_MEMORY):
        finished = stages.finish(trainer, decoded.of(TESTING), len(labels))
        trained = calibrating.calibrate(finished, plan.calibrate)
        outcome = Outcome.of(trained, labels, plan.places, plan.known_kept, plan.recipe.seed)
    validation = decoded.lists.counts(VALIDATION)
    return outcome, verdict.judge(trainer.history, validation, trainer.recipe, plan.image_dir)


def _draw_curves(trainer: CnnTrainer, lists: ImageLists, plan: Plan) -> list[Path]:
    if plan.curves is None:
        return []
    drawn = drawings.curves(trainer.history, f"{plan.recipe.network} on {lists.image_dir}")
    picture_files.write(drawn.picture, plan.curves)
    return [plan.curves]


if __name__ == "__main__":
    command_line.run(main)
