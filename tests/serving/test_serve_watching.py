"""How serve compares recent pictures with those at training: figures for Prometheus, words for people."""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import time

import pytest
from PIL import Image

from tests.support import small_disk
from tests.support.server import serving
from tests.support.workplace import draw_shape


def encoded(picture: Image.Image) -> bytes:
    """As the training photos are: as PNG they would look different enough to be unknown."""
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=90)
    return file.getvalue()


FRACTAL = encoded(Image.effect_mandelbrot((160, 120), (-2, -1, 1, 1), 100))  # like no training photo


def likes(kinds: tuple[str, ...], count: int) -> list[bytes]:
    """Pictures like the training photos."""
    return [encoded(draw_shape(kinds[seed % len(kinds)], 300 + seed)) for seed in range(count)]


def send(server, pictures: list[bytes]) -> None:
    """In forms of up to 50 pictures."""
    for start in range(0, len(pictures), 50):
        parts = [
            b'--limit\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n%s\r\n' % data
            for data in pictures[start : start + 50]
        ]
        body = b"".join(parts) + b"--limit--\r\n"
        assert server.post("/label", body, Content_Type="multipart/form-data; boundary=limit").status == 200


def gauges(server) -> dict[str, float]:
    text = server.get("/metrics").body.decode()
    return {name: float(value) for name, value in re.findall(r"^(poets_(?:recent|expected)\S*) (\S+)$", text, re.M)}


def watching(server) -> dict:
    answer = server.get("/watching")
    assert answer.status == 200
    return answer.json


@pytest.fixture
def server(retrained, small_graph):
    with serving(retrained, small_graph) as running:
        yield running


@pytest.fixture(scope="module")
def expected(retrained):
    return json.loads((retrained / "retrained_graph.json").read_text("utf-8"))["expected"]


def test_before_any_picture_there_is_only_what_to_expect(server, expected):
    found = gauges(server)
    assert found["poets_recent_pictures"] == 0
    assert found["poets_expected_unknown_share"] == expected["unknown"]
    assert found["poets_expected_mean_score"] == pytest.approx(expected["mean_score"])
    assert not any(
        name.startswith(("poets_recent_unknown", "poets_recent_mean", "poets_recent_label")) for name in found
    )
    asked = watching(server)
    assert (asked["pictures"], asked["of"], asked["notes"]) == (0, 200, [])
    assert asked["expected"] == expected
    assert b"/watching" in server.get("/docs").body


def test_pictures_like_the_test_photos_are_counted_and_raise_no_note(server, expected):
    send(server, likes(("blue", "green", "red"), 60))
    found = gauges(server)
    assert found["poets_recent_pictures"] == 60
    for label in ("blue", "green", "red"):
        low, share, high = (found[f'poets_recent_label_share{end}{{label="{label}"}}'] for end in ("_low", "", "_high"))
        assert share == pytest.approx(1 / 3, abs=0.05) and 0.2 < low < share < high < 0.5
        assert found[f'poets_expected_label_share{{label="{label}"}}'] == expected["label_shares"][label]
    assert found["poets_recent_mean_score"] == pytest.approx(expected["mean_score"], abs=0.05)
    assert [found[f'poets_recent_differs{{about="{way}"}}'] for way in ("unknown", "score", "labels")] == [0, 0, 0]
    asked = watching(server)
    assert asked["notes"] == [] and sum(asked["labels"].values()) == pytest.approx(1)
    assert asked["unknown"] == found["poets_recent_unknown_share"] < 0.3


def test_unknown_pictures_raise_a_note_from_fifty_on_and_are_forgotten_after_two_hundred_others(server, expected):
    send(server, [FRACTAL] * 49)
    assert watching(server)["notes"] == []
    send(server, [FRACTAL] * 1)
    notes = {each["about"]: each["text"] for each in watching(server)["notes"]}
    before = f"its {expected['photos']} test photos"
    assert notes["unknown"].startswith("Of the last 50 pictures, 100 % look like nothing it learned from; ")
    assert before in notes["unknown"] and "labels" not in notes
    found = gauges(server)
    assert found["poets_recent_unknown_share"] == 1 and found['poets_recent_differs{about="unknown"}'] == 1
    send(server, likes(("blue", "green", "red"), 200))
    asked = watching(server)
    assert asked["pictures"] == 200 and asked["notes"] == []


