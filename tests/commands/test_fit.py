"""--fit goes with the classifier, through every command, format and cache."""

import base64
import io
import json

import numpy as np
import pytest
from PIL import Image

from scripts.classifier.errors import UserError
from scripts.classifier.formats import kinds
from scripts.classifier.formats.predictions import load_classifier, process_image
from scripts.classifier.photos.fitting import BACKGROUND, CROP, FITS, PAD, SQUEEZE
from tests.support.server import serving
from tests.support.workplace import Workplace, draw_folder, draw_shape


def picture() -> Image.Image:
    """Wide, with something else to the left and to the right of its middle."""
    image = draw_shape("blue", 98, (300, 100))
    image.paste(draw_shape("red", 99, (100, 100)), (100, 0))
    return image


def prepared(how: str) -> Image.Image:
    """The picture as a square of its own, which every way leaves as it is."""
    if how == CROP:
        return picture().crop((100, 0, 200, 100))
    square = Image.new("RGB", (300, 300), (BACKGROUND,) * 3)
    square.paste(picture(), (0, 100))
    return square


@pytest.fixture(scope="module", params=[CROP, PAD])
def fitted(request, tmp_path_factory) -> Workplace:
    """A classifier trained with --fit, a picture, and its scores as a square."""
    place = Workplace(tmp_path_factory.mktemp(request.param))
    place.how = request.param
    draw_folder(place / "photos", each=8)
    done = place.retrain(place / "photos", f"--fit={place.how}", "--flip_left_right", "--distorted_views=2")
    assert done.returncode == 0, done.stderr
    picture().save(place / "a.png")
    prepared(place.how).save(place / "square.png")
    place.wanted = scores(place, place / "retrained_graph.pb", "square.png")
    return place


def scores(place: Workplace, graph: object, picture: str, *words: str) -> dict[str, float]:
    done = place.run("label_image", f"--graph={graph}", "--json", str(place / picture), *words)
    assert done.returncode == 0, done.stderr
    return {each["label"]: each["score"] for each in json.loads(done.stdout)["labels"]}


def about(wanted: dict[str, float]) -> object:
    """A padded picture and one padded by hand differ a little along the edge of the grey. Squeezed ones differ more."""
    return pytest.approx(wanted, abs=1e-2)


def test_the_record_says_it_and_labelling_does_it(fitted):
    graph = fitted / "retrained_graph.pb"
    record = json.loads(graph.with_suffix(".json").read_text())
    assert record["preprocessing"]["fit"] == fitted.how
    assert scores(fitted, graph, "a.png") == about(fitted.wanted)
    assert scores(fitted, graph, "a.png", "--fit=squeeze") != pytest.approx(fitted.wanted, abs=5e-2)
    probabilities, names = load_classifier(graph).predict(fitted / "a.png")
    assert dict(zip(names, probabilities, strict=True)) == about(fitted.wanted)
    probabilities, names = load_classifier(graph, fit=SQUEEZE).predict(fitted / "a.png")
    assert dict(zip(names, probabilities, strict=True)) != pytest.approx(fitted.wanted, abs=5e-2)


@pytest.mark.parametrize("kind", kinds.WRITTEN)
def test_every_format_does_it(fitted, kind):
    if fitted.how == PAD and kind not in (kinds.TFLITE, kinds.SAVED_MODEL):
        pytest.skip("these say it in the same way as for crop")
    output = fitted / f"exported{'' if kind == kinds.SAVED_MODEL else kinds.WRITTEN[kind]}"
    done = fitted.run("export", f"--graph={fitted / 'retrained_graph.pb'}", f"--format={kind}", f"--output={output}")
    assert done.returncode == 0, done.stderr
    said = {
        CROP: "largest part of the picture's middle that has",
        PAD: "whole picture with its own proportions, in the",
    }
    assert f"\nother programs must give it the {said[fitted.how]}" in done.stdout
    assert scores(fitted, output, "a.png") == about(fitted.wanted)
    if kind == kinds.TFLITE:
        assert f"The {said[fitted.how]}".encode() in output.read_bytes()
    if kind == kinds.SAVED_MODEL:
        import tensorflow as tf

        encoded = tf.constant([(fitted / "a.png").read_bytes()])
        given = tf.saved_model.load(str(output)).signatures["serving_default"](encoded)
        found = dict(zip(given["classes"].numpy()[0], given["scores"].numpy()[0], strict=True))
        assert {label.decode(): score for label, score in found.items()} == about(fitted.wanted)


