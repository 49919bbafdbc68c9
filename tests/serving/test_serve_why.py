"""POST /why, and the button on the page, show what in a photo spoke for an answer."""

import io

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.serving.test_serve_page import DESK, PHONE, browser, encoded, pictures  # noqa: F401 # fixtures
from tests.support.server import serving


@pytest.fixture(scope="module")
def server(retrained):
    with serving(retrained, retrained / "retrained_graph.pb") as running:
        yield running


def test_a_picture_comes_back_with_its_heat(server):
    answer = server.post("/why", encoded("JPEG"))
    assert (answer.status, answer.headers["content-type"]) == (200, "image/jpeg")
    heat = Image.open(io.BytesIO(answer.body))
    assert heat.size == (480, 360)
    photo = np.asarray(Image.open(io.BytesIO(encoded("JPEG"))).resize(heat.size), int)
    blot = (photo[..., 0] > 180) & (photo[..., 1] < 90)
    light = np.asarray(heat, int).sum(2)
    assert light[blot].mean() > 1.5 * light[~blot].mean()
    assert server.post("/why?label=red", encoded("JPEG")).body == answer.body
    assert server.post("/why?label=blue", encoded("JPEG")).body != answer.body


@pytest.mark.parametrize(
    ("path", "body", "status", "reason"),
    [
        ("/why?label=zebra", encoded("PNG"), 400, "label=zebra: expected one of the classifier's labels"),
        ("/why", b"", 400, "empty file"),
        ("/why", b"hello", 400, "not an image"),
        ("/why", encoded("JPEG")[:700], 400, "truncated"),
        ("/why", bytes(20_000_001), 413, "larger than 20 MB"),
    ],
)
def test_refusals_are_one_line(server, path, body, status, reason):
    answer = server.post(path, body)
    assert answer.status == status and reason in answer.json["error"]


def test_two_pictures_at_a_time_are_refused(server):
    part = b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n%s\r\n' % encoded("PNG")
    kind = "multipart/form-data; boundary=b"
    assert server.post("/why", part + b"--b--\r\n", Content_Type=kind).status == 200
    answer = server.post("/why", part * 2 + b"--b--\r\n", Content_Type=kind)
    assert answer.status == 400 and answer.json["error"] == "found 2 pictures: send one at a time"


def test_it_is_behind_the_same_door(retrained):
    with serving(retrained, retrained / "retrained_graph.pb", "--token=sesame", "--queue=1") as server:
        assert server.post("/why", encoded("PNG")).status == 401
        assert server.post("/why", encoded("PNG"), Authorization="Bearer sesame").status == 200
        assert server.get("/why", Authorization="Bearer sesame").status == 405
        gauge = server.get("/metrics", Authorization="Bearer sesame").body.decode()
        assert "poets_waiting_pictures 0.0" in gauge
        assert 'route="/why"' in gauge


def test_the_interface_is_described_where_it_is_there(server, retrained, small_graph, browser):  # noqa: F811
    described = server.get("/openapi.json").json["paths"]["/why"]["post"]
    assert described["parameters"][0]["schema"]["enum"] == ["blue", "green", "red"]
    with serving(retrained, small_graph) as without, browser.new_context() as context:
        assert "/why" not in without.get("/openapi.json").json["paths"]
        answer = without.post("/why", encoded("PNG"))
        assert answer.status == 404 and "cannot be shown for this classifier" in answer.json["error"]
        page = context.new_page()
        page.goto(without.address + "/")
        page.set_input_files("#files", {"name": "a.png", "mimeType": "image/png", "buffer": encoded("PNG")})
        expect(page.locator(".bars li")).to_have_count(3)
        expect(page.locator(".why")).to_be_hidden()
    with serving(retrained, retrained / "retrained_graph.pb", "--nowhy") as without:
        assert without.post("/why", encoded("PNG")).status == 404


@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
def test_the_button_shows_the_heat_and_the_photo_again(server, browser, pictures, tmp_path, device):  # noqa: F811
    asked, wrong = [], []
    with browser.new_context(**device) as context:
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(server.address + "/")
        page.set_input_files("#files", pictures[2])
        button = page.get_by_role("button", name="Why red?")
        button.focus()
        page.keyboard.press("Enter")
        heat = page.get_by_role("img", name="What spoke for red")
        expect(heat).to_be_visible()
        assert heat.evaluate("image => image.naturalWidth") == 480
        expect(button).to_have_attribute("aria-pressed", "true")
        expect(page.locator(".because")).to_have_text("The brighter a place glows, the more it spoke for “red”.")
        expect(page.get_by_role("status")).to_contain_text("red.jpg: the places that spoke for red are shown")
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        page.screenshot(path=tmp_path / "why.png", full_page=True)
        page.keyboard.press("Space")
        expect(heat).to_be_hidden()
        expect(button).to_have_attribute("aria-pressed", "false")
        page.keyboard.press("Space")
        expect(heat).to_be_visible()
    assert sum(url.split("?")[0].endswith("/why") for url in asked) == 1 and wrong == []


def test_a_photo_that_the_browser_cannot_show_has_heat(server, browser, pictures, tmp_path):  # noqa: F811
    Image.open(pictures[2]).save(tmp_path / "scan.tiff")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address + "/")
        page.set_input_files("#files", tmp_path / "scan.tiff")
        page.get_by_role("button", name="Why red?").click()
        expect(page.get_by_role("img", name="What spoke for red")).to_be_visible()
