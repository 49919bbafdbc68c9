"""No request holds up others: forms, tokens and JSON of strangers."""

import io
import json
import re
import socket
import threading
import time

import pytest
from hypothesis import given, strategies
from PIL import Image

from scripts.classifier.photos.pixels import UnreadableImage
from scripts.classifier.serving import json_reading
from scripts.classifier.serving.room import Room
from tests.support.server import Server, serving

FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def server(retrained, small_graph):
    with serving(retrained, small_graph) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(retrained, small_graph):
    with serving(retrained, small_graph, "--token=open sesame") as running:
        yield running


def is_stalled_by(server: Server, work) -> bool:
    """True if one /healthz took more than a second and half of the time that `work` took."""
    worst = [0.0]
    thread = threading.Thread(target=work)
    begun = time.monotonic()
    thread.start()
    while thread.is_alive():
        started = time.monotonic()
        assert server.get("/healthz").status == 200
        worst.append(time.monotonic() - started)
    thread.join()
    return max(worst) > max(1, (time.monotonic() - begun) / 2)


def form_of(charset: str, text: bytes) -> dict:
    field = b'--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n' % text
    file = b'--limit\r\nContent-Disposition: form-data; name="b"; filename="\xc3\xb6.jpg"\r\n\r\nx\r\n--limit--\r\n'
    body = field + file
    return {"body": body, "Content_Type": f"multipart/form-data; charset={charset}; boundary=limit"}


@pytest.mark.parametrize("charset", ["punycode", "idna", "hex", "undefined", "base64", "\xe9"])
def test_a_form_does_not_choose_the_codec(server, charset):
    answers = []
    form = form_of(charset, b"-" + b"a" * 400_000)
    assert not is_stalled_by(server, lambda: answers.append(server.post("/label", **form)))
    assert answers[0].status == 400 and "not an image" in answers[0].json["error"]


def test_large_json_does_not_stall_others(server):
    body = b'{"instances": [' + b"[]," * 6_000_000 + b"0]}"
    answers = []
    assert not is_stalled_by(server, lambda: answers.append(server.post("/v1/models/small:predict", body)))
    assert answers[0].status == 400 and "6000001 pictures" in answers[0].json["error"]


DEEP = {
    "names": (b"[[{%s}]]" % b",".join(b'"%d":0' % at for at in range(1_300_000)), "found a list [1][1]"),
    "texts": (b"[[[%s0]]]" % (b'"a",' * 4_000_000), "found a list [1][1][4000001]"),
}


@pytest.mark.parametrize("kind", DEEP)
def test_large_json_inside_a_picture_does_not_stall_others(server, kind):
    picture, found = DEEP[kind]
    answers = []
    body = b'{"instances": [%s]}' % picture
    assert not is_stalled_by(server, lambda: answers.append(server.post("/v1/models/small:predict", body)))
    assert answers[0].status == 400 and found in answers[0].json["error"]


def test_the_sign_in_form_is_small(guarded):
    big = guarded.post("/sign-in", b"token=" + b"x" * 5000, Content_Type=FORM)
    assert big.status == 413 and "larger than 4 kB" in big.json["error"]
    head = b"POST /sign-in HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: 20000000\r\n\r\n" % FORM.encode()
    with socket.create_connection((guarded.host, guarded.port), timeout=5) as connection:
        connection.sendall(head)
        assert connection.recv(100).startswith(b"HTTP/1.1 413")  # before any of it was sent


