"""Shares as percentages."""

import pytest

from scripts.classifier.drawing.percent import percent


@pytest.mark.parametrize(
    ("share", "decimals", "shown"),
    [
        (0.82, 1, "82.0 %"),
        (0.99994, 1, ">99.9 %"),
        (0.9994, 1, "99.9 %"),
        (0.0004, 1, "<0.1 %"),
        (0.0006, 1, "0.1 %"),
        (0, 1, "0.0 %"),
        (1, 1, "100.0 %"),
        (0.5, 0, "50 %"),
        (0.999, 0, ">99 %"),
        (0.001, 0, "<1 %"),
    ],
)
def test_only_all_is_100_percent_and_only_none_is_0_percent(share, decimals, shown):
    assert percent(share, decimals) == shown
