"""Pictures of answers: their texts, bars and fonts."""

import numpy as np
import pytest
from PIL import Image, ImageColor

from scripts.classifier.drawing import answers, lettering
from scripts.classifier.drawing.lettering import Drawn, Lettering

BLUE = ImageColor.getrgb(answers.BLUE)


def drawn(*scores: tuple[str, float], unknown=None) -> Drawn:
    photo = Image.new("RGB", (60, 40), "green")
    return answers.draw([answers.Shown(photo, "some photo.jpg", scores, unknown)])


def texts(monkeypatch, *scores: tuple[str, float], unknown=None) -> list[str]:
    """All texts, in the order they are written."""
    found = []
    monkeypatch.setattr(Lettering, "write", lambda self, pen, x, y, text, colour: found.append(text))
    drawn(*scores, unknown=unknown)
    return found


def holds(picture: Image.Image, colour: tuple[int, ...]) -> bool:
    return bool((np.asarray(picture) == colour).all(axis=2).any())


def test_nearly_all_is_not_a_hundred_percent(monkeypatch):
    values = texts(monkeypatch, ("daisy", 0.99994), ("rose", 0.00006))
    assert values == ["some photo.jpg", "daisy", ">99.9 %", "rose", "<0.1 %"]


def test_an_unknown_photo_is_called_so_first_and_has_no_confident_bar(monkeypatch):
    scores = ("daisy", 0.95), ("rose", 0.05)
    assert holds(drawn(*scores).picture, BLUE)
    assert not holds(drawn(*scores, unknown=("unknown", "far away")).picture, BLUE)
    assert texts(monkeypatch, *scores, unknown=("unknown", "far away"))[1:4] == ["unknown", "far away", "daisy"]


def test_a_picture_has_one_typeface(monkeypatch):
    """The caption needs letters that not every font has; alone, the names might get another font."""
    used = set()
    runs = Lettering._runs

    def noted(self, text):
        for run, font in runs(self, text):
            used.add(font.getname())
            yield run, font

    monkeypatch.setattr(Lettering, "_runs", noted)
    answers.draw([answers.Shown(Image.new("RGB", (60, 40)), "Ján.jpg", [("daisy", 0.5)])])
    if Lettering("Ján", 15).missing:
        pytest.skip("no font with these letters is installed here")
    assert len(used) == 1


def test_emoji_are_named_if_no_font_draws_them(monkeypatch, tmp_path):
    bare = Lettering("rose \N{ROSE}\ufe0f \N{WOMAN}\u200d\N{EAR OF RICE}", 16, folders=[tmp_path])
    monkeypatch.setattr(lettering, "_has", lambda font, character: character.isascii())
    plain = Lettering("rose \N{ROSE}\ufe0f \N{WOMAN}\u200d\N{EAR OF RICE}", 16)
    written = "".join(run for run, _ in plain._runs("rose \N{ROSE}\ufe0f \N{WOMAN}\u200d\N{EAR OF RICE}"))
    assert written == "rose [rose] [woman][ear of rice]"
    assert bare.width("\N{ROSE}\ufe0f") == bare.width("[rose]")
    flag = "\N{REGIONAL INDICATOR SYMBOL LETTER D}\N{REGIONAL INDICATOR SYMBOL LETTER E}"
    assert "".join(run for run, _ in Lettering(flag, 16)._runs(flag)) == "DE"


def test_each_kind_of_missing_character_is_one_warning():
    assert Drawn(Image.new("RGB", (1, 1)), "").warnings() == []
    named, letters = Drawn(Image.new("RGB", (1, 1)), "é李\N{ROSE}").warnings()
    assert "can draw \N{ROSE}:" in named and "has é李:" in letters
    (long,) = Drawn(Image.new("RGB", (1, 1)), "李" * 500).warnings()
    assert len(long) < 120
