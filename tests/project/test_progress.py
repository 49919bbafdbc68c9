"""Progress is shown in a line that fits the terminal, the most important part first."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from contextlib import closing

import pytest
from hypothesis import given, strategies as st

from scripts.classifier.drawing import text_columns
from scripts.console import progress_line
from scripts.console.progress_line import Progress
from tests.support.workplace import ROOT

WORK = """
import time
from scripts.console.console import Console
console = Console()
with console.show("training", "steps")(4000) as advance:
    for step in range(40):
        time.sleep(0.01)
        advance(100, note=f"validation {50 + step:.1f} %")
        if step == 20:
            console.warn("half of it is done")
"""


WAITING = """
from scripts.console.console import Console
console = Console()
with console.waiting("loading"):
    with console.show("downloading", "B")(10) as advance:
        advance(10)
print("done")
"""


def training(**changes) -> Progress:
    settings = {"what": "training", "total": 4000, "unit": "steps", "done": 2480, "note": "validation 84.2 %"}
    return Progress(**{**settings, "speed": 300.0, **changes})


def test_everything_fits_in_80_columns():
    assert progress_line.text(training(), 79, "utf-8") == (
        "training  62 %  ━━━━━━━━━─────  2,480/4,000 steps  0:05 left  validation 84.2 %"
    )


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (64, "training  62 %  2,480/4,000 steps  0:05 left  validation 84.2 %"),
        (50, "training  62 %  0:05 left  validation 84.2 %"),
        (39, "training  62 %  validation 84.2 %"),
        (20, "training  62 %"),
        (10, "tra…  62 %"),
    ],
)
def test_the_least_important_parts_are_dropped_first(columns, line):
    assert progress_line.text(training(), columns, "utf-8") == line


def test_the_bar_is_ascii_if_the_encoding_is():
    assert progress_line.text(training(), 79, "ascii").count("#") == 9
    line = progress_line.text(training(what="scoring löwe.tflite"), 79, "ascii")
    assert line.startswith(r"scoring l\xf6we.tflite  62 %")


@given(
    what=st.text(max_size=60),
    total=st.none() | st.integers(0, 10**12),
    unit=st.sampled_from(["B", "photos"]),
    done=st.integers(0, 10**12),
    note=st.text(max_size=40),
    speed=st.floats(0, 1e12),
    seconds=st.none() | st.floats(0, 1e6),
    columns=st.integers(0, 200),
    encoding=st.sampled_from(["utf-8", "ascii", "latin-1", "cp437"]),
)
def test_it_is_never_wider_than_the_terminal(columns, encoding, **progress):
    line = progress_line.text(Progress(**progress), columns, encoding)
    assert text_columns.columns(line) <= columns
    assert line.encode(encoding) and "\n" not in line if line else columns < 20 or not progress["what"]


@pytest.mark.parametrize("columns", [80, 40, 12])
def test_a_terminal_shows_progress_and_whole_warnings(columns):
    shown = on_terminal(columns)
    lines = re.split(r"[\r\n]+", shown)
    assert all(text_columns.columns(line) < columns for line in lines if "half" not in line), lines
    if columns >= 40:
        assert "training 100 %" in lines[-2] and lines[-2].endswith("validation 89.0 %")
    assert "\r\rwarning: " not in shown and "\rwarning: half of it is done\r\n" in shown, "it is cleared before"
    assert ("━" in shown and "4,000/4,000 steps" in shown) == (columns == 80)


def test_work_that_cannot_be_counted_is_named_until_it_is_done():
    shown = on_terminal(80, WAITING)
    assert shown.startswith("\rloading ...\r           \r") and shown.count("loading ...") == 2
    assert shown.endswith("\n\rloading ...\r           \rdone\r\n")
    done = subprocess.run([sys.executable, "-c", WAITING], cwd=ROOT, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("done\n", "")


def on_terminal(columns: int, code: str = WORK) -> str:
    """What a terminal of that width receives."""
    reader, writer = pty.openpty()
    fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8"}
    running = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, env=environment, stdout=writer, stderr=writer)
    os.close(writer)
    received = b""
    with closing(os.fdopen(reader, "rb", buffering=0)) as terminal:
        try:
            while data := terminal.read(65536):
                received += data
        except OSError:
            pass  # the other end is closed
    assert running.wait(60) == 0
    return received.decode()


def test_without_a_terminal_a_short_job_shows_no_progress():
    done = subprocess.run([sys.executable, "-c", WORK], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "warning: half of it is done\n")


def test_a_log_gets_a_sentence():
    assert progress_line.sentence(training()) == (
        "training: 2,480 of 4,000 steps (62 %), 300 steps/s, 5 s left, validation 84.2 %"
    )
    downloading = Progress("downloading", None, "B", 12_345_678, speed=2e6)
    assert progress_line.sentence(downloading) == "downloading: 12.3 MB, 2.0 MB/s"
