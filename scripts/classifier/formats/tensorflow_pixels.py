"""Decodes pictures inside a TensorFlow graph, as closely as it can to what photos/pixels.py does with Pillow.

This is for SavedModels on other servers, which decode pictures themselves. TensorFlow reads JPEG, PNG, GIF, BMP and
WebP. Transparent parts become white only in PNGs, and only JPEGs are turned upright.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..photos import fitting

if TYPE_CHECKING:
    import tensorflow as tf

# How many bytes of a JPEG are searched for its orientation, and how many EXIF entries are read.
_HEAD, _MOST_ENTRIES = 4096, 64
_ORIENTATION = 0x0112


def decode_all(pictures: tf.Tensor, height: int, width: int, fit: str = fitting.SQUEEZE) -> tf.Tensor:
    """Strings [n] -> pixels of 0 to 255, float32 [n, height, width, 3]."""
    import tensorflow as tf

    return tf.map_fn(
        lambda data: decode(data, height, width, fit),
        pictures,
        fn_output_signature=tf.TensorSpec([height, width, 3], tf.float32),
    )


def decode(data: tf.Tensor, height: int, width: int, fit: str = fitting.SQUEEZE) -> tf.Tensor:
    """A string -> [height, width, 3]"""
    import tensorflow as tf

    def other() -> tf.Tensor:
        return tf.io.decode_image(data, channels=3, expand_animations=False)

    head = tf.strings.substr(data, 0, 4)
    image = tf.case(
        [
            (_starts(head, b"\xff\xd8\xff"), lambda: _jpeg(data, max(height, width))),
            (_starts(head, b"\x89PNG"), lambda: _png(data)),
        ],
        default=other,
    )
    image.set_shape([None, None, 3])
    return _FITTED[fit](image, height, width)


def _starts(head: tf.Tensor, signature: bytes) -> tf.Tensor:
    import tensorflow as tf

    return tf.strings.substr(head, 0, len(signature)) == signature


def _jpeg(data: tf.Tensor, at_least: int) -> tf.Tensor:
    """Upright, and at 1/2, 1/4 or 1/8 of the size if that is enough, like Pillow's draft mode."""
    import tensorflow as tf

    def at(ratio: int):
        return lambda: tf.image.decode_jpeg(data, channels=3, ratio=ratio, dct_method="INTEGER_ACCURATE")

    smaller = tf.reduce_min(tf.image.extract_jpeg_shape(data)[:2]) // at_least
    image = tf.case([(smaller >= ratio, at(ratio)) for ratio in (8, 4, 2)], default=at(1))
    return _upright(image, _orientation(data))


def _png(data: tf.Tensor) -> tf.Tensor:
    """Transparent parts become white. TensorFlow scales greys of fewer than 8 bits, but not their opacity."""
    import tensorflow as tf

    header = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 24, 2), tf.uint8), tf.int32)
    depth, is_grey = header[0], tf.equal(header[1], 0)
    steps = tf.where(is_grey & (depth < 8), tf.bitwise.left_shift(1, tf.minimum(depth, 8)) - 1, 255)
    rgba = tf.cast(tf.image.decode_png(data, channels=4), tf.float32)
    colour, opaque = rgba[..., :3], tf.minimum(rgba[..., 3:] / tf.cast(steps, tf.float32), 1)
    return tf.cast(tf.round(colour * opaque + 255 * (1 - opaque)), tf.uint8)


