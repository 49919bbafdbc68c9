"""Turns a picture into lines of text for a terminal."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageOps

# From dark to bright: most terminals have light letters on a dark background.
_RAMP = " .:-=+*#%@"

_UPPER_HALF = "▀"
_RESET = "\x1b[0m"

# A terminal's characters are about twice as high as wide.
_HEIGHT_OF_A_CHARACTER = 2


def shows_colours(is_terminal: bool, encoding: str | None, environment: Mapping[str, str]) -> bool:
    """True if a stream can show 24-bit colours and half blocks."""
    kind = environment.get("TERM", "")
    if not is_terminal or environment.get("NO_COLOR") or kind in ("", "dumb", "unknown") or kind.startswith("vt"):
        return False
    # macOS's own terminal takes these codes for blinking, unless COLORTERM says otherwise.
    truecolor = environment.get("COLORTERM") in ("truecolor", "24bit")
    if environment.get("TERM_PROGRAM") == "Apple_Terminal" and not truecolor:
        return False
    try:
        _UPPER_HALF.encode(encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def draw(image: Image.Image, columns: int, rows: int, *, colours: bool) -> list[str]:
    """An RGB picture in its proportions, in at most these columns and rows; without `colours` in ASCII."""
    scale = min(columns / image.width, rows * _HEIGHT_OF_A_CHARACTER / image.height)
    width, height = max(1, round(image.width * scale)), image.height * scale
    if colours:
        return _half_blocks(image, width, max(1, round(height)))
    return _characters(image, width, max(1, round(height / _HEIGHT_OF_A_CHARACTER)))


def _half_blocks(image: Image.Image, width: int, height: int) -> list[str]:
    """Each character shows two pixels, one above the other."""
    pixels = np.asarray(image.resize((width, height), Image.Resampling.LANCZOS)).tolist()
    lines = []
    for y in range(0, height, 2):
        above, below = pixels[y], pixels[y + 1] if y + 1 < height else None
        line, last = [], None
        for x in range(width):
            pair = above[x], None if below is None else below[x]
            if pair != last:
                last = pair
                ground = "49" if below is None else "48;2;{};{};{}".format(*below[x])
                line.append("\x1b[38;2;{};{};{};{}m".format(*above[x], ground))
            line.append(_UPPER_HALF)
        lines.append("".join([*line, _RESET]))
    return lines


def _characters(image: Image.Image, width: int, height: int) -> list[str]:
    grey = ImageOps.autocontrast(image.resize((width, height), Image.Resampling.LANCZOS).convert("L"), cutoff=1)
    values = grey.tobytes()
    letters = "".join(_RAMP[value * len(_RAMP) // 256] for value in values)
    return [letters[at : at + width].rstrip() for at in range(0, len(letters), width)]
