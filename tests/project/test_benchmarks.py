"""Runs the benchmarks in a tiny configuration, to test what they print, not how fast anything is."""

import json
import re
import signal
import subprocess
import time

import pytest

from tests.support import warm_commands
from tests.support.published_networks import mobilenet_archive
from tests.support.workplace import ROOT, Workplace, draw_folder

HEADINGS = "| figure | measured | lowest to highest | target or limit | ratio | how it was measured |"


def measure(temporary, *words: str) -> subprocess.CompletedProcess:
    temporary.mkdir()
    return run_forking(temporary, "retraining", f"--model_dir={temporary}", *words)


def run(temporary, name: str, *words: str, **environment: str) -> subprocess.CompletedProcess:
    environment = Workplace(temporary).environment({"TMPDIR": str(temporary), **environment})
    return warm_commands.run([f"benchmarks.{name}", *words], ROOT, environment)


def run_forking(temporary, name: str, *words: str) -> subprocess.CompletedProcess:
    """Like `run`, but processes that the benchmark starts are forked too."""
    environment = Workplace(temporary).environment({"TMPDIR": str(temporary)})
    environment[warm_commands.SERVER] = warm_commands.server(environment["PYTHONPATH"])
    return warm_commands.run(["tests.support.warm_benchmark", f"benchmarks.{name}", *words], ROOT, environment)


def test_the_table_holds_each_figure_against_its_limit(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=4)
    done = measure(
        tmp_path / "temporary",
        f"--photos={photos}",
        "--architecture=color_texture",
        "--count=24",
        "--steps=20",
        "--rounds=1",
        "--memory_photos=50",
        "--only=extraction,training,memory",
    )
    assert done.returncode == 0, done.stderr
    machine, load, table = done.stdout.strip().split("\n\n")
    assert re.search(r"\d+ cores, \d+ GB of memory, .*Python 3\.\d+.*, TensorFlow 2\.\d+.*, Pillow \d+", machine)
    assert load.startswith("before: system load")
    headings, rule, *rows = table.splitlines()
    assert headings == HEADINGS and set(rule) == set("|-:")
    cells = {row.split("|")[1].strip(): [cell.strip() for cell in row.split("|")[2:-1]] for row in rows}
    assert all(float(measured.split()[0].replace(",", "")) > 0 for measured, *_ in cells.values())

    def number(text: str) -> float:
        return float(text.split()[-2].replace(",", ""))

    limited = next(values for name, values in cells.items() if name.startswith("extraction"))
    fastest = [
        max(number(values[0]) for name, values in cells.items() if name.startswith(kind))
        for kind in ("decoding alone", "network alone")
    ]
    assert number(limited[2]) == pytest.approx(1 / sum(1 / rate for rate in fastest), rel=0.02)
    for measured, _, against, ratio, _ in cells.values():
        assert bool(against) == bool(ratio)
        if ratio:
            assert float(ratio) == pytest.approx(number(measured) / number(against), abs=0.006, rel=0.02)
    assert [name for name in cells if name.startswith("peak memory")] == [
        "peak memory of training over 50 bottlenecks of 2,048 values"
    ]
    assert not any((tmp_path / "temporary").glob("poets-benchmark-*"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only=speed"], "error: --only=speed is not known: choose from retrain, "),
        (["--memory_photos=many"], "error: --memory_photos=many: expected numbers"),
        (["--photos=nowhere", "--only=retrain"], "error: nowhere is not a folder"),
    ],
    ids=["unknown row", "count in words", "no photos"],
)
def test_mistakes_are_named(tmp_path, words, message):
    done = measure(tmp_path / "temporary", *words)
    assert done.returncode == 1 and done.stderr.splitlines()[-1].startswith(message)


def test_each_photo_is_judged_once_in_every_form(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=5)
    (tmp_path / "temporary").mkdir()
    words = ["--architecture=color_texture", "--folds=2", "--steps=20", f"--photos={photos}"]
    done = run(tmp_path / "temporary", "quality", *words)
    assert done.returncode == 0, done.stderr
    about, forms = done.stdout.strip().split("\n\n")
    assert about == "color_texture, 15 photos of 3 labels, 2 folds, 20 steps"
    shares = dict(re.findall(r"^\| (.+?) \| [\d,]+ \| ([\d.]+) % \|", forms, re.M))
    assert len(shares) == 7
    assert all(abs(15 * float(share) / 100 - round(15 * float(share) / 100)) < 0.01 for share in shares.values())
    assert not any((tmp_path / "temporary").glob("poets-benchmark-*"))


