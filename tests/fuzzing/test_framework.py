"""Faults of readers are found: wrong errors, crashes, endless loops, too much memory, unreadable words."""

import json
import os
import random
import signal
import time
import zipfile

import pytest

from scripts.classifier.errors import UserError
from tests.fuzzing import inputs, mutations, pen, rounds, structured
from tests.fuzzing.target import Target, alone

SAMPLES = [{"file": b"a valid file"}, {"file": b"another valid file"}]


def raises(data):
    raise KeyError("field")


def dies(data):
    os.kill(os.getpid(), signal.SIGSEGV)


def ends(data):
    os._exit(3)


def loops(data):
    while True:
        pass


def allocates(data):
    assert len(b"\1" * 200_000_000) > 0


def says_two_lines(data):
    raise Unprintable


class Unprintable(UserError):
    """Goes round the escaping that UserError does."""

    def __init__(self):
        super().__init__("one two")

    def __str__(self):
        return "one\ntwo"


def says_too_much(data):
    raise UserError("much " * 1000)


def target(reader, sound=(b"a valid file", b"another valid file")) -> Target:
    """Reads sound files, and fails at all others as `reader` does."""

    def read(path):
        data = path.read_bytes()
        if data not in sound:
            reader(data)

    return Target("faulty", lambda: SAMPLES, alone(read), inputs=50, seconds=0.3, megabytes=100)


def tried(one: Target, count: int, folder) -> rounds.Counts:
    return rounds.run(inputs.of(one, seed=5), range(count), folder)


@pytest.mark.parametrize(
    ("reader", "place"),
    [
        (raises, "KeyError"),
        (dies, "SIGSEGV"),
        (ends, "status 3"),
        (loops, "more than 0.3 s of processor time"),
        (allocates, "memory"),
        (says_two_lines, "unprintable text"),
        (says_too_much, "long text"),
    ],
)
def test_a_fault_is_found_and_its_input_kept(tmp_path, reader, place):
    counts = tried(target(reader), 4, tmp_path)
    assert counts.kinds == {pen.READ: 2, pen.FINDING: 2} and list(counts.places) == [place]
    outcome, kept = counts.kept[0]
    assert outcome.number == 2 and kept.parent == tmp_path
    assert (kept / "file").read_bytes() not in (b"a valid file", b"another valid file")
    assert (kept / "why.txt").stat().st_size > 0
    if reader in (dies, loops):
        assert f"in {reader.__name__}" in (kept / "why.txt").read_text()


def test_refusals_are_counted(tmp_path):
    def refuses(data):
        raise UserError("not a valid file: replace it")

    counts = tried(target(refuses), 20, tmp_path)
    assert counts.kinds[pen.REFUSED] > 10 and not counts.places
    assert str(counts).startswith("faulty: 20 inputs: ") and str(counts).endswith(" refused, 0 findings")


def test_a_refused_sample_is_a_finding(tmp_path):
    def refuses(data):
        raise UserError("not a valid file: replace it")

    assert tried(target(refuses, sound=()), 2, tmp_path).places == {"sample 0": 1, "sample 1": 1}


def test_a_run_ends_in_time(tmp_path):
    def sleeps(data):
        time.sleep(0.05)

    started = time.monotonic()
    rounds.run(inputs.of(target(sleeps), seed=5), rounds.endless(), tmp_path, until=started + 0.3)
    assert time.monotonic() - started < 20


def test_inputs_follow_from_seed_and_number():
    def made(seed):
        several = inputs.of(target(raises), seed)
        return [several.make(number) for number in range(200)]

    assert made(1) == made(1) != made(2)
    assert made(1)[:2] == SAMPLES
    assert len({each["file"] for each in made(1)}) > 150


def test_structured_damage_keeps_the_rest_in_order():
    chance = random.Random(1)
    packed = structured.zipped([("a.json", b'{"a": [1, 2, {"b": "c"}]}', 0), ("b", b"bytes", zipfile.ZIP_DEFLATED)])
    mutate = structured.zip_members((structured.json_values,))
    changed = [mutate(packed, chance) for _ in range(100)]
    assert len(set(changed)) > 50
    assert None not in changed and mutate(b"no zip", chance) is None
    changed = [structured.json_values(b'{"a": [1, 2, {"b": "c"}], "d": 3}', chance) for _ in range(100)]
    # It was none if a value was put into itself, and sometimes only opens brackets.
    written = [each for each in changed if each is not None and len(each) < 100_000]
    assert len(written) > 80 and len({json.dumps(json.loads(each)) for each in written}) > 60
    assert structured.json_values(b"no JSON", chance) is None
    assert len(mutations.mutate(bytes(mutations.MOST_BYTES), [b"a"], chance)) <= mutations.MOST_BYTES
