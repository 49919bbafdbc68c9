"""python -m scripts.retrain: from a folder of photos to a classifier, however it is stopped."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import signal
import struct
import termios
import time

import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from tests.support import warm_commands
from tests.support.published_networks import mobilenet_archive
from tests.support.workplace import draw_folder, draw_shape


def test_a_folder_becomes_a_classifier(retrained):
    assert "72 photos of 3 labels" in retrained.printed and "test accuracy 100.0 %" in retrained.printed
    assert (retrained / "retrained_labels.txt").read_text() == "blue\ngreen\nred\n"
    for kind in ("blue", "green", "red"):
        draw_shape(kind, 1000).save(retrained / f"new_{kind}.png")
        answer = retrained.label(f"--image={retrained / f'new_{kind}.png'}", cold=kind == "red")
        assert answer.returncode == 0, answer.stderr
        assert re.fullmatch(rf"{kind} \(score=0\.\d{{5}}\)\n(\w+ \(score=0\.\d{{5}}\)\n){{2}}", answer.stdout)
        assert answer.stderr == ""


def test_the_record_says_how_the_classifier_was_trained(retrained):
    record = json.loads((retrained / "retrained_graph.json").read_text())
    assert record["options"]["how_many_training_steps"] == record["steps_trained"] == 200
    assert record["seed"] == 0 and record["versions"]["tensorflow"].startswith("2.")
    assert record["preprocessing"]["input_mean"] == record["preprocessing"]["input_std"] == 128
    assert record["labels"] == ["blue", "green", "red"]
    assert sum(sum(splits.values()) for splits in record["photos"].values()) == 72
    assert re.fullmatch("[0-9a-f]{64}", record["data_fingerprint"])
    low, high = record["test"]["interval_95"]
    assert record["test"]["accuracy"] == 1.0 and low < 1 and high == 1.0
    assert {"loading the network", "bottlenecks", "training", "writing"} <= set(record["seconds"])


def test_the_fingerprint_of_the_data_depends_on_content_not_names(retrained, workplace):
    draw_folder(workplace / "moved" / "away")
    (workplace / "moved" / "away" / "red" / "red_001.jpg").rename(workplace / "moved" / "away" / "red" / "red_1.jpg")
    assert workplace.retrain(workplace / "moved" / "away", "--how_many_training_steps=1").returncode == 0
    there, here = (json.loads((place / "retrained_graph.json").read_text()) for place in (retrained, workplace))
    same = there["data_fingerprint"] == here["data_fingerprint"]
    assert same == (there["photos"] == here["photos"])  # a new name may move a photo to another set


def test_tensorboard_gets_curves_histograms_graph_and_picture(retrained):
    events = {}
    for part in ("train", "validation"):
        events[part] = EventAccumulator(str(retrained / "summaries" / part), size_guidance={"tensors": 0})
        events[part].Reload()
    tags = set(events["train"].Tags()["tensors"])
    assert {"accuracy", "cross_entropy"} <= tags and events["train"].Tags()["graph"]
    for name in ("weights", "biases"):
        prefix = f"final_training_ops/{name}/summaries"
        assert {f"{prefix}/{what}" for what in ("mean", "stddev", "min", "max", "histogram")} <= tags
    for part in events:
        steps = [event.step for event in events[part].Tensors("accuracy")]
        assert steps == list(range(10, 201, 10))


def test_tensorboard_gets_the_test_photos_confusion_matrix(retrained):
    events = EventAccumulator(str(retrained / "summaries" / "test"), size_guidance={"tensors": 0})
    events.Reload()
    tag = "confusion matrix of the test photos"
    assert events.Tags()["tensors"] == [tag]
    picture = events.Tensors(tag)[0].tensor_proto.string_val
    assert int(picture[0]) > 100 and picture[2].startswith(b"\x89PNG")
    said = events.SummaryMetadata(tag).summary_description
    assert re.fullmatch(r"test photos: (\d+) of \1 right \(100\.0 %\)", said)


def test_summaries_of_an_earlier_training_go_and_other_files_stay(workplace, photos):
    assert workplace.retrain(photos, "--how_many_training_steps=5").returncode == 0
    (workplace / "summaries" / "train" / "notes.txt").write_text("mine")
    assert workplace.retrain(photos, "--how_many_training_steps=5").returncode == 0
    assert (workplace / "summaries" / "train" / "notes.txt").exists()
    assert len(list((workplace / "summaries" / "train").glob("events.*"))) == 1


def test_the_same_seed_gives_the_same_files_to_the_bit(workplace, retrained):
    assert workplace.retrain(retrained / "photos").returncode == 0
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        assert (workplace / name).read_bytes() == (retrained / name).read_bytes()
    assert workplace.retrain(retrained / "photos", "--seed=1").returncode == 0
    assert (workplace / "retrained_graph.pb").read_bytes() != (retrained / "retrained_graph.pb").read_bytes()


def test_only_what_is_missing_is_computed(workplace, photos):
    assert "0 cached, 72 computed" in workplace.retrain(photos).stdout
    assert "72 cached, 0 computed" in workplace.retrain(photos).stdout
    os.utime(photos / "red" / "red_001.jpg")  # touched, not changed
    assert "72 cached, 0 computed" in workplace.retrain(photos).stdout
    moved = photos.rename(photos.with_name("elsewhere"))
    assert "72 cached, 0 computed" in workplace.retrain(moved).stdout
    draw_folder(moved.parent / "more", ("yellow",))
    (moved.parent / "more" / "yellow").rename(moved / "yellow")
    assert "72 cached, 24 computed" in workplace.retrain(moved).stdout


def test_a_replaced_photo_is_never_mistaken_for_the_old_one(workplace, photos):
    target = photos / "red" / "red_001.jpg"
    old = target.stat()
    assert workplace.retrain(photos).returncode == 0
    time.sleep(2.1)  # the digests of photos this new are not remembered
    assert workplace.retrain(photos).returncode == 0
    content = bytearray(target.read_bytes())
    content[-40] ^= 255  # the same size and, below, the same times
    target.write_bytes(content)
    os.utime(target, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert "71 cached, 1 computed" in workplace.retrain(photos).stdout


def test_the_originals_cache_of_text_files_is_left_alone(workplace, photos):
    old = workplace / "bottlenecks" / "red" / "red_001.jpg_mobilenet_0.50_128.txt"
    old.parent.mkdir(parents=True)
    old.write_text("0.1,0.2")
    assert "0 cached, 72 computed" in workplace.retrain(photos).stdout
    assert old.read_text() == "0.1,0.2"


def test_a_damaged_cache_costs_only_what_is_damaged(workplace, photos):
    assert workplace.retrain(photos).returncode == 0
    before = (workplace / "retrained_graph.pb").read_bytes()
    (part,) = (workplace / "bottlenecks").rglob("*.bottlenecks")
    content = bytearray(part.read_bytes())
    content[len(content) // 2 + 100] ^= 255  # a value in the middle of a vector
    part.write_bytes(content)
    again = workplace.retrain(photos)
    assert "71 cached, 1 computed" in again.stdout and "warning: 1 cached bottleneck was damaged" in again.stderr
    assert (workplace / "retrained_graph.pb").read_bytes() == before


def start(workplace, photos, *words, stdout, stderr) -> warm_commands.Running:
    return workplace.start(
        "retrain",
        f"--image_dir={photos}",
        "--architecture=color_texture",
        *workplace.outputs(),
        *words,
        stdout=stdout,
        stderr=stderr,
    )


def test_kill_9_at_any_moment_loses_nothing(workplace):
    """Twenty times; each time all finished bottlenecks are still there and no file is half-written."""
    photos = draw_folder(workplace / "photos", each=120)
    elsewhere = [f"--bottleneck_dir={workplace / 'other'}", f"--output_graph={workplace / 'r.pb'}"]
    reference = workplace.retrain(photos, *elsewhere)
    assert reference.returncode == 0, reference.stderr
    random = np.random.default_rng(7)

    def cached() -> int:
        return sum(path.stat().st_size for path in (workplace / "bottlenecks").rglob("*.bottlenecks"))

    whole = sum(path.stat().st_size for path in (workplace / "other").rglob("*.bottlenecks"))
    for kill in range(20):
        before = cached()
        # Sixteen in the middle of the bottlenecks, the others anywhere up to the last file written.
        until = before + random.integers(1, whole // 14) if kill < 16 and before < whole * 0.9 else None
        with open(os.devnull, "w") as nothing:
            running = start(workplace, photos, "--how_many_training_steps=200", stdout=nothing, stderr=nothing)
        deadline = time.monotonic() + (60 if until else random.uniform(0.2, 3))
        while running.poll() is None and time.monotonic() < deadline and (until is None or cached() < until):
            time.sleep(0.005)
        running.kill()
        running.wait()
        assert cached() >= before
        written = workplace / "retrained_graph.pb"
        assert not written.exists() or written.read_bytes() == (workplace / "r.pb").read_bytes()
    last = workplace.retrain(photos)
    assert last.returncode == 0, last.stderr
    assert (workplace / "retrained_graph.pb").read_bytes() == (workplace / "r.pb").read_bytes()
    assert "warning" not in last.stderr and cached() <= whole * 1.02  # nothing finished was computed again


def test_two_runs_at_once_do_not_harm_each_other(workplace):
    photos = draw_folder(workplace / "photos", each=80)
    with open(workplace / "said", "w+") as said:
        running = [
            start(
                workplace,
                photos,
                f"--output_graph={workplace / f'{name}.pb'}",
                "--how_many_training_steps=50",
                f"--output_labels={workplace / f'{name}.txt'}",
                f"--summaries_dir={workplace / name}",
                stdout=said,
                stderr=said,
            )
            for name in "ab"
        ]
        for one in running:
            assert one.wait(timeout=120) == 0, (workplace / "said").read_text()
    assert (workplace / "a.pb").read_bytes() == (workplace / "b.pb").read_bytes()
    assert "240 cached, 0 computed" in workplace.retrain(photos).stdout


def run_on_a_terminal(workplace, photos, *words, until=None, timeout=120):
    """Returns the exit status and what the terminal shows; presses Ctrl-C once `until` appears."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    with open(slave, "w") as terminal:
        running = start(workplace, photos, *words, stdout=terminal, stderr=terminal)
    shown, deadline = b"", time.monotonic() + timeout
    while running.poll() is None and time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            try:
                piece = os.read(master, 65536)
            except OSError:
                break
            if not piece:
                break
            shown += piece
        if until is not None and re.search(until, shown):
            running.send_signal(signal.SIGINT)
            until = None
    running.kill()
    os.close(master)
    return running.wait(timeout=30), shown.decode("utf-8", "replace")


