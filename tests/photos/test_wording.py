"""Numbers and lists in messages."""

import pytest

from scripts.classifier.photos.wording import counted, some_of


@pytest.mark.parametrize(("number", "said"), [(0, "0 photos"), (1, "1 photo"), (2, "2 photos"), (3670, "3,670 photos")])
def test_regular_plurals(number, said):
    assert counted(number, "photo") == said


def test_irregular_plurals():
    assert (counted(1, "category", "categories"), counted(2, "category", "categories")) == (
        "1 category",
        "2 categories",
    )


@pytest.mark.parametrize(
    ("items", "said"), [("a", "a"), ("ab", "a and b"), ("abc", "a, b and c"), ("abcdef", "a, b, c and 3 more")]
)
def test_lists(items, said):
    assert some_of(items) == said
