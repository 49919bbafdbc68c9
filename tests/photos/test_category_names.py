"""The names of labels: given once, carried by everything that is written."""

import csv
import io
import json

import pytest
from PIL import Image

from tests.support.workplace import draw_shape

NAMES = {"red": "poppy", "green": "four-leaf clover", "blue": "cornflower", "black": "tulip"}


@pytest.fixture(scope="module")
def named(tmp_path_factory, retrained):
    """The classifier of three colours, trained again with names and also written as a Keras model."""
    from tests.support.workplace import Workplace

    place = Workplace(tmp_path_factory.mktemp("named"))
    (place / "names.json").write_text(json.dumps(NAMES))
    done = place.retrain(
        retrained / "photos", f"--category_names={place / 'names.json'}", f"--output_model={place / 'model.keras'}"
    )
    assert done.returncode == 0, done.stderr
    place.printed = done.stdout
    draw_shape("green", 99).save(place / "green.png")
    return place


def test_people_see_names_and_programs_find_both(named):
    assert "four-leaf clover" in named.printed
    assert f"written: {named / 'model.keras'} (on 8 photos, its scores differ" in named.printed
    assert (named / "retrained_labels.txt").read_text().split() == ["blue", "green", "red"]
    answer = named.run("label_image", f"--graph={named / 'model.keras'}", "--json", named / "green.png")
    first = json.loads(answer.stdout)["labels"][0]
    assert (first["label"], first["name"]) == ("green", "four-leaf clover")
    rows = list(csv.DictReader(io.StringIO(named.label("--csv", named / "green.png").stdout)))
    assert (rows[0]["label"], rows[0]["name"]) == ("green", "four-leaf clover")


def test_an_evaluation_shows_names(named):
    page = named / "report.html"
    done = named.run("evaluate", f"--graph={named / 'retrained_graph.pb'}", f"--report={page}")
    assert done.returncode == 0, done.stderr
    assert "four-leaf clover" in done.stdout and "four-leaf clover" in page.read_text()
    told = json.loads(named.run("evaluate", f"--graph={named / 'retrained_graph.pb'}", "--json").stdout)
    assert told["labels"] == ["blue", "green", "red"] and set(told["per_label"]) == set(told["labels"])
    assert told["category_names"] == {label: NAMES[label] for label in told["labels"]}


def test_a_format_for_phones_carries_names(named):
    small = named / "small.tflite"
    done = named.run("export", f"--graph={named / 'retrained_graph.pb'}", f"--output={small}")
    assert done.returncode == 0, done.stderr
    page = named / "plot.png"
    labelled = named.run("label_image", f"--graph={small}", named / "green.png", f"--plot={page}")
    assert labelled.stdout.startswith("four-leaf clover (score=") and labelled.stdout.endswith(f"look at it: {page}\n")
    assert Image.open(page).size[0] > 900
    (named / "french.json").write_text('{"red": "rouge", "green": "vert", "blue": "bleu"}', "utf-8-sig")
    other = named.run(
        "label_image", f"--graph={small}", f"--category_names={named / 'french.json'}", named / "green.png"
    )
    assert other.stdout.startswith("vert (score=")


WRONG = {
    "missing": (None, "does not exist"),
    "no JSON": ("{red: poppy}", "is not JSON"),
    "no text": (b"\xff\xfe\x00", "is not JSON"),
    "a list": ('["poppy"]', "holds a list"),
    "a word": ('"poppy"', 'holds just "poppy"'),
    "empty": ("{}", "no names for 3 of 3 labels"),
    "some are missing": ('{"red": "poppy"}', "no names for 2 of 3 labels (blue and green); it names red"),
    "a number": ('{"red": 5, "green": "a", "blue": "b"}', "gives the label red the name 5"),
    "a blank": ('{"red": " ", "green": "a", "blue": "b"}', "gives the label red the name"),
    "the same twice": ('{"red": "a", "green": "a", "blue": "b"}', "calls green and red 'a'"),
    "a label twice": ('{"red": "a", "red": "c", "green": "d", "blue": "b"}', "names the label red 2 times"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_file_is_refused(workplace, case):
    from scripts.classifier.errors import UserError
    from scripts.classifier.photos import category_names

    content, says = WRONG[case]
    file = workplace / "names.json"
    if content is not None:
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UserError) as refused:
        category_names.read(file, ("blue", "green", "red"))
    assert says in str(refused.value) and str(file) in str(refused.value) and "\n" not in str(refused.value)


def test_the_commands_refuse_it_in_one_line(retrained, workplace):
    (workplace / "names.json").write_text('{"red": "poppy"}')
    flag = f"--category_names={workplace / 'names.json'}"
    for done in (workplace.retrain(retrained / "photos", flag), retrained.label(flag, "README.md")):
        assert done.returncode == 1 and done.stdout == "" and done.stderr.count("\n") == 1
        assert "no names for 2 of 3 labels" in done.stderr
    assert [path.name for path in workplace.folder.iterdir()] == ["names.json"]