def test_ctrl_c_keeps_what_was_trained(workplace, photos):
    forever = "--how_many_training_steps=10000000"
    status, shown = run_on_a_terminal(workplace, photos, forever, until=rb"training +\d+ %.* [1-9][\d,]+/")
    assert status == 0, shown
    steps = int(re.search(r"stopped after ([\d,]+) of 10,000,000 steps", shown)[1].replace(",", ""))
    assert json.loads((workplace / "retrained_graph.json").read_text())["steps_trained"] == steps > 0
    assert "test accuracy" in shown
    assert workplace.label(f"--image={photos / 'red' / 'red_002.jpg'}").stdout.startswith("red ")


def test_ctrl_c_while_computing_bottlenecks_ends_in_one_line(workplace):
    photos = draw_folder(workplace / "photos", each=300)
    status, shown = run_on_a_terminal(workplace, photos, until=rb"bottlenecks +\d+ %.* [1-9]\d+/")
    assert status == 130 and shown.strip().endswith("stopped") and "Traceback" not in shown
    assert not (workplace / "retrained_graph.pb").exists()
    assert not re.search(" 0 cached", workplace.retrain(photos).stdout)


def test_a_terminal_shows_progress(workplace, photos):
    status, shown = run_on_a_terminal(workplace, photos)
    assert status == 0, shown
    assert re.search(r"bottlenecks 100 %  ━+  72/72 photos  0:0\d", shown)
    assert re.search(r"training 100 %  ━+  4,000/4,000 steps  .*validation 100\.0 %", shown)
    assert shown.count("\n") < 20  # a line that is rewritten, not two thousand lines


