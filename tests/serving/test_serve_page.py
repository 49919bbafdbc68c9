"""The page of python -m scripts.serve, in a real Chromium."""

import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.support.server import serving
from tests.support.workplace import draw_shape

# Behind these, Chromium asks for nothing by itself, runs as root and has a camera that shows a test picture.
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
        draw_shape(kind, 11).save(folder / f"{kind}.png")
    return [str(folder / f"{kind}.png") for kind in ("blue", "green", "red")]


@pytest.fixture
def open_page(server, browser):
    """Opens the page; in the end, nothing has been asked of others and nothing went wrong on it."""
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
    """What the pictures are called, from the first to the last."""
    return page.locator("#pictures .answer").all_inner_texts()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("device", [DESK, PHONE], ids=["desk", "phone"])
def test_several_pictures_are_chosen_and_each_is_shown_beside_its_labels(open_page, pictures, device, scheme, tmp_path):
    page = open_page(color_scheme=scheme, **device)
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="Choose pictures").press("Enter")
    chosen.value.set_files(pictures)
    expect(page.locator(".bars li")).to_have_count(9)
    assert answers(page) == ["blue", "green", "red"]
    first = page.locator("#pictures > li").first
    shares = [float(text.split()[-2]) for text in first.locator(".share").all_inner_texts()]
    assert shares == sorted(shares, reverse=True) and sum(shares) == pytest.approx(100, abs=0.2)
    widths = [bar.bounding_box()["width"] for bar in first.locator(".bar").all()]
    filled = first.locator(".bar span").first.bounding_box()["width"]
    assert filled == pytest.approx(widths[0] * shares[0] / 100, abs=2)
    expect(page.get_by_role("status")).to_contain_text(re.compile(r"(blue|green|red)\.png: \w+, [\d.]+ %"))
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
          carried.items.add(new File([bytes], "given.png", { type: "image/png" }));
          const target = document.getElementById("drop");
          const settings = { bubbles: true, cancelable: true };
          target.dispatchEvent(way === "drop"
            ? new DragEvent("drop", { ...settings, dataTransfer: carried })
            : new ClipboardEvent("paste", { ...settings, clipboardData: carried }));
        }""",
        [way, _base64(pictures[1])],
    )
    expect(page.locator("#pictures .answer")).to_have_text("green")
    expect(page.locator("#pictures .file")).to_have_text("given.png")


def _base64(path: str) -> str:
    import base64

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


def test_what_cannot_be_read_is_said_beside_it(server, browser, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and nothing more")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address + "/")
        page.set_input_files("#files", tmp_path / "broken.png")
        expect(page.locator("#pictures .answer")).to_have_text(re.compile("damaged"))
        expect(page.get_by_role("status")).to_contain_text("broken.png: damaged")
        expect(page.locator("#pictures .photo")).to_have_text("This browser cannot show it")


def test_the_page_says_what_it_is_and_leads_to_the_interface(open_page):
    page = open_page(**DESK)
    expect(page.get_by_role("heading", level=1)).to_have_text("What is on the picture?")
    expect(page.locator("main")).to_contain_text(re.compile(r"learned from \d+\sphotos.*color_texture.*%\sright"))
    page.get_by_role("link", name="For programs").click()
    expect(page.get_by_role("heading", name="/v1/models/small:predict")).to_be_visible()


def test_a_browser_signs_in_with_the_token(retrained, small_graph, browser, pictures):
    with serving(retrained, small_graph, "--token=open sesame") as server, browser.new_context() as context:
        page = context.new_page()
        page.goto(server.address + "/")
        page.get_by_role("textbox", name="Token").fill("open sesame")
        with page.expect_navigation():  # to the end, so that the page's script hears of files
            page.keyboard.press("Enter")
        page.set_input_files("#files", pictures[:1])
        expect(page.locator("#pictures .answer")).to_have_text("blue")
