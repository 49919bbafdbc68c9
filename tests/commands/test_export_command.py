"""python -m scripts.export: label_image gives the same answers with the files it writes."""

import json
import re
import shutil

import pytest

from scripts.classifier.formats import kinds
from tests.support.workplace import draw_shape


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for kind in ("blue", "green", "red", "yellow"):
        draw_shape(kind, 4711).save(folder / f"{kind}.png")
    return folder


def answers(place, graph, pictures, *words):
    done = place.run("label_image", f"--graph={graph}", f"--image={pictures}", "--json", *words)
    assert done.returncode == 0, done.stderr
    return {line["image"].rsplit("/", 1)[1]: line for line in map(json.loads, done.stdout.splitlines())}


@pytest.fixture(scope="module")
def by_the_graph(retrained, pictures):
    return answers(retrained, retrained / "retrained_graph.pb", pictures, "--unknown")


@pytest.mark.parametrize(
    "words", [["tflite", "none"], ["tflite", "int8"], ["saved_model", "none"], ["keras", "none"]], ids="-".join
)
def test_every_format_gives_the_graphs_answers(retrained, pictures, by_the_graph, tmp_path, words):
    kind, quantize = words
    output = tmp_path / "elsewhere" / f"classifier{kinds.WRITTEN[kind]}"
    graph = retrained / "retrained_graph.pb"
    flags = {"graph": graph, "format": kind, "quantize": quantize, "output": output}
    done = retrained.run("export", *(f"--{name}={value}" for name, value in flags.items()))
    assert done.returncode == 0, done.stderr
    first, scored, before, after, same, written, *following = done.stdout.splitlines()
    assert first == f"exporting {graph} to {output} ..." and written == f"written: {output}"
    assert before.startswith(f"  {graph}") and after.startswith(f"  {output}")
    record = json.loads((retrained / "retrained_graph.json").read_text())
    of = record["test"]["photos"]
    assert scored == f"scored on {of} test photos:" and f" {100 * record['test']['accuracy']:.1f} % right" in before
    line = r"[\d,]+ kB  [\d.]+ % right \(95 % interval \d+ to \d+ %\)  [\d.]+ ms per photo$"
    assert re.search(line, before) and re.search(line, after)
    assert re.fullmatch(rf"  the first label is the same on \d+ of {of} test photos", same)
    assert f"label_image --graph={output} --image=" in following[1] and "docs/" in following[-1]
    assert [path.name for path in output.parent.iterdir()] == [output.name]  # nothing else is written
    by_this = answers(retrained, output, pictures, "--unknown")
    for name, wanted in by_the_graph.items():
        given = by_this[name]
        scores = [{each["label"]: each["score"] for each in line["labels"]} for line in (given, wanted)]
        tolerance = 0.1 if quantize == "int8" else 1e-4
        assert all(abs(scores[0][label] - scores[1][label]) < tolerance for label in scores[1])
        if quantize == "none":
            assert abs(given["distance"] - wanted["distance"]) < 1e-2 and given["unknown"] == wanted["unknown"]


WRONG = {
    "no graph": (["--graph=nope.pb"], "nope.pb does not exist"),
    "a .tflite file as something else": (["--graph={tflite}", "--format=keras"], "only write again with labels"),
    "quantized keras": (["--format=keras", "--quantize=int8"], "--quantize=int8 works only with --format=tflite"),
    "nothing to calibrate on": (["--quantize=int8", "--graph={bare}"], "needs training photos"),
    "a place that cannot be written": (["--output={bare}/below/it.tflite"], "cannot write"),
    "unknown format": (["--format=caffe"], "caffe"),
}


@pytest.fixture(scope="module")
def places(retrained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("places")
    (folder / "bare").mkdir()
    for name in ("retrained_graph.pb", "retrained_labels.txt"):
        shutil.copy(retrained / name, folder / "bare" / name)
    (folder / "a.tflite").write_bytes(b"\0\0\0\0TFL3 and more")
    return {"bare": folder / "bare" / "retrained_graph.pb", "tflite": folder / "a.tflite"}


@pytest.mark.parametrize("case", WRONG)
def test_mistakes_are_reported_in_one_line(retrained, places, case):
    words, says = WRONG[case]
    given = [word.format(**places) for word in words]
    graph = [] if any("--graph" in word for word in given) else [f"--graph={retrained / 'retrained_graph.pb'}"]
    done = retrained.run("export", *graph, *given)
    assert done.returncode == 1 and "written" not in done.stdout
    assert done.stderr.startswith("error: ") and done.stderr.count("\n") == 1 and says in done.stderr


def test_a_graph_without_photos_is_written_and_loaded_back(retrained, places, pictures):
    done = retrained.run("export", f"--graph={places['bare']}", "--quantize=float16")
    assert done.returncode == 0, done.stderr
    assert f"not scored, as {places['bare']} does not say which photos it was trained on: give" in done.stdout
    output = places["bare"].with_name("retrained_graph_float16.tflite")
    assert answers(retrained, output, pictures)["green.png"]["labels"][0]["label"] == "green"


@pytest.mark.parametrize("named", [False, True], ids=["as recorded", "with --image_dir"])
def test_without_test_photos_the_validation_photos_are_scored(retrained, workplace, named):
    photos = retrained / "photos"
    assert workplace.retrain(photos, "--testing_percentage=0", "--validation_percentage=20").returncode == 0
    where = [f"--image_dir={photos}"] if named else []
    done = workplace.run("export", f"--graph={workplace / 'retrained_graph.pb'}", *where)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert re.search(r"^scored on \d+ validation photos \(no test photos were kept\):$", done.stdout, re.M)
    assert re.search(r"the first label is the same on (\d+) of \1 validation photos$", done.stdout, re.M)


def test_photos_that_have_moved_are_reported(retrained, workplace):
    photos = workplace / "photos"
    shutil.copytree(retrained / "photos", photos)
    assert workplace.retrain(photos).returncode == 0
    photos.rename(workplace / "moved")
    words = ["export", f"--graph={workplace / 'retrained_graph.pb'}"]
    assert f"the photos it was trained on are no longer in {photos}" in workplace.run(*words).stdout
    done = workplace.run(*words, f"--image_dir={workplace / 'moved'}")
    assert re.search(r"^scored on \d+ photos \(training has seen none of them\):$", done.stdout, re.M), done.stderr