def _squeeze(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    import tensorflow as tf

    return tf.ensure_shape(_resized(image, height, width), [height, width, 3])


def _resized(image: tf.Tensor, height: int | tf.Tensor, width: int | tf.Tensor) -> tf.Tensor:
    """Rounds to whole values after each direction, as Pillow does."""
    import tensorflow as tf

    for size in ([tf.shape(image)[0], width], [height, width]):
        image = tf.round(tf.image.resize(image, size, antialias=True))
    return tf.clip_by_value(image, 0, 255)


def _crop(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    import tensorflow as tf

    down, across = _size(image)
    as_wide, as_high = _with_proportions(down, across, height, width)
    down_kept = tf.where(as_wide <= across, down, as_high)
    across_kept = tf.where(as_wide <= across, as_wide, across)
    first = [(down - down_kept) // 2, (across - across_kept) // 2]
    middle = image[first[0] : first[0] + down_kept, first[1] : first[1] + across_kept]
    return _squeeze(middle, height, width)


def _pad(image: tf.Tensor, height: int, width: int) -> tf.Tensor:
    import tensorflow as tf

    down, across = _size(image)
    as_wide, as_high = _with_proportions(down, across, height, width)
    down_around = tf.where(as_wide <= across, as_high, down)
    across_around = tf.where(as_wide <= across, across, as_wide)
    top, rows = _shown(down, down_around, height)
    left, columns = _shown(across, across_around, width)
    edges = [[top, height - top - rows], [left, width - left - columns], [0, 0]]
    padded = tf.pad(_resized(image, rows, columns), edges, constant_values=fitting.BACKGROUND)
    return tf.ensure_shape(padded, [height, width, 3])


# The same as photos/fitting.py does with Pillow.
_FITTED = {fitting.SQUEEZE: _squeeze, fitting.CROP: _crop, fitting.PAD: _pad}


def _size(image: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Height and width, large enough to be multiplied."""
    import tensorflow as tf

    return tuple(tf.unstack(tf.shape(image, tf.int64)[:2]))


def _with_proportions(down: tf.Tensor, across: tf.Tensor, height: int, width: int) -> tuple[tf.Tensor, tf.Tensor]:
    """How wide and how high the rectangle is that shares the other side with the picture."""
    import tensorflow as tf

    return tf.maximum(_nearest(down * width, height), 1), tf.maximum(_nearest(across * height, width), 1)


def _shown(side: tf.Tensor, around: tf.Tensor, wanted: int) -> tuple[tf.Tensor, tf.Tensor]:
    """Which pixels the picture fills in one direction: the first, and how many."""
    import tensorflow as tf

    before = -((side - around) // 2)
    at = tf.minimum(_nearest(before * wanted, around), wanted - 1)
    count = tf.maximum(_nearest((before + side) * wanted, around) - at, 1)
    return tf.cast(at, tf.int32), tf.cast(count, tf.int32)


def _nearest(number: tf.Tensor, by: int | tf.Tensor) -> tf.Tensor:
    return (2 * number + by) // (2 * by)


def _upright(image: tf.Tensor, orientation: tf.Tensor) -> tf.Tensor:
    """Turned and mirrored as the EXIF orientation says; unknown ones change nothing."""
    import tensorflow as tf

    def mirrored(picture: tf.Tensor) -> tf.Tensor:
        return picture[:, ::-1]

    def flipped(picture: tf.Tensor) -> tf.Tensor:
        return picture[::-1]

    def crosswise(picture: tf.Tensor) -> tf.Tensor:
        return tf.transpose(picture, [1, 0, 2])

    turns = {
        2: lambda: mirrored(image),
        3: lambda: mirrored(flipped(image)),
        4: lambda: flipped(image),
        5: lambda: crosswise(image),
        6: lambda: mirrored(crosswise(image)),
        7: lambda: mirrored(flipped(crosswise(image))),
        8: lambda: flipped(crosswise(image)),
    }
    return tf.case([(tf.equal(orientation, code), turn) for code, turn in turns.items()], default=lambda: image)


def _orientation(data: tf.Tensor) -> tf.Tensor:
    """The EXIF orientation at the beginning of a JPEG; 0 if there is none."""
    import tensorflow as tf

    # Padded with zeros, so that entries can be read beyond the end.
    values = tf.cast(tf.io.decode_raw(tf.strings.substr(data, 0, _HEAD), tf.uint8), tf.int32)
    values = tf.concat([values, tf.zeros(12 * _MOST_ENTRIES + 16, tf.int32)], 0)
    marker, last = tf.constant(list(b"Exif\0\0"), tf.int32), tf.size(values) - 12 * _MOST_ENTRIES - 16
    starts = tf.reduce_all([values[at : last + at] == marker[at] for at in range(6)], axis=0)
    notes = tf.cast(tf.argmax(tf.concat([starts, [False]], 0)), tf.int32) + 6
    little = values[notes] == ord("I")

    def number(places: tf.Tensor) -> tf.Tensor:
        """The number in the two bytes at each place."""
        first, second = tf.gather(values, places), tf.gather(values, places + 1)
        return tf.where(little, first + 256 * second, 256 * first + second)

    # The four bytes at 4 hold the offset of the entries; two of them are enough.
    table = notes + tf.minimum(number(notes + tf.where(little, 4, 6)), last - notes)
    entries = table + 2 + 12 * tf.range(_MOST_ENTRIES)
    found = (number(entries) == _ORIENTATION) & (tf.range(_MOST_ENTRIES) < number(table)) & tf.reduce_any(starts)
    return tf.reduce_sum(tf.where(found, number(entries + 8), 0))