def test_intermediate_graphs_are_written_and_can_label(workplace, photos):
    done = workplace.retrain(photos, "--how_many_training_steps=100", "--intermediate_store_frequency=40")
    assert done.returncode == 0, done.stderr
    found = sorted(path.name for path in (workplace / "intermediate").iterdir())
    assert found == ["intermediate_40.pb", "intermediate_80.pb"]
    graph, labels = workplace / "intermediate" / "intermediate_80.pb", workplace / "retrained_labels.txt"
    answer = workplace.label(f"--graph={graph}", f"--labels={labels}", f"--image={photos / 'red' / 'red_002.jpg'}")
    assert answer.stdout.startswith("red "), answer.stderr


def test_a_dry_run_writes_nothing(workplace, photos):
    before = workplace.retrain(photos, "--dry_run")
    assert before.returncode == 0 and "bottlenecks: 0 photos cached, 72 to compute" in before.stdout
    assert "nothing to download" in before.stdout and "train a final layer for 200 steps" in before.stdout
    assert [path.name for path in workplace.folder.iterdir()] == ["photos"]
    assert workplace.retrain(photos).returncode == 0
    assert "bottlenecks: 72 photos cached, 0 to compute" in workplace.retrain(photos, "--dry_run").stdout
    inception = workplace.retrain(photos, "--dry_run", "--architecture=inception_v3")
    assert "network: a download of 87.9 MB" in inception.stdout
    mobilenet = workplace.retrain(photos, "--dry_run", "--architecture=mobilenet_1.0_224")
    assert "network: a download of about 20 MB" in mobilenet.stdout


