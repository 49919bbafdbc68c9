"""The text and pictures of the report, for any labels and photos."""

import os
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.judging import findings
from scripts.classifier.judging.judged import Judged, Strangers
from scripts.classifier.judging.measures import Measures
from scripts.classifier.judging.near_duplicates import NearIdentical, Pair
from scripts.classifier.judging.report import charts, markup, page as report, thumbnails
from scripts.classifier.judging.report.page import Report
from tests.support.workplace import draw_folder, draw_shape

VOID = {"meta", "br", "wbr", "img"}
ALWAYS = ["figures", "labels", "confusion", "calibration", "mistakes", "labels-to-check"]


class Page(HTMLParser):
    """A parsed page, checked for what every page must satisfy."""

    def __init__(self, source):
        super().__init__()
        self.tags, self.open, self.texts, self.ids = [], [], [], []
        self.feed(source)
        self.close()
        assert self.open == []
        assert len(self.ids) == len(set(self.ids))
        links = [attributes["href"] for tag, attributes in self.tags if tag == "a"]
        assert all(link.startswith("#") and link[1:] in self.ids for link in links)
        for tag, attributes in self.tags:
            assert tag not in ("script", "link", "iframe", "object", "form")
            assert not any(name.startswith("on") for name in attributes)
            assert attributes.get("src", "data:image/jpeg;base64,").startswith("data:image/jpeg;base64,")
            if tag == "img":
                assert attributes["alt"]
                assert max(int(attributes["width"]), int(attributes["height"])) <= thumbnails.LONGEST_SIDE
            if tag == "svg":
                assert attributes["role"] == "img"
                assert attributes["aria-label"]
            if tag == "th":
                assert attributes["scope"] in ("row", "col")
        assert not re.search(r"url\(|@import|http", source.replace("http-equiv", ""))
        assert "default-src 'none'" in dict(self.all("meta")[1])["content"]
        source.encode("utf-8")  # no lone surrogates

    def handle_starttag(self, tag, attributes):
        assert len(dict(attributes)) == len(attributes)
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def sections(self):
        return [attributes["id"] for attributes in self.all("section")]

    @property
    def text(self):
        return " ".join("".join(self.texts).replace("\xa0", " ").replace("\u2009", "").split())


def judge(image_dir, labels, truth, guess, splits=None, sure=0.8, paths=None):
    truth, guess = np.array(truth, np.int64), np.array(guess, np.int64)
    scores = np.full((len(truth), len(labels)), (1 - sure) / max(1, len(labels) - 1), np.float32)
    scores[np.arange(len(truth)), guess] = sure if len(labels) > 1 else 1
    if paths is None:
        paths = sorted(path.relative_to(image_dir).as_posix() for path in image_dir.glob("*/*"))[: len(truth)]
    return Judged(tuple(labels), paths, truth, scores, splits or ["testing"] * len(truth))


def render(image_dir, judged, near=None, everything=None, **parts):
    measures = Measures(judged)
    return report.render(Report("graph.pb", image_dir, measures, findings.find(judged, everything, near), **parts))


@pytest.fixture(scope="module")
def image_dir(tmp_path_factory):
    return draw_folder(tmp_path_factory.mktemp("report") / "photos", each=20)


@pytest.fixture
def judged(image_dir):
    truth = [0] * 20 + [1] * 20 + [2] * 20
    guess = [0] * 16 + [1] * 6 + [1] * 18 + [2] * 18 + [0] * 2
    return judge(image_dir, ("blue", "green", "red"), truth, guess)


CURVE = {
    "step": [10, 20, 30],
    "accuracy": [0.5, 0.7, 0.9],
    "cross_entropy": [1.0, 0.6, 0.4],
    "validation_accuracy": [0.4, 0.6, 0.8],
    "validation_cross_entropy": [1.1, 0.8, 0.7],
}
RECORD = {
    "options": {"architecture": "mobilenet_0.50_224", "learning_rate": 0.01, "flip_left_right": True},
    "photos": {"blue": {"training": 1200, "validation": 3, "testing": 4}},
    "steps_trained": 4000,
    "seed": 0,
    "seconds": {"training": 3.5, "testing": 0.6},
    "versions": {"tensorflow": "2.21.0"},
    "unreadable_photos": 0,
}


