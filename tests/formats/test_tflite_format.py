"""TFLite files: ours keep their scores and describe themselves; those from elsewhere are understood or refused."""

import io
import json
import shutil
import zipfile
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import number_types
from flatbuffers.table import Table

from scripts.classifier.errors import UserError
from scripts.classifier.formats import bias_correction, graph, tflite, tflite_file, tflite_metadata
from scripts.classifier.formats.contents import Contents
from scripts.classifier.formats.model import Wishes
from scripts.classifier.photos import image_lists, pixels
from scripts.classifier.photos.preprocessing import Overrides, Preprocessing
from scripts.classifier.training import run_record
from tests.support import small_classifiers
from tests.support.workplace import Workplace

QUANTIZATIONS = ["none", "dynamic", "float16", "int8"]


@pytest.fixture(scope="module")
def classifiers(tmp_path_factory) -> dict[str, Contents]:
    folder = tmp_path_factory.mktemp("networks")
    return {
        name: small_classifiers.contents(small_classifiers.backbone(name, folder))
        for name in ("mobilenet", "color_texture", "keras_network")
    }


@pytest.fixture(scope="module")
def written(classifiers, tmp_path_factory) -> dict[tuple[str, str], Path]:
    """Each in its own folder, with no other files beside it."""
    files = {}
    for name, contents in classifiers.items():
        for quantize in QUANTIZATIONS:
            path = tmp_path_factory.mktemp("alone") / f"{name}.tflite"
            tflite.write(path, contents, quantize, prepared(contents))
            files[name, quantize] = path
    return files


def drawn(contents: Contents, count: int = 24) -> np.ndarray:
    """Smooth pictures with pixels from 0 to 255: to a network, all noise looks the same."""
    random, take = np.random.default_rng(2), contents.preprocessing
    height, width = take.input_height, take.input_width
    up, across = np.mgrid[0:height, 0:width] / max(height, width)
    pictures = []
    for _ in range(count):
        wave = np.sin(2 * np.pi * (random.uniform(1, 12) * up + random.uniform(1, 12) * across + random.uniform()))
        colours = random.uniform(0, 255, (2, 3))
        share = (wave[..., None] + 1) / 2
        pictures.append(np.rint(colours[0] * share + colours[1] * (1 - share)))
    return np.array(pictures, np.float32)


def prepared(contents: Contents) -> list[np.ndarray]:
    take = contents.preprocessing
    return list(pixels.normalise(drawn(contents), take.input_mean, take.input_std))