def test_another_folders_classifier_is_not_replaced_silently(workplace, photos):
    assert "this replaces" not in workplace.retrain(photos).stderr
    assert workplace.retrain(photos).stderr == ""  # the same folder again
    other = draw_folder(workplace / "other", ("yellow", "red"))
    said = (
        f"warning: this replaces {workplace / 'retrained_graph.pb'}, trained on {photos} (labels blue, green, red) "
        f"on {time.strftime('%Y-%m-%d')}; give another --output_graph and --output_labels to keep both\n"
    )
    for words in (["--dry_run"], []):
        assert workplace.retrain(other, *words).stderr == said
    alone = workplace.retrain(photos, "--dry_run", f"--output_graph={workplace / 'second.pb'}").stderr
    labels = workplace / "retrained_labels.txt"
    assert alone.startswith(f"warning: this replaces {labels} (labels red, yellow) of another classifier; give another")
    # Without a record, labels are compared.
    (workplace / "retrained_graph.json").unlink()
    assert workplace.retrain(other, "--dry_run").stderr == ""
    assert "(labels red, yellow) written on" in workplace.retrain(photos, "--dry_run").stderr
    (workplace / "retrained_labels.txt").unlink()
    assert "retrained_graph.pb, written on" in workplace.retrain(photos, "--dry_run").stderr


def test_the_plan_comes_first_and_the_next_steps_last(workplace):
    photos = draw_folder(workplace / "my photos")
    done = workplace.retrain(photos, f"--output_graph={workplace / 'my graph.pb'}", "--tune")
    plan = (
        "plan: run the photos through color_texture, try 8 recipes, train a final layer for 200 steps, test it, write "
    )
    assert done.stdout.splitlines()[1] == f"{plan}{workplace / 'my graph.pb'}"
    *_, head, label, evaluate, serve = done.stdout.splitlines()
    assert head == "next:" and serve.startswith("  serve it:            python -m scripts.serve --graph='/")
    for line in (label, evaluate):
        words = shlex.split(line.partition("scripts.")[2])
        assert f"--graph={workplace / 'my graph.pb'}" in words
        again = workplace.run(*words)
        assert again.returncode == 0, again.stderr
    assert (workplace / "report.html").exists()


