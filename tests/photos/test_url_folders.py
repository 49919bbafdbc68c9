"""Photos at URLs: served by this machine over HTTP, or kept in fsspec's memory."""

import contextlib
import functools
import http.server
import os
import shutil
import threading
import time

import pytest

from scripts.classifier.errors import UserError
from scripts.classifier.photos import folders, image_lists
from tests.fuzzing.targets import url_folders as listings
from tests.support.workplace import draw_folder, draw_shape

fsspec = pytest.importorskip("fsspec", reason="fsspec is not installed: pip install -r requirements/cluster.txt")


class _Folder(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args) -> None:
        self.server.asked.append(f"{self.command} {self.path}")


@pytest.fixture
def site(tmp_path):
    """A server that lists its folders, and the folder of photos that it serves."""
    photos = draw_folder(tmp_path / "site" / "some photos", ("flat white", "green"), each=6)
    long_ago = time.time() - 100  # times over HTTP are in seconds
    for path in photos.rglob("*.jpg"):
        os.utime(path, (long_ago, long_ago))
    handler = functools.partial(_Folder, directory=tmp_path / "site")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        server.photos, server.url = photos, f"http://127.0.0.1:{server.server_port}/some%20photos"
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def extract(workplace, url: str, *more: str):
    places = [word for word in workplace.outputs() if word.startswith(("--bottleneck_dir", "--skipped", "--model_dir"))]
    return workplace.run("extract_bottlenecks", f"--image_dir={url}", "--architecture=color_texture", *places, *more)


@pytest.mark.parametrize(
    ("link", "found"),
    [
        ("red//b.jpg", []),  # an empty name
        ("red", []),  # a file and a folder of one name
        ("deep/" * 1500 + "a.jpg", ["deep/" * 1500 + "a.jpg"]),
    ],
)
def test_odd_links_in_a_listing(link, found):
    pages, server = listings.TARGET.samples()[0], listings.server()
    server.pages = {**pages, "index.html": pages["index.html"] + f'<a href="{link}">odd</a>'.encode()}
    lists = image_lists.scan(folders.at(server.url), 10, 10)
    usual = [f"{label}/{name}" for label in ("blue", "red") for name in ("a.jpg", "notes.txt", "é b.jpg")]
    assert sorted(photo.path for photo in lists.photos) == sorted(usual + found)


def reads(server) -> list[str]:
    return [each for each in server.asked if each.startswith("GET") and each.endswith(".jpg")]


def test_unchanged_photos_on_a_server_are_not_read_again(workplace, site):
    (site.photos / "green" / "empty.jpg").touch()
    (site.photos / "notes.txt").write_text("not a photo")
    done = extract(workplace, site.url)
    assert done.returncode == 0, done.stderr
    assert f"{site.url}: 13 photos of 2 labels" in done.stdout and "0 cached, 12 computed" in done.stdout
    assert (workplace / "skipped_images.txt").read_text() == f"{site.url}/green/empty.jpg\tempty file\n"
    site.asked.clear()
    draw_shape("red", 1).save(site.photos / "flat white" / "flat white_000.jpg")
    done = extract(workplace, site.url + "/")
    assert "11 cached, 1 computed" in done.stdout
    assert sorted(set(reads(site))) == [
        "GET /some%20photos/flat%20white/flat%20white_000.jpg",
        "GET /some%20photos/green/empty.jpg",
    ]
    done = extract(workplace, site.photos)  # the same photos under another name
    assert "12 cached, 0 computed" in done.stdout


def test_retrain_and_evaluate_take_a_url(workplace, site):
    model = workplace / "model"
    done = workplace.retrain(site.url, "--how_many_training_steps=20", f"--output_model={model}")
    assert done.returncode == 0, done.stderr
    assert (workplace / "retrained_labels.txt").read_text().split("\n")[:2] == ["flat white", "green"]
    done = workplace.run("evaluate", f"--graph={workplace / 'retrained_graph.pb'}", "--split=all")
    assert done.returncode == 0 and f"photos of {site.url}" in done.stdout, done.stderr


def test_a_stamp_reveals_a_changed_photo(site):
    folder, path = folders.at(site.url), "green/green_000.jpg"
    before = folders.stamp(folder, path)
    assert before and " " not in before
    assert folders.read(folder, path).stamp == before
    draw_shape("green", 7).save(site.photos / path)
    assert folders.stamp(folder, path) is None  # it may change again within this second
    assert folders.stamp(folder, "green/no such.jpg") is None
    with pytest.raises(OSError):
        folders.read(folder, "green/no such.jpg")


def test_storage_without_real_folders_is_listed_like_any_other(tmp_path):
    photos = draw_folder(tmp_path / "photos", ("blue", "green"), each=3)
    (photos / "green" / "deeper").mkdir()
    shutil.copy(photos / "green" / "green_000.jpg", photos / "green" / "deeper" / "without an ending")
    memory = fsspec.filesystem("memory")
    memory.put(str(photos), "/bucket/photos", recursive=True)
    try:
        lists = image_lists.scan(folders.at("memory://bucket/photos"), 10, 10)
    finally:
        memory.rm("/bucket", recursive=True)
    assert lists.photos == image_lists.scan(photos, 10, 10).photos
    assert "green/deeper/without an ending" in [photo.path for photo in lists.photos]


def test_a_file_url_is_a_folder_on_disk(tmp_path):
    assert folders.at(f"file://{tmp_path}") == tmp_path


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("s3://bucket/photos", "needs the package s3fs, which is not installed: pip install s3fs"),
        ("gs://bucket/photos", "needs the package gcsfs, which is not installed: pip install gcsfs"),
        ("nonsense://bucket", "cannot read nonsense://bucket: expected a folder, or a URL"),
        ("http://127.0.0.1:9/photos", "http://127.0.0.1:9/photos cannot be listed: "),
    ],
    ids=["s3", "gs", "nonsense", "nobody there"],
)
def test_an_unreadable_url_is_a_one_line_error(workplace, url, message):
    with contextlib.suppress(UserError):
        folders.at(url)
        if url.startswith(("s3", "gs")):
            pytest.skip("its package is installed here")
    done = extract(workplace, url)
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and message in done.stderr


def test_a_url_that_does_not_exist_is_an_error(workplace, site):
    done = extract(workplace, site.url.replace("some", "no"))
    assert done.returncode == 1 and "does not exist: give --image_dir" in done.stderr
