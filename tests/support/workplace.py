"""Runs commands as users do, and makes folders of small drawn pictures."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tests.support import warm_commands

ROOT = Path(__file__).parents[2]


class Workplace:
    """A folder for one test's files, with commands that write nowhere else."""

    def __init__(self, folder: Path):
        self.folder = folder

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    def command(self, name: str, *words: str) -> list[str]:
        return [sys.executable, "-m", f"scripts.{name}", *map(str, words)]

    def run(
        self, name: str, *words: str, env: dict[str, str] | None = None, cold: bool = False
    ) -> subprocess.CompletedProcess:
        """`cold` starts a new Python, as users do, for tests of the start-up."""
        environment = self.environment(env)
        if not cold:
            return warm_commands.run([f"scripts.{name}", *map(str, words)], ROOT, environment)
        command = self.command(name, *words)
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)

    def run_as(self, package: str, *words: str) -> subprocess.CompletedProcess:
        """Runs `python -m PACKAGE` in this folder, which holds that package."""
        command = [sys.executable, "-m", package, *map(str, words)]
        environment = self.environment({"PYTHONPATH": str(self.folder)})
        return subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=300)

    def start(self, name: str, *words: str, stdout, stderr, env: dict[str, str] | None = None) -> warm_commands.Running:
        """Starts a command without waiting for its end."""
        return warm_commands.Running(
            [f"scripts.{name}", *map(str, words)], ROOT, self.environment(env), stdout=stdout, stderr=stderr
        )

    def environment(self, more: dict[str, str] | None = None) -> dict[str, str]:
        return {
            **os.environ,
            # No command under test may use the network: tests of downloads pass a mirror or a server.
            "POETS_MIRROR": str(self.folder / "mirror"),
            "PYTHONPATH": str(ROOT / "tests" / "support" / "without_test_packages"),
            **(more or {}),
        }

    def outputs(self) -> list[str]:
        """Flags that keep everything retrain writes in this folder."""
        places = {
            "output_graph": "retrained_graph.pb",
            "output_labels": "retrained_labels.txt",
            "summaries_dir": "summaries",
            "model_dir": "models",
            "bottleneck_dir": "bottlenecks",
            "skipped_images": "skipped_images.txt",
            "intermediate_output_graphs_dir": "intermediate",
        }
        return [f"--{flag}={self.folder / place}" for flag, place in places.items()]

    def retrain(self, image_dir: Path, *words: str, **kwargs) -> subprocess.CompletedProcess:
        """Uses color_texture and fewer steps than the default, unless `words` say otherwise."""
        quick = ["--architecture=color_texture", "--how_many_training_steps=200"]
        return self.run("retrain", f"--image_dir={image_dir}", *quick, *self.outputs(), *words, **kwargs)

    def label(self, *words: str, **kwargs) -> subprocess.CompletedProcess:
        return self.run("label_image", f"--graph={self / 'retrained_graph.pb'}", *words, **kwargs)


def draw_shape(kind: str, seed: int, size: tuple[int, int] = (160, 120)) -> Image.Image:
    """A blot in the kind's colour on a noisy background: easy to classify, never the same twice."""
    random = np.random.default_rng([seed, len(kind)])
    ground = random.integers(90, 150, (size[1], size[0], 3), dtype=np.uint8)
    image = Image.fromarray(ground)
    pen = ImageDraw.Draw(image)
    colour = {"red": (220, 40, 40), "green": (40, 190, 60), "blue": (50, 70, 220)}.get(kind, (230, 200, 40))
    x, y = int(random.integers(10, size[0] // 2)), int(random.integers(10, size[1] // 2))
    pen.ellipse((x, y, x + size[0] // 2, y + size[1] // 2), fill=colour)
    return image


def draw_folder(
    folder: Path, kinds: tuple[str, ...] = ("blue", "green", "red"), each: int = 24, first: int = 0
) -> Path:
    """The numbers of its drawings start from `first`: folders with other numbers share none."""
    for kind in kinds:
        (folder / kind).mkdir(parents=True)
        for seed in range(first, first + each):
            draw_shape(kind, seed).save(folder / kind / f"{kind}_{seed:03d}.jpg", quality=90)
    return folder
