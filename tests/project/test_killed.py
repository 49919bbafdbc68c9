"""Commands that are killed or whose disk is full: nothing is half-written, and the next run ends as if undisturbed.

The suite kills the commands that differ in how they write, at moments that are always the same. POETS_KILLS=20 kills
every command that writes twenty times, POETS_KILLS=all at each change to a file and at a moment after each.
"""

import functools
import hashlib
import io
import json
import os
import random
import shutil
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import file_server, killed, small_disk
from tests.support.file_server import File
from tests.support.workplace import Workplace, draw_folder, draw_shape

# In the suite, this often before one rerun, so that it may find the remains of several.
_KILLS = 2
_WANTED = os.environ.get("POETS_KILLS")
# Of what a command writes, so that it cannot succeed by replacing one file after another.
_MOST_FREE = 0.5
_FULL = ("No space left on device", "has no room", "MB are free")

pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs the names of open files")


@dataclass(frozen=True)
class Given:
    """What commands read."""

    photos: Path
    graph: Path
    bare: Path  # the same graph with its labels alone, as from TensorFlow 1
    archive: tuple[str, str, str]  # its URL, size and sha256


Words = Callable[[Path, Given], list[str]]


@dataclass(frozen=True)
class Case:
    words: Words  # of the command, for a folder to write to
    classifier: str | None = None  # the name of what it writes, if label_image takes that
    alone: str | None = None  # the name of the one file or folder that it writes
    replaces: bool = True  # what the same command wrote with other photos
    kept: frozenset[str] = frozenset()  # what is not fetched again once it is here


def _retrain(place: Path, given: Given) -> list[str]:
    few = ["--architecture=color_texture", "--how_many_training_steps=20", "--intermediate_store_frequency=10"]
    return ["retrain", f"--image_dir={given.photos}", *few, *Workplace(place).outputs()]


def _train_cnn(place: Path, given: Given) -> list[str]:
    files = {
        "output_graph": "retrained_graph.pb",
        "output_labels": "retrained_labels.txt",
        "checkpoint": "checkpoint.npz",
        "summaries_dir": "summaries",
        "skipped_images": "skipped.txt",
        "plot_curves": "curves.png",
        "cache_dir": "cache",
    }
    few = ["--image_size=16", "--epochs=2", "--cache=disk"]
    return ["train_cnn", f"--image_dir={given.photos}", *few, *(f"--{flag}={place / files[flag]}" for flag in files)]


def _extract(place: Path, given: Given) -> list[str]:
    places = [f"--bottleneck_dir={place / 'bottlenecks'}", f"--skipped_images={place / 'skipped.txt'}"]
    return ["extract_bottlenecks", f"--image_dir={given.photos}", "--architecture=color_texture", *places]


def _export(kind: str, name: str) -> Case:
    def words(place: Path, given: Given) -> list[str]:
        return ["export", f"--graph={given.graph}", f"--format={kind}", f"--output={place / name}"]

    return Case(words, classifier=name)


CASES = {
    "retrain": Case(_retrain, classifier="retrained_graph.pb"),
    "train_cnn": Case(_train_cnn, classifier="retrained_graph.pb"),
    "extract_bottlenecks": Case(_extract),
    "export tflite": _export("tflite", "exported.tflite"),
    "export saved_model": _export("saved_model", "exported"),
    "export keras": _export("keras", "exported.keras"),
    "export h5": _export("h5", "exported.h5"),
    "export onnx": _export("onnx", "exported.onnx"),
    "quantize_graph": Case(
        lambda place, given: ["quantize_graph", f"--input={given.graph}", f"--output={place / 'small_graph.pb'}"],
        classifier="small_graph.pb",
    ),
    "quantize_graph without a record": Case(
        lambda place, given: ["quantize_graph", f"--input={given.bare}", f"--output={place / 'small_graph.pb'}"],
        classifier="small_graph.pb",
    ),
    "evaluate": Case(
        lambda place, given: ["evaluate", f"--graph={given.graph}", f"--report={place / 'report.html'}"],
        alone="report.html",
    ),
    "plot_training": Case(
        lambda place, given: [
            "plot_training",
            f"--record={given.graph.with_suffix('.json')}",
            f"--output={place / 'curves.png'}",
        ],
        alone="curves.png",
    ),
    "show_image": Case(
        lambda place, given: ["show_image", str(given.photos), f"--output={place / 'photos.png'}", "--width=200"],
        alone="photos.png",
    ),
    "graph_pb2tb": Case(lambda place, given: ["graph_pb2tb", str(place / "logs"), str(given.graph)]),
    "fetch drawn_flowers": Case(
        lambda place, given: ["fetch", "drawn_flowers", "--per_kind=2", f"--destination={place / 'flowers'}"],
        alone="flowers",
        replaces=False,
    ),
    "fetch flower_photos": Case(
        lambda place, given: [
            "tests.support.fetch_of_few_photos",
            *given.archive,
            "flower_photos",
            f"--destination={place / 'flowers'}",
        ],
        alone="flowers",
        replaces=False,
        kept=frozenset({"flowers.tgz"}),
    ),
}

# The others write as one of these does.
QUICK = (
    "retrain",
    "train_cnn",
    "export saved_model",
    "quantize_graph without a record",
    "graph_pb2tb",
    "fetch drawn_flowers",
    "fetch flower_photos",
)
QUICK_ON_A_FULL_DISK = (*QUICK, "export h5")  # whose library would end the process


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    """Photos and a classifier, then others with other labels."""
    place = tmp_path_factory.mktemp("inputs")
    with file_server.running() as server:
        packed = _packed()
        facts = server.script("/few.tgz", File(packed)), str(len(packed)), hashlib.sha256(packed).hexdigest()
        both = []
        for name, kinds in (("these", ("blue", "green", "red")), ("others", ("green", "red", "yellow"))):
            folder = place / name
            given = Given(
                draw_folder(folder / "photos", kinds, 8),
                folder / "retrained_graph.pb",
                folder / "bare" / "retrained_graph.pb",
                facts,
            )
            done = killed.run(folder, _retrain(folder, given))
            assert done.returncode == 0, done.stderr
            given.bare.parent.mkdir()
            for name in ("retrained_graph.pb", "retrained_labels.txt"):
                shutil.copy(folder / name, given.bare.parent)
            both.append(given)
        yield both