def test_other_shares_of_labels_are_told_gently(server):
    send(server, likes(("red",), 60))
    (note,) = watching(server)["notes"]
    assert note["about"] == "labels"
    assert re.fullmatch(
        r"Of the last 60 pictures, 100 % were called red; of its \d+ test photos, \d+ % were\. "
        r"That may just be another day\.",
        note["text"],
    )


def test_pictures_of_every_interface_count(server):
    pixels = {"instances": [{"b64": base64.b64encode(FRACTAL).decode()}] * 3}
    assert server.post("/v1/models/small:predict", pixels).status == 200
    assert server.post("/label", b"no picture").status == 400
    assert watching(server)["pictures"] == 3


def test_nothing_is_said_of_unknown_pictures_if_they_are_not_told(retrained, small_graph):
    with serving(retrained, small_graph, "--nounknown") as server:
        send(server, [FRACTAL] * 60)
        assert "poets_recent_unknown_share" not in gauges(server) and "unknown" not in watching(server)
        assert all(each["about"] != "unknown" for each in watching(server)["notes"])


def test_an_old_record_gives_gauges_of_recent_pictures_and_no_words(retrained, tmp_path):
    for name in ("retrained_graph.pb", "retrained_labels.txt", "retrained_graph.unknown.npz"):
        shutil.copy(retrained / name, tmp_path / name)
    record = json.loads((retrained / "retrained_graph.json").read_text("utf-8"))
    del record["expected"]
    (tmp_path / "retrained_graph.json").write_text(json.dumps(record))
    with serving(retrained, tmp_path / "retrained_graph.pb") as server:
        send(server, [FRACTAL] * 60)
        found = gauges(server)
        assert found["poets_recent_unknown_share"] == 1
        assert not any(name.startswith(("poets_expected", "poets_recent_differs")) for name in found)
        asked = watching(server)
        assert asked["notes"] == [] and "expected" not in asked


def test_a_new_classifier_begins_anew(retrained, small_graph, tmp_path):
    graph = tmp_path / "watched.tflite"
    shutil.copy(small_graph, graph)
    with serving(retrained, graph, "--watch") as server:
        send(server, [FRACTAL] * 60)
        assert watching(server)["notes"]
        shutil.copy(small_graph, tmp_path / "new")
        (tmp_path / "new").replace(graph)
        deadline = time.monotonic() + 60
        while watching(server)["version"] == "1" and time.monotonic() < deadline:
            time.sleep(0.1)
        asked = watching(server)
        assert (asked["version"], asked["pictures"], asked["notes"]) == ("2", 0, [])
        assert gauges(server)["poets_recent_pictures"] == 0


# Answers that are kept -----------------------------------------------------------------------------------------------


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text("ascii").splitlines()]


def test_each_answer_is_a_line_without_the_picture_or_its_name(retrained, small_graph, tmp_path):
    log = tmp_path / "answers.jsonl"
    with serving(retrained, small_graph, f"--log_answers={log}") as server:
        assert log.stat().st_mode & 0o777 == 0o600
        part = b'--limit\r\nContent-Disposition: form-data; name="image"; filename="%s"\r\n\r\n%s\r\n'
        red = encoded(draw_shape("red", 300))
        body = part % (b"grandmother.png", red) + part % (b"x.png", b"no picture") + part % (b"f.png", FRACTAL)
        asked = server.post("/label", body + b"--limit--\r\n", Content_Type="multipart/form-data; boundary=limit")
        written = lines(log)
        assert [each["sha256"] for each in written] == [hashlib.sha256(data).hexdigest() for data in (red, FRACTAL)]
        given = [asked.json["pictures"][at] for at in (0, 2)]
        for line, answer in zip(written, given, strict=True):
            assert (line["model"], line["version"]) == ("small", "1") and line["classifier"]
            assert {key: line[key] for key in ("unknown", "distance", "labels")} == {
                key: answer[key] for key in ("unknown", "distance", "labels")
            }
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
            assert set(line) == {"time", "model", "version", "classifier", "sha256", "unknown", "distance", "labels"}
        assert "grandmother" not in log.read_text()
        assert b"They are not kept, but the answers are." in server.get("/").body
        size = server.get("/v1/models/small/metadata").json["metadata"]["signature_def"]["signature_def"]
        height = int(size["pixels"]["inputs"]["pictures"]["tensor_shape"]["dim"][1]["size"])
        pixels = [[[200, 40, 40]] * height] * height
        assert server.post("/v1/models/small:predict", {"instances": [pixels]}).status == 200
        assert "sha256" not in lines(log)[-1]
        assert server.stop() == 0


