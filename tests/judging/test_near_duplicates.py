"""Nearly identical photos are found, and others are not."""

import io

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st
from PIL import Image, ImageEnhance, ImageOps

from scripts.classifier.fetching import flower_scenes
from scripts.classifier.judging import near_duplicates, perceptual_hash
from scripts.classifier.judging.near_duplicates import Pair
from scripts.classifier.judging.perceptual_hash import Hashes

KINDS = ("daisy", "dandelion", "roses", "sunflowers", "tulips")


def encode(image, quality=90):
    data = io.BytesIO()
    image.save(data, "JPEG", quality=quality)
    return data.getvalue()


def copies(image):
    return {
        "recompressed": encode(image, 30),
        "half the size": encode(image.resize((image.width // 2, image.height // 2))),
        "brighter": encode(ImageEnhance.Brightness(image).enhance(1.1)),
        "more contrast": encode(ImageEnhance.Contrast(image).enhance(1.15)),
        "grey": encode(image.convert("L")),
        "another shape": encode(image.resize((300, 300))),
    }


def distance(one, other):
    return (one ^ other).bit_count()


@pytest.fixture(scope="module")
def flowers():
    return [flower_scenes.picture(kind, 0, number) for kind in KINDS for number in range(6)]


def test_copies_have_nearly_the_same_hash_and_other_pictures_do_not(flowers):
    hashes = [perceptual_hash.of_bytes(encode(image)) for image in flowers]
    for image, original in zip(flowers, hashes, strict=True):
        for change, data in copies(image).items():
            assert distance(original, perceptual_hash.of_bytes(data)) <= 6, change
    apart = [distance(a, b) for at, a in enumerate(hashes) for b in hashes[:at]]
    assert min(apart) > 8
    assert 28 < np.mean(apart) < 34


def test_the_hash_of_a_mirror_image_follows_from_the_hash(flowers):
    for image in flowers:
        there = perceptual_hash.of_bytes(encode(image, 95))
        mirrored = perceptual_hash.of_bytes(encode(ImageOps.mirror(image), 95))
        assert distance(int(perceptual_hash.mirrored(np.uint64(there))), mirrored) <= 5


def test_photos_are_hashed_in_order_and_unusable_ones_are_left_out(tmp_path, flowers):
    paths = [f"{at}.jpg" for at in range(100)]
    for at, path in enumerate(paths):
        flowers[at % 30].resize((80, 60)).save(tmp_path / path)
    (tmp_path / "7.jpg").write_bytes(b"not a picture")
    Image.new("RGB", (80, 60), (200, 30, 30)).save(tmp_path / "8.jpg")
    done = []
    hashes = perceptual_hash.of_photos(tmp_path, [*paths, "gone.jpg"], done.append)
    assert sum(done) == 101
    assert np.flatnonzero(~hashes.usable).tolist() == [7, 8, 100]
    assert all(
        hashes.bits[at] == perceptual_hash.of_bytes((tmp_path / paths[at]).read_bytes())
        for at in np.flatnonzero(hashes.usable)
    )
    found = near_duplicates.find(hashes, ["training"] * 30 + ["testing"] * 71, np.zeros(101, int))
    assert found.compared == 98
    assert all(pair.first % 30 == pair.second % 30 for pair in found.across_sets)
    assert {pair.first for pair in found.across_sets} == set(range(30, 100)) - {37, 38, 67, 68, 97, 98}


def test_fewer_than_two_photos_give_no_pairs():
    for photos in (0, 1):
        hashes, vectors = Hashes(np.zeros(photos, np.uint64), np.ones(photos, bool)), np.ones((photos, 3), np.float32)
        found = near_duplicates.find(hashes, ["testing"] * photos, np.zeros(photos, int), vectors)
        assert (found.across_sets, found.across_labels, found.pairs, found.copies) == ([], [], {}, {})


def clustered(random, photos):
    """Hashes and vectors, many of them near to one another."""
    centres = random.integers(0, 2**64, 8, dtype=np.uint64)
    which = random.integers(0, 8, photos)
    flips = random.random((photos, 64)) < random.choice([0.0, 0.05, 0.12, 0.5], (photos, 1))
    bits = centres[which] ^ np.packbits(flips, axis=1).view(np.uint64)[:, 0]
    turned = random.random(photos) < 0.2
    bits = np.where(turned, perceptual_hash.mirrored(bits), bits)
    vectors = np.eye(8, 20)[which] * 3 + random.normal(0, 0.7, (photos, 20))
    return bits, vectors.astype(np.float32)


@given(st.integers(0, 2**32), st.integers(2, 150), st.booleans())
@settings(max_examples=40)
def test_the_pairs_are_those_found_by_comparing_every_two_photos(seed, photos, with_vectors):
    random = np.random.default_rng(seed)
    bits, vectors = clustered(random, photos)
    usable = random.random(photos) < 0.9
    splits = random.choice(["training", "validation", "testing"], photos).tolist()
    truth = random.integers(0, 3, photos)
    before = vectors.copy()
    found = near_duplicates.find(Hashes(bits, usable), splits, truth, vectors if with_vectors else None)
    assert (vectors == before).all()

    rows = np.flatnonzero(usable)
    units = vectors - vectors[rows].sum(axis=0) / max(1, len(rows))
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-12)
    # The limit depends on sampled photos, so it is taken from the code under test.
    limit = near_duplicates._Agreement(vectors[rows], bits[rows]).threshold if with_vectors else np.inf
    pairs, counted, touched = {}, {}, {}
    for at, one in enumerate(rows):
        for other in rows[at + 1 :]:
            plain = distance(int(bits[one]), int(bits[other]))
            mirrored = distance(int(bits[one]), int(perceptual_hash.mirrored(bits[other])))
            cosine = float(units[one] @ units[other])
            assume(abs(cosine - limit) > 1e-5)  # otherwise rounding decides
            if plain <= 6 or mirrored <= 4 or (cosine >= limit and (plain <= 14 or mirrored <= 8)):
                pairs[one, other] = min(plain, mirrored)
                sets = tuple(sorted((splits[one], splits[other])))
                counted[sets] = counted.get(sets, 0) + 1
                touched.setdefault((splits[one], splits[other]), set()).add(one)
                touched.setdefault((splits[other], splits[one]), set()).add(other)
    assert found.compared == len(rows)
    assert found.pairs == counted
    assert found.copies == {sets: len(some) for sets, some in touched.items() if sets[0] != sets[1]}
    for listed, groups in ((found.across_sets, splits), (found.across_labels, truth.tolist())):
        apart = {pair: far for pair, far in pairs.items() if groups[pair[0]] != groups[pair[1]]}
        for pair in listed:
            assert groups[pair.first] != groups[pair.second]
            nearest = min(far for both, far in apart.items() if pair.first in both)
            assert pair.distance == nearest == apart[tuple(sorted((pair.first, pair.second)))]
        mentioned = {row for pair in listed for row in (pair.first, pair.second)}
        assert {row for both in apart for row in both if groups is not splits or splits[row] != "training"} <= mentioned
        assert [pair.distance for pair in listed] == sorted(pair.distance for pair in listed)


def test_photos_are_compared_across_tiles(monkeypatch):
    random = np.random.default_rng(3)
    bits, vectors = clustered(random, 400)
    splits, truth = random.choice(["training", "testing"], 400).tolist(), random.integers(0, 3, 400)
    hashes = Hashes(bits, np.ones(400, bool))
    whole = near_duplicates.find(hashes, splits, truth, vectors)
    monkeypatch.setattr(near_duplicates, "_TILE_COLUMNS", 37)
    monkeypatch.setattr(near_duplicates, "_PAIRS_AT_ONCE", 11)
    assert near_duplicates.find(hashes, splits, truth, vectors) == whole
    assert whole.pairs


def test_vectors_confirm_what_hashes_only_hint_at():
    random = np.random.default_rng(0)
    bits = random.integers(0, 2**64, 300, dtype=np.uint64)
    bits[1] = bits[0] ^ np.uint64(0b1111111111)  # ten bits apart
    bits[3] = bits[2] ^ np.uint64(0b1111111111)
    bits[5] = bits[4] ^ np.uint64(0b111)
    vectors = random.normal(0, 1, (300, 50)).astype(np.float32)
    vectors[1] = vectors[0] + random.normal(0, 0.1, 50)
    splits = ["testing", "training"] * 150
    hashes, truth = Hashes(bits, np.ones(300, bool)), np.zeros(300, int)
    alone = near_duplicates.find(hashes, splits, truth)
    assert alone.across_sets == [Pair(4, 5, 3, False, None)]
    both = near_duplicates.find(hashes, splits, truth, vectors)
    assert [(pair.first, pair.second) for pair in both.across_sets] == [(4, 5), (0, 1)]
    assert both.across_sets[1].cosine > 0.9
    assert both.copies == {("testing", "training"): 2, ("training", "testing"): 2}


def test_pairs_among_a_thousand_similar_frames_are_counted_but_not_all_listed():
    hashes = Hashes(np.full(1000, 12345, np.uint64), np.ones(1000, bool))
    splits = ["training"] * 800 + ["testing"] * 200
    found = near_duplicates.find(hashes, splits, np.zeros(1000, int), np.ones((1000, 4), np.float32))
    assert found.pairs == {
        ("testing", "training"): 160_000,
        ("testing", "testing"): 19_900,
        ("training", "training"): 319_600,
    }
    assert len(found.across_sets) == 200
    assert found.copies == {("testing", "training"): 200, ("training", "testing"): 800}


def test_reduced_and_mirrored_copies_of_real_photos_are_found_and_nothing_else(real_data, tmp_path):
    originals = sorted((real_data / "flower_photos").glob("*/*.jpg"))[::8]
    for at, path in enumerate(originals):
        (tmp_path / f"{at}.jpg").write_bytes(path.read_bytes())
        with Image.open(path) as image:
            image.thumbnail((200, 200))
            ImageOps.mirror(image).save(tmp_path / f"mirrored {at}.jpg")
            image.save(tmp_path / f"small {at}.jpg", quality=60)
    count = len(originals)
    assert count > 40
    names = [f"{kind}{at}.jpg" for kind in ("", "small ", "mirrored ") for at in range(count)]
    splits = ["training"] * count + ["testing"] * count + ["validation"] * count
    found = near_duplicates.find(perceptual_hash.of_photos(tmp_path, names), splits, np.arange(3 * count) % count)
    assert found.copies["testing", "training"] == count
    assert found.copies["validation", "training"] >= 0.9 * count
    assert found.across_labels == []
