"""Recognising photos of none of the labels by the distance of their bottlenecks."""

import io

import numpy as np
import pytest
from hypothesis import given, strategies as st

from scripts.classifier.errors import UserError
from scripts.classifier.training import unknown


def clusters(random: np.random.Generator, centres: np.ndarray, each: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.repeat(np.arange(len(centres)), each)
    spread = random.normal(0, 0.4, (len(labels), centres.shape[1])).astype(np.float32)
    return np.maximum(centres[labels] + spread, 0), labels


@pytest.fixture(scope="module")
def flowers():
    """Three labels around three directions, and unknown things around three others."""
    random = np.random.default_rng(0)
    known, other = np.abs(random.normal(1, 1, (2, 3, 40))).astype(np.float32)
    training, labels = clusters(random, known, 60)
    held_out, _ = clusters(random, known, 80)
    strangers, _ = clusters(random, other, 80)
    return training, labels, held_out, strangers


@pytest.mark.parametrize("kept", [0.8, 0.95])
def test_the_stated_share_of_photos_is_kept_and_strangers_are_not(flowers, kept):
    training, labels, held_out, strangers = flowers
    tells = unknown.learn(training, labels, held_out[::2], kept, seed=0)
    assert abs((tells.distances(held_out[1::2]) <= 1).mean() - kept) < 0.1
    assert (tells.distances(held_out[::2]) <= 1).mean() >= kept
    assert (tells.distances(strangers) > 1).mean() > 0.95


def test_reading_back_gives_the_same_distances(flowers):
    training, labels, held_out, _ = flowers
    tells = unknown.learn(training, labels, held_out, 0.95, seed=0)
    data = tells.to_bytes()
    assert np.array_equal(unknown.from_bytes(data, "x").distances(held_out), tells.distances(held_out))
    assert data == unknown.learn(training, labels, held_out, 0.95, seed=0).to_bytes()
    for damaged in (b"", b"PK\x03\x04", data[:1000], b"<html>"):
        with pytest.raises(UserError, match="cannot read x"):
            unknown.from_bytes(damaged, "x")


@given(st.integers(1, 40), st.integers(1, 4), st.sampled_from([0.5, 0.95, 1.0]), st.integers(0, 3))
def test_a_few_photos_are_enough(count, labels, kept, seed):
    random = np.random.default_rng(seed)
    vectors = np.maximum(random.normal(0, 1, (count, 6)), 0).astype(np.float32)
    vectors[0] = 0  # a network may give all zeros
    tells = unknown.learn(vectors, np.arange(count) % labels, vectors[::2], kept, seed)
    distances = tells.distances(vectors)
    assert distances.shape == (count,) and np.isfinite(distances).all()
    assert (distances[::2] <= 1).mean() >= kept - 1e-9


def test_many_photos_are_sampled():
    labels = np.array([0] * 5000 + [1] * 10)
    rows = unknown.sample(labels, 0)
    assert len(rows) == 1010 and (labels[rows] == 1).sum() == 10 and len(set(rows)) == len(rows)


@pytest.mark.parametrize("array", ["mean", "deviation", "centres", "steps", "units"])
@pytest.mark.parametrize("wrong", [np.array(["one", "two"]), np.zeros((7, 7)), np.array(None)])
def test_arrays_of_another_kind_are_refused_in_one_line(flowers, array, wrong):
    training, labels, held_out, _ = flowers
    with np.load(io.BytesIO(unknown.learn(training, labels, held_out, 0.95, seed=0).to_bytes())) as arrays:
        others = {**arrays, array: wrong}
    file = io.BytesIO()
    np.savez(file, **others)
    with pytest.raises(UserError, match="cannot read it, which recognises unknown photos"):
        unknown.from_bytes(file.getvalue(), "it")


def test_a_single_array_is_refused_in_one_line():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="cannot read it"):
        unknown.from_bytes(file.getvalue(), "it")