@pytest.mark.parametrize("way", ["form", "header"])
def test_guesses_are_slowed_down(guarded, way):
    def guess(token: str) -> int:
        if way == "form":
            return guarded.post("/sign-in", f"token={token}", Content_Type=FORM).status
        return guarded.get("/readyz", Authorization=f"Bearer {token}").status

    cookie = guarded.post("/sign-in", "token=open+sesame", Content_Type=FORM).headers["set-cookie"].partition(";")[0]
    started, found = time.monotonic(), []
    threads = [threading.Thread(target=lambda: found.append(guess("wrong"))) for _ in range(20)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    right = "open+sesame" if way == "form" else "open sesame"
    assert guess(right) == 429
    assert guarded.get("/readyz", Cookie=cookie).status == 200  # who is in stays in
    for thread in threads:
        thread.join()
    assert time.monotonic() - started > 0.9 and found.count(401) == 5 and found.count(429) == 15
    assert guess(right) in (200, 303)


_VALUES = strategies.recursive(
    strategies.none() | strategies.booleans() | strategies.integers() | strategies.floats() | strategies.text(),
    lambda inner: strategies.lists(inner) | strategies.dictionaries(strategies.text(), inner),
)


@given(
    _VALUES,
    strategies.sampled_from([None, 1]),
    strategies.integers(0, 30),
    strategies.sampled_from('[]{}",: x1\\'),
    strategies.sampled_from([2, 9, 30, 1 << 16]),
)
def test_json_is_read_as_python_reads_it(value, indent, at, replaced, piece):
    text = json.dumps(value, indent=indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(json_reading, "_PIECE", piece)
        patch.setattr(json_reading, "_LEVELS", 100)
        for each in (text, text[:at], text[:at] + replaced + text[at + 1 :]):
            assert outcome(json_reading.loads, each.encode()) == outcome(json.loads, each.encode())


def test_large_json_is_refused_where_it_is_nested_deeply():
    numbers = b"0," * 100_000 + b"0"
    assert len(json_reading.loads(b"[" * 8 + numbers + b"]" * 8)[0][0][0][0][0][0][0]) == 100_001
    with pytest.raises(RecursionError):
        json_reading.loads(b"[" * 9 + numbers + b"]" * 9)


def outcome(read, data: bytes) -> str:
    try:
        return repr(read(data))
    except json.JSONDecodeError as error:
        return f"refused at {error.pos}"
    except ValueError:
        return "refused"


def test_pictures_of_a_client_that_has_gone_are_dropped(server):
    file = io.BytesIO()
    Image.new("RGB", (5000, 5000)).save(file, "PNG")
    part = b'--limit\r\nContent-Disposition: form-data; name="a"; filename="a.png"\r\n\r\n%s\r\n' % file.getvalue()
    body = part * 100 + b"--limit--\r\n"
    head = (
        b"POST /label HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=limit\r\n"
        b"Content-Length: %d\r\n\r\n" % len(body)
    )
    with socket.create_connection((server.host, server.port), timeout=30) as gone:
        gone.sendall(head + body)
        deadline = time.monotonic() + 20
        while waiting(server) == 0 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert waiting(server) > 50
    started = time.monotonic()
    while waiting(server):
        time.sleep(0.05)
    assert time.monotonic() - started < 10


def waiting(server: Server) -> float:
    found = re.search(rb"^poets_waiting_pictures (\S+)", server.get("/metrics").body, re.M)
    return float(found.group(1))


def test_a_bound_on_pixels_can_be_chosen(retrained, small_graph):
    with serving(retrained, small_graph, "--most_megapixels=1") as server:
        for side, status in ((1000, 200), (1001, 400)):
            file = io.BytesIO()
            Image.new("RGB", (side, side)).save(file, "PNG")
            assert server.post("/label", file.getvalue()).status == status


def test_pixels_in_flight_are_bounded():
    room = Room(60_000_000)
    done = []

    def decode() -> None:
        with room.admission() as admit:
            admit(60_000, 1000)
            done.append(1)

    with room.admission() as admit:
        admit(60_000, 1000)
        thread = threading.Thread(target=decode)
        thread.start()
        time.sleep(0.2)
        assert not done
    thread.join(5)
    assert done
    with pytest.raises(UnreadableImage, match="more than 60 megapixels"), room.admission() as admit:
        admit(60_000, 1001)
    decode()