def _packed() -> bytes:
    """An archive of photos, and of something beside their folder."""
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for at in range(8):
            picture = io.BytesIO()
            draw_shape("red", at).save(picture, "JPEG")
            member = tarfile.TarInfo(("few_photos/a/{}.jpg", "few_photos/b/{}.jpg", "other/{}")[at % 3].format(at))
            member.size = len(picture.getvalue())
            archive.addfile(member, io.BytesIO(picture.getvalue()))
    return whole.getvalue()


@dataclass(frozen=True)
class Undisturbed:
    """A run that nothing disturbed, in place of an earlier result if the command replaces one."""

    case: Case
    given: Given
    place: Path
    before: Path  # a copy of the place
    old: object  # what stood there, and stands there after the run
    new: object
    whole: dict[str, object]
    gaps: list[float]
    size: int  # of all that the run wrote

    @property
    def words(self) -> list[str]:
        return self.case.words(self.place, self.given)

    def begin_again(self) -> None:
        shutil.rmtree(self.place)
        shutil.copytree(self.before, self.place)

    def check_what_stands(self, told: object) -> None:
        assert _standing(self.case, self.place, self.given) in (self.old, self.new, None), told

    def run_again(self, told: object) -> None:
        done = killed.run(self.place, self.words)
        assert done.returncode == 0, (told, done.stderr)
        found = killed.left_by(self.place)
        assert found.keys() == self.whole.keys(), told
        for name, content in self.whole.items():
            assert found[name] == content, (told, name)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory, inputs):
    """Gives each command's, which is run once; on a small disk of its own if this machine allows that."""
    disk = tmp_path_factory.mktemp("disk")
    with small_disk.mounted(disk) as own:

        @functools.cache
        def of(name: str) -> Undisturbed:
            case, (these, others) = CASES[name], inputs
            place, before = disk / "place", tmp_path_factory.mktemp("before")
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
            if case.replaces:
                done = killed.run(place, case.words(place, others))
                assert done.returncode == 0, done.stderr
            shutil.copytree(place, before, dirs_exist_ok=True)
            old = _standing(case, place, these)
            done, gaps = killed.watched(place, case.words(place, these), before.with_suffix(".log"))
            assert done.returncode == 0, done.stderr
            new = _standing(case, place, these)
            assert (new != old and new is not None) or not (case.classifier or case.alone)
            size = sum(path.stat().st_size for path in place.rglob("*") if _is_new(path, place, before))
            return Undisturbed(case, these, place, before, old, new, killed.left_by(place), gaps, size)

        of.disk = disk if own else None
        yield of


@pytest.mark.parametrize("name", CASES if _WANTED else QUICK)
def test_a_killed_command_leaves_all_or_nothing_and_can_be_run_again(undisturbed, name):
    run = undisturbed(name)
    count = None if _WANTED == "all" else int(_WANTED or _KILLS)
    moments, kills = killed.moments(run.gaps, count, name), 0
    for at, moment in enumerate(moments):
        if at == 0 or _WANTED:
            run.begin_again()
        kills += killed.kill(run.place, run.words, moment)
        if _WANTED or at == len(moments) - 1:
            run.check_what_stands(moment)
            run.run_again(moment)
    print(f"{name}: {len(run.gaps)} changes, killed {kills} times")


@pytest.mark.parametrize("name", CASES if _WANTED else QUICK_ON_A_FULL_DISK)
def test_a_full_disk_is_told_in_one_line_and_with_room_it_can_be_run_again(undisturbed, name):
    run = undisturbed(name)
    if undisturbed.disk is None:
        pytest.skip("no file system can be mounted here")
    chance = random.Random(name)
    for _ in range(10 if _WANTED else 1):
        run.begin_again()
        free = int(run.size * chance.random() * _MOST_FREE)
        with small_disk.filled(undisturbed.disk, free):
            done = killed.run(run.place, run.words)
            said = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
            assert done.returncode == 1 and len(said) == 1 and said[0].startswith("error: cannot "), (free, done)
            assert str(run.place) in said[0] and any(each in said[0] for each in _FULL), said[0]
            names = killed.names_in(run.place)
            assert names <= run.whole.keys() | killed.names_in(run.before) | run.case.kept, (free, names)
            assert _standing(run.case, run.place, run.given) in (run.old, None), free
        run.run_again(free)


def _is_new(path: Path, place: Path, before: Path) -> bool:
    old = before / path.relative_to(place)
    return path.is_file() and not (old.exists() and old.read_bytes() == path.read_bytes())


def _standing(case: Case, place: Path, given: Given) -> object:
    """What stands there for whoever uses it now; None if an error says that it cannot be used."""
    if case.classifier is not None:
        photo = next(given.photos.rglob("*.jpg"))
        words = ["label_image", f"--graph={place / case.classifier}", f"--image={photo}", "--json"]
        done = killed.run(place, words)
        if done.returncode == 1:
            assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1, done.stderr
            return None
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["labels"]
    if case.alone is None:
        return None
    found = place / case.alone
    return killed.left_by(found) if found.is_dir() else found.read_bytes() if found.exists() else "nothing"
