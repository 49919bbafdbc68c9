"""Who is let in: by which name, from which page, with which token."""

import hashlib
import hmac
import time

import pytest

from scripts.classifier.errors import UserError
from scripts.classifier.serving import names, tokens
from scripts.classifier.serving.refusals import Refused
from tests.support.server import serving

SIGN_IN = {"Content_Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def named(monkeypatch):
    """Makes the names of a server on a machine called desk.example.net."""
    monkeypatch.setattr(names.socket, "gethostname", lambda: "Desk.example.net")
    return names.Names


@pytest.mark.parametrize(
    "host",
    (
        *("localhost", "localhost:8501", "LOCALHOST.", "127.0.0.1:8501", "[::1]:8501", "[::1]", "192.168.1.7:80"),
        *("desk", "desk.local:8501", "desk.example.net", "cat.localhost", ""),
    ),
)
def test_addresses_and_own_names_are_let_in(named, host):
    assert named("127.0.0.1").refusal({b"host": host.encode()}) is None
    assert named("127.0.0.1").refusal({b"host": host.encode(), b"origin": f"http://{host}".encode()}) is None


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8501", "127.0.0.1.evil.example", "localhost.evil", "[", "a:b:c"]
)
def test_other_names_are_refused_unless_the_user_gave_them(named, host):
    assert "--known_as" in named("127.0.0.1").refusal({b"host": host.encode()})
    assert named("evil.example", ["b.example"]).refusal({b"host": b"evil.example:1"}) is None
    assert named("0.0.0.0", ["B.example", "a.example"]).refusal({b"host": b"b.example"}) is None


def test_what_a_request_calls_the_server_is_quoted_safely(named):
    assert r"the name a\x9cb:" in named("127.0.0.1").refusal({b"host": b"a\x9cb"})
    assert str(Refused(400, "the form holds a\nb\x1b[31m")) == r"the form holds a\nb\x1b[31m"


@pytest.mark.parametrize(
    "page", ["http://evil.example", "http://localhost:3000", "null", "https://127.0.0.1:8501.evil"]
)
def test_pages_of_others_are_refused(named, page):
    given = {b"host": b"localhost:8501", b"origin": page.encode()}
    assert "may not use this server" in named("127.0.0.1").refusal(given)


def test_a_page_behind_a_proxy_is_let_in_if_named(named):
    given = {b"host": b"127.0.0.1:8501", b"origin": b"https://photos.example"}
    assert named("127.0.0.1").refusal(given) is not None
    assert named("127.0.0.1", ["photos.example"]).refusal(given) is None


def test_a_server_without_a_token_refuses_strangers_pages(retrained, small_graph):
    with serving(retrained, small_graph) as server:
        for given in ({"Host": f"evil.example:{server.port}"}, {"Origin": "http://evil.example"}):
            for path in ("/", "/metrics", "/v1/models/small"):
                assert server.get(path, **given).status == 403
            refused = server.post("/label", b"", **given)
            assert refused.status == 403 and set(refused.json) == {"error"}
            assert server.get("/healthz", **given).status == 200
        for host in ("127.0.0.1", "localhost", "[::1]"):
            here = f"{host}:{server.port}"
            assert server.get("/v1/models/small", Host=here, Origin=f"http://{here}").status == 200


def test_with_a_token_any_name_will_do(retrained, small_graph):
    with serving(retrained, small_graph, "--token=open sesame") as server:
        given = {"Host": "photos.example", "Origin": "https://photos.example"}
        assert server.get("/readyz", Authorization="Bearer open sesame", **given).status == 200
        assert server.get("/readyz", **given).status == 401


def test_the_token_may_be_in_a_file_or_the_environment(retrained, small_graph, tmp_path, monkeypatch):
    file = tmp_path / "token"
    file.write_text("from a file\n")
    monkeypatch.setenv("POETS_TOKEN", "from outside")
    assert tokens.find(None, None) == "from outside"
    assert tokens.find("from a flag", None) == "from a flag"
    with serving(retrained, small_graph, f"--token_file={file}") as server:
        assert server.get("/readyz").status == 401
        assert server.get("/readyz", Authorization="Bearer from a file").status == 200
    monkeypatch.delenv("POETS_TOKEN")
    assert tokens.find(None, None) is None


def test_an_empty_or_missing_token_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "token").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff")
    for given, says in [
        (("", None), "--token is empty"),
        (("a", "b"), "both given"),
        ((None, str(tmp_path / "token")), "is empty"),
        ((None, str(tmp_path / "none")), "No such file"),
        ((None, str(tmp_path / "bytes")), "not UTF-8"),
    ]:
        with pytest.raises(UserError, match=says):
            tokens.find(*given)
    monkeypatch.setenv("POETS_TOKEN", "")
    with pytest.raises(UserError, match="POETS_TOKEN is empty"):
        tokens.find(None, None)


def test_the_cookie_ends_and_is_secure_behind_https(retrained, small_graph):
    def cookie(until: int, token: bytes = b"open sesame") -> str:
        return f"poets={until}.{hmac.new(token, f'poets cookie {until}'.encode(), hashlib.sha256).hexdigest()}"

    with serving(retrained, small_graph, "--token=open sesame") as server:
        given = server.post("/sign-in", "token=open+sesame", **SIGN_IN).headers["set-cookie"]
        assert "Max-Age=2592000" in given and "Secure" not in given
        for proxy in ({"X_Forwarded_Proto": "https"}, {"Forwarded": "for=192.0.2.1;proto=https"}):
            assert "Secure" in server.post("/sign-in", "token=open+sesame", **SIGN_IN, **proxy).headers["set-cookie"]
        now = int(time.time())
        assert server.get("/readyz", Cookie=given.partition(";")[0]).status == 200
        assert server.get("/readyz", Cookie=cookie(now + 100)).status == 200
        forged = [cookie(now - 1), cookie(now + 100, b"another"), cookie(now + 100).replace("=1", "=2"), "poets=.x"]
        for value in forged:
            assert server.get("/readyz", Cookie=value).status == 401