def test_networks_are_compared_as_graphs_and_in_8_bits(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=4)
    mobilenet_archive(tmp_path / "mirror")
    (tmp_path / "temporary").mkdir()
    words = ["--architectures=color_texture,mobilenet_0.50_128", "--folds=2", "--steps=20", "--rounds=1"]
    places = [f"--photos={photos}", f"--model_dir={tmp_path / 'models'}"]
    done = run(tmp_path / "temporary", "networks", *words, *places, POETS_MIRROR=str(tmp_path / "mirror"))
    assert done.returncode == 0, done.stderr
    about, table = done.stdout.strip().split("\n\n")
    assert about == "12 photos of 3 labels, 2 folds, 20 steps"
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table.splitlines()[2:]]
    assert [row[:3] for row in rows] == [["color_texture", "128", "3,510"], ["mobilenet_0.50_128", "128", "512"]]
    for row in rows:
        counted = [12 * float(row[column].removesuffix(" %")) / 100 for column in (4, 7, 9)]
        assert all(abs(count - round(count)) < 0.01 for count in counted)
        assert float(row[6].removesuffix(" MB")) > 0


def test_the_final_layer_is_compared_with_logistic_regression(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=5)
    (tmp_path / "temporary").mkdir()
    words = ["--architecture=color_texture", "--folds=2", "--steps=20", f"--photos={photos}"]
    done = run(tmp_path / "temporary", "final_layer", *words, PYTHONPATH="")
    assert done.returncode == 0, done.stderr
    about, table = done.stdout.strip().split("\n\n")
    assert about == "color_texture, 15 photos of 3 labels, 2 folds, 20 steps"
    names = re.findall(r"^\| (.+?) \| [\d.]+ % \| [\d.]+ to [\d.]+ % \|$", table, re.M)
    assert names == ["the final layer", *(f"logistic regression, C = {c}" for c in ("0.1", "1", "10"))]


def test_several_views_are_compared_with_one_photo_by_photo(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=4)
    mobilenet_archive(tmp_path / "mirror")
    (tmp_path / "temporary").mkdir()
    words = [
        "--architecture=mobilenet_0.50_128",
        "--folds=2",
        "--steps=20",
        "--rounds=1",
        f"--photos={photos}",
        f"--model_dir={tmp_path / 'models'}",
    ]
    done = run(tmp_path / "temporary", "free_accuracy", *words, POETS_MIRROR=str(tmp_path / "mirror"))
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[4:]]
    assert [row[:2] for row in rows] == [
        ["one view", "512"],
        ["--bottleneck=multi", "896"],
        ["--views=4", "512"],
        ["--views=4 --bottleneck=multi", "896"],
        ["--hidden_units=100", "512"],
        ["--views=4 --hidden_units=100", "512"],
    ]
    shares = [float(row[3].split()[0]) for row in rows]
    for share, row in zip(shares[1:], rows[1:], strict=True):
        assert float(row[5].split()[0]) == pytest.approx(share - shares[0], abs=0.11)


def test_ways_to_make_squares_are_compared_photo_by_photo(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=4)
    (tmp_path / "temporary").mkdir()
    words = ["--architecture=color_texture", "--folds=2", "--steps=20", f"--photos={photos}"]
    done = run(tmp_path / "temporary", "fits", *words)
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in done.stdout.splitlines()[4:]]
    fits = [f"--fit={fit}" for fit in ("squeeze", "crop", "pad")]
    assert [row[0].strip("`") for row in rows] == [*fits, *(f"{fit} --views=4" for fit in fits)]
    for group in (rows[:3], rows[3:]):
        shares = [float(row[1].split()[0]) for row in group]
        for share, row in zip(shares[1:], group[1:], strict=True):
            assert float(row[3].split()[0]) == pytest.approx(share - shares[0], abs=0.11)


def test_promises_are_measured_on_photos_that_had_no_part_in_them(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=20)
    (tmp_path / "temporary").mkdir()
    words = ["--architecture=color_texture", "--folds=2", "--steps=20", "--only=scores,sure", f"--photos={photos}"]
    done = run(tmp_path / "temporary", "promises", *words)
    assert done.returncode == 0, done.stderr
    title, *parts = done.stdout.strip().split("\n\n")
    assert title == "color_texture, 60 photos of 3 labels, 2 folds, 20 steps" and parts[::2] == ["## scores", "## sure"]
    scores, sure = (
        [[cell.strip() for cell in row.split("|")[1:-1]] for row in part.splitlines()] for part in parts[1::2]
    )
    assert [row[0] for row in scores[2:]] == ["final layer", "`--hidden_units=100`"]
    assert all(len(row[7].split(", ")) == 2 for row in scores[2:])
    assert not sure[2:]  # three validation photos a fold promise nothing
    done = run(tmp_path / "temporary", "promises", *words[:-2], "--only=truth", words[-1])
    assert done.returncode == 1 and "error: --only=truth is not known: choose from scores, sure" in done.stderr