def test_the_page_says_what_was_measured(image_dir, judged):
    source = render(image_dir, judged, proven=True)
    page = Page(source)
    assert page.sections == ALWAYS
    assert "Right on 54 of 60 photos it had never seen: 90 %" in page.text
    assert "would most likely be right 80 % to 95 % of the time" in page.text
    assert "luck plays a part" in page.text
    assert "Always answering blue would be right 33 % of the time" in page.text
    assert "bluegreen4 of 20" in page.text
    pictures = page.all("img")
    assert len(pictures) == 6  # mistakes only: no label looks wrong enough
    assert pictures[0]["alt"] == "blue/blue_016.jpg, labelled blue"
    assert len(page.all("svg")) == 2
    matrix, reliability = page.all("svg")
    assert "blue taken for green: 4 of 20" in matrix["aria-label"]
    assert "80\xa0% sure and 90\xa0% right" in reliability["aria-label"]
    assert len(source) < 200_000


def test_every_part_given_has_its_section(image_dir, judged):
    judged = replace(judged, splits=["training", "testing"] * 30, unknown=judged.truth == 1)
    near = NearIdentical(
        [Pair(1, 0, 3, True, 0.9)],
        [Pair(19, 20, 0, False, None)],
        {("testing", "training"): 1, ("training", "training"): 4},
        {("testing", "training"): 1},
        60,
    )
    scores = judged.scores[[0, 20]]
    strangers = Strangers(image_dir, ["red/red_001.jpg", "red/red_002.jpg"], scores, np.array([True, False]))
    page = Page(render(image_dir, judged.of("testing"), near, judged, record=RECORD, curve=CURVE, strangers=strangers))
    assert page.sections == [
        "figures",
        "labels",
        "confusion",
        "training",
        "calibration",
        "mistakes",
        "labels-to-check",
        "near-identical",
        "unknown",
        "making",
    ]
    assert [each["href"][1:] for each in page.all("a")][-len(page.sections) :] == page.sections
    assert "1 test photo has a nearly identical twin among those it learned from" in page.text
    assert "almost the same, one mirrored (3 of 64 bits differ)" in page.text
    assert "blue/blue_019.jpg" in page.text
    assert "1 pair across sets, 4 pairs within a set" in page.text
    assert "The classifier has seen 30 of these in training" in page.text
    assert "Wrongly called unknown: 10 of 30 photos (33 %; likely between 19 % and 51 %) of known labels" in page.text
    assert "1 of 2 photos" in page.text
    said = page.all("svg")[1]["aria-label"]
    assert said == "Accuracy over 30 training steps; at the end: training 0.90, validation 0.80"
    assert "1,200 training, 3 validation, 4 test" in page.text
    assert "Distortionsflip left right" in page.text


def test_the_page_says_that_no_photo_has_a_twin(image_dir):
    near, said = NearIdentical([], [], {}, {}, 40), "No photo has a nearly identical twin in another set"
    for splits, expected in ((["training", "testing"] * 20, True), (["testing"] * 40, False)):
        judged = judge(image_dir, ("blue", "green"), [0] * 20 + [1] * 20, [0] * 20 + [1] * 20, splits)
        page = Page(render(image_dir, judged, near))
        assert (said in page.text) == expected
        assert "40 photos compared: 0 pairs across sets, 0 pairs within a set." in page.text


def test_names_are_escaped_whatever_they_hold(tmp_path):
    labels = ("<script>alert(1)</script>", "a&b\"'", "\u202eleft \x00\x07", os.fsdecode(b"caf\xe9"))
    names = "<img src=x onerror=alert(1)>.jpg", "\"quoted\" & 'so'.jpg", "plain.jpg", os.fsdecode(b"caf\xe9.jpg")
    paths = []
    for label, name in enumerate(names):
        paths.append(f"{label}/{name}")
        (tmp_path / str(label)).mkdir()
        draw_shape("red", label, (60, 40)).save(tmp_path / str(label) / name)
    truth, guess = [0, 1, 2, 3] * 2, [1, 2, 3, 0, 0, 1, 2, 3]
    judged = judge(tmp_path, labels, truth, guess, paths=paths * 2, sure=0.97)
    judged = replace(judged, unknown=np.array([True] * 8))
    page = Page(render(tmp_path, judged, NearIdentical([Pair(0, 1, 0, False, None)], [], {}, {}, 4)))
    assert labels[0] in page.text
    assert labels[1] in page.text
    assert paths[0] in page.text
    assert "caf\ufffd.jpg" in page.text
    assert "\x00" not in "".join(page.texts)
    assert {each["alt"] for each in page.all("img")} >= {f"{paths[1]}, labelled {labels[1]}"}
    assert len(page.all("img")) == 4 + 4 + 2  # mistakes, suspicions, a pair


@pytest.mark.parametrize("case", ["no mistake", "one photo", "one label", "no photo", "all wrong", "a photo gone"])
def test_extreme_results_have_a_page_too(case, image_dir):
    labels, truth = ("blue", "green"), [0] * 20 + [1] * 20
    guess, sections = truth, ALWAYS
    if case == "one photo":
        truth = guess = [0]
    elif case == "one label":
        labels, truth, guess = ("blue",), [0] * 20, [0] * 20
        sections = [each for each in ALWAYS if each != "confusion"]
    elif case == "no photo":
        truth, guess, sections = [], [], ["figures"]
    elif case == "all wrong":
        guess = [1 - each for each in truth]
    elif case == "a photo gone":
        guess = [1, *truth[1:]]
    judged = judge(image_dir, labels, truth, guess)
    if case == "a photo gone":
        judged.paths[0] = "blue/gone.jpg"
    page = Page(render(image_dir, judged, proven=True))
    assert page.sections == sections
    assert {
        "no mistake": "Right on all 40 photos it had never seen",
        "one photo": "Right on the one photo it had never seen",
        "one label": "Right on all 20 photos it had never seen",
        "no photo": "There are no photos of its labels to judge it by",
        "all wrong": "Right on 0 of 40 photos it had never seen: 0 %",
        "a photo gone": "can no longer be read",
    }[case] in page.text
    if case in ("no mistake", "one photo", "one label"):
        assert "None: every photo was recognised." in page.text
        assert page.all("img") == []
    if case == "all wrong":
        assert "The classifier may be no better than that." in page.text
        assert "These are the first 24 of 40 mistakes." in page.text


@pytest.mark.parametrize(
    ("splits", "proven", "said"),
    [
        (["testing"] * 4, True, "Right on all 4 photos it had never seen"),
        (["testing"] * 4, False, "Right on all 4 photos it is not known to have learned from"),
        (["training"] * 4, True, "Right on all 4 photos it learned from"),
        (["training", "validation"] * 2, True, "Right on all 4 photos it had seen in training"),
        (["testing", "validation"] * 2, True, "Right on all 4 photos it did not learn from"),
        (["testing", "validation"] * 2, False, "Right on all 4 photos it is not known to have learned from"),
        (["testing", "training", "validation"], True, "Right on all 3 photos, 2 of which it had seen in training"),
        (["testing", "training", "testing"], False, "all 3 photos, at least 1 of which it had seen in training"),
        ([""] * 4, True, "Right on all 4 photos shown to it"),
    ],
)
def test_the_verdict_says_which_photos_it_is_about(image_dir, splits, proven, said):
    truth = [0, 0, 1, 1][: len(splits)]
    page = Page(render(image_dir, judge(image_dir, ("blue", "green"), truth, truth, splits), proven=proven))
    assert said in page.text
    assert ("had never seen" in page.text) == (splits == ["testing"] * 4 and proven)
    assert ("A classifier does well on photos it knows" in page.text) == ("training" in splits)


def test_a_hundred_and_two_labels_make_a_page(image_dir):
    random = np.random.default_rng(0)
    labels = [f"flower {at:03d} with a name that is longer than others" for at in range(102)]
    truth = np.arange(1020) % 102
    guess = np.where(random.random(1020) < 0.7, truth, random.integers(0, 102, 1020))
    paths = sorted(path.relative_to(image_dir).as_posix() for path in image_dir.glob("*/*"))
    judged = judge(image_dir, labels, truth, guess, sure=0.3, paths=[paths[at % 60] for at in range(1020)])
    source = render(image_dir, judged)
    page = Page(source)
    assert "The other 87 labels" in page.text
    assert "Top-5 accuracy" in page.text
    assert all(label in page.text for label in labels)
    assert [each["class"] for each in page.all("text")].count("row") == 102
    assert "Most often confused" in page.text
    cells = sum("cell" in each.get("class", "") for each in page.all("rect"))
    assert cells == np.count_nonzero(Measures(judged).confusion)
    assert len(source) < 1_000_000