def test_quiet_prints_nothing(workplace, photos):
    done = workplace.retrain(photos, "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_misclassified_photos_are_listed(workplace, photos):
    for seed in range(8):  # green blots among the red ones, in the test set or not
        draw_shape("green", 500 + seed).save(photos / "red" / f"wrong_{seed}.jpg")
    done = workplace.retrain(photos, "--print_misclassified_test_images", "--testing_percentage=40")
    listed = done.stdout.split("=== MISCLASSIFIED TEST IMAGES ===\n")[1].split("\ntest accuracy")[0].splitlines()
    assert listed and all(re.fullmatch(r"red/wrong_\d\.jpg  green", line) for line in listed)


def test_some_of_the_test_photos_can_be_tested(workplace, photos):
    done = workplace.retrain(photos, "--testing_percentage=30", "--test_batch_size=5")
    assert "N = 5)" in done.stdout


def test_it_says_that_there_are_no_test_photos(workplace, photos):
    done = workplace.retrain(photos, "--testing_percentage=0", "--validation_percentage=0")
    assert done.returncode == 0, done.stderr
    assert "was not measured" in done.stdout
    assert json.loads((workplace / "retrained_graph.json").read_text())["test"] == {"accuracy": None, "photos": 0}


@pytest.fixture(scope="module")
def mirror(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mirror")
    mobilenet_archive(folder)
    return folder


@pytest.mark.parametrize("architecture", ["mobilenet_0.50_128", "mobilenet_0.50_128_quantized"])
def test_mobilenets_are_fetched_and_trained(workplace, photos, mirror, architecture):
    flags = [f"--architecture={architecture}", "--how_many_training_steps=2000", "--testing_percentage=30"]
    done = workplace.retrain(photos, *flags, env={"POETS_MIRROR": str(mirror)})
    assert done.returncode == 0, done.stderr
    record = json.loads((workplace / "retrained_graph.json").read_text())
    assert record["test"]["accuracy"] > 0.75  # chance is 0.33; the weights are random
    assert record["preprocessing"]["input_height"] == 128 and record["backbone"]["bottleneck_size"] == 512
    # From now on the file in model_dir is used, and nothing is fetched.
    again = workplace.retrain(photos, *flags, env={"POETS_MIRROR": "/nowhere"})
    assert again.returncode == 0 and ", 0 computed" in again.stdout
    answers = workplace.label("--top_k=1", "--json", f"--image={photos / 'blue'}").stdout.splitlines()
    named = [json.loads(answer)["labels"][0]["label"] for answer in answers]
    assert named.count("blue") >= 18


def test_a_network_that_cannot_be_fetched_is_a_clear_error(workplace, photos):
    (workplace / "mirror").mkdir()
    done = workplace.retrain(photos, "--architecture=mobilenet_1.0_224")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "mobilenet_v1_1.0_224_frozen.tgz" in done.stderr and "POETS_MIRROR" in done.stderr


WRONG_FLAGS = {
    "unknown architecture": (["--architecture=mobilenet_0.5_224"], "did you mean mobilenet_0.50_224?"),
    "no steps": (["--how_many_training_steps=0"], "how_many_training_steps"),
    "not a number": (["--learning_rate=fast"], "learning_rate"),
    "unknown flag": (["--image_dri=x"], "Did you mean --image_dir?"),
    "stray word": (["photos"], "unexpected argument 'photos'"),
    "percentage": (["--random_crop=200"], "random_crop"),
    "name taken": (["--final_tensor_name=input"], "--final_tensor_name=input"),
    "unwritable": (["--output_graph=/proc/graph.pb"], "cannot write /proc/graph.pb"),
    "unwritable cache": (["--bottleneck_dir=/proc/cache"], "--bottleneck_dir"),
    "unwritable summaries": (["--summaries_dir=/proc/summaries"], "--summaries_dir"),
}


UNWRITABLE = {
    "output_graph": "graph.pb",
    "output_labels": "labels.txt",
    "output_model": "model.keras",
    "summaries_dir": "summaries",
    "bottleneck_dir": "cache",
    "intermediate_output_graphs_dir": "graphs",
}


@pytest.mark.parametrize("flag", UNWRITABLE)
def test_an_unwritable_output_is_refused_before_any_work(workplace, photos, flag):
    done = workplace.retrain(photos, "--intermediate_store_frequency=5", f"--{flag}=/proc/{UNWRITABLE[flag]}")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: cannot write ") and done.stderr.count("\n") == 1
    assert f"/proc/{UNWRITABLE[flag]}" in done.stderr


@pytest.mark.parametrize("case", WRONG_FLAGS)
def test_mistakes_are_reported_in_one_line(workplace, photos, case):
    flags, says = WRONG_FLAGS[case]
    done = workplace.retrain(photos, "--how_many_training_steps=5", *flags)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr
