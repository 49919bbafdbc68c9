"""What is measured about unknown photos, in a tiny configuration."""

import json
import re
import subprocess
import sys

from tests.support.workplace import ROOT, Workplace, draw_folder


def test_known_near_and_far_photos_are_counted(tmp_path):
    photos = draw_folder(tmp_path / "photos", each=16)
    near = draw_folder(tmp_path / "near", ("1", "2", "3", "4"), each=6)
    (near / "cat_to_name.json").write_text(json.dumps({"1": "a red one", "2": "reddish", "3": "three", "4": "four"}))
    far = draw_folder(tmp_path / "far", ("yellow",), each=5)
    flags = ["--architecture=color_texture", "--steps=20", f"--photos={photos}", f"--near={near}", f"--far={far}"]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.promises", "--only=unknown,none", "--folds=2", *flags],
        cwd=ROOT,
        env=Workplace(tmp_path).environment(),
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    unknown, none = done.stdout.split("## none\n\n")
    # The kind that is named like a label is none of the strangers.
    numbers = re.findall(r"^\| (.+?) \| (\d+) \| [\d.]+ % \|", unknown, re.M)
    assert numbers == [("of the labels, held out", "48"), ("near: 3 kinds", "18"), ("far: 1 kinds", "5")]
    assert none.startswith("60 photos of 2 of 3 near kinds, 2 draws for each fold:")
    rows = re.findall(r"^\| (.+?) \| [\d.]+ % \| [\d.]+ % \| \d+ to \d+ % \|$", none, re.M)
    assert rows == ["of the labels, held out", "near, of kinds not among those given", "far"]
