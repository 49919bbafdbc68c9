"""The points that charts of a training show."""

import math

import pytest
from hypothesis import given, strategies as st

from scripts.classifier.drawing import curve_points

measured = st.lists(st.one_of(st.none(), st.just(math.nan), st.floats(0, 100)), max_size=400)


@given(measured)
def test_a_curve_ends_at_its_last_measurement(values):
    known = [(step, value) for step, value in enumerate(values) if value is not None and math.isfinite(value)]
    points = curve_points.thinned(range(len(values)), values)
    if not known:
        assert points == []
        return
    step, value = known[-1]
    assert points[-1] == (step, value, value, value)
    assert [each for each, *_ in points] == sorted({each for each, *_ in points}) and len(points) <= 101
    assert all(low <= mean + 1e-9 and mean <= high + 1e-9 for _, mean, low, high in points)


def test_long_curves_are_combined_evenly():
    points = curve_points.thinned(range(401), range(401))
    assert len(points) == 101 and points[0] == pytest.approx((1.5, 1.5, 0, 3))
