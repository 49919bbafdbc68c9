"""No request holds up others: forms, tokens and JSON of strangers."""

import json
import socket
import threading
import time

import pytest
from hypothesis import given, strategies

from scripts.classifier.serving import json_reading
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


def longest_wait(server: Server, work) -> float:
    """Seconds that /healthz took at worst while `work` was done."""
    worst = [0.0]
    thread = threading.Thread(target=work)
    thread.start()
    while thread.is_alive():
        started = time.monotonic()
        assert server.get("/healthz").status == 200
        worst.append(time.monotonic() - started)
    thread.join()
    return max(worst)


def form_of(charset: str, text: bytes) -> dict:
    field = b'--limit\r\nContent-Disposition: form-data; name="a"\r\n\r\n%s\r\n' % text
    file = b'--limit\r\nContent-Disposition: form-data; name="b"; filename="\xc3\xb6.jpg"\r\n\r\nx\r\n--limit--\r\n'
    body = field + file
    return {"body": body, "Content_Type": f"multipart/form-data; charset={charset}; boundary=limit"}


@pytest.mark.parametrize("charset", ["punycode", "idna", "hex", "undefined", "base64", "\xe9"])
def test_a_form_does_not_choose_the_codec(server, charset):
    answers = []
    form = form_of(charset, b"-" + b"a" * 400_000)
    worst = longest_wait(server, lambda: answers.append(server.post("/label", **form)))
    assert answers[0].status == 400 and "not an image" in answers[0].json["error"] and worst < 1.5


def test_large_json_does_not_stall_others(server):
    body = b'{"instances": [' + b"[]," * 6_000_000 + b"0]}"
    answers = []
    worst = longest_wait(server, lambda: answers.append(server.post("/v1/models/small:predict", body)))
    assert answers[0].status == 400 and "6000001 pictures" in answers[0].json["error"] and worst < 1


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


@given(_VALUES, strategies.sampled_from([None, 1]), strategies.integers(0, 30), strategies.sampled_from('[]{}",: x1\\'))
def test_json_is_read_as_python_reads_it(value, indent, at, replaced):
    text = json.dumps(value, indent=indent)
    for each in (text, text[:at], text[:at] + replaced + text[at + 1 :]):
        assert outcome(json_reading.loads, each.encode()) == outcome(json.loads, each.encode())


def outcome(read, data: bytes) -> str:
    try:
        return repr(read(data))
    except json.JSONDecodeError as error:
        return f"refused at {error.pos}"
    except ValueError:
        return "refused"