def test_training_from_nothing_is_measured(tmp_path):
    (tmp_path / "temporary").mkdir()
    photos = draw_folder(tmp_path / "photos", ("green", "red"), each=10)
    done = run(tmp_path / "temporary", "from_nothing", f"--cifar10={photos}", "--testing_percentage=20")
    assert done.returncode == 0, done.stderr
    rows = [line for line in done.stdout.splitlines() if line.startswith("| photos --image_size=32")]
    figures = re.compile(r"\| [\d.]+ % \| \d+ \| \d+ \| [\d.]+ s \| [\d.]+ s \|$")
    assert len(rows) == 2 and all(figures.search(row) for row in rows)
    done = run(
        tmp_path / "temporary",
        "tools.processes",
        "benchmarks.plain_keras",
        "train",
        json.dumps([str(photos), 1, True, 0]),
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["best_epoch"] == 1 and 0 <= found["accuracy"] <= 1 and found["photos"] == 5
    assert not any((tmp_path / "temporary").iterdir())


def test_epochs_are_timed_against_plain_keras(tmp_path):
    (tmp_path / "temporary").mkdir()
    photos = draw_folder(tmp_path / "photos", ("green", "red"), each=5)
    done = run_forking(tmp_path / "temporary", "from_nothing", f"--timed={photos}", "--avx2", "--rounds=1")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in row.split("|")[1:-1]] for row in done.stdout.strip().splitlines()[4:]]
    assert [row[0].rpartition(", ")[0] for row in rows] == 2 * [
        "an epoch of train_cnn in float32",
        "an epoch of plain Keras",
        "the convolutions of its training steps alone, by oneDNN in float32",
        "plain Keras' time divided by train_cnn's",
    ]
    assert all(row[3] == "at least 1.50 times" for row in rows[3::4])
    for ours, keras, _, times in (rows[:4], rows[4:]):
        ratio = float(keras[1].split()[0]) / float(ours[1].split()[0])
        assert float(times[1].split()[0]) == pytest.approx(ratio, rel=0.1)
    assert not any((tmp_path / "temporary").glob("poets-benchmark-*"))


def test_serving_is_compared_with_the_classifier_without_a_server(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=5)
    (tmp_path / "temporary").mkdir()
    words = ["--architecture=color_texture", "--count=20", "--steps=20", "--rounds=1", "--clients=4", "--long_run=20"]
    done = run_forking(tmp_path / "temporary", "serving", f"--photos={photos}", f"--model_dir={tmp_path}", *words)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.strip().split("\n\n")[-1].splitlines()
    assert rows[0] == HEADINGS and [row.split("|")[1].strip().partition(",")[0] for row in rows[2:]] == [
        "label_image",
        "POST /label",
        "POST :predict with b64",
        "99th percentile of POST /label",
        "one request alone",
        "memory gained over 20 requests",
    ]
    assert not any((tmp_path / "temporary").glob("poets-benchmark-*"))


def measure_many(temporary, *words: str) -> subprocess.CompletedProcess:
    temporary.mkdir()
    return run_forking(temporary, "cluster", *words)


def test_many_photos_and_vectors_are_measured(tmp_path):
    words = ["--photo_counts=100,400", "--rounds=1", "--vectors=300000", "--steps=100"]
    done = measure_many(tmp_path / "temporary", "--only=photos,vectors", *words)
    assert done.returncode == 0, done.stderr
    rows = done.stdout.strip().split("\n\n")[-1].splitlines()
    cells = {row.split("|")[1].strip(): row.split("|")[2].split() for row in rows[2:]}
    assert rows[0] == HEADINGS and [name for name in cells if "400" in name] == [
        "listing and splitting 400 photos",
        "of that, splitting 400 photos",
        "looking up 400 photos",
        "memory for 400 photos",
        "seconds per photo, 400 against 100",
        "megabytes per photo, 400 against 100",
    ]
    assert [unit for name, (_, unit) in cells.items() if "300,000 vectors" in name] == ["s", "MB", "steps/s"]
    # More would mean that all vectors are held in memory.
    assert float(cells["peak memory of training over 300,000 vectors of 2,048 values"][0].replace(",", "")) < 1500
    assert not any((tmp_path / "temporary").iterdir())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--only=speed"], "error: --only=speed is not known: choose from photos, vectors"),
        (["--photo_counts=few"], "error: --photo_counts=few: expected numbers"),
        (["--vectors=200"], "error: --vectors=200: expected a whole number of at least 300000"),
        (["--vectors=9000000000000", "--only=vectors"], "GB free, but the keys of 9000000000000 vectors take 2"),
    ],
    ids=["unknown part", "count in words", "too few", "no room"],
)
def test_mistakes_in_flags_for_a_cluster_are_named(tmp_path, words, message):
    done = measure_many(tmp_path / "temporary", *words)
    assert done.returncode == 1 and message in done.stderr.splitlines()[-1]
    assert not any((tmp_path / "temporary").iterdir())


def test_ctrl_c_removes_temporary_files(tmp_path):
    words = ["benchmarks.cluster", "--only=photos", "--photo_counts=1000000"]
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    environment = Workplace(tmp_path).environment({"TMPDIR": str(temporary)})
    with open(tmp_path / "said", "w") as said:
        running = warm_commands.Running(words, ROOT, environment, stdout=said, stderr=said)
    while not any(temporary.glob("*/*/photos/*/*.jpg")):
        assert running.poll() is None, (tmp_path / "said").read_text()
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    assert running.wait(60) == 130 and (tmp_path / "said").read_text().splitlines()[-1] == "stopped"
    assert not any(temporary.iterdir())
