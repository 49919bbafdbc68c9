"""python -m scripts.label_image, on one picture and on many."""

import csv
import io
import json
import os
import shutil

import numpy as np
import pytest

from tests.support.workplace import draw_shape


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    (folder / "deeper").mkdir()
    for name, kind in (("a.png", "red"), ("b, with comma.jpg", "blue"), ("deeper/c.gif", "green")):
        draw_shape(kind, 77).save(folder / name)
    (folder / "notes.txt").write_text("not a picture")
    return folder


def best(printed: str) -> dict[str, str]:
    """The first label of each picture, from the text printed for several pictures."""
    blocks = [block.splitlines() for block in printed.strip().split("\n\n")]
    return {lines[0].rsplit("/", 1)[1]: lines[1].split(" (score=")[0] for lines in blocks}


def test_folders_files_and_patterns_are_labelled(retrained, pictures):
    everything = {"a.png": "red", "b, with comma.jpg": "blue", "c.gif": "green"}
    assert best(retrained.label(f"--image={pictures}").stdout) == everything
    one = retrained.label(f"--image={pictures / 'b, with comma.jpg'}").stdout
    assert one.startswith("blue (score=") and str(pictures) not in one
    assert set(best(retrained.label(f"--image={pictures}/*.*", "--top_k=1").stdout)) >= {"a.png"}
    two = retrained.label(f"--image={pictures}/a.png,{pictures}/deeper").stdout
    assert best(two) == {"a.png": "red", "c.gif": "green"}
    shell = retrained.label("--image", pictures / "a.png", pictures / "deeper" / "c.gif", "--top_k", "2")
    assert best(shell.stdout) == {"a.png": "red", "c.gif": "green"} and shell.stdout.count("score=") == 4


def test_json_and_csv_say_the_same(retrained, pictures):
    lines = [json.loads(line) for line in retrained.label(f"--image={pictures}", "--json").stdout.splitlines()]
    rows = list(csv.DictReader(io.StringIO(retrained.label(f"--image={pictures}", "--csv").stdout)))
    assert len(lines) == 3 and len(rows) == 9
    flat = [
        (line["image"], str(rank), each["label"], f"{each['score']:.6f}")
        for line in lines
        for rank, each in enumerate(line["labels"], 1)
    ]
    assert flat == [tuple(row.values()) for row in rows]
    assert all(abs(sum(each["score"] for each in line["labels"]) - 1) < 1e-4 for line in lines)
    both = retrained.label(f"--image={pictures}", "--json", "--csv")
    assert both.returncode == 1 and "choose one" in both.stderr


def test_a_bad_photo_is_reported_and_the_rest_are_labelled(retrained, pictures, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"\xff\xd8\xff nothing more")
    done = retrained.label(f"--image={pictures / 'a.png'},{tmp_path / 'bad.jpg'},{pictures / 'deeper'}")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path / 'bad.jpg'}: ") and done.stderr.count("\n") == 1
    assert best(done.stdout) == {"a.png": "red", "c.gif": "green"}


def test_many_photos_get_the_same_labels_as_each_alone(retrained, tmp_path):
    kinds = ["red", "green", "blue"] * 40  # enough for a different engine than for one photo
    for number, kind in enumerate(kinds):
        draw_shape(kind, 900 + number).save(tmp_path / f"{number:03d}.jpg")
    together = [json.loads(line) for line in retrained.label(f"--image={tmp_path}", "--json").stdout.splitlines()]
    assert [line["labels"][0]["label"] for line in together] == kinds
    for number in (0, 33, 71):
        alone = json.loads(retrained.label(f"--image={tmp_path / f'{number:03d}.jpg'}", "--json").stdout)
        scores = [{each["label"]: each["score"] for each in line["labels"]} for line in (alone, together[number])]
        assert all(abs(scores[0][label] - scores[1][label]) < 1e-4 for label in scores[0])


