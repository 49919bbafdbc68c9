"""python -m scripts.evaluate --answers: reads back what serve --log_answers has kept."""

import json
import re
import shutil
from datetime import datetime, timedelta, timezone

import pytest

from tests.support import warm_commands

START = datetime(2026, 3, 1, 8, tzinfo=timezone.utc)


def line(label="red", at=START, score=0.9, unknown=False, **more) -> str:
    answer = {"unknown": unknown, "distance": 0.5, "labels": [{"label": label, "score": score}]}
    stamp = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return json.dumps({"time": stamp, "model": "small", "version": "1", **more, **answer})


@pytest.fixture(scope="module")
def record(retrained):
    return json.loads((retrained / "retrained_graph.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def own(record):
    """What marks the lines of this classifier."""
    return {"classifier": record["graph_sha256"][:16]}


@pytest.fixture
def read(retrained, tmp_path):
    """Runs evaluate on these lines."""

    def run(lines, *words, graph="retrained_graph.pb", **kwargs):
        log = tmp_path / "answers.jsonl"
        log.write_text("".join(f"{each}\n" for each in lines))
        return retrained.run("evaluate", f"--graph={retrained / graph}", f"--answers={log}", *words, **kwargs)

    return run


def days(own, unknown_of_five: int = 0) -> list[str]:
    """Three days of fifty answers each."""
    kinds = ("blue", "green", "red", "red", "red")
    return [
        line(kinds[at % 5], START + timedelta(days=at // 50, minutes=at), 0.9, at % 5 < unknown_of_five, **own)
        for at in range(150)
    ]


def test_a_log_is_told_beside_what_was_expected(read, own, record):
    done = read(days(own, unknown_of_five=4))
    assert (done.returncode, done.stderr) == (0, "")
    before = record["expected"]
    photos = f"its {before['photos']} test photos"
    assert done.stdout.startswith("150 answers, from 2026-03-01 08:00:00 to 2026-03-03 10:29:00\n")
    assert "unknown: 80.0 % (95 % interval 72.9 to 85.6 %, N = 150); of " + photos in done.stdout
    assert "highest score: 90.0 % on average; for " + photos in done.stdout
    assert re.search(r"^  label  pictures    share    95 % interval  expected$", done.stdout, re.M)
    assert re.search(r"^  red +90   60\.0 %   52\.0 to 67\.5 % +\d+\.\d %$", done.stdout, re.M)
    assert re.search(r"^  2026-03-02 +50   80\.0 % +90\.0 %$", done.stdout, re.M)
    assert f"Of these 150 pictures, 80 % look like nothing it learned from; of {photos}" in done.stdout


def test_the_same_as_numbers(read, own, record):
    done = read(days(own, unknown_of_five=4), "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["pictures"], found["damaged_lines"], found["unknown"]) == (150, 0, 0.8)
    assert found["mean_score"] == pytest.approx(0.9) and found["expected"] == record["expected"]
    assert found["labels"]["red"]["pictures"] == 90
    assert found["labels"]["red"]["expected"] == record["expected"]["label_shares"]["red"]
    assert [each["period"] for each in found["periods"]] == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert [each["about"] for each in found["differences"]] == ["unknown", "score"]
    assert found["models"] == [{"name": "small", "version": "1", **own, "pictures": 150}]


def test_answers_like_those_at_training_raise_no_note(read, own, record):
    kinds = [label for label, share in record["expected"]["label_shares"].items() for _ in range(round(40 * share))]
    score = record["expected"]["mean_score"]
    at = range(len(kinds) * 4)
    lines = [line(kinds[each % len(kinds)], START + timedelta(minutes=each), score, **own) for each in at]
    done = read(lines)
    assert "nothing differs from the photos at training by more than chance" in done.stdout


def test_within_a_day_the_log_is_told_in_thirds(read, own):
    done = read(days(own)[:50], "--json")
    parts = json.loads(done.stdout)["periods"]
    assert [part["pictures"] for part in parts] == [16, 17, 17]
    assert parts[0]["period"] == "08:00:00 to 08:15:00"
    assert len(json.loads(read(days(own)[:1], "--json").stdout)["periods"]) == 1


def test_many_days_are_told_by_month(read, own):
    lines = [line(at=START + timedelta(days=each), **own) for each in range(40)]
    assert [each["period"] for each in json.loads(read(lines, "--json").stdout)["periods"]] == ["2026-03", "2026-04"]


def test_several_classifiers_in_one_log_are_named_and_only_its_own_answers_are_compared(read, own):
    other = [line("red", score=0.2, unknown=True, version="2", classifier="0123456789abcdef")] * 70
    done = read([*days(own), *other])
    assert done.returncode == 0 and done.stdout.startswith("150 answers, ")
    assert "warning: the log holds answers of 2 classifiers (small, version 1, " in done.stderr
    assert "small, version 2, 0123456789abcdef: 70)" in done.stderr
    assert "warning: what follows is about the 150 answers of " in done.stderr
    alone = read(other)
    assert "none of the answers are of " in alone.stderr and "expected" not in alone.stdout
    assert alone.stdout.startswith("70 answers, ")


DAMAGED = [
    *('{"time": "2026-', "[]", "null", "{}", '"labels"', "[" * 5000, "\x00\x00", '{"labels": [{"label": "red"}]}'),
    line(score=None),
    line(score=True),
    line(score=10**400),
    line(score="0.9"),
    line(unknown="no"),
    line(label=None),
    line(label=["red"]),
    line(model=7),
    line(version=None),
    line(classifier=[1]),
    line().replace("2026-03-01T08:00:00.000Z", "yesterday"),
    line().replace("2026-03-01T08:00:00.000Z", "2026-03-01T08:00:00"),
    line().replace("2026-03-01T08:00:00.000Z", "0001-01-01T00:00:00+14:00"),
    line().replace("0.9", "NaN"),
]


def test_damaged_lines_are_counted_and_left_out(read, own):
    done = read([*DAMAGED, *days(own), "", "x" * (3 << 20)])
    assert done.returncode == 0 and done.stdout.startswith("150 answers, ")
    assert f"warning: {len(DAMAGED) + 1} lines that are no answers were left out of " in done.stderr
    half = read([*days(own), line(**own)[:40]])
    assert "warning: 1 line that is no answer was left out of " in half.stderr


def test_answers_without_unknown_and_labels_of_others_are_told(read, own):
    lines = [json.dumps({key: each for key, each in json.loads(old).items() if key != "unknown"}) for old in days(own)]
    done = read([*lines, line("tulip\x1b[31m", **own)])
    assert done.returncode == 0 and "151 answers" in done.stdout
    assert "N = 1)" in done.stdout and r"tulip\x1b[31m" in done.stdout and "expected" not in done.stdout


WRONG = {
    "no such file": (["--answers={place}/none"], "cannot read {place}/none: No such file or directory"),
    "a folder": (["--answers={place}"], "cannot read {place}: Is a directory"),
    "empty": (["--answers={place}/empty"], "{place}/empty is no log of answers (it is empty): give a file that"),
    "a picture": (["--answers={photo}"], "is no log of answers (none of its lines is an answer)"),
    "the record": (["--answers={place}/retrained_graph.json"], "is no log of answers (none of its lines is an answer)"),
    "with a report": (["--answers={place}/empty", "--report=x.html"], "looks at no photos: leave out --report"),
    "with photos": (["--answers={place}/empty", "--image_dir=photos"], "looks at no photos: leave out --image_dir"),
    "no such graph": (["--answers={place}/empty", "--graph=none.pb"], "none.pb does not exist"),
    "a stray word": (["--answers={place}/empty", "more"], "unexpected argument"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_told_in_one_line(retrained, tmp_path, case):
    words, says = WRONG[case]
    (tmp_path / "empty").touch()
    shutil.copy(retrained / "retrained_graph.json", tmp_path)
    places = {"place": tmp_path, "photo": retrained / "photos" / "red" / "red_000.jpg"}
    graph = f"--graph={retrained / 'retrained_graph.pb'}"
    done = retrained.run("evaluate", graph, *(word.format(**places) for word in words))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith("error: ") and says.format(**places) in done.stderr


def test_without_a_classifier_there_is_nothing_to_compare_with(workplace):
    log = workplace / "answers.jsonl"
    log.write_text(f"{line()}\n" * 60)
    done = warm_commands.run(["scripts.evaluate", f"--answers={log}"], workplace.folder, workplace.environment())
    assert done.returncode == 0 and done.stdout.startswith("60 answers, ")
    assert done.stderr == "warning: nothing is known of what to expect: give the classifier with --graph\n"


def test_neither_tensorflow_nor_photos_are_needed(read, own, small_graph, tmp_path):
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / "tensorflow.py").write_text("raise SystemExit('TensorFlow was loaded')")
    for graph in ("retrained_graph.pb", small_graph):
        done = read(days(own), graph=graph, cold=True, env={"PYTHONPATH": str(tmp_path / "without")})
        assert done.returncode == 0 and "expected" in done.stdout, done.stderr


def test_a_record_of_before_says_nothing_of_what_to_expect(retrained, read, own, record, tmp_path):
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(retrained / name, tmp_path / name)
    old = {key: each for key, each in record.items() if key != "expected"}
    (tmp_path / "retrained_graph.json").write_text(json.dumps(old))
    done = read(days(own), graph=tmp_path / "retrained_graph.pb")
    assert done.returncode == 0 and "does not say what to expect: train again" in done.stderr
    assert done.stdout.startswith("150 answers, ") and "expected" not in done.stdout
