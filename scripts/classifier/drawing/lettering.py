"""Writes text into pictures, each character in a font that has it."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

# Where Linux and macOS keep fonts.
FOLDERS = tuple(
    Path(folder).expanduser()
    for folder in (
        "/usr/share/fonts",
        "/usr/local/share/fonts",
        "~/.local/share/fonts",
        "~/.fonts",
        "/System/Library/Fonts",
        "/Library/Fonts",
        "~/Library/Fonts",
    )
)

# Plain fonts with many characters, tried first.
_PREFERRED = (
    "DejaVuSans",
    "NotoSans-Regular",
    "LiberationSans-Regular",
    "FreeSans",
    "Arial",
    "Arial Unicode",
    "NotoSansCJK-Regular",
    "PingFang",
    "Hiragino Sans GB",
)
_FANCY = re.compile(r"bold|italic|oblique|black|light|thin|condensed|narrow|mono|serif|math|symbol", re.I)
# A font that draws a box for every character there is.
_EMPTY_FONT = "LastResort"
_NO_CHARACTER = "\U0010ffff"

# Characters that choose a variant of the one before, such as an emoji's skin colour: no font here draws those.
_VARIANTS = re.compile("[\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")
_FLAG_LETTER = "REGIONAL INDICATOR SYMBOL LETTER "
_MOST_LISTED = 20  # characters in a warning


@dataclass(frozen=True)
class Drawn:
    """A picture with text in it."""

    picture: Image.Image
    missing: str  # characters of the text that no font here has

    def warnings(self) -> list[str]:
        named = "".join(each for each in self.missing if _instead(each) not in ("?", _base(each)))
        letters = "".join(each for each in self.missing if each not in named)
        found = []
        if named:
            found.append(f"no font here can draw {_listed(named)}: the picture names them instead, as in [sunflower]")
        if letters:
            found.append(
                f"no font here has {_listed(letters)}: base letters or ? stand instead; install the Noto fonts"
            )
        return found


class Lettering:
    """The fonts for a given text, in one size. In other sizes, the same text gets the same fonts."""

    def __init__(self, text: str, size: int, folders: Sequence[Path] = FOLDERS):
        self.height = round(size * 1.35)  # from one line to the next
        self._ascent = size
        self._fonts: dict[str, ImageFont.FreeTypeFont] = {}
        self._plain: ImageFont.FreeTypeFont = ImageFont.load_default(size)  # type: ignore[assignment] # given a size
        wanted = frozenset(each for each in _VARIANTS.sub("", text) if not each.isspace())
        fonts = _best_first(wanted, self._plain, size, folders) if wanted else []
        for font, has in fonts:
            self._fonts |= {each: font for each in has if each not in self._fonts}
        self._lacking = wanted - set(self._fonts)
        self.missing = "".join(sorted(each for each in self._lacking if _instead(each)))
        if fonts:
            self._plain = fonts[0][0]

    def width(self, text: str) -> float:
        return sum(font.getlength(run) for run, font in self._runs(text))

    def wrap(self, text: str, width: float) -> list[str]:
        """Lines of at most this width, broken at spaces and slashes; a longer word is broken anywhere."""
        lines = [""]
        for piece in re.findall(r"\S+?://[^\s/]*/*|[^\s/]*/+|[^\s/]+|\s+", text):
            if self.width((lines[-1] + piece).rstrip()) <= width:
                lines[-1] += piece
                continue
            lines.append("")
            for each in piece.strip():
                if lines[-1] and self.width(lines[-1] + each) > width:
                    lines.append("")
                lines[-1] += each
        return [line.strip() for line in lines if line.strip()]

    def write(self, pen: ImageDraw.ImageDraw, x: float, y: float, text: str, colour: str) -> None:
        """Writes the text with its upper left corner at x, y."""
        for run, font in self._runs(text):
            pen.text((x, y + self._ascent), run, colour, font, anchor="ls")
            x += font.getlength(run)

    def _runs(self, text: str) -> Iterator[tuple[str, ImageFont.FreeTypeFont]]:
        """Pieces that one font writes."""
        shown = "".join(_instead(each) if each in self._lacking else each for each in _VARIANTS.sub("", text))
        for font, run in groupby(shown, lambda each: self._fonts.get(each, self._plain)):
            yield "".join(run), font


def _best_first(
    wanted: frozenset[str], plain: ImageFont.FreeTypeFont, size: int, folders: Sequence[Path]
) -> list[tuple[ImageFont.FreeTypeFont, frozenset[str]]]:
    """Fonts and the characters that each has: a font that has all, alone, otherwise those with the most first."""
    found = []
    for font in _fonts(plain, size, folders):
        has = frozenset(each for each in wanted if _has(font, each))
        if has == wanted:
            return [(font, has)]
        if has:
            found.append((font, has))
    return sorted(found, key=lambda pair: -len(pair[1]))


def _fonts(plain: ImageFont.FreeTypeFont, size: int, folders: Sequence[Path]) -> Iterator[ImageFont.FreeTypeFont]:
    """Pillow's own font comes first: it has little more than ASCII, but looks the same everywhere."""
    yield plain
    for path in sorted(_font_files(folders), key=_preference):
        try:
            yield ImageFont.truetype(path, size)
        except OSError:
            continue  # fonts of a fixed size, such as coloured emoji, and damaged files


def _font_files(folders: Sequence[Path]) -> Iterator[Path]:
    # matplotlib brings fonts, if it is installed.
    matplotlib = find_spec("matplotlib")
    places = None if matplotlib is None else matplotlib.submodule_search_locations
    brought = [Path(place, "mpl-data", "fonts", "ttf") for place in places or ()]
    for folder in [*folders, *brought]:
        for place, _, names in os.walk(folder):
            for name in names:
                if name.lower().endswith((".ttf", ".otf", ".ttc")) and not name.startswith(_EMPTY_FONT):
                    yield Path(place, name)


def _preference(path: Path) -> tuple[int, bool, str]:
    rank = _PREFERRED.index(path.stem) if path.stem in _PREFERRED else len(_PREFERRED)
    return rank, _FANCY.search(path.stem) is not None, path.name


def _has(font: ImageFont.FreeTypeFont, character: str) -> bool:
    """A font draws the same thing for every character that it lacks."""
    drawn, lacking = font.getmask(character), font.getmask(_NO_CHARACTER)
    return (drawn.size, bytes(drawn)) != (lacking.size, bytes(lacking))


def _instead(character: str) -> str:
    """Replaces a character that no font has: its base letter (e for é), a symbol's name in brackets, or ?."""
    category, name = unicodedata.category(character), unicodedata.name(character, "")
    if category == "Cf":  # only joins its neighbours
        return ""
    if (base := _base(character)).isascii():
        return base
    if name.startswith(_FLAG_LETTER):
        return name.removeprefix(_FLAG_LETTER)
    return f"[{name.lower()}]" if category == "So" and name else "?"


def _base(character: str) -> str:
    return unicodedata.normalize("NFKD", character)[0]


def _listed(characters: str) -> str:
    return characters[:_MOST_LISTED] + (" ..." if len(characters) > _MOST_LISTED else "")
