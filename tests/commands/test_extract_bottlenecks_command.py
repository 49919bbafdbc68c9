"""Bottlenecks are computed without training, and the retrain that is suggested finds them."""

import shlex


def test_the_retrain_it_suggests_finds_them_all(workplace, photos):
    places = [f"--{name}={workplace / name}" for name in ("bottleneck_dir", "model_dir", "skipped_images")]
    asked = [f"--image_dir={photos}", "--architecture=color_texture", "--flip_left_right", "--distorted_views=2"]
    done = workplace.run("extract_bottlenecks", *asked, "--noquiet", "--worker_cpus", "1", *places)
    assert done.returncode == 0, done.stderr
    first, *_, written, next_step, suggested = done.stdout.splitlines()
    assert first == f"computing the bottlenecks of the photos in {photos} with color_texture"
    assert written.startswith(f"written: {workplace / 'bottleneck_dir'}/color_texture-") and next_step == "next:"
    words = shlex.split(suggested.partition("scripts.")[2])
    assert words == ["retrain", *asked, *places]
    retrained = workplace.retrain(photos, *words[1:])
    assert retrained.returncode == 0 and " 0 computed in " in retrained.stdout, retrained.stdout


def test_quiet_prints_nothing(workplace, photos):
    places = [f"--{name}={workplace / name}" for name in ("bottleneck_dir", "model_dir", "skipped_images")]
    asked = [f"--image_dir={photos}", "--architecture=color_texture", "--quiet"]
    done = workplace.run("extract_bottlenecks", *asked, *places)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
