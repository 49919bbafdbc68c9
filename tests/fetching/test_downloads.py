"""Downloads from a real server that misbehaves."""

import contextlib
import hashlib
import io
import os
import random
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from scripts.classifier import machine
from scripts.classifier.errors import UserError
from scripts.classifier.fetching import downloads, redirects, transfers
from scripts.classifier.fetching.lookups import Lookups
from scripts.console import progress
from tests.support import file_server
from tests.support.file_server import File, Raw, Silence, Status
from tests.support.workplace import ROOT

BODY = random.Random(1).randbytes(300_000)
OTHER = random.Random(2).randbytes(300_000)
SHA256 = hashlib.sha256(BODY).hexdigest()
QUICK = downloads.Patience(first_byte_seconds=5, stall_seconds=0.4, first_pause_seconds=0.01)


@pytest.fixture
def server(monkeypatch):
    for name in ("POETS_MIRROR", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with file_server.running() as server:
        yield server


@pytest.fixture
def destination(tmp_path):
    return tmp_path / "models" / "file.bin"


def fetch(url, destination, **options):
    return downloads.fetch(url, destination, **{"sha256": SHA256, "patience": QUICK, **options})


def neighbours(destination):
    return sorted(path.name for path in destination.parent.iterdir())


# Success


def test_a_file_is_fetched_once(server, destination):
    url = server.script("/file.bin", File(BODY))
    assert fetch(url, destination) == destination
    assert fetch(url, destination) == destination
    assert destination.read_bytes() == BODY
    assert neighbours(destination) == ["file.bin"]
    assert len(server.requests) == 1


def test_md5_is_checked_too(server, destination):
    url = server.script("/file.bin", File(BODY))
    with pytest.raises(UserError, match=r"md5 is .*, expected 00"):
        fetch(url, destination, sha256=None, md5="00" * 16)
    fetch(url, destination, sha256=None, md5=hashlib.md5(BODY).hexdigest())
    assert neighbours(destination) == ["file.bin"]


def test_a_damaged_file_is_replaced(server, destination):
    destination.parent.mkdir()
    destination.write_bytes(OTHER)
    fetch(server.script("/file.bin", File(BODY)), destination)
    assert destination.read_bytes() == BODY


def test_a_damaged_file_that_cannot_be_replaced_is_left_alone(server, destination):
    destination.parent.mkdir()
    destination.write_bytes(OTHER)
    with pytest.raises(UserError) as error:
        fetch(server.script("/file.bin", Status(404)), destination)
    assert hashlib.sha256(OTHER).hexdigest() in str(error.value)
    assert SHA256 in str(error.value)
    assert "404" in str(error.value)
    assert destination.read_bytes() == OTHER
    assert neighbours(destination) == ["file.bin"]


CHANGED = [File(OTHER, etag='"1"', drop_after=1000), File(BODY, etag='"2"')]
OVERCOME = {
    "dropped connections": ([File(BODY, drop_after=70_000)], {}),
    "dropped at once": ([File(BODY, drop_after=0), File(BODY)], {}),
    "dropped before a byte, each time but the third": ([File(BODY, drop_after=0)] * 2 + [File(BODY)], {}),
    "no ranges": ([File(BODY, drop_after=70_000), File(BODY, ranges=False)], {}),
    "another range than requested": ([File(BODY, drop_after=70_000), File(BODY, begin=5), File(BODY)], {}),
    "another range than requested, unknown checksum": (
        [File(BODY, etag='"1"', drop_after=70_000), File(BODY, etag='"1"', begin=5)],
        {"sha256": None},
    ),
    "a malformed range": ([File(BODY, drop_after=70_000), File(BODY, content_range="all of it"), File(BODY)], {}),
    "a stall": ([File(BODY, stall_after=70_000), File(BODY)], {}),
    "500 first": ([Status(500), File(BODY)], {}),
    "503 in the middle": ([File(BODY, drop_after=70_000), Status(503), File(BODY)], {}),
    "no length": ([File(BODY, length=False)], {}),
    "no length, and dropped": ([File(BODY, length=False, drop_after=70_000), File(BODY)], {"size": len(BODY)}),
    "redirects": ([Status(302, {"Location": "/second"})], {}),
    "a permanent redirect": ([Status(308, {"Location": "/second"})], {}),
    "changed meanwhile": (CHANGED, {}),
    "changed meanwhile, unknown checksum": (CHANGED, {"sha256": None}),
    "changed meanwhile, by date": (
        [
            File(OTHER, last_modified="Mon, 01 Jan 2024 00:00:00 GMT", drop_after=1000),
            File(BODY, last_modified="Tue, 02 Jan 2024 00:00:00 GMT"),
        ],
        {"sha256": None},
    ),
    "changed meanwhile, without notice": ([File(OTHER, drop_after=1000), File(BODY)], {}),
    "a weak ETag, unknown checksum": (
        [File(OTHER, etag='W/"1"', drop_after=1000), File(BODY, etag='W/"1"')],
        {"sha256": None},
    ),
    "no ETag, unknown checksum": ([File(BODY, drop_after=1000), File(BODY)], {"sha256": None}),
}


@pytest.mark.parametrize(("answers", "options"), OVERCOME.values(), ids=OVERCOME)
def test_passing_problems_are_overcome(server, destination, answers, options):
    server.script("/second", Status(301, {"Location": "/third"}))
    server.script("/third", File(BODY))
    shown = []
    fetch(server.script("/file.bin", *answers), destination, show=recording(shown), **options)
    assert destination.read_bytes() == BODY
    assert not [name for name in neighbours(destination) if ".part" in name]
    # However often it started over, the progress shown ends with the whole file.
    total, done, *advances = shown[-1]
    assert total in (None, len(BODY))
    assert done + sum(advances) == len(BODY)


def recording(shown):
    """A `show` that appends [total, done, advance, advance, ...] for each time it is called."""

    @contextlib.contextmanager
    def show(total, done):
        shown.append([total, done])
        yield shown[-1].append

    return show


def test_progress_moves_the_bar(server, destination, capsys):
    url = server.script("/file.bin", File(BODY))
    fetch(url, destination, show=lambda total, done: progress.show("file.bin", total, "B", done=done))
    assert destination.read_bytes() == BODY


@settings(max_examples=40, deadline=None)
@given(
    cuts=st.lists(st.integers(1, 8000), max_size=6),
    kept=st.integers(0, 8000),
    etag=st.sampled_from([None, '"1"', 'W/"1"']),
    sized=st.booleans(),
)
def test_the_bytes_are_the_same_wherever_the_download_is_cut(cuts, kept, etag, sized):
    body = BODY[:8000]
    with file_server.running() as server, tempfile.TemporaryDirectory() as folder:
        destination = Path(folder, "file.bin")
        Path(folder, "file.bin.part").write_bytes(body[:kept])
        answers = [File(body, drop_after=cut, etag=etag) for cut in cuts]
        url = server.script("/file.bin", *answers, File(body, etag=etag))
        fetch(url, destination, sha256=hashlib.sha256(body).hexdigest(), size=len(body) if sized else None)
        assert destination.read_bytes() == body
        # Each request continues after the bytes so far, and no byte is fetched twice.
        arrived = kept
        for wanted, cut in zip(server.ranges(), [*cuts, 8000], strict=False):
            assert wanted == (f"bytes={arrived}-" if arrived else None)
            arrived = min(8000, arrived + cut)
        assert arrived == 8000


# Files from an earlier run


@pytest.mark.parametrize("sized", [True, False])
def test_a_complete_partial_file_is_not_fetched_again(server, destination, sized):
    destination.parent.mkdir()
    destination.with_name("file.bin.part").write_bytes(BODY)
    fetch(server.script("/file.bin", File(BODY)), destination, size=len(BODY) if sized else None)
    assert destination.read_bytes() == BODY
    assert server.ranges() == ([] if sized else [f"bytes={len(BODY)}-"])  # answered with 416


STRANGE_PARTS = {"other": OTHER, "begun": OTHER[:1000], "longer": BODY + b"more", "damaged": BODY[:-1] + b"?"}


@pytest.mark.parametrize("kept", STRANGE_PARTS.values(), ids=STRANGE_PARTS)
@pytest.mark.parametrize("sized", [True, False])
def test_a_partial_file_of_something_else_does_no_harm(server, destination, kept, sized):
    destination.parent.mkdir()
    destination.with_name("file.bin.part").write_bytes(kept)
    fetch(server.script("/file.bin", File(BODY)), destination, size=len(BODY) if sized else None)
    assert destination.read_bytes() == BODY


def test_a_partial_file_without_a_known_version_is_not_continued(server, destination):
    destination.parent.mkdir()
    destination.with_name("file.bin.part").write_bytes(OTHER[:1000])
    fetch(server.script("/file.bin", File(BODY, etag='"1"')), destination, sha256=None)
    assert destination.read_bytes() == BODY
    assert server.ranges() == [None]


FETCH_IN_A_PROCESS = """
import sys
from pathlib import Path
from scripts.classifier.fetching import downloads, redirects, transfers
downloads.fetch(sys.argv[1], Path(sys.argv[2]), sha256=sys.argv[3])
"""


def fetch_in_a_process(url, destination, **options):
    command = [sys.executable, "-c", FETCH_IN_A_PROCESS, url, str(destination), SHA256]
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("least", [1, 100_000, 250_000])
def test_a_killed_fetch_is_continued(server, destination, least):
    url = server.script("/file.bin", File(BODY, chunk=5000, pause=0.01), File(BODY))
    partial = destination.with_name("file.bin.part")
    process = fetch_in_a_process(url, destination)
    wait_until(lambda: partial.exists() and partial.stat().st_size >= least, process)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    process.stderr.close()
    arrived = partial.stat().st_size
    assert least <= arrived < len(BODY)
    fetch(url, destination)
    assert destination.read_bytes() == BODY
    assert server.ranges() == [None, f"bytes={arrived}-"]
    assert neighbours(destination) == ["file.bin"]


def wait_until(condition, process):
    limit = time.monotonic() + 30
    while not condition():
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < limit
        time.sleep(0.005)


def test_processes_that_fetch_the_same_file_do_not_harm_each_other(server, destination):
    url = server.script("/file.bin", File(BODY, chunk=30_000, pause=0.05))
    processes = [fetch_in_a_process(url, destination) for _ in range(3)]
    assert [process.communicate() for process in processes] == [(None, "")] * 3
    assert destination.read_bytes() == BODY
    assert len(server.requests) == 1
    assert neighbours(destination) == ["file.bin"]


# Failure


HOPELESS = {
    "404": ([Status(404)], {}, "404 Not Found", 1),
    "403": ([Status(403)], {}, "403 Forbidden", 1),
    "410": ([Status(410)], {}, "410 Gone", 1),
    "500 each time": ([Status(500)], {}, "500 Internal Server Error", 3),
    "a redirect loop": ([Status(302, {"Location": "/file.bin"})], {}, "redirects in circles", None),
    "another file": ([File(OTHER)], {}, f"sha256 is {hashlib.sha256(OTHER).hexdigest()}, expected {SHA256}", 1),
    "another size": ([File(BODY)], {"size": 5}, "a file of 300000 bytes, expected 5", 1),
    "dropped each time, no ranges": (
        [File(BODY, ranges=False, drop_after=1000)],
        {},
        "ended after 1000 of 300000 bytes",
        8,
    ),
    "dropped each time before a byte": ([File(BODY, drop_after=0)], {}, "ended after 0 of 300000 bytes", 3),
    "404 in the middle": ([File(BODY, drop_after=1000), Status(404)], {}, "404", 2),
    "a redirect to ftp": ([Status(302, {"Location": "ftp://host/file"})], {}, "redirects to ftp, expected https", 1),
    "a redirect to a file": ([Status(302, {"Location": "file:///etc/passwd"})], {}, "redirects to file, expected", 1),
    "a redirect to nonsense": (
        [Status(302, {"Location": "http://[::1"})],
        {},
        "redirects to an address that is none",
        1,
    ),
    "escapes in the reason": (
        [Raw(b"HTTP/1.1 404 \x1b[2J\x1b]0;evil\x07\r\n\r\n")],
        {},
        "answers 404 \\x1b[2J\\x1b]0;",
        1,
    ),
    "escapes in place of an answer": ([Raw(b"\x1b[2Jhello\r\n\r\n")], {}, "cannot be reached (\\x1b[2Jhello)", 3),
    "more than was published": (
        [File(BODY + b"more", length=False)],
        {"size": len(BODY)},
        "sends more than 0.3 MB, expected no more than that",
        1,
    ),
    "silence": ([Silence()], {"patience": downloads.Patience(first_byte_seconds=0.3)}, "no byte within 0.3 s", 1),
    "stalled each time": (
        [File(BODY, stall_after=0)],
        {"patience": downloads.Patience(first_byte_seconds=0.3)},
        "no byte within 0.3 s",
        1,
    ),
}


@pytest.mark.parametrize(("answers", "options", "message", "requests"), HOPELESS.values(), ids=HOPELESS)
def test_lasting_problems_are_one_line_errors(server, destination, answers, options, message, requests):
    url = server.script("/file.bin", *answers)
    with pytest.raises(downloads.Unavailable) as error:
        fetch(url, destination, **options)
    assert message in str(error.value)
    assert url in str(error.value)
    assert "POETS_MIRROR" in str(error.value)
    assert "\n" not in str(error.value)
    assert not destination.exists()
    assert requests in (None, len(server.requests))


# The numbers of a header, in ways that once ended in a traceback
ODD_NUMBERS = {
    "superscripts for a length": [Raw(b"HTTP/1.1 200 OK\r\nContent-Length: \xb2\xb3\r\n\r\n" + BODY)],
    "5,000 digits for a length": [Raw(b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n" + BODY)],
    "5,000 digits for a range": [
        File(BODY, drop_after=70_000),
        File(BODY, content_range=f"bytes 70000-299999/{'9' * 5000}"),
        File(BODY),
    ],
    "400 digits for a range": [
        File(BODY, drop_after=70_000),
        File(BODY, content_range=f"bytes 70000-299999/{'9' * 400}"),
        File(BODY),
    ],
    "5,000 digits when nothing is left": [
        File(BODY, drop_after=70_000),
        Raw(b"HTTP/1.1 416 No\r\nContent-Range: bytes */" + b"9" * 5000 + b"\r\n\r\n"),
        File(BODY),
    ],
}


@pytest.mark.parametrize("answers", ODD_NUMBERS.values(), ids=ODD_NUMBERS)
def test_odd_numbers_in_headers_do_no_harm(server, destination, answers):
    show = lambda total, done: progress.show("file.bin", total, "B", done=done)  # noqa: E731
    fetch(server.script("/file.bin", *answers), destination, show=show)
    assert destination.read_bytes() == BODY


ENDLESS = Raw(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)


@pytest.mark.parametrize("bound", ["published size", "constant", "free disk"])
def test_an_endless_body_ends_at_a_bound(server, destination, monkeypatch, bound):
    if bound == "constant":
        monkeypatch.setattr(transfers, "MOST_OF_UNKNOWN_LENGTH", 1_000_000)
    if bound == "free disk":
        monkeypatch.setattr(machine, "free_disk", lambda folder: 1_000_000)
    with pytest.raises(downloads.Unavailable, match=r"sends more than 1\.0 MB"):
        fetch(server.script("/file.bin", ENDLESS), destination, size=1_000_000 if bound == "published size" else None)
    assert destination.with_name("file.bin.part").stat().st_size <= 1_000_000


def test_a_file_larger_than_the_free_disk_is_refused_before_any_of_it_is_written(server, destination, monkeypatch):
    monkeypatch.setattr(machine, "free_disk", lambda folder: 100_000)
    with pytest.raises(UserError, match=r"still needs 0\.3 MB, and 0\.1 MB are free"):
        fetch(server.script("/file.bin", File(BODY)), destination)
    assert neighbours(destination) == []


def test_the_body_of_a_redirect_is_not_read(server, destination):
    endless = Raw(b"HTTP/1.1 302 Found\r\nLocation: /second\r\n\r\n", b"x" * 65536)
    server.script("/second", File(BODY))
    fetch(server.script("/file.bin", endless), destination)
    assert destination.read_bytes() == BODY


def test_a_version_that_no_header_may_hold_is_not_sent(server, destination):
    destination.parent.mkdir()
    destination.with_name("file.bin.part").write_bytes(BODY[:1000])
    destination.with_name("file.bin.part.version").write_text('"1"\nX-Evil: 1')
    fetch(server.script("/file.bin", File(BODY)), destination)
    assert destination.read_bytes() == BODY


def test_bytes_fetched_before_an_error_are_kept(server, destination):
    url = server.script("/file.bin", File(BODY, drop_after=1000), Status(404))
    with pytest.raises(downloads.Unavailable):
        fetch(url, destination)
    assert destination.with_name("file.bin.part").read_bytes() == BODY[:1000]


def test_a_sign_in_page_does_not_destroy_a_partial_file(server, destination):
    destination.parent.mkdir()
    partial = destination.with_name("file.bin.part")
    partial.write_bytes(BODY[:200_000])
    with pytest.raises(downloads.Unavailable, match="a file of 13 bytes, expected 300000"):
        fetch(server.script("/file.bin", File(b"please log in", ranges=False)), destination, size=len(BODY))
    assert partial.read_bytes() == BODY[:200_000]


def test_a_wrong_file_is_not_resumed_for_ever(server, destination):
    url = server.script("/file.bin", File(OTHER, drop_after=1000), File(OTHER))
    with pytest.raises(downloads.Unavailable, match=SHA256):
        fetch(url, destination)
    # The rest, then everything again, because parts of two different files would give the same wrong checksum.
    assert server.ranges() == [None, "bytes=1000-", None]
    assert neighbours(destination) == []


def test_a_refused_connection_is_an_error(destination, server):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/file.bin"
        with pytest.raises(downloads.Unavailable, match=r"127.0.0.1:\d+ cannot be reached \(Connection refused\)"):
            fetch(url, destination)
    assert neighbours(destination) == []


def test_an_unknown_host_is_an_error(destination, server):
    with pytest.raises(downloads.Unavailable, match=r"host\.invalid cannot be reached"):
        fetch("http://host.invalid/file.bin", destination)


@pytest.mark.parametrize("url", ["ftp://host/file", "file:///etc/passwd", "models/file", "http:///file"])
def test_addresses_that_are_not_on_the_web_are_refused(destination, server, url):
    with pytest.raises(UserError, match="http://"):
        fetch(url, destination)


def test_a_folder_at_the_destination_is_an_error(destination, server):
    destination.mkdir(parents=True)
    with pytest.raises(UserError, match="is a folder"):
        fetch(server.script("/file.bin", File(BODY)), destination)


def test_a_file_where_a_folder_should_be_is_an_error(tmp_path, server):
    (tmp_path / "models").touch()
    with pytest.raises(UserError, match="Not a directory"):
        fetch(server.script("/file.bin", File(BODY)), tmp_path / "models" / "file.bin")


def test_a_full_disk_is_an_error_and_the_download_continues_later(server, destination):
    resource = pytest.importorskip("resource")

    def limit_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    url = server.script("/file.bin", File(BODY))
    process = fetch_in_a_process(url, destination, preexec_fn=limit_files)
    said = process.communicate()[1].splitlines()[-1]
    assert process.returncode == 1
    assert "UserError: cannot write to" in said
    assert "free some space" in said
    fetch(url, destination)
    assert destination.read_bytes() == BODY
    assert server.ranges() == [None, "bytes=100000-"]


# Recorded checksums


def test_an_unknown_checksum_is_recorded_and_expected_later(server, destination):
    url = server.script("/file.bin", File(BODY))
    fetch(url, destination, sha256=None)
    record = destination.with_name("file.bin.sha256")
    assert record.read_text() == f"{SHA256}  file.bin\n"
    destination.write_bytes(OTHER)
    fetch(url, destination, sha256=None)
    assert destination.read_bytes() == BODY

    destination.unlink()
    url = server.script("/changed.bin", File(OTHER))
    with pytest.raises(downloads.Unavailable) as error:
        fetch(url, destination, sha256=None)
    assert f"expected {SHA256}, as recorded in {record}" in str(error.value)
    record.unlink()
    fetch(url, destination, sha256=None)
    assert destination.read_bytes() == OTHER


def test_a_file_put_there_by_hand_is_trusted(server, destination):
    destination.parent.mkdir()
    destination.write_bytes(BODY)
    fetch("http://host.invalid/file.bin", destination, sha256=None)
    assert destination.with_name("file.bin.sha256").read_text().startswith(SHA256)


def test_a_damaged_checksum_record_is_an_error(server, destination):
    destination.parent.mkdir()
    destination.with_name("file.bin.sha256").write_text("nonsense")
    with pytest.raises(UserError, match="delete it"):
        fetch(server.script("/file.bin", File(BODY)), destination, sha256=None)


def test_the_remaining_bytes_are_known_in_advance(destination):
    def remaining():
        return downloads.remaining_bytes(destination, sha256=SHA256, size=len(BODY))

    assert remaining() == len(BODY)
    assert downloads.remaining_bytes(destination, sha256=SHA256) is None
    destination.parent.mkdir()
    destination.with_name("file.bin.part").write_bytes(BODY[:1000])
    assert remaining() == len(BODY) - 1000
    destination.write_bytes(OTHER)
    assert remaining() == len(BODY) - 1000
    destination.write_bytes(BODY)
    assert remaining() == 0
    assert downloads.remaining_bytes(destination, sha256=SHA256) == 0


# Mirrors and proxies

URL = "http://host.invalid/models/a%20file.bin"


@pytest.fixture
def mirror(tmp_path):
    file = tmp_path / "mirror" / "host.invalid" / "models" / "a file.bin"
    file.parent.mkdir(parents=True)
    file.write_bytes(BODY)
    return tmp_path / "mirror"


def test_a_folder_can_be_a_mirror(server, destination, mirror, monkeypatch):
    monkeypatch.setenv("POETS_MIRROR", str(mirror))
    shown = []
    fetch(URL, destination, show=recording(shown))
    assert destination.read_bytes() == BODY
    assert shown[0][:2] == [len(BODY), 0]
    assert sum(shown[0]) == 2 * len(BODY)


def test_a_file_url_can_be_a_mirror(server, destination, mirror, monkeypatch):
    monkeypatch.setenv("POETS_MIRROR", mirror.as_uri())
    fetch(URL, destination)
    assert destination.read_bytes() == BODY


def test_a_server_can_be_a_mirror(server, destination, monkeypatch):
    monkeypatch.setenv("POETS_MIRROR", f"{server.address}/copies/")
    server.script("/copies/host.invalid/models/a%20file.bin", File(BODY, drop_after=70_000))
    fetch(URL, destination)
    assert destination.read_bytes() == BODY
    server.script("/copies/host.invalid/models/a%20file.bin?v=2", File(OTHER))
    fetch(f"{URL}?v=2", destination, sha256=hashlib.sha256(OTHER).hexdigest())
    assert destination.read_bytes() == OTHER


@pytest.mark.parametrize("wrong", ["missing", "damaged"])
@pytest.mark.parametrize("kind", ["folder", "server"])
def test_a_mirror_without_the_file_is_named_and_nothing_else_is_tried(
    server, destination, mirror, monkeypatch, wrong, kind
):
    copy = mirror / "host.invalid" / "models" / "a file.bin"
    if wrong == "missing":
        copy.unlink()
    else:
        copy.write_bytes(OTHER)
        server.script("/host.invalid/models/a%20file.bin", File(OTHER))
    place = str(mirror) if kind == "folder" else server.address
    monkeypatch.setenv("POETS_MIRROR", place)
    with pytest.raises(downloads.Unavailable) as error:
        fetch(URL, destination)
    assert f"POETS_MIRROR={place}" in str(error.value)
    assert neighbours(destination) == []


@pytest.mark.parametrize("value", ["/no/such/folder", "ftp://mirror", "file:///no/such/folder"])
def test_an_invalid_mirror_is_an_error(server, destination, monkeypatch, value):
    monkeypatch.setenv("POETS_MIRROR", value)
    with pytest.raises(UserError, match=f"POETS_MIRROR is {value}"):
        fetch(URL, destination)


def test_a_proxy_is_used(server, destination, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    server.script("http://host.invalid/file.bin", File(BODY, drop_after=70_000))
    fetch("http://host.invalid/file.bin", destination)
    assert destination.read_bytes() == BODY
    assert {request.path for request in server.requests} == {"http://host.invalid/file.bin"}


def test_a_proxy_is_used_for_https(server, destination, monkeypatch):
    monkeypatch.setenv("https_proxy", f"http://user:secret@{server.address.removeprefix('http://')}")
    with pytest.raises(downloads.Unavailable) as error:
        fetch("https://host.invalid/file.bin", destination)
    assert {request.path for request in server.requests} == {"host.invalid:443"}
    assert f"through the proxy {server.address.removeprefix('http://')}" in str(error.value)
    assert "secret" not in str(error.value)


def test_no_proxy_is_respected(server, destination, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://proxy.invalid:3128")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    fetch(server.script("/file.bin", File(BODY)), destination)
    assert destination.read_bytes() == BODY


INNER = (
    "127.0.0.1",
    "localhost",
    "2130706433",
    "10.0.0.1",
    "169.254.169.254",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[fd00::1]",
)


@pytest.mark.parametrize("host", INNER)
def test_a_redirect_from_the_web_into_this_network_is_refused(server, destination, monkeypatch, host):
    """A proxy lets a test stand on the web."""
    monkeypatch.setenv("http_proxy", server.address)
    server.script("http://host.invalid/file.bin", Status(302, {"Location": f"http://{host}/second"}))
    server.script(f"http://{host}/second", File(BODY))
    with pytest.raises(downloads.Unavailable) as error:
        fetch("http://host.invalid/file.bin", destination)
    assert f"redirects to {host}, an address inside this network" in str(error.value)
    assert len(server.requests) == 1


def test_a_redirect_on_the_web_is_followed(server, destination, monkeypatch):
    monkeypatch.setenv("http_proxy", server.address)
    server.script("http://host.invalid/file.bin", Status(302, {"Location": "http://other.invalid/second"}))
    server.script("http://other.invalid/second", File(BODY))
    fetch("http://host.invalid/file.bin", destination)
    assert destination.read_bytes() == BODY


@pytest.mark.parametrize("looked_up", ["127.0.0.1", "192.168.1.7", "8.8.8.8"])
def test_a_name_is_judged_by_its_address(server, monkeypatch, looked_up):
    found = {"mirror.invalid": looked_up, "web.invalid": "8.8.4.4"}
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, *_, **__: [(0, 0, 0, "", (found[host], 0))])
    handler = redirects.Redirects("https://web.invalid/file", Lookups())
    old = urllib.request.Request("https://web.invalid/file")
    allowed = contextlib.nullcontext() if looked_up == "8.8.8.8" else pytest.raises(redirects.Misdirected)
    with allowed:
        handler.redirect_request(old, io.BytesIO(), 302, "Found", {}, "https://mirror.invalid/file")


@pytest.fixture
def on_the_web(server, monkeypatch):
    """Makes 8.8.4.4 lead to the server, 8.8.8.8 to nobody, and names to what `answers` says, one after the other."""
    answers, connected = {}, []
    really_look_up, really_connect = socket.getaddrinfo, socket.socket.connect

    def look_up(host, port, *more, **options):
        if host not in answers:
            return really_look_up(host, port, *more, **options)
        now = answers[host].pop(0)
        answers[host].append(now)
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (address, port or 0)) for address in now]

    def connect(self, address):
        connected.append(address[0])
        if address[0] == "8.8.8.8":
            raise ConnectionRefusedError
        really_connect(self, ("127.0.0.1", *address[1:]) if address[0] == "8.8.4.4" else address)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(socket.socket, "connect", connect)
    return answers, connected


def test_the_address_that_was_checked_is_connected_to(server, destination, on_the_web):
    answers, connected = on_the_web
    answers |= {"web.invalid": [["8.8.4.4"]], "turncoat.invalid": [["8.8.8.8"], ["127.0.0.1"]]}
    second = f"http://turncoat.invalid:{server.server_port}/second"
    server.script("/first", Status(302, {"Location": second}))
    server.script("/second", File(BODY))
    with pytest.raises(downloads.Unavailable):
        fetch(f"http://web.invalid:{server.server_port}/first", destination)
    assert connected[:2] == ["8.8.4.4", "8.8.8.8"] and "127.0.0.1" not in connected


@pytest.mark.parametrize("looked_up", [[["8.8.4.4"], ["127.0.0.1"]], [["8.8.4.4", "127.0.0.1"]]], ids=["later", "both"])
def test_who_answers_from_the_web_is_not_taken_for_a_neighbour(server, destination, on_the_web, looked_up):
    answers, _connected = on_the_web
    answers["web.invalid"] = looked_up
    server.script("/first", Status(302, {"Location": server.script("/second", File(BODY))}))
    with pytest.raises(downloads.Unavailable, match="an address inside this network"):
        fetch(f"http://web.invalid:{server.server_port}/first", destination)
    assert [(each.path, each.headers["Host"]) for each in server.requests] == [
        ("/first", f"web.invalid:{server.server_port}")
    ]


def test_the_next_address_is_tried_if_the_first_refuses(server, destination, on_the_web):
    answers, connected = on_the_web
    answers["web.invalid"] = [["8.8.8.8", "8.8.4.4"]]
    server.script("/file.bin", File(BODY))
    fetch(f"http://web.invalid:{server.server_port}/file.bin", destination)
    assert destination.read_bytes() == BODY and connected == ["8.8.8.8", "8.8.4.4"]


def test_a_redirect_from_https_to_http_is_refused(server, destination, monkeypatch, tmp_path):
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    made += ["-addext", "subjectAltName=DNS:localhost"]
    if shutil.which("openssl") is None:
        pytest.skip("needs openssl to make a certificate")
    subprocess.run(
        ["openssl", *made, "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=tmp_path,
        check=True,
        stderr=subprocess.DEVNULL,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    plain = server.script("/file.bin", File(BODY))
    with file_server.running(context) as secure:
        address = f"https://localhost:{secure.server_port}"
        secure.script("/plain", Status(302, {"Location": plain}))
        secure.script("/secure", Status(302, {"Location": "/file.bin"}))
        secure.script("/file.bin", File(BODY))
        with pytest.raises(downloads.Unavailable, match="redirects from https to http"):
            fetch(f"{address}/plain", destination)
        assert server.requests == []
        fetch(f"{address}/secure", destination)
        destination.unlink()
        fetch(server.script("/up", Status(302, {"Location": f"{address}/file.bin"})), destination)
    assert destination.read_bytes() == BODY


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_an_unwritable_folder_is_an_error(server, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        fetch(server.script("/file.bin", File(BODY)), tmp_path / "file.bin")
