"""The page of python -m scripts.serve in a real Chromium."""

import base64
import io
import re
import shutil

import pytest
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.support.server import serving
from tests.support.workplace import draw_shape

# With these, Chromium runs as root, makes no requests unasked, and has a camera with a test picture.
_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]


def encoded(form: str) -> bytes:
    file = io.BytesIO()
    draw_shape("red", 11).save(file, form)
    return file.getvalue()


DESK = {"viewport": {"width": 1100, "height": 900}}
PHONE = {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True}


@pytest.fixture(scope="module")
def server(retrained, small_graph):
    with serving(retrained, small_graph) as running:
        yield running


@pytest.fixture(scope="module")
def browser():
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=_FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for kind in ("blue", "green", "red"):
        draw_shape(kind, 11).save(folder / f"{kind}.jpg", quality=90)  # like the training photos
    return [str(folder / f"{kind}.jpg") for kind in ("blue", "green", "red")]


@pytest.fixture
def open_page(server, browser):
    """Opens the page. At the end, checks that it made no requests to other hosts and logged no errors."""
    contexts, asked, wrong = [], [], []

    def open_one(**settings):
        context = browser.new_context(**settings)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: message.type == "error" and wrong.append(message.text))
        page.goto(server.address + "/")
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert asked and all(url.startswith((server.address + "/", "blob:")) for url in asked)
    assert wrong == []


def answers(page) -> list[str]:
    """The answers, in the order of the page."""
    return page.locator("#pictures .answer").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
def test_several_pictures_are_chosen_and_each_is_shown_beside_its_labels(open_page, pictures, device, scheme, tmp_path):
    page = open_page(color_scheme=scheme, **device)
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose photos").press("Enter")
    chosen.value.set_files(pictures)
    expect(page.locator(".bars li")).to_have_count(9)
    assert answers(page) == ["blue", "green", "red"]
    first = page.locator("#pictures > li").first
    shares = [float(text.split()[-2].lstrip("<>")) for text in first.locator(".share").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(100, abs=0.2)
    widths = [bar.bounding_box()["width"] for bar in first.locator(".bar").all()]
    filled = first.locator(".bar span").first.bounding_box()["width"]
    assert filled == pytest.approx(widths[0] * shares[0] / 100, abs=2)
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"(blue|green|red)\.jpg: \w+, [<>]?[\d.]+ %"))
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
    shown = [each.evaluate("image => image.naturalWidth") for each in page.locator("#pictures img").all()]
    assert shown == [160] * 3
    background = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", background))) > 380) == (scheme == "light")
    page.screenshot(path=tmp_path / "page.png", full_page=True)
    assert (tmp_path / "page.png").stat().st_size > 10_000
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#pictures > li")).to_have_count(0)


@pytest.mark.parametrize("way", ["drop", "paste"])
def test_pictures_are_dropped_and_pasted(open_page, pictures, way):
    page = open_page(**DESK)
    page.evaluate(
        """async ([way, data]) => {
          const carried = new DataTransfer();
          const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
          carried.items.add(new File([bytes], "given.jpg", { type: "image/jpeg" }));
          const target = document.getElementById("drop");
          const settings = { bubbles: true, cancelable: true };
          target.dispatchEvent(way === "drop"
            ? new DragEvent("drop", { ...settings, dataTransfer: carried })
            : new ClipboardEvent("paste", { ...settings, clipboardData: carried }));
        }""",
        [way, _base64(pictures[1])],
    )
    expect(page.locator("#pictures .answer")).to_have_text("green")
    expect(page.locator("#pictures .file")).to_have_text("given.jpg")


def _base64(path: str) -> str:
    with open(path, "rb") as file:
        return base64.b64encode(file.read()).decode()


def test_a_photo_is_taken(open_page):
    page = open_page(**DESK)
    page.get_by_role("button", name="Take a photo").click()
    page.get_by_role("button", name="Take the photo").click()
    expect(page.locator(".bars li")).to_have_count(3)
    expect(page.get_by_role("dialog")).to_have_count(0)
    phone = open_page(**PHONE)
    with phone.expect_file_chooser() as chosen:
        phone.get_by_role("button", name="Take a photo").tap()
    assert chosen.value.element.get_attribute("capture") == "environment"


UNREADABLE = {
    "notes.txt": (b"milk, eggs, bread", "notes.txt is not a photo."),
    "page.jpg": (b"<!DOCTYPE html><p>Not found</p>", "page.jpg is a web page, which cannot be read here"),
    "empty.jpg": (b"", "empty.jpg is empty."),
    "cut.jpg": (encoded("JPEG")[:2000], "cut.jpg is damaged: the file ends too early. Export or send it again."),
    "cut.webp": (encoded("WEBP")[:-60], "cut.webp is damaged: the file ends too early. Export or send it again."),
    "cut.png": (encoded("PNG")[:2000], "cut.png is damaged: the file ends too early. Export or send it again."),
    "broken.png": (b"\x89PNG\r\n\x1a\n and nothing more", "broken.png is damaged. Export or send it again."),
    "holiday.jxl": (
        b"\xff\x0a" + bytes(99),
        "holiday.jxl is a JPEG XL picture, which cannot be read here: save it as JPEG or PNG.",
    ),
}