def test_flags_override_the_record_even_with_zero(retrained, pictures):
    def scores(*flags):
        done = retrained.label(f"--image={pictures / 'a.png'}", "--json", *flags)
        assert done.returncode == 0, done.stderr
        return {each["label"]: each["score"] for each in json.loads(done.stdout)["labels"]}

    plain = scores()
    same = [
        "--input_mean=128",
        "--input_std=128",
        "--input_height=128",
        "--input_width=128",
        "--input_layer=input",
        "--output_layer=final_result",
    ]
    assert scores(*same) == plain
    assert scores("--input_layer=input:0", "--output_layer=final_result:0") == plain
    assert scores("--input_mean=0") != plain
    assert scores("--input_std=255") != plain
    logits = scores("--output_layer=final_training_ops/Wx_plus_b/add")
    odds = {label: np.exp(value) for label, value in logits.items()}
    assert all(abs(odds[label] / sum(odds.values()) - plain[label]) < 1e-4 for label in plain)


def test_labels_can_be_edited_or_given(retrained, pictures, workplace):
    for name in ("retrained_graph.pb", "retrained_graph.json", "retrained_labels.txt"):
        shutil.copy(retrained / name, workplace / name)
    (workplace / "retrained_labels.txt").write_text("eins\nzwei\ndrei\n")
    assert workplace.label(f"--image={pictures / 'a.png'}").stdout.startswith("drei ")
    (workplace / "mine.txt").write_text("uno\ndos\ntres\n")
    given = workplace.label(f"--image={pictures / 'a.png'}", f"--labels={workplace / 'mine.txt'}")
    assert given.stdout.startswith("tres ")
    (workplace / "retrained_labels.txt").unlink()
    assert workplace.label(f"--image={pictures / 'a.png'}").stdout.startswith("red ")


def test_a_record_of_another_graph_is_not_believed(retrained, pictures, workplace):
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(retrained / name, workplace / name)
    record = json.loads((retrained / "retrained_graph.json").read_text())
    record["graph_sha256"] = "0" * 64
    record["preprocessing"]["input_height"] = 17
    (workplace / "retrained_graph.json").write_text(json.dumps(record))
    refused = workplace.label(f"--image={pictures / 'a.png'}")
    assert refused.returncode == 1 and refused.stdout == "" and refused.stderr.count("\n") == 1
    assert "retrained_graph.json belongs to another graph than " in refused.stderr
    # The size comes from the graph itself; the mean and deviation are the original's.
    given = f"--labels={workplace / 'retrained_labels.txt'}"
    assert workplace.label(f"--image={pictures / 'a.png'}", given).stdout.startswith("red ")


@pytest.mark.parametrize("renamed", range(4))
def test_no_wrong_names_if_writing_a_classifier_was_cut_off(tmp_path, monkeypatch, renamed):
    """Wherever it is cut off, another classifier's files lie there before."""
    from scripts.classifier.errors import UserError
    from scripts.classifier.formats import labels
    from scripts.classifier.photos.preprocessing import Preprocessing
    from scripts.classifier.training import run_record

    graph, take = tmp_path / "retrained_graph.pb", Preprocessing(8, 8, 0.0, 1.0)
    file, replace, done = labels.path_beside(graph), os.replace, []

    def cut_off(*names):
        if len(done) == renamed:
            raise KeyboardInterrupt
        done.append(names)
        replace(*names)

    for old in ("with a record", "without a record", "labels alone"):
        run_record.Written(graph, b"old", ("a", "b"), file).write(take, {}, b"old")
        if old != "with a record":
            run_record.path_beside(graph).unlink()
        if old == "labels alone":
            graph.unlink()
        done.clear()
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", cut_off)
            with pytest.raises(KeyboardInterrupt):
                run_record.Written(graph, b"new", ("c", "d"), file).write(take, {}, b"new")
        if old == "labels alone":
            assert not graph.exists()  # and so none that could be given wrong names
        elif renamed:
            with pytest.raises(UserError, match="belongs to another graph"):
                labels.beside(graph, run_record.read(graph))
        else:
            assert labels.beside(graph, run_record.read(graph)) == ("a", "b")


