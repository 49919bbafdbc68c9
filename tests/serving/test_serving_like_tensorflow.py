"""What export writes for TensorFlow Serving answers as python -m scripts.serve does."""

import base64
import io
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import classification_pb2, predict_pb2

from scripts.classifier.formats import tensorflow_pixels
from scripts.classifier.photos import fitting, pixels
from tests.support import prediction_service
from tests.support.server import serving
from tests.support.workplace import draw_shape

# Scores may differ a little, since some pixels differ by one level.
TOLERANCE = 0.01


@pytest.fixture(scope="module")
def version(retrained):
    """The folder of the first version, below the folder of the model."""
    done = retrained.run("export", f"--graph={retrained / 'retrained_graph.pb'}", "--format=saved_model")
    assert done.returncode == 0, done.stderr
    folder = retrained / "serving" / "retrained_graph" / "1"
    assert f"written: {folder}\n" in done.stdout
    return folder


@pytest.fixture(scope="module")
def server(retrained, version):
    with serving(retrained, version) as running:
        yield running


@pytest.fixture(scope="module")
def client(version):
    with prediction_service.running(version) as client:
        yield client


def encoded(image: Image.Image, form: str, **settings) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **settings)
    return file.getvalue()


def turned(code: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = code
    return encoded(draw_shape("red", 3), "JPEG", exif=exif)


def see_through() -> Image.Image:
    image = draw_shape("blue", 3)
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


PICTURES = {
    "jpeg": encoded(draw_shape("red", 1), "JPEG"),
    "large jpeg": encoded(draw_shape("green", 1, (1400, 1100)), "JPEG"),
    "progressive": encoded(draw_shape("blue", 1), "JPEG", progressive=True),
    "grey jpeg": encoded(draw_shape("blue", 1).convert("L"), "JPEG"),
    "CMYK": encoded(draw_shape("blue", 1).convert("CMYK"), "JPEG"),
    **{f"turned {code}": turned(code) for code in range(1, 9)},
    "png": encoded(draw_shape("green", 2), "PNG"),
    "see-through": encoded(see_through(), "PNG"),
    "palette": encoded(draw_shape("red", 2).convert("P"), "PNG"),
    "two colours": encoded(draw_shape("red", 2).convert("1"), "PNG"),
    "16 bits": encoded(Image.fromarray(np.asarray(draw_shape("red", 2).convert("L")).astype(np.uint16) * 257), "PNG"),
    "gif": encoded(draw_shape("blue", 2), "GIF"),
    "bmp": encoded(draw_shape("blue", 2), "BMP"),
    "webp": encoded(draw_shape("blue", 2), "WEBP"),
}


# Small enough for a command line.
SMALL = encoded(draw_shape("green", 2, (40, 30)), "JPEG")


@pytest.fixture(scope="module")
def decode():
    entry = [tf.TensorSpec([None], tf.string)]
    return tf.function(lambda data: tensorflow_pixels.decode_all(data, 96, 128), input_signature=entry)


@pytest.mark.parametrize("name", PICTURES)
def test_tensorflow_decodes_as_pillow_does(decode, name):
    wanted = pixels.decode(PICTURES[name], 96, 128).astype(np.float32)
    given = decode(tf.constant([PICTURES[name]])).numpy()[0]
    apart = np.abs(given - wanted)
    assert apart.max() <= 3 and (apart > 0).mean() < 0.1


@pytest.mark.parametrize("fit", [fitting.CROP, fitting.PAD])
def test_tensorflow_makes_pictures_fit_as_pillow_does(fit):
    """Also thin ones, and those that are drafted, turned and of odd sizes."""
    sizes = [(160, 120), (120, 161), (97, 96), (128, 96), (1, 50), (300, 1), (1400, 1100)]
    shapes = [encoded(draw_shape("red", 1).resize(size), "PNG") for size in sizes]
    pictures = [*shapes, PICTURES["turned 6"], PICTURES["large jpeg"]]
    found = tensorflow_pixels.decode_all(tf.constant(pictures), 96, 128, fit)
    for data, given in zip(pictures, found.numpy(), strict=True):
        apart = np.abs(given - pixels.decode(data, 96, 128, fit=fit).astype(np.float32))
        assert apart.max() <= 3 and (apart > 0).mean() < 0.1


def test_predict_gives_what_our_interface_gives(server, client):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "retrained_graph"
    request.inputs["image_bytes"].CopyFrom(tf.make_tensor_proto(list(PICTURES.values())))
    outputs = {name: tf.make_ndarray(each) for name, each in client.Predict(request).outputs.items()}
    instances = [{"b64": base64.b64encode(data).decode()} for data in PICTURES.values()]
    ours = server.post("/v1/models/retrained_graph/versions/1:predict", {"instances": instances}).json["predictions"]
    assert len(ours) == len(PICTURES)
    assert [each["classes"] for each in ours] == [[label.decode() for label in row] for row in outputs["classes"]]
    np.testing.assert_allclose([each["scores"] for each in ours], outputs["scores"], atol=TOLERANCE)


def test_classify_gives_what_our_interface_gives(server, client):
    data = PICTURES["jpeg"]
    request = classification_pb2.ClassificationRequest()
    request.model_spec.name, request.model_spec.signature_name = "retrained_graph", "classify"
    features = request.input.example_list.examples.add().features
    features.feature["image_bytes"].bytes_list.value.append(data)
    (found,) = client.Classify(request).result.classifications
    examples = [{"image_bytes": {"b64": base64.b64encode(data).decode()}}]
    asked = {"signature_name": "classify", "examples": examples}
    (ours,) = server.post("/v1/models/retrained_graph:classify", asked).json["results"]
    assert [label for label, _ in ours] == [each.label for each in found.classes]
    assert [score for _, score in ours] == pytest.approx([each.score for each in found.classes], abs=TOLERANCE)


def test_pixels_get_the_same_scores(server, client):
    metadata = server.get("/v1/models/retrained_graph/metadata").json["metadata"]["signature_def"]["signature_def"]
    dims = metadata["pixels"]["inputs"]["pictures"]["tensor_shape"]["dim"]
    height, width = (int(dim["size"]) for dim in dims[1:3])
    picture = pixels.decode(PICTURES["png"], height, width).astype(np.float32)
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "pixels"
    request.inputs["pictures"].CopyFrom(tf.make_tensor_proto(picture[None]))
    wanted = tf.make_ndarray(client.Predict(request).outputs["scores"])[0]
    asked = {"signature_name": "pixels", "instances": [picture.tolist()]}
    ours = server.post("/v1/models/retrained_graph:predict", asked).json["predictions"][0]["scores"]
    assert ours == pytest.approx(list(wanted), abs=1e-4)


def test_saved_model_cli_runs_it(server, version, tmp_path):
    """Its input is a Python expression; all bytes are escaped, because it splits at semicolons."""
    literal = "".join(f"\\x{byte:02x}" for byte in SMALL)
    command = [sys.executable, "-m", "tensorflow.python.tools.saved_model_cli", "run", "--dir", version]
    words = [
        "--tag_set",
        "serve",
        "--signature_def",
        "serving_default",
        "--outdir",
        tmp_path,
        "--input_exprs",
        f"image_bytes=[b'{literal}']",
    ]
    done = subprocess.run([*command, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    ours = server.post("/label?top_k=3", SMALL).json["labels"]
    classes, scores = (np.load(tmp_path / f"{name}.npy", allow_pickle=True)[0] for name in ("classes", "scores"))
    wanted = {label.decode(): score for label, score in zip(classes, scores, strict=True)}
    assert {each["label"]: each["score"] for each in ours} == pytest.approx(wanted, abs=TOLERANCE)


def test_every_export_is_a_new_version(retrained, version):
    done = retrained.run("export", f"--graph={retrained / 'retrained_graph.pb'}", "--format=saved_model")
    assert done.returncode == 0, done.stderr
    assert sorted(each.name for each in version.parent.iterdir()) == ["1", "2"]
    assert (version.parent / "2" / "assets" / "labels.txt").read_text() == "blue\ngreen\nred\n"
