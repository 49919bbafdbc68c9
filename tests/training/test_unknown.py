"""Recognising photos of none of the labels by signs in their bottlenecks."""

import io
import tarfile

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from scripts.classifier.errors import UserError
from scripts.classifier.training import discriminants, learning_unknown, unknown
from tests.support.workplace import ROOT

ARRAYS = [
    "mean",
    "deviation",
    "discriminants",
    "discriminants_steps",
    "offsets",
    "starts",
    "directions",
    "directions_steps",
    "none",
    "beyond",
    "unit",
]


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
    tells = learning_unknown.of_vectors(training, labels, held_out[::2], kept, seed=0)
    assert abs((tells.distances(held_out[1::2]) <= 1).mean() - kept) < 0.1
    assert (tells.distances(held_out[::2]) <= 1).mean() >= kept
    assert (tells.distances(strangers) > 1).mean() > 0.9


def test_one_odd_validation_photo_moves_no_limit_when_training_photos_help(flowers):
    training, labels, held_out, strangers = flowers
    few = np.concatenate([held_out[:30], strangers[:1]])
    alone, together = (
        learning_unknown.of_vectors(training, labels, few, 0.95, 0, folded=folded) for folded in (False, True)
    )
    assert (alone.distances(strangers) > 1).mean() < 0.9 < (together.distances(strangers) > 1).mean()
    assert (together.distances(held_out[30:]) <= 1).mean() > 0.85


def test_things_between_the_labels_are_told_by_the_near_sign(flowers):
    training, labels, held_out, _ = flowers
    between = (training[labels == 0] + training[labels == 1] + training[labels == 2]) / 3
    tells = learning_unknown.of_vectors(training, labels, held_out, 0.95, seed=0)
    near, _ = tells.signs(between)
    assert (near > tells.limits.beyond[0]).all()
    assert (tells.distances(between) > 1).all()


def test_photos_of_other_things_teach_what_is_unknown(flowers):
    training, labels, held_out, _ = flowers
    random = np.random.default_rng(1)
    # Hard to tell without them: they look like the first label, but for a few values.
    alike = clusters(random, training[labels == 0].mean(axis=0)[None] + np.eye(40)[[3]] * 1.2, 120)[0]
    alike = alike.astype(np.float32)
    away = {
        name: (learning_unknown.of_vectors(training, labels, held_out, 0.95, 0, none).distances(alike[60:]) > 1).mean()
        for name, none in (("without", None), ("with", alike[:60]))
    }
    assert away["with"] > away["without"] + 0.3
    tells = learning_unknown.of_vectors(training, labels, held_out, 0.95, 0, alike[:60])
    assert (tells.distances(held_out) <= 1).mean() >= 0.95


def test_reading_back_gives_the_same_distances(flowers):
    training, labels, held_out, _ = flowers
    tells = learning_unknown.of_vectors(training, labels, held_out, 0.95, seed=0)
    data = tells.to_bytes()
    assert np.array_equal(unknown.from_bytes(data, "x").distances(held_out), tells.distances(held_out))
    assert data == learning_unknown.of_vectors(training, labels, held_out, 0.95, seed=0).to_bytes()
    for damaged in (b"", b"PK\x03\x04", data[:1000], b"<html>"):
        with pytest.raises(UserError, match="cannot read x"):
            unknown.from_bytes(damaged, "x")


def test_distances_grow_steadily_through_the_limit(flowers):
    training, labels, held_out, strangers = flowers
    tells = learning_unknown.of_vectors(training, labels, held_out, 0.95, seed=0)
    path = np.linspace(0, 1, 200)[:, None] * (strangers[0] - training[0]) + training[0]
    distances = tells.distances(path.astype(np.float32))
    assert distances.min() > 0 and distances.min() < 1 < distances.max()
    assert np.abs(np.diff(distances)).max() < 0.2


