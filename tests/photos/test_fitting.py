"""A picture becomes a square in three ways, whole or in part."""

import dataclasses
import io

import numpy as np
import pytest
from hypothesis import given, strategies as st
from PIL import Image

from scripts.classifier.backbones import color_texture
from scripts.classifier.photos import distortions, fitting, pixels
from scripts.classifier.photos.distortions import Distortions, views_of
from scripts.classifier.photos.fitting import BACKGROUND, CROP, FITS, PAD, SQUEEZE
from scripts.classifier.training.fine_tuning import photo_batches
from tests.support.workplace import draw_shape

WIDE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (120, 161, 3), np.uint8))
SIDE = 32


def resized(image: Image.Image, width: int = SIDE, height: int = SIDE) -> np.ndarray:
    return np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))


def test_squeeze_shows_all_of_it_with_other_proportions():
    assert np.array_equal(fitting.fit(WIDE, SIDE, SIDE, SQUEEZE), resized(WIDE))


@pytest.mark.parametrize("turned", [False, True])
def test_crop_shows_the_middle_alone(turned):
    image = WIDE.transpose(Image.Transpose.TRANSPOSE) if turned else WIDE
    box = (0, 20, 120, 140) if turned else (20, 0, 140, 120)
    assert np.array_equal(fitting.fit(image, SIDE, SIDE, CROP), resized(image.crop(box)))


def test_pad_shows_all_of_it_on_grey():
    found = fitting.fit(WIDE, SIDE, SIDE, PAD)
    assert np.array_equal(found[4:28], resized(WIDE, height=24))
    assert (found[:4] == BACKGROUND).all() and (found[28:] == BACKGROUND).all()


def test_networks_that_take_no_square_get_their_own_proportions():
    tall = fitting.fit(WIDE, 40, 20, CROP)  # 60 x 120 in the middle
    assert np.array_equal(tall, resized(WIDE.crop((50, 0, 110, 120)), 20, 40))
    padded = fitting.fit(WIDE, 40, 20, PAD)  # as wide as the network's input: 15 pixels high but for rounding
    rows = (padded != BACKGROUND).any((1, 2))
    assert rows.sum() == 14 and padded.shape == (40, 20, 3) and abs(np.flatnonzero(rows).mean() - 19.5) <= 0.5


@given(st.integers(1, 400), st.integers(1, 400), st.integers(1, 40), st.integers(1, 40))
def test_any_picture_fits_into_anything(across, down, height, width):
    image = Image.new("RGB", (across, down), (255, 0, 0))
    for how in FITS:
        found = fitting.fit(image, height, width, how)
        assert found.shape == (height, width, 3)
        seen = (found == (255, 0, 0)).all(-1)
        assert seen.any() if how == PAD else seen.all()
    if (across, down) == (width, height):
        assert all(fitting.fit(image, height, width, how).tobytes() == image.tobytes() for how in FITS)


def test_distortions_come_after():
    """A crop of what crop shows never shows what it leaves out, and one of what pad shows may show its background."""
    image = Image.new("RGB", (300, 100), (255, 0, 0))
    image.paste((0, 0, 255), (100, 0, 200, 100))
    data = pixels_of(image)
    views = list(views_of(Distortions(random_crop=50, random_scale=50), 30, 0))
    blue, whole, padded = (np.array(distortions.look(data, 20, views, how)) for how in (CROP, SQUEEZE, PAD))
    assert (blue[:, 1:-1, 1:-1] == (0, 0, 255)).all()
    assert (whole == (255, 0, 0)).all(-1).any()
    grey = (padded == BACKGROUND).all(-1).mean((1, 2))
    assert grey.min() < 0.55 < grey.max()


def pixels_of(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("how", FITS)
def test_fine_tuning_sees_what_the_classifier_sees(how, tmp_path):
    draw_shape("red", 1).save(tmp_path / "a.png")
    backbone = dataclasses.replace(color_texture.build(), fit=how)
    (found,) = photo_batches.whole(tmp_path, ["a.png"], backbone)
    size = backbone.input_size
    assert np.array_equal(found, pixels.decode((tmp_path / "a.png").read_bytes(), size, size, fit=how))