@pytest.mark.parametrize("file", UNREADABLE)
def test_unreadable_files_get_a_plain_reason(server, browser, tmp_path, file):
    data, reason = UNREADABLE[file]
    (tmp_path / file).write_bytes(data)
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address + "/")
        page.set_input_files("#files", tmp_path / file)
        expect(page.locator("#pictures .answer")).to_contain_text(reason)
        expect(page.get_by_role("status")).to_contain_text(reason)
        expect(page.locator("#pictures")).not_to_contain_text("This browser")
        assert page.locator("#pictures > li").bounding_box()["height"] < 150  # no room for a photo that is not there


def test_a_photo_that_only_the_server_can_read_has_no_preview(server, browser, pictures, tmp_path):
    Image.open(pictures[2]).save(tmp_path / "scan.tiff")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address + "/")
        page.set_input_files("#files", tmp_path / "scan.tiff")
        expect(page.locator("#pictures .answer")).to_have_text("red")
        expect(page.locator("#pictures .photo")).to_have_text("This browser cannot show this kind of photo")


def test_unknown_pictures_are_called_unknown(open_page, tmp_path):
    Image.effect_mandelbrot((160, 120), (-2, -1, 1, 1), 100).save(tmp_path / "fractal.png")
    page = open_page(**DESK)
    expect(page.locator("main")).to_contain_text("none of those it learned from is called unknown")
    page.set_input_files("#files", tmp_path / "fractal.png")
    expect(page.locator("#pictures .answer")).to_have_text("Unknown")
    expect(page.locator("#pictures .nearest")).to_be_visible()
    expect(page.get_by_role("status")).to_contain_text("fractal.png: unknown; nearest is ")
    known, unknown = (page.evaluate(_COLOUR, name) for name in ("--accent", "--soft"))
    shown = page.locator(".bars .bar span").first.evaluate("bar => getComputedStyle(bar).backgroundColor")
    assert shown == unknown != known


_COLOUR = """(name) => {
  const swatch = document.body.appendChild(document.createElement("i"));
  swatch.style.color = `var(${name})`;
  return getComputedStyle(swatch).color;
}"""


def test_without_unknown_the_page_says_that_every_answer_is_a_label(retrained, small_graph, browser):
    with serving(retrained, small_graph, "--nounknown") as server, browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address + "/")
        expect(page.locator("main")).to_contain_text("whatever a photo shows, the answer is one of these labels")


def test_the_page_says_in_words_how_recent_pictures_differ(retrained, small_graph, browser, pictures, tmp_path):
    file = io.BytesIO()
    Image.effect_mandelbrot((160, 120), (-2, -1, 1, 1), 100).save(file, "PNG")
    with serving(retrained, small_graph) as server, browser.new_context(**PHONE) as context:
        page = context.new_page()
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto(server.address + "/")
        expect(page.locator("#notes")).to_be_empty()
        for _ in range(49):
            assert server.post("/label", file.getvalue()).status == 200
        (tmp_path / "fractal.png").write_bytes(file.getvalue())
        page.set_input_files("#files", tmp_path / "fractal.png")
        said = "Of the last 50 pictures, 100 % look like nothing it learned from; of its "
        expect(page.locator("#notes .note").first).to_contain_text(said)
        assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")
        with open(pictures[2], "rb") as red:
            data = red.read()
        for _ in range(200):
            assert server.post("/label", data).status == 200
        page.reload()
        gentle = page.locator("#notes .soft")
        expect(gentle).to_contain_text("100 % were called red")
        expect(page.locator("#notes .note")).to_have_count(0)
        assert asked and all(url.startswith((server.address + "/", "blob:")) for url in asked)


def test_dropped_text_gets_a_hint(open_page):
    page = open_page(**DESK)
    page.evaluate(
        """() => {
          const carried = new DataTransfer();
          carried.setData("text/plain", "https://example.org/rose.jpg");
          dispatchEvent(new DragEvent("drop", { dataTransfer: carried }));
        }"""
    )
    expect(page.locator("#hint")).to_contain_text("That was not a photo file")


def test_the_page_says_what_it_is_and_links_to_the_interface(open_page, server):
    page = open_page(**DESK)
    expect(page.get_by_role("heading", level=1)).to_have_text("Which is it: blue, green or red?")
    expect(page.locator("main")).to_contain_text(
        re.compile(r"learned from \d+\sphotos.*color_texture.*%\sof \d+\stest photos right")
    )
    expect(page.locator("main")).to_contain_text(f"Photos go to {server.host}:{server.port}, which serves this page")
    expect(page.locator("footer")).to_contain_text("small, version 1")
    page.get_by_role("link", name="For programs").click()
    expect(page.get_by_role("heading", name="/v1/models/small:predict")).to_be_visible()


def test_a_browser_signs_in_with_the_token(retrained, small_graph, browser, pictures):
    with serving(retrained, small_graph, "--token=open sesame") as server, browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address + "/")
        page.get_by_role("textbox", name="Token").fill("open sesame")
        with page.expect_navigation():  # the page's script must be running before files are chosen
            page.keyboard.press("Enter")
        page.set_input_files("#files", pictures[:1])
        expect(page.locator("#pictures .answer")).to_have_text("blue")
