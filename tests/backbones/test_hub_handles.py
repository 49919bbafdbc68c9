"""Handles of TensorFlow Hub, whose hosts a server on this machine plays as a proxy."""

import hashlib
import shutil

import pytest

from scripts.classifier.backbones import hub_handles, table
from scripts.classifier.errors import UserError
from tests.support import file_server, hub_modules
from tests.support.file_server import File, Raw, Status

STORAGE = "http://storage.googleapis.com/kagglesdsdata/models/1/2/model.tar.gz?X-Goog-Signature=0a1b"
PAGE = b"<!DOCTYPE html>\n<title>Kaggle</title>"


def redirected(location: str) -> Status:
    return Status(302, {"Location": location, "Content-Type": "text/html"})


@pytest.fixture
def hosts(monkeypatch):
    """tfhub.dev, Kaggle and its storage, over http: tfhub.dev leads to Kaggle, and that to a signed address."""
    monkeypatch.delenv("POETS_MIRROR", raising=False)
    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    with file_server.running() as server:
        monkeypatch.setenv("http_proxy", server.address)
        for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY"):
            monkeypatch.delenv(name, raising=False)
        kaggle = "http://www.kaggle.com/models/google/small/tensorFlow2/of-64-64/3?tf-hub-format=compressed"
        by_way = f"{kaggle}&tfhub-redirect=true"
        server.script("http://tfhub.dev/google/small/3?tf-hub-format=compressed", redirected(by_way))
        server.script(by_way, redirected(STORAGE))
        server.script(kaggle, redirected(STORAGE))
        yield server


@pytest.fixture(scope="module")
def modules(tmp_path_factory):
    """One in each format."""
    folder = tmp_path_factory.mktemp("modules")
    return hub_modules.today(folder / "today"), hub_modules.of_tensorflow_1(folder / "old")


def test_a_handle_at_tfhub_leads_to_kaggle_and_its_storage(hosts, modules, tmp_path):
    whole = hub_modules.archive(modules[0])
    half = len(whole) // 2
    hosts.script(STORAGE, File(whole, etag='"1"', drop_after=half), File(whole, etag='"1"'))
    backbone = table.load("http://tfhub.dev/google/small/3", tmp_path)
    assert (backbone.input_size, backbone.bottleneck_size) == (64, 12)
    assert [request.path.split("/")[2] for request in hosts.requests] == 2 * [
        "tfhub.dev",
        "www.kaggle.com",
        "storage.googleapis.com",
    ]
    assert hosts.ranges()[-1] == f"bytes={half}-"  # continued, by the same way


@pytest.mark.parametrize(
    "handle",
    [
        "http://www.kaggle.com/models/google/small/tensorFlow2/of-64-64/3",
        "http://www.kaggle.com/models/google/small/frameworks/tensorFlow2/variations/of-64-64/versions/3",
        "http://kaggle.com/models/google/small/tensorFlow2/of-64-64/3/?tfhub-redirect=true",
    ],
)
def test_a_handle_at_kaggle_is_the_address_of_its_page_too(hosts, modules, tmp_path, handle):
    hosts.script(STORAGE, File(hub_modules.archive(modules[0])))
    assert table.load(handle, tmp_path).bottleneck_size == 12
    assert (tmp_path / "www.kaggle.com_models_google_small_tensorFlow2_of_64_64_3.tar.gz").exists()


def test_a_module_of_tensorflow_1_comes_the_same_way(hosts, modules, tmp_path):
    hosts.script(STORAGE, File(hub_modules.archive(modules[1])))
    old = "http://www.kaggle.com/models/google/small/tensorFlow1/old/1"
    hosts.script(f"{old}?tf-hub-format=compressed", redirected(STORAGE))
    assert table.load(old, tmp_path).bottleneck_size == 10


def refused(handle: str, model_dir) -> str:
    with pytest.raises(UserError) as error:
        table.load(handle, model_dir)
    assert "\n" not in str(error.value) and not any(path.is_file() for path in model_dir.glob("*"))
    return str(error.value)


@pytest.mark.parametrize("status", ["403 Forbidden", "404 Not Found"])
def test_what_kaggle_does_not_give_to_everybody_is_one_line(hosts, tmp_path, status):
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(PAGE)}\r\n\r\n".encode()
    hosts.script(STORAGE, Raw(head + PAGE))
    said = refused("http://tfhub.dev/google/small/3", tmp_path)
    assert said == (
        f"cannot fetch http://tfhub.dev/google/small/3?tf-hub-format=compressed: the server answers {status}; "
        f"{hub_handles.IF_REFUSED}"
    )


def test_a_web_page_in_place_of_a_module_is_one_line(hosts, tmp_path):
    hosts.script(STORAGE, redirected("http://www.kaggle.com/account/login"))
    hosts.script("http://www.kaggle.com/account/login", File(PAGE))
    said = refused("http://tfhub.dev/google/small/3", tmp_path)
    assert "http://tfhub.dev/google/small/3?tf-hub-format=compressed answers with a web page, not a module's" in said


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (
            "models/google/small",
            "does not name a version of a model at Kaggle: expected https://www.kaggle.com/models/",
        ),
        ("models/google/small/tensorFlow2/of-64-64", "does not name a version"),
        ("models/google/small/frameworks/tensorFlow2/variations/of-64-64", "does not name a version"),
        ("models/google/small/pyTorch/of-64-64/3", "is a model for pyTorch: expected tensorFlow1 or 2"),
        ("datasets/google/small", "does not name a version"),
    ],
)
def test_other_addresses_at_kaggle_are_refused_before_anything_is_asked(hosts, tmp_path, path, said):
    assert said in refused(f"http://www.kaggle.com/{path}", tmp_path) and hosts.requests == []


def test_a_mirror_holds_handles_at_their_short_addresses(modules, tmp_path, monkeypatch):
    place = tmp_path / "mirror" / "www.kaggle.com" / "models" / "google" / "small" / "tensorFlow2" / "of-64-64" / "3"
    place.parent.mkdir(parents=True)
    place.write_bytes(hub_modules.archive(modules[0]))
    monkeypatch.setenv("POETS_MIRROR", str(tmp_path / "mirror"))
    page = "https://www.kaggle.com/models/google/small/frameworks/tensorFlow2/variations/of-64-64/versions/3"
    assert table.load(page, tmp_path / "models").bottleneck_size == 12
    other = refused("https://www.kaggle.com/models/google/small/tensorFlow2/of-64-64/4", tmp_path / "none")
    assert "put the file there as www.kaggle.com/models/google/small/tensorFlow2/of-64-64/4" in other


def test_a_module_that_the_librarys_cache_has_is_not_downloaded(hosts, modules, tmp_path, monkeypatch):
    handle = "https://tfhub.dev/google/small/3"
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path / "cache"))
    shutil.copytree(modules[0], tmp_path / "cache" / hashlib.sha1(handle.encode()).hexdigest())
    backbone = table.load(handle, tmp_path / "models")
    assert (backbone.name, backbone.bottleneck_size, hosts.requests) == ("google_small_3", 12, [])
    assert table.remaining_bytes(handle, tmp_path / "models") == 0
