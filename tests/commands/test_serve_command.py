"""python -m scripts.serve over HTTP, as programs use it."""

import base64
import hashlib
import io
import json
import re
import shutil
import socket
import struct
import threading
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from tests.support import heic
from tests.support.server import serving
from tests.support.workplace import draw_shape

MODEL = "/v1/models/retrained_graph"


def encoded(kind: str, seed: int = 7, form: str = "PNG") -> bytes:
    file = io.BytesIO()
    draw_shape(kind, seed).save(file, form)
    return file.getvalue()


def b64(data: bytes) -> dict:
    return {"b64": base64.b64encode(data).decode()}


@pytest.fixture(scope="module")
def server(retrained):
    with serving(retrained, retrained / "retrained_graph.pb", "--unknown") as running:
        yield running


@pytest.fixture(scope="module")
def by_label_image(retrained, tmp_path_factory):
    """label_image's answer for each colour."""
    folder = tmp_path_factory.mktemp("pictures")
    for kind in ("blue", "green", "red"):
        (folder / f"{kind}.png").write_bytes(encoded(kind))
    done = retrained.label(f"--image={folder}", "--json", "--unknown")
    assert done.returncode == 0, done.stderr
    return {line["image"].rsplit("/", 1)[1]: line for line in map(json.loads, done.stdout.splitlines())}


def form(*pictures: tuple[str, bytes]) -> dict:
    parts = [
        b'--limit\r\nContent-Disposition: form-data; name="image"; filename="%s"\r\n\r\n%s\r\n' % (name.encode(), data)
        for name, data in pictures
    ]
    return {"body": b"".join(parts) + b"--limit--\r\n", "Content_Type": "multipart/form-data; boundary=limit"}


def assert_same_labels(given: dict, wanted: dict) -> None:
    assert [each["label"] for each in given["labels"]] == [each["label"] for each in wanted["labels"]]
    for one, other in zip(given["labels"], wanted["labels"], strict=True):
        assert one["score"] == pytest.approx(other["score"], abs=1e-4)
    assert given["unknown"] == wanted["unknown"] and given["distance"] == pytest.approx(wanted["distance"], abs=1e-2)


def test_label_gives_what_label_image_prints(server, by_label_image):
    for name, wanted in by_label_image.items():
        data = encoded(name.partition(".")[0])
        plain = server.post("/label", data, Content_Type="image/png")
        assert (plain.status, plain.json["model"], plain.json["version"]) == (200, "retrained_graph", "1")
        assert_same_labels(plain.json, wanted)
        one = server.post("/label", **form((name, data)))
        assert one.json["image"] == name
        assert_same_labels(one.json, wanted)
    several = server.post("/label?top_k=1", **form(("a.png", encoded("red")), ("b.txt", b"no picture"))).json
    assert several["pictures"][0]["image"] == "a.png" and len(several["pictures"][0]["labels"]) == 1
    assert several["pictures"][1] == {"image": "b.txt", "error": "not an image"}


def test_every_lossless_format_gives_the_same_answer(server, by_label_image):
    for form_ in ("TIFF", "BMP", "JPEG2000", "TGA", "PPM", "QOI"):
        answer = server.post("/label", encoded("red", form=form_))
        assert answer.status == 200, form_
        assert_same_labels(answer.json, by_label_image["red.png"])
    assert server.post("/label", heic.write(heic.coded("eight"))).status == 200
    accepted = server.get("/").body.decode()
    assert all(each in accepted for each in ("image/jpeg", "image/jp2", "image/heic", ".psd"))