def test_nothing_is_kept_unless_it_is_asked_for(server, retrained):
    before = sorted(retrained.folder.iterdir())
    send(server, [FRACTAL] * 2)
    assert b"and nowhere else. They are not kept.<" in server.get("/").body
    assert sorted(retrained.folder.iterdir()) == before


def test_a_log_that_was_moved_away_begins_anew(retrained, small_graph, tmp_path):
    log = tmp_path / "answers.jsonl"
    with serving(retrained, small_graph, f"--log_answers={log}") as server:
        send(server, [FRACTAL])
        log.rename(tmp_path / "answers.jsonl.1")
        send(server, [FRACTAL] * 2)
        assert (len(lines(tmp_path / "answers.jsonl.1")), len(lines(log))) == (1, 2)
        log.unlink()
        send(server, [FRACTAL])
        assert len(lines(log)) == 1 and log.stat().st_mode & 0o777 == 0o600


def test_a_log_that_ends_in_half_a_line_goes_on_in_a_new_one(retrained, small_graph, tmp_path):
    log = tmp_path / "answers.jsonl"
    log.write_text('{"time": "2026-')
    log.chmod(0o640)
    with serving(retrained, small_graph, f"--log_answers={log}") as server:
        send(server, [FRACTAL])
    assert log.read_text().startswith('{"time": "2026-\n{"time"') and log.read_text().endswith("}\n")
    assert log.stat().st_mode & 0o777 == 0o640  # the owner's choice stays


def test_a_place_that_vanished_does_not_stop_the_answers(retrained, small_graph, tmp_path):
    place = tmp_path / "logs"
    place.mkdir()
    with serving(retrained, small_graph, f"--log_answers={place / 'answers.jsonl'}") as server:
        shutil.rmtree(place)
        for _ in range(3):
            send(server, [FRACTAL] * 2)
        place.mkdir()
        send(server, [FRACTAL])
        assert len(lines(place / "answers.jsonl")) == 1
        assert server.stop() == 0
        told = [line for line in server.log if "answers" in line]
        assert len(told) == 2, told
        assert "error: cannot write answers to" in told[0] and "No such file or directory" in told[0]
        assert "again; 6 are missing" in told[1]


def test_a_full_disk_does_not_stop_the_answers(retrained, small_graph, tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    with small_disk.mounted(disk) as done:
        if not done:
            pytest.skip("no file system can be mounted here")
        log = disk / "answers.jsonl"
        with serving(retrained, small_graph, f"--log_answers={log}") as server:
            send(server, [FRACTAL])
            with small_disk.filled(disk, 0):
                for _ in range(20):  # a page of the file has room for some more
                    send(server, [FRACTAL])
            send(server, [FRACTAL] * 3)
            assert server.stop() == 0
        whole = [line for line in log.read_text("ascii").splitlines() if line.endswith("}") and line.startswith("{")]
        assert all(json.loads(line)["sha256"] for line in whole[-3:])
        errors = [line for line in server.log if "No space left on device" in line or "room for a part only" in line]
        (again,) = (line for line in server.log if "are missing" in line)
        missing = int(re.search(r"again; (\d+) are missing", again).group(1))
        assert len(errors) == 1 and missing > 0 and len(whole) == 24 - missing


@pytest.mark.parametrize(
    ("where", "says"),
    [
        ("", "Is a directory"),
        ("none/answers.jsonl", "No such file or directory"),
        ("pipe", "it is no regular file"),
    ],
)
def test_a_log_that_cannot_be_written_is_refused_at_the_start(retrained, small_graph, tmp_path, where, says):
    os.mkfifo(tmp_path / "pipe")
    done = retrained.run("serve", f"--graph={small_graph}", "--port=0", f"--log_answers={tmp_path / where}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: --log_answers={tmp_path}") and says in done.stderr
