"""python -m scripts.show_image: photos and the names of those who took them, in a terminal or as a picture."""

import os
import pty
import re
import struct
import subprocess
import termios
from fcntl import ioctl

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.drawing import lettering, terminal as terminal_pictures
from scripts.classifier.drawing.captions import ImageDraw, draw
from tests.support.workplace import ROOT, Workplace

URL = "https://www.flickr.com/photos/80901381@N04/7568630428/"
LICENCES = f"""All images in this archive are licensed under the Creative Commons By-Attribution License,
available at:
https://creativecommons.org/licenses/by/2.0/

daisy/guy.jpg CC-BY by A Guy Taking Pictures - {URL}
daisy/dash.jpg CC-BY by Leo - the Lion - by night - {URL}
daisy/nobody.jpg CC-BY by  - {URL}
daisy/two words.jpg CC-BY-SA 2.0 by Jan by the Sea
./daisy/escape.jpg\tCC-BY by Red \x1b[31mGuy - {URL}
daisy/ján.jpg CC-BY by Ján Щ - {URL}
"""
WHO = {
    "guy.jpg": f"by A Guy Taking Pictures (CC-BY), {URL}",
    "dash.jpg": f"by Leo - the Lion - by night (CC-BY), {URL}",
    "nobody.jpg": f"by an unnamed author (CC-BY), {URL}",
    "two words.jpg": "by Jan by the Sea (CC-BY-SA 2.0)",
    "escape.jpg": f"by Red \\x1b[31mGuy (CC-BY), {URL}",
    "ja\u0301n.jpg": f"by Ján Щ (CC-BY), {URL}",  # as macOS writes it
}
RED, BLUE, GREEN = (250, 10, 10), (10, 10, 250), (10, 200, 10)