def test_tensorflow_servings_interface_gives_what_label_image_prints(server, by_label_image):
    wanted = {each["label"]: each["score"] for each in by_label_image["red.png"]["labels"]}
    picture = b64(encoded("red"))

    def assert_wanted(scores, classes):
        assert {label: pytest.approx(score, abs=1e-4) for label, score in zip(classes, scores, strict=True)} == wanted

    for instance in (picture, {"image_bytes": picture}):
        for path in (MODEL, f"{MODEL}/versions/1"):
            rows = server.post(f"{path}:predict", {"instances": [picture, instance]}).json["predictions"]
            assert len(rows) == 2
            assert_wanted(**rows[1])
    for inputs in ([picture], {"image_bytes": [picture]}, {"image_bytes": picture}, picture):
        columns = server.post(f"{MODEL}:predict", {"inputs": inputs}).json["outputs"]
        assert_wanted(columns["scores"][0], columns["classes"][0])
    results = server.post(f"{MODEL}:classify", {"examples": [{"image_bytes": picture}]}).json["results"]
    assert_wanted(*zip(*[(score, label) for label, score in results[0]], strict=True))


def test_pixels_are_taken_as_lists(server):
    signatures = server.get(f"{MODEL}/metadata").json["metadata"]["signature_def"]["signature_def"]
    dims = signatures["pixels"]["inputs"]["pictures"]["tensor_shape"]["dim"]
    _, height, width, _ = (int(dim["size"]) for dim in dims)
    squeezed = draw_shape("green", 7).resize((width, height), Image.Resampling.BILINEAR)
    pixels = np.asarray(squeezed).astype(float).tolist()
    of_pixels = server.post(f"{MODEL}:predict", {"instances": [pixels]}).json["predictions"][0]
    of_picture = server.post(f"{MODEL}:predict", {"instances": [b64(encoded("green"))]}).json["predictions"][0]
    assert of_pixels["scores"] == pytest.approx(of_picture["scores"], abs=1e-4)
    wrong = server.post(f"{MODEL}:predict", {"instances": [pixels[1:]]})
    assert wrong.status == 400 and f"[{height}][{width}][3], found a list [{height - 1}]" in wrong.json["error"]
    for value, found in {
        "7" * 100_000: "something other than numbers",  # as long as this, 150,000 of them would fill the memory
        10**400: "values outside that range",
    }.items():
        odd = [[[value, *pixels[0][0][1:]], *pixels[0][1:]], *pixels[1:]]
        answer = server.post(f"{MODEL}:predict", {"instances": [odd]})
        assert answer.status == 400 and found in answer.json["error"]
    ragged = server.post(f"{MODEL}:predict", {"instances": [[*pixels[:-1], pixels[0][1:]]]})
    assert ragged.status == 400 and "found lists of different lengths" in ragged.json["error"]