def test_the_server_does_it(fitted):
    data = (fitted / "a.png").read_bytes()
    with serving(fitted, fitted / "retrained_graph.pb") as server:
        found = server.post("/label", data).json["labels"]
        body = {"instances": [{"b64": base64.b64encode(data).decode()}]}
        (predicted,) = server.post("/v1/models/retrained_graph:predict", body).json["predictions"]
    assert {each["label"]: each["score"] for each in found} == about(fitted.wanted)
    assert dict(zip(predicted["classes"], predicted["scores"], strict=True)) == about(fitted.wanted)


def test_caches_of_squeezed_photos_stay_valid_and_apart(workplace):
    photos = draw_folder(workplace / "photos", ("green", "red"), each=3)
    places = [f"--{name}={workplace / name}" for name in ("bottleneck_dir", "model_dir", "skipped_images")]

    def extract(*words: str) -> str:
        asked = [f"--image_dir={photos}", "--architecture=color_texture"]
        done = workplace.run("extract_bottlenecks", *asked, *places, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert " 6 computed in " in extract()
    (folder,) = (workplace / "bottleneck_dir").glob("color_texture-*")
    assert "squeeze bilinear 1, mean 128, std 128" in "".join(path.read_text() for path in folder.glob("*.json"))
    assert " 6 computed in " in extract("--fit=crop")
    assert " 0 computed in " in extract("--fit=squeeze") and " 0 computed in " in extract("--fit=crop")
    assert len(list((workplace / "bottleneck_dir").glob("color_texture-*"))) == 2


def test_from_nothing_too(workplace, tmp_path):
    photos = draw_folder(tmp_path / "few", ("green", "red"), each=5)
    picture().save(workplace / "a.png")
    prepared(PAD).save(workplace / "square.png")
    files = {"output_graph": "cnn_graph.pb", "output_labels": "labels.txt", "checkpoint": "checkpoint.npz"}
    files |= {"summaries_dir": "summaries", "skipped_images": "skipped.txt", "plot_curves": "c.png", "cache_dir": "c"}
    words = [f"--image_dir={photos}", "--image_size=32", *(f"--{flag}={workplace / it}" for flag, it in files.items())]
    done = workplace.run("train_cnn", *words, "--epochs=1", "--fit=pad")
    assert done.returncode == 0, done.stderr
    graph = workplace / "cnn_graph.pb"
    assert json.loads(graph.with_suffix(".json").read_text())["preprocessing"]["fit"] == PAD
    assert scores(workplace, graph, "a.png") == about(scores(workplace, graph, "square.png"))
    again = workplace.run("train_cnn", *words, "--epochs=2", "--fit=crop", "--resume")
    assert again.returncode == 1 and "--fit=pad, now crop" in again.stderr


@pytest.mark.parametrize("command", ["retrain", "train_cnn", "extract_bottlenecks", "label_image", "serve", "export"])
def test_other_words_are_refused(workplace, command):
    done = workplace.run(command, "--fit=stretch")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
    assert "--fit=stretch: expected squeeze, crop or pad" in done.stderr


def test_in_python(tmp_path):
    image = picture()
    image.save(tmp_path / "a.png")
    for how in FITS:
        found = process_image(tmp_path / "a.png", 40, fit=how)
        square = image if how == SQUEEZE else prepared(how)
        file = io.BytesIO()
        square.save(file, "PNG")
        (tmp_path / "b.png").write_bytes(file.getvalue())
        assert np.abs(found - process_image(tmp_path / "b.png", 40)).max() < 0.15
    with pytest.raises(UserError, match="fit='stretch': expected one of squeeze, crop, pad"):
        process_image(tmp_path / "a.png", fit="stretch")