def halves(upper, lower, size=(60, 40)) -> Image.Image:
    image = Image.new("RGB", size, upper)
    image.paste(lower, (0, size[1] // 2, *size))
    return image


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Workplace:
    """daisy/ has a list of photos above it and one photo that is not listed; alone/ has a licence of another kind."""
    place = Workplace(tmp_path_factory.mktemp("photos"))
    for folder in ("flowers/daisy", "alone", "tensorflow"):
        (place / folder).mkdir(parents=True)
    for name in [*WHO, "unlisted.jpg"]:
        halves(RED, BLUE).save(place / "flowers" / "daisy" / name, quality=95)
    (place / "flowers" / "LICENSE.txt").write_text(LICENCES, "utf-8")
    halves(GREEN, GREEN).save(place / "alone" / "green.png")
    (place / "alone" / "LICENSE.txt").write_text("Apache License\nVersion 2.0, January 2004\n")
    (place / "alone" / "text.jpg").write_text("no picture")
    (place / "tensorflow" / "tensorflow.py").write_text("raise ImportError('showing a photo needs no TensorFlow')")
    return place


def show(photos: Workplace, *words, env=None) -> subprocess.CompletedProcess:
    return photos.run("show_image", *words, env={"PYTHONPATH": str(photos / "tensorflow"), **(env or {})}, cold=True)


def show_on_terminal(photos: Workplace, *words, columns=40, lines=20, **env) -> str:
    """The command's output on a terminal of this size."""
    ours, its = pty.openpty()
    ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    environment = photos.environment({"TERM": "xterm-256color", "PYTHONUTF8": "1"})
    for name in ("NO_COLOR", "COLORTERM", "TERM_PROGRAM", "COLUMNS", "LINES"):
        environment.pop(name, None)
    process = subprocess.Popen(photos.command("show_image", *words), cwd=ROOT, env={**environment, **env}, stdout=its)
    os.close(its)
    sent = b""
    try:
        while more := os.read(ours, 1 << 16):
            sent += more
    except OSError:
        pass  # Linux reports a closed other end like this
    os.close(ours)
    assert process.wait(60) == 0
    return sent.decode().replace("\r\n", "\n")


def test_the_photographer_is_named(photos):
    daisies = photos / "flowers" / "daisy"
    done = show(photos, *[daisies / name for name in WHO], "--width=10")
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith(str(daisies))] == [
        f"{daisies / name} {who}" for name, who in WHO.items()
    ]
    assert "\x1b" not in done.stdout  # one author's name holds an escape character


def test_photos_without_an_attribution_are_named(photos, tmp_path):
    """A list in a neighbouring folder does not count, but one beside the target of a link does."""
    (tmp_path / "linked.jpg").symlink_to(photos / "flowers" / "daisy" / "guy.jpg")
    unlisted, green = photos / "flowers" / "daisy" / "unlisted.jpg", photos / "alone" / "green.png"
    done = show(photos, unlisted, green, tmp_path / "linked.jpg", green, "--width=10")
    captions = [line for line in done.stdout.splitlines() if ".jpg" in line or ".png" in line or "no attr" in line]
    assert captions[:-1] == [
        str(unlisted),
        str(green),
        f"{tmp_path / 'linked.jpg'} {WHO['guy.jpg']}",
        str(green),
        f"no attribution for unlisted.jpg: not listed in {photos / 'flowers' / 'LICENSE.txt'}",
        "no attribution for 2 photos: no LICENSE.txt in the folder or above lists photos",
    ]
    assert show(photos, green, "--width=10").stdout.splitlines()[-2:] == [
        str(green),
        "no attribution: no LICENSE.txt in the folder or above lists photos",
    ]


def test_a_folder_shows_some_of_its_photos(photos, workplace):
    for label in ("a", "b"):
        (workplace / "many" / label).mkdir(parents=True)
        for number in range(5):
            halves(RED, GREEN).save(workplace / "many" / label / f"{number}.jpg")
    done = show(photos, workplace / "many", "--width=10")
    assert done.returncode == 0, done.stderr
    first, *rest = done.stdout.splitlines()
    assert first == f"showing 6 of 10 photos in {workplace / 'many'}, evenly spread"
    shown = [line.removeprefix(f"{workplace / 'many'}/") for line in rest if line.endswith(".jpg")]
    assert shown == ["a/0.jpg", "a/1.jpg", "a/3.jpg", "b/0.jpg", "b/1.jpg", "b/3.jpg"]
    assert rest[-2:] == [
        "next:",
        f"  see them on one sheet:  python -m scripts.show_image {workplace / 'many'} --output=photos.png",
    ]


@pytest.mark.parametrize("word", ["many", "many/*.jpg"])
def test_a_folder_or_a_pattern_makes_a_sheet(photos, workplace, word):
    (workplace / "many").mkdir()
    for number in range(8):
        halves(RED, GREEN).save(workplace / "many" / f"{number}.jpg")
    sheet = workplace / "many" / "sheet.jpg"
    lines = []
    for _ in "ab":  # the second time, the sheet itself is among the photos
        done = show(photos, workplace / word, f"--output={sheet}")
        assert done.returncode == 0, done.stderr
        lines.append(done.stdout.splitlines())
    assert lines[0] == lines[1] and lines[0] == [
        "no attribution for 8 photos: no LICENSE.txt in the folder or above lists photos",
        f"written: {sheet} (1200 x {Image.open(sheet).height} pixels)",
        f"look at it: {sheet}",
    ]
    assert Image.open(sheet).height < 1200  # three flat rows, without gaps below photos that are wider than high


def test_letters_show_the_picture_without_colours(photos):
    daisy = photos / "flowers" / "daisy" / "guy.jpg"
    lines = show(photos, daisy).stdout.splitlines()
    assert [len(line) for line in lines[:1]] == [80] and lines[-1] == f"{daisy} {WHO['guy.jpg']}"
    assert len(lines) == 1 + round(80 * 40 / 60 / 2)
    upper, lower = lines[2], lines[-3]
    assert len(set(upper)) == 1 and len(set(lower)) <= 1 and upper != lower
    assert show_on_terminal(photos, daisy, NO_COLOR="1", COLUMNS="80", LINES="40").splitlines() == lines
    assert "\x1b" not in show_on_terminal(photos, daisy, TERM="dumb")


def test_a_terminal_gets_colours_that_fit_it(photos):
    daisy = photos / "flowers" / "daisy" / "guy.jpg"
    below = f"{daisy} {WHO['guy.jpg']}"
    for columns, lines in ((40, 60), (100, 12)):
        sent = show_on_terminal(photos, daisy, columns=columns, lines=lines)
        *shown, caption = sent.splitlines()
        assert caption == below
        letters = {len(re.sub("\x1b.*?m", "", line)) for line in shown}
        assert len(shown) + -(-len(below) // columns) < lines and max(letters) <= columns and len(letters) == 1
        assert max(letters) == columns or len(shown) + -(-len(below) // columns) == lines - 1  # not too small
        assert all(line.endswith("\x1b[0m") for line in shown)
        for line, colour in ((shown[0], RED), (shown[-2], BLUE)):
            found = re.match("\x1b\\[38;2;(\\d+);(\\d+);(\\d+);48;2;(\\d+);(\\d+);(\\d+)m▀", line)
            assert np.abs(np.array(found.groups(), int) - [*colour, *colour]).max() < 30
    # A colour is set once for neighbouring characters that share it.
    assert shown[0].count("\x1b") < 10


@pytest.mark.parametrize(
    "terminal, encoding, environment, expected",
    [
        (True, "utf-8", {"TERM": "xterm-256color"}, True),
        (False, "utf-8", {"TERM": "xterm-256color"}, False),
        (True, "utf-8", {"TERM": "xterm", "NO_COLOR": "1"}, False),
        (True, "utf-8", {"TERM": "xterm", "NO_COLOR": ""}, True),
        (True, "utf-8", {"TERM": "dumb"}, False),
        (True, "utf-8", {}, False),
        (True, "utf-8", {"TERM": "vt100"}, False),
        (True, "iso-8859-1", {"TERM": "xterm"}, False),
        (True, "utf-8", {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal"}, False),
        (True, "utf-8", {"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal", "COLORTERM": "truecolor"}, True),
    ],
)
def test_which_terminals_get_colours(terminal, encoding, environment, expected):
    assert terminal_pictures.shows_colours(terminal, encoding, environment) == expected


def test_odd_shapes_are_drawn():
    for size in ((1, 1), (5, 3000), (3000, 5), (7, 7)):
        image = Image.new("RGB", size, RED)
        for colours in (True, False):
            lines = terminal_pictures.draw(image, 30, 11, colours=colours)
            assert 1 <= len(lines) <= 11
            assert max(len(re.sub("\x1b.*?m", "", line)) for line in lines) <= 30
    (line,) = terminal_pictures.draw(Image.new("RGB", (300, 10), RED), 30, 11, colours=True)
    assert line == f"\x1b[38;2;{RED[0]};{RED[1]};{RED[2]};49m{'▀' * 30}\x1b[0m"  # nothing below the one row of pixels


def test_a_picture_is_written_with_its_caption(photos, workplace):
    daisy = photos / "flowers" / "daisy" / "guy.jpg"
    done = show(photos, daisy, f"--output={workplace / 'new' / 'out.png'}")
    assert done.returncode == 0, done.stderr
    picture = Image.open(workplace / "new" / "out.png").convert("RGB")
    assert done.stdout == (
        f"{daisy} {WHO['guy.jpg']}\nwritten: {workplace / 'new' / 'out.png'} "
        f"({picture.width} x {picture.height} pixels)\nlook at it: {workplace / 'new' / 'out.png'}\n"
    )
    values = np.asarray(picture).astype(int)
    centre = picture.width // 2
    assert np.abs(values[2, centre] - RED).max() < 20 and np.abs(values[37, centre] - BLUE).max() < 20
    strip = values[41:]
    assert (strip[:, 0] == 255).all() and (strip[-1] == 255).all() and (strip < 60).any()

    show(photos, daisy, f"--output={workplace / 'wide.jpg'}", "--width=600")
    wide = Image.open(workplace / "wide.jpg")
    assert wide.format == "JPEG" and wide.width == 600 and wide.height > 400
    assert np.abs(np.asarray(wide)[398, 5].astype(int) - BLUE).max() < 20
    show(photos, daisy, f"--output={workplace / 'narrow.png'}", "--width=160")
    narrow = Image.open(workplace / "narrow.png")
    assert narrow.height - round(160 * 40 / 60) > picture.height - 40  # more lines of text


def test_photos_are_upright(workplace):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned so that left is up
    halves(RED, BLUE).save(workplace / "turned.jpg", exif=exif, quality=95)
    assert show_ok(workplace, workplace / "turned.jpg", f"--output={workplace / 'out.png'}", "--width=200")
    picture = np.asarray(Image.open(workplace / "out.png").convert("RGB")).astype(int)
    assert np.abs(picture[150, 190] - RED).max() < 20 and np.abs(picture[150, 10] - BLUE).max() < 20


def show_ok(place: Workplace, *words) -> bool:
    return place.run("show_image", *words).returncode == 0


def test_several_photos_make_a_sheet(photos, workplace):
    green, daisy = photos / "alone" / "green.png", photos / "flowers" / "daisy" / "guy.jpg"
    done = show(photos, green, daisy, daisy, photos / "alone" / "text.jpg", f"--output={workplace / 'sheet.png'}")
    assert done.returncode == 1 and done.stdout.count("\n") == 5
    assert done.stderr == f"error: {photos / 'alone' / 'text.jpg'}: not an image\n"
    sheet = Image.open(workplace / "sheet.png")
    assert sheet.width == 1200
    values = np.asarray(sheet).astype(int)
    for colour, places in ((GREEN, 1), (RED, 2), (BLUE, 2)):
        near = np.abs(values - colour).max(axis=2) < 20
        assert near.sum() > places * 595 * 150
    assert (values[:, :10] == 255).all() and (values[:, -10:] == 255).all()


def test_captions_lie_under_their_photos_and_inside_their_cells():
    photos = [(Image.new("RGB", (50, 50), RED), "word " * 30), (Image.new("RGB", (20, 80), BLUE), "x" * 300)] * 4
    drawn = draw(photos, 800)
    values = np.asarray(drawn.picture).astype(int)
    ink = (values.max(axis=2) < 150) & (np.ptp(values, axis=2) < 20)
    columns = [slice(10 + number * 263, 10 + number * 263 + 253) for number in range(3)]
    between = np.ones(800, bool)
    for column in columns:
        between[column] = False
        assert ink[:, column].any()
    assert not ink[:, between].any() and drawn.missing == ""
    tops = [np.flatnonzero(ink[:, column].any(axis=1))[0] for column in columns]
    assert max(tops) - min(tops) < 8  # captions of a row start on one line


def test_letters_missing_from_every_font_are_named(tmp_path):
    bare = lettering.Lettering("Ján 李", 16, folders=[tmp_path])
    assert "李" in bare.missing
    assert bare.width("á") > 0 and bare.width("李") == bare.width("?")
    (tmp_path / "broken.ttf").write_bytes(b"no font")
    assert lettering.Lettering("Jan", 16, folders=[tmp_path]).missing == ""


def test_a_font_is_found_for_names_that_pillows_own_cannot_write():
    written = lettering.Lettering("Ján Щербаков", 16)
    if written.missing:
        pytest.skip("no font with these letters is installed here")
    pictures = []
    for text in ("Щ", "?", "á", "a"):
        image = Image.new("L", (40, 40), 255)
        written.write(ImageDraw.Draw(image), 5, 5, text, 0)
        pictures.append(image.tobytes())
    assert len(set(pictures)) == 4


WRONG = {
    "nothing": ([], "no photo given"),
    "missing": (["nope.jpg"], "nope.jpg: No such file"),
    "folder": (["{here}/tensorflow"], "holds no pictures"),
    "pattern": (["{here}/nothing*"], "does not exist"),
    "empty": ([""], "is empty"),
    "no picture": (["{here}/alone/text.jpg", "--output={here}/never.png"], "text.jpg: not an image"),
    "format": (["{here}/alone/green.png", "--output={here}/never.gif"], "ends in .png, .jpg or .jpeg"),
    "unwritable": (["{here}/alone/green.png", "--output=/proc/never.png"], "cannot write /proc/never.png"),
    "itself": (["{here}/alone/green.png", "--output={here}/alone/green.png"], "is one of the photos"),
    "narrow": (["{here}/alone/green.png", "--output={here}/never.png", "--width=100"], "at least 160"),
}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_reported_in_one_line(photos, case):
    words, says = WRONG[case]
    before = (photos / "alone" / "green.png").read_bytes()
    done = show(photos, *[word.format(here=photos.folder) for word in words])
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr
    assert not list(photos.folder.glob("never*")) and (photos / "alone" / "green.png").read_bytes() == before