def test_status_and_metadata_are_those_of_tensorflow_serving(server):
    status = server.get(MODEL).json
    assert (
        status
        == server.get(f"{MODEL}/versions/1").json
        == {
            "model_version_status": [
                {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
            ]
        }
    )
    found = server.get(f"{MODEL}/metadata").json
    assert found["model_spec"] == {"name": "retrained_graph", "signature_name": "", "version": "1"}
    assert set(found["metadata"]["signature_def"]["signature_def"]) == {"serving_default", "pixels", "classify"}


def png_of(width: int, height: int, data: bytes) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


BOMB = zlib.compress(bytes(1000 * 1001))  # fewer bytes than the headers announce
PREDICT, CLASSIFY = f"{MODEL}:predict", f"{MODEL}:classify"
WRONG = {
    "unknown address": ("GET", "/nothing", b"", 404, "Not Found"),
    "unknown model": ("GET", "/v1/models/nobody", b"", 404, "Servable not found for request: Latest(nobody)"),
    "unknown version": ("POST", f"{MODEL}/versions/9:predict", b"{}", 404, "Specific(retrained_graph, 9)"),
    "endless version": ("GET", f"{MODEL}/versions/{'9' * 5000}", b"", 400, "Malformed request: GET"),
    "wrong method": ("GET", PREDICT, b"", 400, "Malformed request: GET"),
    "wrong method elsewhere": ("GET", "/label", b"", 405, "Method Not Allowed"),
    "not JSON": ("POST", PREDICT, b'{"instances": [', 400, "the request is not JSON"),
    "not UTF-8": ("POST", PREDICT, b"\xff\xfe\xfa", 400, "the request is not JSON"),
    "nested too deeply": ("POST", PREDICT, b"[" * 100_000, 400, "nested too deeply"),
    "not an object": ("POST", PREDICT, b"[1]", 400, "expected a JSON object"),
    "missing key": ("POST", PREDICT, b"{}", 400, 'expected one of "instances" (row format) and "inputs"'),
    "no pictures": ("POST", PREDICT, b'{"instances": []}', 400, "is empty"),
    "too many pictures": ("POST", PREDICT, json.dumps({"instances": [1] * 500}).encode(), 400, "has 500 pictures"),
    "a number": ("POST", PREDICT, b'{"instances": [4]}', 400, "instances[0]: expected"),
    "not base64": ("POST", PREDICT, b'{"instances": [{"b64": "?"}]}', 400, "is not base64"),
    "not a picture in base64": (
        "POST",
        PREDICT,
        b'{"instances": [{"b64": "aGk="}]}',
        400,
        "instances[0]: not an image",
    ),
    "another key": ("POST", PREDICT, b'{"instances": [{"x": 1}]}', 400, 'expected "image_bytes"'),
    "unknown signature": ("POST", PREDICT, b'{"signature_name": "x", "instances": [4]}', 400, 'unknown signature "x"'),
    "no examples": ("POST", CLASSIFY, b'{"instances": []}', 400, 'expected "examples"'),
    "regression": ("POST", f"{MODEL}:regress", b"{}", 400, "this is a classifier"),
    "empty picture": ("POST", "/label", b"", 400, "empty file"),
    "broken picture": ("POST", "/label", encoded("red", form="JPEG")[:700], 400, "truncated"),
    "not a picture": ("POST", "/label", b"hello", 400, "not an image"),
    "too many pixels": ("POST", "/label", png_of(20_000, 9_000, BOMB), 400, "more than 65 megapixels"),
    "fewer pixels than announced": ("POST", "/label", png_of(8_000, 8_000, BOMB), 400, "truncated"),
    "zero labels": ("POST", "/label?top_k=0", encoded("red"), 400, "top_k=0"),
    "too large": ("POST", "/label", bytes(20_000_001), 413, "larger than 20 MB"),
}


@pytest.mark.parametrize("case", WRONG)
def test_errors_are_one_line(server, retrained, case):
    method, path, body, status, says = WRONG[case]
    answer = server.ask(method, path, body)
    assert answer.status == status and set(answer.json) == {"error"}
    assert says in answer.json["error"] and "\n" not in answer.json["error"]
    assert str(retrained.folder).encode() not in answer.body and b"Traceback" not in answer.body


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
def test_other_content_types_are_refused(server, kind):
    answer = server.post("/label", encoded("red"), Content_Type=kind)
    assert answer.status == 415 and kind in answer.json["error"]
    assert server.post("/label", b"x", Content_Encoding="gzip").status == 415
    assert server.post("/label", b"junk", Content_Type="multipart/form-data").status == 400


def test_pages_are_safe_and_load_nothing_from_other_hosts(server):
    for path in ("/", "/docs"):
        answer = server.get(path)
        assert answer.status == 200 and answer.headers["content-type"].startswith("text/html")
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["x-frame-options"] == "DENY"
        assert not re.search(rb"(?:src|href|action)=[\"']?(?:https?:)?//", answer.body)
    page = server.get("/").body.decode()
    assert (
        "blue" in page
        and "color_texture" in page
        and re.search(r"<strong>[\d.]+\s%</strong> of \d+\stest photos right", page)
    )


def test_requests_are_counted_and_logged(server):
    known = server.post("/label", encoded("red"), X_Request_ID="mine.1")
    assert known.headers["x-request-id"] == "mine.1"
    other = server.post("/label", encoded("red"), X_Request_ID="spaces are not taken")
    assert re.fullmatch(r"[0-9a-f]{16}", other.headers["x-request-id"])
    text = server.get("/metrics").body.decode()
    for line in (
        r'poets_requests_total\{method="POST",route="/label",status="200"\} \d',
        "poets_batch_pictures_",
        r'poets_request_seconds_bucket\{le="0\.1",route="/label"\} \d',
        r'poets_predicted_total\{label="red"\} \d',
        r'poets_model_version\{model="retrained_graph"\} 1\.0',
        r"poets_waiting_pictures 0\.0",
    ):
        assert re.search(f"^{line}", text, re.M), line
    lines = [line for line in server.log if line.rstrip().endswith("id=mine.1")]
    assert len(lines) == 1 and re.search(r"Z 200 POST /label [\d.]+ ms \d+ B 127\.0\.0\.1 id=", lines[0])


def raw(server, data: bytes) -> socket.socket:
    connection = socket.create_connection((server.host, server.port), timeout=30)
    connection.sendall(data)
    return connection


HEAD = b"POST /label HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"


def test_slow_and_vanishing_clients_do_not_delay_others(server):
    for _ in range(20):
        raw(server, HEAD % 5000 + b"x" * 100).close()
    slow_body, slow_head = raw(server, HEAD % 5000 + b"x"), raw(server, b"POST /label HTTP/1.1\r\nHos")
    for _ in range(5):
        gone = raw(server, HEAD % len(encoded("red")) + encoded("red"))
        gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.close()
    assert server.post("/label", encoded("red")).status == 200
    answer = slow_body.recv(4096)
    assert answer.startswith(b"HTTP/1.1 408 ") and slow_head.recv(4096) == b""
    slow_body.close(), slow_head.close()


def test_many_requests_leave_memory_flat(server):
    picture = encoded("blue")

    def many(count: int) -> None:
        connection = socket.create_connection((server.host, server.port), timeout=30)
        reader = connection.makefile("rb")
        for _ in range(count):
            connection.sendall(HEAD % len(picture) + picture)
            assert reader.readline().startswith(b"HTTP/1.1 200")
            length = 0
            while (line := reader.readline()) != b"\r\n":
                length = int(line.split()[1]) if line.lower().startswith(b"content-length") else length
            reader.read(length)
        connection.close()

    many(100)
    before = server.resident_kb()
    many(300)
    assert server.resident_kb() - before < 20_000


def test_a_full_queue_says_when_to_try_again(retrained, small_graph):
    with serving(retrained, small_graph, "--queue=2", "--log_format=json") as server:
        large = io.BytesIO()
        draw_shape("red", 1, (2000, 2000)).save(large, "PNG")
        answers = []

        def ask() -> None:
            answers.append(server.post("/label", large.getvalue()))

        asking = [threading.Thread(target=ask) for _ in range(12)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        assert {answer.status for answer in answers} == {200, 503}
        assert all(answer.headers["retry-after"] == "1" for answer in answers if answer.status == 503)
        assert server.post("/label", encoded("red")).json["labels"][0]["label"] == "red"
        assert server.post("/v1/models/small:predict", {"instances": [b64(encoded("red"))] * 3}).status == 503
        assert server.stop() == 0
        logged = [json.loads(line) for line in server.log if "event" not in line and line.startswith("{")]
        assert len(logged) == 14 and {entry["status"] for entry in logged} == {200, 503}
        assert set(logged[0]) == {"time", "id", "client", "method", "path", "status", "milliseconds", "bytes"}


def test_accepted_requests_are_answered_after_sigterm(retrained, small_graph):
    with serving(retrained, small_graph) as server:
        large = io.BytesIO()
        draw_shape("green", 1, (2000, 2000)).save(large, "PNG")
        asked = [raw(server, HEAD % len(large.getvalue()) + large.getvalue()) for _ in range(8)]
        deadline = time.monotonic() + 20
        while "poets_waiting_pictures 0.0" in server.get("/metrics").body.decode() and time.monotonic() < deadline:
            pass
        server.process.terminate()
        answers = [b"".join(iter(lambda each=each: each.recv(4096), b"")) for each in asked]
        assert server.process.wait(60) == 0
        assert [answer[:12] for answer in answers] == [b"HTTP/1.1 200"] * 8
        assert all(b'"label":"green"' in answer for answer in answers)
        with pytest.raises(ConnectionRefusedError):
            server.get("/healthz")


def test_labels_are_shown_by_name(retrained, small_graph, tmp_path):
    names = tmp_path / "names.json"
    names.write_text('{"red": "scarlet", "green": "moss", "blue": "sky"}')
    with serving(retrained, small_graph, f"--category_names={names}") as server:
        best = server.post("/label", encoded("red")).json["labels"][0]
        assert (best["label"], best["name"]) == ("red", "scarlet")
        assert b"scarlet" in server.get("/").body


def test_a_token_is_required(retrained, small_graph):
    with serving(retrained, small_graph, "--token=open sesame") as server:
        assert server.get("/healthz").status == 200
        for path in ("/", "/readyz", "/metrics", "/watching", "/docs", "/openapi.json", "/v1/models/small", "/page.js"):
            answer = server.get(path)
            assert (answer.status, answer.headers["www-authenticate"]) == (401, "Bearer")
            assert server.get(path, Authorization="Bearer open").status == 401
            assert server.get(path, Authorization="Bearer open sesame").status == 200
        assert server.post("/label", encoded("red")).status == 401
        asked = server.get("/", Accept="text/html")
        assert asked.status == 401 and b'action="/sign-in"' in asked.body
        wrong = server.post("/sign-in", "token=guess", Content_Type="application/x-www-form-urlencoded")
        assert wrong.status == 401 and b"That is not the token" in wrong.body
        right = server.post("/sign-in", "token=open+sesame", Content_Type="application/x-www-form-urlencoded")
        assert right.status == 303 and "HttpOnly" in right.headers["set-cookie"]
        assert server.get("/", Cookie=right.headers["set-cookie"].partition(";")[0]).status == 200
        assert server.get("/", Cookie="poets=guess").status == 401


def test_a_new_graph_takes_over_and_a_broken_one_is_refused(retrained, small_graph, tmp_path):
    graph = tmp_path / "watched.tflite"
    shutil.copy(small_graph, graph)
    with serving(retrained, graph, "--watch") as server:
        stop, statuses = threading.Event(), []

        def keep_asking() -> None:
            while not stop.is_set():
                statuses.append(server.post("/label", encoded("red")).status)

        asking = threading.Thread(target=keep_asking)
        asking.start()
        try:
            replace(graph, b"\0\0\0\0TFL3 and nothing more")
            wait_until(lambda: any("was refused, the old one stays in service" in line for line in server.log))
            assert server.get("/v1/models/watched").json["model_version_status"][0]["version"] == "1"
            replace(graph, small_graph.read_bytes())
            wait_until(lambda: server.post("/label", encoded("red")).json["version"] == "2")
        finally:
            stop.set()
            asking.join()
        assert set(statuses) == {200} and len(statuses) > 5
        status = server.get("/v1/models/watched").json["model_version_status"]
        assert [(each["version"], each["state"]) for each in status] == [("2", "AVAILABLE"), ("1", "END")]
        assert server.post("/v1/models/watched/versions/1:predict", {"instances": [b64(encoded("red"))]}).status == 404
        assert "poets_graphs_refused_total 1.0" in server.get("/metrics").body.decode()


def test_whatever_a_bad_graph_does_a_sound_one_is_taken_later_even_if_its_record_comes_last(retrained, tmp_path):
    for name in ("retrained_graph.pb", "retrained_graph.json", "retrained_labels.txt"):
        shutil.copy(retrained / name, tmp_path / name)
    graph, record = tmp_path / "retrained_graph.pb", tmp_path / "retrained_graph.json"
    sound = json.loads(record.read_text())
    with serving(retrained, graph, "--watch") as server:

        def refused(words: str) -> bool:
            return any("was refused, the old one stays in service" in line and words in line for line in server.log)

        replace(record, json.dumps({"graph_sha256": sound["graph_sha256"]}).encode())
        wait_until(lambda: refused("is damaged (its preprocessing"))
        # Another graph of the same kind, whose record is still to come.
        replace(record, json.dumps(sound).encode())
        wait_until(lambda: server.post("/label", encoded("red")).json["version"] == "2")
        other = graph.read_bytes() + b"\x22\x02\x08\x01"  # its VersionDef once more
        replace(graph, other)
        wait_until(lambda: refused("retrained_graph.json belongs to another graph"))
        assert server.post("/label", encoded("red")).json["version"] == "2"
        replace(record, json.dumps(sound | {"graph_sha256": hashlib.sha256(other).hexdigest()}).encode())
        wait_until(lambda: server.post("/label", encoded("red")).json["version"] == "3")
        assert "poets_graphs_refused_total 2.0" in server.get("/metrics").body.decode()


def replace(path, data: bytes) -> None:
    other = path.with_suffix(".new")
    other.write_bytes(data)
    other.replace(path)


def wait_until(true) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--graph=nope.pb"], "nope.pb does not exist"),
        (["--port=70000"], "--port=70000"),
        (["--host=nowhere.invalid"], "cannot listen on nowhere.invalid"),
        (["--name=a/b"], "--name=a/b becomes part of an address"),
        (["--token="], "--token is empty"),
        (["--queue=0"], "queue"),
        (["more"], "unexpected argument 'more'"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_mistakes_are_reported_in_one_line(retrained, small_graph, words, says):
    done = retrained.run("serve", f"--graph={small_graph}", "--port=0", *words)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr


def test_a_port_in_use_is_named(retrained, small_graph):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = retrained.run("serve", f"--graph={small_graph}", f"--port={port}")
    assert done.returncode == 1 and done.stderr.startswith(f"error: cannot listen on 127.0.0.1:{port}")


@pytest.mark.parametrize(
    ("words", "says", "unknown"),
    [
        (
            [],
            r"pictures of anything else are called unknown \([\d.]+ % of the test photos are recognised as known\)",
            True,
        ),
        (["--nounknown"], r"every picture gets one of the labels \(--nounknown\)", None),
    ],
    ids=["default", "nounknown"],
)
def test_unknown_pictures_are_called_unknown_unless_told_otherwise(retrained, small_graph, words, says, unknown):
    fractal = io.BytesIO()
    Image.effect_mandelbrot((160, 120), (-2, -1, 1, 1), 100).save(fractal, "PNG")
    with serving(retrained, small_graph, *words) as server:
        assert server.said[0] == f"loading {small_graph}\n"
        assert re.fullmatch(says + "\n", server.process.stderr.readline())
        assert server.process.stderr.readline() == "next:\n"
        assert f"open {server.address}/" in server.process.stderr.readline()
        assert "--host=0.0.0.0" in server.process.stderr.readline()
        assert server.post("/label", fractal.getvalue()).json.get("unknown") is unknown
        assert ("poets_unknown_total 1.0" in server.get("/metrics").body.decode()) == bool(unknown)


def test_unknown_is_off_if_few_test_photos_were_known_and_the_log_tells_of_a_change(retrained, tmp_path):
    for name in ("graph.pb", "graph.json", "graph.unknown.npz", "labels.txt"):
        shutil.copy(retrained / f"retrained_{name}", tmp_path)
    graph, record = tmp_path / "retrained_graph.pb", tmp_path / "retrained_graph.json"
    fields = json.loads(record.read_text())

    def recognise(share: float) -> None:
        fields["unknown"]["test_photos_kept"] = share
        replace(record, json.dumps(fields).encode())

    recognise(0.45)
    measured = "% of the test photos are recognised as known)"
    off = f"every picture gets one of the labels (with --unknown, only 45.0 {measured}"
    with serving(retrained, graph, "--watch") as server:
        assert server.process.stderr.readline() == off + "\n"
        assert "unknown" not in server.post("/label", encoded("red")).json
        recognise(0.55)
        on = f"pictures of anything else are called unknown (55.0 {measured}"
        wait_until(lambda: any(f"version 2 of retrained_graph is in service: {on}" in line for line in server.log))
        assert "unknown" in server.post("/label", encoded("red")).json
        recognise(0.45)
        wait_until(lambda: any(f"version 3 of retrained_graph is in service: {off}" in line for line in server.log))
    with serving(retrained, graph, "--unknown") as server:
        assert "unknown" in server.post("/label", encoded("red")).json