def test_a_json_file_of_somebody_else_beside_a_graph_does_not_matter(retrained, pictures, workplace):
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(retrained / name, workplace / name)
    for text in ('{"format": "other"}', "[1]"):
        (workplace / "retrained_graph.json").write_text(text)
        assert workplace.label(f"--image={pictures / 'a.png'}").stdout.startswith("red ")


WRONG = {
    "no picture": (lambda place: [], "no picture given"),
    "an empty value": (lambda place: ["--image="], "--image is empty"),
    "missing picture": (lambda place: ["--image=nope.jpg"], "nope.jpg does not exist"),
    "empty folder": (lambda place: [f"--image={make(place / 'empty')}"], "holds no pictures"),
    "missing graph": (lambda place: ["--graph=nope.pb"], "nope.pb does not exist"),
    "empty graph": (lambda place: [f"--graph={make(place / 'g.pb', b'')}"], "is empty"),
    "web page": (lambda place: [f"--graph={make(place / 'g.pb', b'<html></html>')}"], "web page"),
    "no graph": (lambda place: [f"--graph={make(place / 'g.pb', b'hello world')}"], "not a frozen graph"),
    "part of a SavedModel": (lambda place: [f"--graph={part_of_saved_model(place)}"], "give the folder that holds it"),
    "folder": (lambda place: [f"--graph={make(place / 'folder')}"], "is a folder"),
    "missing labels": (lambda place: ["--labels=nope.txt"], "nope.txt"),
    "wrong labels": (
        lambda place: [f"--labels={make(place / 'l.txt', b'one')}"],
        "gives 3 scores, found 1 label (one)",
    ),
    "no such layer": (lambda place: ["--output_layer=final_resul"], "--output_layer (the nearest are final_result"),
    "no deviation": (lambda place: ["--input_std=0"], "--input_std=0"),
    "wrong size": (lambda place: ["--input_height=100"], "does not take pictures of 100 x 128"),
}


def make(path, content=None):
    path.mkdir() if content is None else path.write_bytes(content)
    return path


def part_of_saved_model(place):
    from tensorflow.core.protobuf.saved_model_pb2 import SavedModel

    model = SavedModel(saved_model_schema_version=1)
    model.meta_graphs.add().meta_info_def.tags.append("serve")
    return make(place / "saved_model.pb", model.SerializeToString())


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_reported_in_one_line(retrained, pictures, tmp_path, case):
    words, says = WRONG[case]
    given = words(tmp_path)
    if not any("image=" in word for word in given) and case != "no picture":
        given = [*given, f"--image={pictures / 'a.png'}"]
    done = retrained.label(*given)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr


def test_a_truncated_graph_is_a_clear_error(retrained, pictures, tmp_path):
    whole = (retrained / "retrained_graph.pb").read_bytes()
    (tmp_path / "cut.pb").write_bytes(whole[: len(whole) // 2])
    done = retrained.label(f"--graph={tmp_path / 'cut.pb'}", f"--image={pictures / 'a.png'}")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "cut.pb" in done.stderr


def test_a_closed_pipe_is_no_error(retrained, tmp_path):
    import subprocess

    from tests.support.workplace import ROOT

    for number in range(40):
        draw_shape("red", number).save(tmp_path / f"{number}.jpg")
    words = " ".join(
        f"'{word}'"
        for word in retrained.command(
            "label_image", f"--graph={retrained / 'retrained_graph.pb'}", f"--image={tmp_path}"
        )
    )
    done = subprocess.run(f"{words} | head -1", shell=True, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.stdout.count("\n") == 1 and done.stderr == ""