@settings(deadline=None)
@given(
    st.integers(1, 40),
    st.integers(1, 4),
    st.sampled_from([0.5, 0.95, 1.0]),
    st.integers(0, 3),
    st.sampled_from([0, 1, 7]),
)
def test_a_few_photos_are_enough(count, labels, kept, seed, others):
    random = np.random.default_rng(seed)
    vectors = np.maximum(random.normal(0, 1, (count, 6)), 0).astype(np.float32)
    vectors[0] = 0  # a network may give all zeros
    none = np.maximum(random.normal(0, 1, (others, 6)), 0).astype(np.float32) if others else None
    tells = learning_unknown.of_vectors(vectors, np.arange(count) % labels, vectors[::2], kept, seed, none)
    distances = tells.distances(vectors)
    assert distances.shape == (count,) and np.isfinite(distances).all()
    assert (distances[::2] <= 1).mean() >= kept - 1e-9
    assert tells.distances(vectors[:0]).shape == (0,)


@pytest.mark.parametrize(("photos", "values"), [(300, 40), (40, 300)], ids=["more photos", "more values"])
def test_discriminants_are_the_same_whichever_matrix_is_smaller(photos, values):
    random = np.random.default_rng(0)
    residuals, rows = random.normal(0, 1, (photos, values)), random.normal(0, 1, (3, values))
    covariance = residuals.T @ residuals / photos
    shrunk = 0.3 * covariance + 0.7 * np.eye(values) * np.trace(covariance) / values
    np.testing.assert_allclose(
        discriminants._over_covariance(residuals, rows), np.linalg.solve(shrunk, rows.T).T, rtol=1e-9, atol=1e-12
    )


def test_principal_directions_are_those_of_the_singular_values():
    random = np.random.default_rng(0)
    vectors = (random.normal(0, 1, (400, 60)) * np.geomspace(10, 0.1, 60)).astype(np.float32)
    found = discriminants.principal_directions(vectors, random)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    exact = np.linalg.svd(vectors, full_matrices=False)[2][: len(found)]
    np.testing.assert_allclose(np.linalg.norm(found @ exact.T, axis=0)[:20], 1, atol=1e-3)
    np.testing.assert_allclose(found @ found.T, np.eye(len(found)), atol=1e-4)


def test_many_photos_are_sampled():
    labels = np.array([0] * 5000 + [1] * 10)
    rows = learning_unknown.sample(labels, 0)
    assert len(rows) == 1010 and (labels[rows] == 1).sum() == 10 and len(set(rows)) == len(rows)


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("wrong", [np.array(["one", "two"]), np.zeros((7, 7)), np.array(None)])
def test_arrays_of_another_kind_are_refused_in_one_line(flowers, array, wrong):
    training, labels, held_out, _ = flowers
    with np.load(io.BytesIO(learning_unknown.of_vectors(training, labels, held_out, 0.95, seed=0).to_bytes())) as read:
        assert sorted(read) == sorted(ARRAYS)
        others = {**read, array: wrong}
    refused(others)


@pytest.mark.parametrize("array", ["mean", "deviation", "centres", "steps", "units"])
@pytest.mark.parametrize("wrong", [np.array(["one", "two"]), np.zeros((7, 7)), np.array(None)])
def test_so_are_those_of_the_version_before(array, wrong):
    with tarfile.open(ROOT / "tests" / "data" / "written_by_the_version_before.tar.xz") as pack:
        file = pack.extractfile("retrained_graph.unknown.npz")
        assert file is not None
        with np.load(io.BytesIO(file.read())) as read:
            assert "centres" in read
            others = {**read, array: wrong}
    refused(others)


def refused(arrays: dict) -> None:
    file = io.BytesIO()
    np.savez(file, **arrays)
    with pytest.raises(UserError, match="cannot read it, which recognises unknown photos"):
        unknown.from_bytes(file.getvalue(), "it")


def test_a_single_array_is_refused_in_one_line():
    file = io.BytesIO()
    np.save(file, np.zeros(3))
    with pytest.raises(UserError, match="cannot read it"):
        unknown.from_bytes(file.getvalue(), "it")
