"""The text of a progress line, fitted to the width of the terminal."""

from __future__ import annotations

from dataclasses import dataclass

from ..classifier.drawing import text_columns
from ..classifier.plain_text import printable

_BARS = ("━─", "#-")  # the second for terminals that cannot show the first
_SHORTEST_BAR, _LONGEST_BAR = 6, 30
_GAP = "  "


@dataclass
class Progress:
    what: str
    total: int | None  # None: not known
    unit: str  # "B": bytes
    done: int
    note: str = ""
    speed: float = 0.0  # per second; 0: not known
    seconds: float | None = None  # total time, at the end

    @property
    def share(self) -> float | None:
        return min(1.0, self.done / self.total) if self.total else None


def text(progress: Progress, columns: int, encoding: str) -> str:
    """The line, never wider than the columns: if it is too long, the bar goes first, then the count, then the time."""
    share = progress.share
    percent = "" if share is None else f" {int(100 * share):3} %"
    head = fitting(progress.what, max(0, columns - len(percent)), encoding) + percent
    parts = {"head": head, "count": _count(progress), "left": _time(progress), "note": progress.note}
    chosen = ["head"]
    for name in ("note", "left", "count"):
        if parts[name] and _width([parts[each] for each in [*chosen, name]]) <= columns:
            chosen.append(name)
    shown = [part for name, part in parts.items() if name in chosen]
    room = columns - _width(shown) - len(_GAP)
    if share is not None and room >= _SHORTEST_BAR:
        shown.insert(1, _bar(share, min(room, _LONGEST_BAR), encoding))
    return fitting(_GAP.join(shown), columns, encoding)


def sentence(progress: Progress) -> str:
    """The text for a log file, where width does not matter."""
    done = _amount(progress.done, progress.unit)
    if progress.total and progress.share is not None:
        of_all = f" of {_amount(progress.total, progress.unit)} ({int(100 * progress.share)} %)"
        done = (done if progress.unit == "B" else f"{progress.done:,}") + of_all
    parts = [f"{progress.what}: {done}"]
    parts.append(f"{_amount(progress.speed, progress.unit)}/s")
    if (left := _left(progress)) is not None:
        parts.append(f"{left:.0f} s left")
    return ", ".join([*parts, progress.note] if progress.note else parts)


def _width(parts: list[str]) -> int:
    return sum(map(text_columns.columns, parts)) + len(_GAP) * (len(parts) - 1)


def fitting(line: str, columns: int, encoding: str) -> str:
    """The line cut to the columns. What the terminal cannot show is escaped, as in all other lines."""
    line = printable(line).encode(encoding, "backslashreplace").decode(encoding)
    if text_columns.columns(line) <= columns:
        return line
    dots = _encodable("…", "...", encoding)[:columns]
    while text_columns.columns(line) > columns - len(dots):
        line = line[:-1]
    return line + dots


def _bar(share: float, length: int, encoding: str) -> str:
    letters, done = _encodable(*_BARS, encoding), round(share * length)
    return letters[0] * done + letters[1] * (length - done)


def _encodable(wanted: str, otherwise: str, encoding: str) -> str:
    try:
        wanted.encode(encoding)
    except UnicodeEncodeError:
        return otherwise
    return wanted


def _count(progress: Progress) -> str:
    if not progress.total:
        return _amount(progress.done, progress.unit)
    if progress.unit == "B":
        return f"{progress.done / 1e6:.1f}/{progress.total / 1e6:.1f} MB"
    total = f"{progress.total:,}"
    return f"{progress.done:>{len(total)},}/{total} {progress.unit}"


def _amount(amount: float, unit: str) -> str:
    if unit != "B":
        return f"{amount:,.0f} {unit}"
    return f"{amount / 1e6:.1f} MB" if amount >= 1e6 else f"{amount / 1e3:.0f} kB"


def _time(progress: Progress) -> str:
    if progress.seconds is not None:
        return _clock(progress.seconds)
    left = _left(progress)
    if left is not None:
        return f"{_clock(left)} left"
    return f"{_amount(progress.speed, progress.unit)}/s" if progress.speed and progress.total is None else ""


def _left(progress: Progress) -> float | None:
    """Seconds left; None if they cannot be estimated."""
    if not progress.total or progress.speed <= 0:
        return None
    return max(0, progress.total - progress.done) / progress.speed


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