def look(path: Path, pictures: np.ndarray, said: Overrides | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Scores and bottlenecks."""
    model = tflite.open_model(path, Wishes(said or Overrides(), bottlenecks=True))
    run, take = model.open_runner(), model.preprocessing
    answers = [run(pixels.normalise(each[None], take.input_mean, take.input_std)) for each in pictures]
    return tuple(np.concatenate(each) for each in zip(*answers, strict=True))


@pytest.mark.parametrize("quantize", QUANTIZATIONS)
@pytest.mark.parametrize("name", ["mobilenet", "color_texture", "keras_network"])
def test_scores_and_bottlenecks_are_those_of_the_graph(classifiers, written, name, quantize):
    contents = classifiers[name]
    pictures = drawn(contents)
    scores, bottlenecks = look(written[name, quantize], pictures)
    wanted, wanted_bottlenecks = small_classifiers.expected(contents, pictures)
    off, cosines = np.abs(scores - wanted), cosine(bottlenecks, wanted_bottlenecks)
    if quantize == "none":
        assert off.max() < 1e-4 and cosines.min() > 0.9999
    else:
        assert off.mean() < 0.01 and (scores.argmax(axis=1) == wanted.argmax(axis=1)).mean() > 0.9
        assert cosines.mean() > 0.998
    if name == "mobilenet":
        # With 8-bit weights it is 0.026 without bias correction.
        assert np.abs(bottlenecks.mean(axis=0) - wanted_bottlenecks.mean(axis=0)).max() < 0.02
    assert scores.sum(axis=1) == pytest.approx(1, abs=0.02)


def cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a * b).sum(axis=1) / (np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1))


@pytest.mark.parametrize("quantize", QUANTIZATIONS)
def test_labels_record_and_preprocessing_are_in_the_file(classifiers, written, quantize):
    model = tflite.open_model(written["mobilenet", quantize], Wishes())
    contents = classifiers["mobilenet"]
    assert model.preprocessing == Preprocessing(128, 128, 128.0, 128.0)
    assert model.labels == contents.labels and tuple(model.record["labels"]) == contents.labels
    assert model.record["quantize"] == quantize and model.record["options"] == {"seed": 7}
    assert model.unknown == contents.unknown
    assert model.outputs == 3 and model.batch == 1 and model.one_core and model.note is None
    assert not model.gives_bottlenecks and model.open_runner()(np.zeros((1, 128, 128, 3), np.float32))[1] is None


def test_8_bit_files_take_pixels_as_they_are(classifiers, written):
    from ai_edge_litert.interpreter import Interpreter

    path, pictures = written["mobilenet", "int8"], drawn(classifiers["mobilenet"])[:3]
    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    assert entry["dtype"] == np.uint8 and entry["quantization"] == (1 / 128, 128) and entry["name"] == "input"
    assert exit_["dtype"] == np.uint8 and exit_["quantization"] == (1 / 256, 0) and exit_["name"] == "final_result"
    scores = []
    for picture in pictures:
        interpreter.set_tensor(entry["index"], picture[None].astype(np.uint8))
        interpreter.invoke()
        scores.append(interpreter.get_tensor(exit_["index"])[0] / 256)
    assert np.array_equal(scores, look(path, pictures)[0])


def test_8_bit_files_are_a_third_of_the_size(written):
    def size(quantize: str) -> int:
        return written["mobilenet", quantize].stat().st_size

    assert max(size("int8"), size("dynamic")) < size("none") / 3 and size("float16") < size("none") / 1.8


def test_int8_quantizes_only_weights_if_it_would_ruin_scores_and_says_so(classifiers, written, tmp_path):
    contents = classifiers["color_texture"]
    note = tflite.write(tmp_path / "a.tflite", contents, "int8", prepared(contents)[:2])
    assert "RealDiv" in note and "Sqrt" in note and "dynamic" in note
    model = tflite.open_model(tmp_path / "a.tflite", Wishes())
    assert model.record["quantize"] == "dynamic" and model.preprocessing.input_std == 128


def test_writing_again_gives_the_same_bytes(classifiers, written, tmp_path):
    contents = classifiers["keras_network"]
    tflite.write(tmp_path / "again.tflite", contents, "int8", prepared(contents))
    assert (tmp_path / "again.tflite").read_bytes() == written["keras_network", "int8"].read_bytes()


def test_int8_without_photos_is_refused_and_nothing_is_written(classifiers, tmp_path):
    with pytest.raises(UserError, match="training photos"):
        tflite.write(tmp_path / "a.tflite", classifiers["keras_network"], "int8", iter([]))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ["convolution", "depthwise", "dense"])
def test_bias_correction_keeps_the_average_of_each_sum(kind):
    import tensorflow as tf

    random = np.random.default_rng(0)
    pictures = list(random.uniform(0, 1, (20, 6, 6, 4)).astype(np.float32))
    shape = {"convolution": (3, 3, 4, 8), "depthwise": (3, 3, 4, 2), "dense": (144, 8)}[kind]
    weights = random.normal(size=shape).astype(np.float32)
    together = {"convolution": (0, 1, 2), "depthwise": (0, 1), "dense": (0, 1)}[kind]
    step = np.abs(weights).max(axis=together, keepdims=True) / 127
    graphs = []
    for values in (weights, np.round(weights / step) * step):
        with tf.Graph().as_default() as built:
            entry = tf.compat.v1.placeholder(tf.float32, [None, 6, 6, 4], name="input")
            if kind == "convolution":
                sums = tf.nn.conv2d(entry, values, 2, "SAME")
            elif kind == "depthwise":
                sums = tf.nn.depthwise_conv2d(entry, values, [1, 1, 1, 1], "VALID")
            else:
                sums = tf.matmul(tf.reshape(entry, [-1, 144]), values)
            tf.nn.relu(sums, name="final")
        graphs.append(built.as_graph_def())
    exact, rounded = graphs
    corrected = bias_correction.correct(exact, "input", "final", pictures, at_least=0)
    lost = [node for node in corrected.node if node.name.endswith("/lost")]
    assert len(lost) == 1
    layer = lost[0].name.removesuffix("/lost")
    shift = tf.make_ndarray(lost[0].attr["value"].tensor)
    before, after = (channel_means(each, layer, pictures) for each in (exact, rounded))
    assert np.abs(after - before).max() > 1e-4
    assert after + shift == pytest.approx(before, abs=1e-5)
    assert channel_means(corrected, f"{layer}/corrected", pictures) == pytest.approx(before + shift, abs=1e-5)
    assert bias_correction.correct(exact, "input", "final", pictures, at_least=weights.size + 1).node == exact.node


def channel_means(graph_def, name: str, pictures: list[np.ndarray]) -> np.ndarray:
    import tensorflow as tf

    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.graph_util.import_graph_def(graph_def, name="")
        values = session.run(f"{name}:0", {"input:0": np.stack(pictures)})
    return values.reshape(-1, values.shape[-1]).mean(axis=0)


# Field numbers in metadata_schema.fbs: MODEL.name is 0, and so on.
NAME, DESCRIPTION, SUBGRAPHS, MODEL_FILES, MIN_PARSER = 0, 1, 3, 6, 7
INPUTS, OUTPUTS = 2, 3
CONTENT, PROCESSES, STATS, TENSOR_FILES = 3, 4, 5, 6


def slot(table: Table, number: int) -> int:
    return table.Offset(4 + 2 * number)


def text(table: Table, number: int) -> str:
    return table.String(table.Pos + slot(table, number)).decode()


def byte(table: Table, number: int) -> int:
    return table.Get(number_types.Uint8Flags, table.Pos + slot(table, number))


def child(table: Table, number: int) -> Table:
    return Table(table.Bytes, table.Indirect(table.Pos + slot(table, number)))


def children(table: Table, number: int) -> list[Table]:
    start, count = table.Vector(slot(table, number)), table.VectorLen(slot(table, number))
    return [Table(table.Bytes, table.Indirect(start + 4 * at)) for at in range(count)]


def floats(table: Table, number: int) -> list[float]:
    return table.GetVectorAsNumpy(number_types.Float32Flags, slot(table, number)).tolist()


@pytest.mark.parametrize(("quantize", "low", "high", "surest"), [("none", -1, 127 / 128, 1), ("int8", 0, 255, 255)])
def test_metadata_holds_what_tools_for_phones_need(written, quantize, low, high, surest):
    """Read with the flatbuffers package and the schema's numbers, not with our reader."""
    packed = tflite_file.metadata(written["mobilenet", quantize].read_bytes(), "TFLITE_METADATA")
    assert flatbuffers.util.BufferHasIdentifier(packed, 0, b"M001")
    model = Table(packed, int.from_bytes(packed[:4], "little"))
    assert text(model, NAME) == "image classifier" and "rosé" in text(model, DESCRIPTION)
    assert text(model, MIN_PARSER) == "1.0.0"
    assert {text(each, NAME) for each in children(model, MODEL_FILES)} == {"classifier.json", "unknown.npz"}
    (subgraph,) = children(model, SUBGRAPHS)
    (image,), (scores,) = children(subgraph, INPUTS), children(subgraph, OUTPUTS)
    assert text(image, NAME) == "image" and text(scores, NAME) == "probability"
    content = child(image, CONTENT)
    assert byte(content, 0) == 2 and byte(child(content, 1), 0) == 1  # an image, RGB
    (process,) = children(image, PROCESSES)
    assert byte(process, 0) == 1  # a normalization
    assert floats(child(process, 1), 0) == [128] and floats(child(process, 1), 1) == [128]
    assert floats(child(image, STATS), 0) == [high] and floats(child(image, STATS), 1) == [low]
    assert floats(child(scores, STATS), 0) == [surest] and floats(child(scores, STATS), 1) == [0]
    (labels,) = children(scores, TENSOR_FILES)
    assert text(labels, NAME) == "labels.txt" and byte(labels, 2) == 2  # labels along an axis


def test_a_written_file_is_an_archive_too(classifiers, written):
    contents = classifiers["mobilenet"]
    with zipfile.ZipFile(written["mobilenet", "int8"]) as archive:
        assert sorted(archive.namelist()) == ["classifier.json", "labels.txt", "unknown.npz"]
        assert archive.testzip() is None
        assert {each.compress_type for each in archive.infolist()} == {zipfile.ZIP_STORED}
        assert archive.read("labels.txt").decode() == "daisy\nrosé\nsun flower\n"
        assert archive.read("unknown.npz") == contents.unknown
        assert json.loads(archive.read("classifier.json"))["preprocessing"]["input_std"] == 128


def test_weights_are_aligned(written):
    from ai_edge_litert.schema_py_generated import Model

    model = Model.GetRootAs(written["mobilenet", "int8"].read_bytes())
    buffers = [model.Buffers(at) for at in range(model.BuffersLength())]
    starts = [each._tab.Vector(each._tab.Offset(4)) for each in buffers if each.DataLength()]
    assert len(starts) > 50 and all(start % 16 == 0 for start in starts)


def test_tensor_names_are_short(written):
    from ai_edge_litert.schema_py_generated import Model

    tensors = Model.GetRootAs(written["mobilenet", "int8"].read_bytes()).Subgraphs(0)
    assert max(len(tensors.Tensors(at).Name()) for at in range(tensors.TensorsLength())) < 100


def convert(layers, *shapes: list[int | None], eight_bits=None) -> bytes:
    """A .tflite file from elsewhere, made from the function `layers`, with one input per shape."""
    import tensorflow as tf

    traced = tf.function(layers).get_concrete_function(*(tf.TensorSpec(shape, tf.float32) for shape in shapes))
    converter = tf.lite.TFLiteConverter.from_concrete_functions([traced])
    if eight_bits is not None:
        random = np.random.default_rng(0)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: (
            [random.uniform(-1, 1, [1, *shapes[0][1:]]).astype(np.float32)] for _ in range(8)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = converter.inference_output_type = eight_bits
    return converter.convert()


def logits(pictures):
    import tensorflow as tf

    random = np.random.default_rng(0)
    means = tf.reduce_mean(pictures, [1, 2])
    return tf.matmul(means, random.normal(0, 2, (3, 4)).astype(np.float32))


def probabilities(pictures):
    import tensorflow as tf

    return tf.nn.softmax(logits(pictures))


@pytest.mark.parametrize("kind", ["uint8", "int8"])
def test_8_bit_files_from_elsewhere_are_given_pixels(tmp_path, kind):
    import tensorflow as tf

    path = tmp_path / "a.tflite"
    path.write_bytes(convert(probabilities, [1, 16, 16, 3], eight_bits=tf.as_dtype(kind)))
    model = tflite.open_model(path, Wishes())
    assert (model.preprocessing.input_height, model.preprocessing.input_width, model.outputs) == (16, 16, 4)
    assert model.labels is None and model.record is None
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    interpreter.allocate_tensors()
    (entry,), (exit_,) = interpreter.get_input_details(), interpreter.get_output_details()
    picture = np.random.default_rng(5).integers(0, 256, (1, 16, 16, 3))
    interpreter.set_tensor(entry["index"], (picture - (128 if kind == "int8" else 0)).astype(kind))
    interpreter.invoke()
    scale, zero = exit_["quantization"]
    wanted = (interpreter.get_tensor(exit_["index"]).astype(float) - zero) * scale
    assert look(path, picture.astype(np.float32))[0] == pytest.approx(wanted, abs=1e-6)
    # The user's settings come first.
    assert tflite.open_model(path, Wishes(Overrides(input_mean=0, input_std=255))).preprocessing.input_std == 255


def test_float_files_from_elsewhere_need_mean_and_deviation(tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(convert(logits, [1, 16, 16, 3]))
    with pytest.raises(UserError, match="--input_mean, --input_std"):
        tflite.open_model(path, Wishes())
    said = Overrides(input_mean=0, input_std=255)
    assert "ends without a softmax" in tflite.open_model(path, Wishes(said)).note
    picture = np.random.default_rng(5).integers(0, 256, (1, 16, 16, 3)).astype(np.float32)
    scores, bottlenecks = look(path, picture, said)
    odds = np.exp(np.array(logits(picture / 255)))
    assert scores == pytest.approx(odds / odds.sum(), abs=1e-5)
    assert bottlenecks == pytest.approx((picture / 255).mean(axis=(1, 2)), abs=1e-5)
    with pytest.raises(UserError, match="16 x 16 pixels, not 32 x 16"):
        tflite.open_model(path, Wishes(Overrides(input_mean=0, input_std=255, input_height=32)))
    with pytest.raises(UserError, match="--input_layer is for graphs"):
        tflite.open_model(path, Wishes(Overrides(input_layer="input")))


def test_an_open_size_is_asked_for(tmp_path):
    path = tmp_path / "a.tflite"
    path.write_bytes(convert(probabilities, [None, None, None, 3]))
    with pytest.raises(UserError, match="--input_height, --input_width, --input_mean"):
        tflite.open_model(path, Wishes())
    picture = np.random.default_rng(5).integers(0, 256, (1, 20, 30, 3)).astype(np.float32)
    said = Overrides(input_height=20, input_width=30, input_mean=0, input_std=1)
    assert look(path, picture, said)[0] == pytest.approx(np.array(probabilities(picture)), abs=1e-5)


def test_labels_and_normalization_are_read_from_metadata(tmp_path):
    """Metadata as official tools write it, without our record."""
    path = tmp_path / "a.tflite"
    description = tflite_metadata.Description(
        "x", "y", 127.5, 127.5, (-1, 1), (0, 1), "names.txt", {"names.txt": b"a\r\nb\r\n\r\nd\r\n"}
    )
    path.write_bytes(tflite_metadata.embed(convert(probabilities, [1, 16, 16, 3]), "in", "out", description))
    model = tflite.open_model(path, Wishes())
    assert model.preprocessing == Preprocessing(16, 16, 127.5, 127.5)
    assert model.labels == ("a", "b", "", "d") and model.record is None


@pytest.mark.parametrize(
    ("layers", "shapes", "found"),
    [
        (lambda a, b: probabilities(a) + probabilities(b), [[1, 8, 8, 3]] * 2, "takes 2 and gives 1 tensors"),
        (lambda a: (probabilities(a), logits(a)), [[1, 8, 8, 3]], "takes 1 and gives 2 tensors"),
        (lambda a: a * 2, [[1, 8, 8, 3]], r"gives \[1, 8, 8, 3\]"),
        (lambda a: a * 2, [[1, 3]], r"takes \[1, 3\]"),
        (lambda a: probabilities(a * [1.0, 2.0, 3.0]), [[1, 8, 8, 1]], r"takes \[1, 8, 8, 1\]"),
        (probabilities, [[4, 8, 8, 3]], r"takes \[4, 8, 8, 3\]"),
    ],
    ids=["two pictures", "two answers", "a picture", "no picture", "grey", "four at once"],
)
def test_models_that_do_not_classify_pictures_are_refused(tmp_path, layers, shapes, found):
    path = tmp_path / "a.tflite"
    path.write_bytes(convert(layers, *shapes))
    with pytest.raises(UserError, match=f"{found}.*expected a classifier"):
        tflite.open_model(path, Wishes(Overrides(input_mean=0, input_std=1)))


def test_damaged_files_are_refused_in_one_line(written, tmp_path):
    data, path = written["mobilenet", "int8"].read_bytes(), tmp_path / "a.tflite"
    archive = data.index(b"PK\3\4")
    metadata = data.index(b"M001") - 4
    files = io.BytesIO(data)
    with zipfile.ZipFile(files) as opened:
        record_at = opened.getinfo("classifier.json").header_offset
    cases = {
        "cut in the model": data[: archive // 2],
        "cut before the files": data[:archive],
        "cut in the files": data[:-100],
        "only a start": data[:40],
        "zeros": data[:8] + bytes(3000),
        "a changed record": data[: record_at + 200] + b"#" + data[record_at + 201 :],
        "broken metadata": data[:metadata] + b"\xff\xff\xff\x7f" + data[metadata + 4 :],
    }
    for what, damaged in cases.items():
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"damaged|cut short") as error:
            tflite.open_model(path, Wishes())
        assert str(path) in str(error.value) and "\n" not in str(error.value), what


def test_operations_unknown_to_litert_are_named(tmp_path):
    import tensorflow as tf

    with tf.Graph().as_default() as built:
        entry = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        odd = tf.math.betainc(tf.abs(entry) + 1, tf.abs(entry) + 1, tf.abs(entry) / 2)
        tf.nn.softmax(tf.reduce_mean(odd, [1, 2]), name="final")
    take = Preprocessing(8, 8, 128.0, 128.0, "input", "final")
    with pytest.raises(UserError, match="Betainc"):
        tflite.write(tmp_path / "a.tflite", Contents(built.as_graph_def(), take, None, ("a", "b", "c"), {}, None))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["FlexReadFile", "TFLite_Detection_PostProcess"])
def test_operations_that_are_not_of_tensorflow_lite_are_refused(written, tmp_path, name):
    """LiteRT knows the second one, and wrong inputs crash it."""
    model = schema.ModelT.InitFromPackedBuf(written["mobilenet", "none"].read_bytes(), 0)
    softmax = schema.BuiltinOperator.SOFTMAX
    (kind,) = (each for each in model.operatorCodes if softmax in (each.builtinCode, each.deprecatedBuiltinCode))
    kind.builtinCode = kind.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    kind.customCode = name
    for operation in model.subgraphs[0].operators:
        if operation.builtinOptionsType == schema.BuiltinOptions.SoftmaxOptions:
            operation.builtinOptionsType, operation.builtinOptions = 0, None
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    path = tmp_path / "model.tflite"
    path.write_bytes(builder.Output())
    with pytest.raises(UserError, match=f"holds the operation {name}, which") as error:
        tflite.open_model(path, Wishes())
    assert "\n" not in str(error.value)


def test_int8_loses_at_most_a_point_on_real_flowers(real_data, tmp_path):
    place = Workplace(tmp_path)
    shutil.copytree(real_data / "models", place / "models")
    folder = real_data / "flower_photos"
    done = place.retrain(folder, "--architecture=mobilenet_0.25_128", "--how_many_training_steps=2000")
    assert done.returncode == 0, done.stderr
    path = place / "retrained_graph.pb"
    labels = tuple(run_record.read(path)["labels"])
    contents = graph.read_contents(path, Overrides(), labels)
    lists = image_lists.scan(folder, 10, 10)
    shown = {photo.path: contents.preprocessing.apply((folder / photo.path).read_bytes()) for photo in lists.photos}
    training = [shown[photo.path] for photo in lists.of("training")][::4]
    right = {}
    for quantize in ("none", "int8"):
        tflite.write(place / f"{quantize}.tflite", contents, quantize, training)
        run = tflite.open_model(place / f"{quantize}.tflite", Wishes()).open_runner()
        answers = [run(shown[photo.path][None])[0].argmax() for photo in lists.photos]
        right[quantize] = sum(at == photo.label for at, photo in zip(answers, lists.photos, strict=True))
    assert right["int8"] >= right["none"] - len(lists.photos) / 100
    assert (place / "int8.tflite").stat().st_size < path.stat().st_size / 3 + len(contents.unknown or b"")
