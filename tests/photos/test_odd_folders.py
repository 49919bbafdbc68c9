"""Folders and files that cannot be followed or read: left out with a reason, and the others are used."""

import os
import shutil
import subprocess

import pytest

from scripts.classifier.photos import image_lists

ABOVE, LOOP = "it is a link to a folder above it", "it cannot be read (Too many levels of symbolic links)"


@pytest.fixture
def photos(photos):
    yield photos
    subprocess.run(["rm", "-rf", photos], check=True)  # Python before 3.13 cannot remove deep folders, nor can pytest


def link_up(photos):
    (photos / "red" / "up").symlink_to("..")
    return photos / "red" / "up", ABOVE


def link_far_up(photos):
    (photos / "red" / "far").symlink_to("/")
    return photos / "red" / "far", ABOVE


def label_that_leads_up(photos):
    (photos / "again").symlink_to(".")
    return photos / "again", ABOVE


def link_to_itself(photos):
    (photos / "red" / "loop").symlink_to("loop")
    return photos / "red" / "loop", LOOP


def label_that_is_a_link_to_itself(photos):
    (photos / "loop").symlink_to("loop")
    return photos / "loop", LOOP


def link_to_processes(photos):
    (photos / "red" / "proc").symlink_to("/proc")
    return photos / "red" / "proc", "it leads to the system's own files"


def longest_of_paths(photos):
    nest(photos / "red", "e" * 200, 25)
    return str(photos), "it cannot be read (File name too long)"


def nest(folder, name, times):
    """Folders in folders, deeper than a path can say."""
    before = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(times):
            os.mkdir(name)
            os.chdir(name)
    finally:
        os.chdir(before)


MISHAPS = [link_up, link_far_up, label_that_leads_up, link_to_itself, label_that_is_a_link_to_itself, longest_of_paths]


@pytest.mark.parametrize("mishap", [*MISHAPS, link_to_processes])
def test_what_cannot_be_followed_is_left_out_and_said(photos, mishap):
    if mishap is link_to_processes and not os.path.ismount("/proc"):
        pytest.skip("this system has no /proc")
    before = image_lists.scan(photos, 10, 10)
    path, reason = mishap(photos)
    found = image_lists.scan(photos, 10, 10)
    assert found.photos == before.photos
    (warning,) = found.folder_warnings()
    assert warning.startswith(str(path)) and warning.endswith(f" is left out, because {reason}")


def test_folders_may_be_as_deep_as_paths_allow(photos):
    depth = (3500 - len(str(photos))) // 2
    nest(photos / "red", "d", depth)
    shutil.copy(photos / "red" / "red_000.jpg", "/".join([str(photos / "red"), *["d"] * depth, "x.jpg"]))
    found = image_lists.scan(photos, 10, 10)
    assert len(found.photos) == 3 * 24 + 1 and not found.folder_warnings()


def test_a_link_to_photos_elsewhere_is_followed(photos, tmp_path):
    (photos / "red").rename(tmp_path / "elsewhere")
    (photos / "red").symlink_to(tmp_path / "elsewhere")
    assert len(image_lists.scan(photos, 10, 10).photos) == 3 * 24


def test_commands_go_on_without_it(retrained, workplace, photos):
    with (photos / "red" / "huge.jpg").open("wb") as file:
        file.truncate(1 << 40)
    link_up(photos)
    done = retrained.label(f"--image={photos / 'red'}", "--top_k=1")
    assert "huge.jpg: 1,099,511,627,776 bytes, expected a photo of at most " in done.stderr
    assert f"warning: {photos}/red/up is left out, because {ABOVE}" in done.stderr
    assert done.stdout.count("score=") == 24 and "Traceback" not in done.stderr
    done = workplace.retrain(photos)
    assert done.returncode == 0, done.stderr
    assert f"warning: {photos}/red/up is left out" in done.stderr
    assert "huge.jpg\tcannot be read: 1,099,511,627,776 bytes" in (workplace / "skipped_images.txt").read_text()


def test_a_blank_label_is_refused(workplace, photos):
    (photos / "red").rename(photos / " ")
    done = workplace.retrain(photos)
    assert done.returncode == 1 and done.stderr.startswith("error: the folder ' ' in ") and done.stderr.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is unreadable for root")
def test_a_folder_that_may_not_be_read_is_left_out(photos):
    (photos / "lost+found").mkdir(mode=0)
    found = image_lists.scan(photos, 10, 10)
    assert len(found.labels) == 3
    assert found.folder_warnings() == [
        f"{photos}/lost+found is left out, because it cannot be read (Permission denied)"
    ]
