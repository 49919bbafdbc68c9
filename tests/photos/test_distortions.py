"""Distorted views of a photo: within bounds, and the same for the same seed."""

import io

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.errors import UserError
from scripts.classifier.photos import distortions
from scripts.classifier.photos.distortions import WHOLE, Distortions, views_of
from tests.support.workplace import draw_shape

SIZE = 48


def jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


PHOTO = jpeg(draw_shape("red", 4))


def look(kinds: Distortions, count: int = 12, seed: int = 0, data: bytes = PHOTO) -> list[np.ndarray]:
    return distortions.look(data, SIZE, list(views_of(kinds, count, seed)))


def test_a_view_without_distortions_is_the_whole_photo():
    assert views_of(Distortions(), 8, 0) == (WHOLE,)


@pytest.mark.parametrize(
    "kinds",
    [
        Distortions(random_crop=30),
        Distortions(random_scale=40),
        Distortions(random_brightness=40),
        Distortions(flip_left_right=True),
    ],
)
def test_each_kind_varies_and_repeats_with_its_seed(kinds):
    views = look(kinds)
    assert len({view.tobytes() for view in views}) > 1
    assert all((a == b).all() for a, b in zip(views, look(kinds), strict=True))
    assert any((a != b).any() for a, b in zip(views, look(kinds, seed=1), strict=True))


def test_views_do_not_depend_on_how_many_there_are():
    kinds = Distortions(True, 20, 20, 20)
    assert all((a == b).all() for a, b in zip(look(kinds, 3), look(kinds, 9), strict=False))


def test_two_photos_are_not_distorted_alike():
    left_half = Image.new("RGB", (60, 60), "white")
    left_half.paste("black", (0, 0, 30, 60))
    other = left_half.copy()
    other.putpixel((0, 0), (9, 9, 9))
    kinds = Distortions(flip_left_right=True)
    sides = [[view[24, 4, 0] < 128 for view in look(kinds, 16, data=jpeg(image))] for image in (left_half, other)]
    assert sides[0] != sides[1]
    assert 2 < sum(sides[0]) < 14


def test_brightness_stays_within_bounds_and_does_not_wrap_around():
    grey = jpeg(Image.new("RGB", (40, 40), (250, 250, 250)))
    values = [int(view.mean()) for view in look(Distortions(random_brightness=20), 40, data=grey)]
    assert min(values) >= 199 and max(values) == 255 and len(set(values)) > 5


def test_crops_lie_inside_the_photo():
    ramp = Image.linear_gradient("L").convert("RGB")
    for view in look(Distortions(random_crop=100), 40, data=jpeg(ramp)):
        # A margin of 100 % leaves half of the height, and the gradient shows which half.
        assert 100 < int(view[-1].mean()) - int(view[0].mean()) < 150


@pytest.mark.parametrize("percentage", [-1, 101])
def test_percentages_are_checked(percentage):
    with pytest.raises(UserError, match="--random_crop"):
        Distortions(random_crop=percentage)


def test_training_with_distortions_computes_its_views_once(workplace, photos):
    flags = ["--flip_left_right", "--random_crop=10", "--random_brightness=10", "--distorted_views=3"]
    first = workplace.retrain(photos, *flags)
    assert first.returncode == 0, first.stderr
    training = int(first.stdout.split(" training")[0].split()[-1])
    assert f"{3 * training + 72 - training} computed" in first.stdout
    again = workplace.retrain(photos, *flags)
    assert ", 0 computed" in again.stdout
    assert "test accuracy 100.0 %" in again.stdout
    more = workplace.retrain(photos, *flags[:-1], "--distorted_views=4")
    assert f"{training} computed" in more.stdout
