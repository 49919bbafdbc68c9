"""Sheets of sample photos: whole rows, and the same number of photos for every label."""

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.drawing import sample_sheet
from scripts.classifier.photos import image_lists

CELL, GAP, STRIP = 188, 10, 33  # a caption has one line


def sheet(folder, counts: list[int]) -> list[list[int]]:
    """Draws a sheet of flat photos and reads back the label at each place, row by row; -1 for an empty place."""
    for label, count in enumerate(counts):
        (folder / f"{label:02d}").mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (30, 40), (5 * label, 0, 250)).save(folder / f"{label:02d}" / f"{number}.png")
    lists = image_lists.scan(folder, 0, 0, fewest_labels=1)
    values = np.asarray(sample_sheet.draw(lists, [f"label {each}" for each in lists.labels]).picture).astype(int)
    height = (len(values) - GAP) // round((len(values) - GAP) / (CELL + STRIP))
    rows = []
    for top in range(GAP, len(values) - CELL, height):
        centres = [values[top + CELL // 2, GAP + CELL // 2 + column * (CELL + GAP)] for column in range(6)]
        rows.append([-1 if tuple(each) == (255, 255, 255) else round(each[0] / 5) for each in centres])
    return rows


@pytest.mark.parametrize(
    ("labels", "each", "shown"), [(1, 36, 1), (2, 18, 2), (4, 6, 4), (5, 6, 5), (6, 6, 6), (10, 3, 10), (40, 1, 36)]
)
def test_every_label_has_the_same_number_of_photos(tmp_path, labels, each, shown):
    places = [place for row in sheet(tmp_path, [40] * labels) for place in row if place >= 0]
    assert len(places) == each * shown <= 36
    assert len(set(places)) == shown and places == sorted(places)


def test_every_label_begins_a_row_if_photos_are_few(tmp_path):
    assert sheet(tmp_path, [2, 8, 1]) == [[0, 0, -1, -1, -1, -1], [1] * 6, [1, 1, -1, -1, -1, -1], [2] + [-1] * 5]


@pytest.mark.parametrize(("labels", "names"), [(2, ["a", "a", "a", "b", "b", "b"]), (10, list("abcdefghij"))])
def test_a_label_is_named_once_a_row(tmp_path, monkeypatch, labels, names):
    for label in "abcdefghij"[:labels]:
        (tmp_path / label).mkdir()
        for number in range(20):
            Image.new("RGB", (30, 40)).save(tmp_path / label / f"{number}.png")
    monkeypatch.setattr(sample_sheet.captions, "draw", lambda squares, *_: [name for _, name in squares if name])
    lists = image_lists.scan(tmp_path, 0, 0)
    assert sample_sheet.draw(lists, lists.labels) == names
