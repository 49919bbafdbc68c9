"""label_image --why draws what in pictures spoke for a label."""

import json

import numpy as np
import pytest
from PIL import Image

from tests.support.workplace import draw_folder, draw_shape


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for kind in ("red", "blue"):
        draw_shape(kind, 77).save(folder / f"{kind}.png")
    return folder


def columns(file) -> int:
    """The photo and each heat map take one."""
    width = Image.open(file).width
    return round((width - 24) / 424)


def test_the_photo_is_drawn_beside_its_heat(retrained, pictures, tmp_path):
    out = tmp_path / "new" / "why.png"
    done = retrained.label(f"--image={pictures / 'red.png'}", f"--why={out}")
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert done.stdout.startswith("red (score=") and f"written: {out}" in done.stdout
    assert columns(out) == 2
    drawn = np.asarray(Image.open(out).convert("RGB"), int)
    photo, heat = drawn[24:324, 24:424], drawn[24:324, 448:848]
    blot = (photo[..., 0] > 180) & (photo[..., 1] < 90)
    assert heat.sum(2)[blot].mean() > 1.5 * heat.sum(2)[~blot].mean()  # it glows where the red is


def test_a_second_label_and_several_pictures(retrained, pictures, tmp_path):
    out = tmp_path / "why.jpg"
    done = retrained.label(f"--image={pictures}", f"--why={out}", "--why_label=green", "--json")
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["labels"][0]["label"] for line in done.stdout.splitlines()] == ["blue", "red"]
    assert f"written: {out}" in done.stderr
    assert columns(out) == 3 and Image.open(out).height > 2 * 300
    same = retrained.label(f"--image={pictures / 'red.png'}", f"--why={out}", "--why_label=red")
    assert same.returncode == 0 and columns(out) == 2


def test_pictures_that_cannot_be_read_are_left_out(retrained, pictures, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    done = retrained.label(f"--image={tmp_path / 'bad.jpg'},{pictures / 'red.png'}", f"--why={tmp_path / 'why.png'}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "bad.jpg" in done.stderr
    assert Image.open(tmp_path / "why.png").height < 500
    alone = retrained.label(f"--image={tmp_path / 'bad.jpg'}", f"--why={tmp_path / 'none.png'}")
    assert alone.returncode == 1 and not (tmp_path / "none.png").exists()


CASES = {
    "near label": (["--why_label=gren"], "--why_label=gren is none of the classifier's labels: did you mean green?"),
    "no such label": (["--why_label=zebra"], "none of the classifier's labels: it knows blue, green and red"),
    "another ending": (["--why=OUT/why.gif"], "expected a name that ends in .png, .jpg or .jpeg"),
    "a folder": (["--why=OUT/folder.png"], "it is a folder"),
    "under a file": (["--why=OUT/file/why.png"], "cannot write"),
    "the picture itself": (["--why=IMAGE"], "would replace one of the pictures"),
    "both in one": (["--plot=OUT/why.png"], "would be one file"),
}


@pytest.mark.parametrize("case", CASES)
def test_mistakes_are_reported_in_one_line(retrained, tmp_path, case):
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "file").write_text("")
    picture = tmp_path / "red.png"
    draw_shape("red", 1).save(picture)
    words, message = CASES[case]
    words = [word.replace("OUT", str(tmp_path)).replace("IMAGE", str(picture)) for word in words]
    done = retrained.label(f"--image={picture}", f"--why={tmp_path / 'why.png'}", *words)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.count("\n") == 1, done.stderr
    assert message in done.stderr
    assert not (tmp_path / "why.png").exists()


def test_why_label_alone_and_too_many_pictures_are_refused(retrained, pictures, tmp_path):
    alone = retrained.label(f"--image={pictures}", "--why_label=red")
    assert alone.returncode == 1 and "give --why=FILE.png, too" in alone.stderr
    many = draw_folder(tmp_path / "many", ("red",), 21)
    done = retrained.label(f"--image={many}", f"--why={tmp_path / 'why.png'}")
    assert done.returncode == 1 and "--why shows 20 pictures at most, found 21" in done.stderr


def test_a_tflite_file_is_refused_at_once(retrained, small_graph, pictures, tmp_path):
    why = f"--why={tmp_path / 'why.png'}"
    done = retrained.run("label_image", f"--graph={small_graph}", f"--image={pictures / 'red.png'}", why)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.count("\n") == 1
    assert "go back through a .tflite file; give the graph (.pb)" in done.stderr


def test_without_a_softmax_there_is_none(retrained, pictures, tmp_path):
    logits = "--output_layer=final_training_ops/Wx_plus_b/add"
    done = retrained.label(f"--image={pictures / 'red.png'}", f"--why={tmp_path / 'why.png'}", logits)
    assert (done.returncode, done.stdout) == (1, "") and done.stderr.count("\n") == 1
    assert "its scores come from Add, not from a softmax" in done.stderr