@pytest.mark.parametrize(("label", "ems"), [("Gänseblümchen – B…", 10.93), ("dandelion", 5.26), ("WWW", 2.97)])
def test_names_beside_a_matrix_are_not_cut_by_its_edge(tmp_path, label, ems):
    """`ems`: how wide DejaVu Sans, among the widest fonts of browsers, draws the label for each unit of its size."""
    drawn = charts.confusion(Measures(judge(tmp_path, (label, "x"), [0, 1], [0, 1])), "all")
    size = float(re.search(r'<g style="font-size:([\d.]+)px">', drawn)[1])
    start = float(re.search(rf'<text class="row" x="([\d.]+)" y="[\d.]+">{label}<', drawn)[1])
    assert 0 <= start - ems * size <= 30


def test_curves_are_drawn_only_if_there_is_something_to_draw(image_dir, judged):
    none = {**CURVE, "validation_accuracy": [None] * 3, "validation_cross_entropy": [None] * 3}
    page = Page(render(image_dir, judged, curve=none))
    assert "training" in page.sections
    assert "validation" not in page.all("svg")[1]["aria-label"]
    assert not any("validation" in each["class"] for each in page.all("polyline"))
    for nothing in (None, {}, {name: [] for name in CURVE}):
        assert "training" not in Page(render(image_dir, judged, curve=nothing)).sections
    once = {name: values[:1] for name, values in CURVE.items()}
    assert "training" in Page(render(image_dir, judged, curve=once)).sections


def test_long_curves_are_drawn_with_few_points_that_keep_their_range():
    random = np.random.default_rng(0)
    values = random.uniform(0.2, 0.9, 20_000).tolist()
    drawn = charts.curve(list(range(1, 20_001)), [("training", values)], 1.0, "what", shares=True)
    assert len(drawn) < 8_000
    band = re.search(r'polygon class="band training" points="([^"]+)"', drawn)[1]
    y = [float(point.split(",")[1]) for point in band.split()]
    bottom, top = (float(re.search(rf'y="([\d.]+)">{share}\xa0%', drawn)[1]) for share in (0, 100))
    heights = [(bottom - each) / (bottom - top) for each in y]
    assert (min(heights), max(heights)) == pytest.approx((min(values), max(values)), abs=0.01)


def test_shares_are_never_rounded_to_all_or_nothing():
    assert [markup.percent(share) for share in (0, 0.001, 0.5, 0.999, 1)] == [
        "0\xa0%",
        "&lt;\u20091\xa0%",
        "50\xa0%",
        "&gt;\u200999\xa0%",
        "100\xa0%",
    ]
    assert markup.percent(0.9996, 1) == "&gt;\u200999.9\xa0%"
    assert markup.count(1, "photo") == "1\xa0photo"
    assert markup.count(3670, "photo") == "3,670\xa0photos"


@pytest.mark.parametrize("size", [(4000, 10), (10, 4000), (160, 160), (20, 10), (900, 700)])
def test_thumbnails_are_small_and_keep_their_shape(tmp_path, size):
    Image.effect_noise(size, 60).save(tmp_path / "a.png")
    small = thumbnails.thumbnail(tmp_path / "a.png")
    assert max(small.width, small.height) == min(thumbnails.LONGEST_SIDE, max(size))
    assert len(small.uri) < 25_000
    if min(size) > 100:
        assert small.width / small.height == pytest.approx(size[0] / size[1], rel=0.02)
    assert thumbnails.thumbnail(tmp_path / "gone.png") is None


def test_light_dark_and_printed_pages_define_the_same_colours():
    style = report.STYLE
    blocks = re.findall(r":root \{([^}]+)\}", style)
    names = [set(re.findall(r"(--[a-z-]+):", block)) for block in blocks]
    assert len(names) == 3
    assert names[0] == names[1] == names[2]
    assert set(re.findall(r"var\((--[a-z-]+)\)", style)) - {"--w", "--whole", "--least"} <= names[0]
