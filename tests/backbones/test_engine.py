"""What networks run on: the choice for machines described as data, and the graphs for GPUs, run on the processor."""

import contextlib
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

from scripts.classifier.backbones import color_texture, gpu, mobilenet_v1
from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.engine import GPU_BATCH, PROCESSOR, Engine, Room, choose
from scripts.classifier.backbones.gpu import Gpu
from scripts.classifier.backbones.network import Network
from scripts.classifier.bottlenecks.extraction import open_cache
from scripts.classifier.errors import UserError
from scripts.classifier.graphs import half_precision
from scripts.classifier.graphs.wiring import PRODUCTS
from scripts.classifier.photos import image_lists
from scripts.classifier.showing import nowhere
from scripts.classifier.training.convnet import pictures
from scripts.classifier.training.convnet.recipes import CnnRecipe
from scripts.classifier.training.fine_tuning import unfreezing
from scripts.classifier.training.fine_tuning.trainable_network import TrainableNetwork
from scripts.classifier.training.recipe import Recipe
from tests.support.engines import by_tensorflow, noise
from tests.support.published_networks import mobilenet_archive
from tests.support.workplace import ROOT, draw_folder

PASCAL, TURING, AMPERE = (Gpu(f"card {major}", (major, 0)) for major in (6, 7, 8))
# The processor in place of a GPU: only the name of the device differs.
STAND_INS = {kind: Engine(kind, Gpu("a card", (8, 0), "/CPU:0")) for kind in ("float32", "float16", "bfloat16")}


@pytest.fixture(scope="module")
def mobilenet(tmp_path_factory):
    return mobilenet_v1.load("mobilenet_0.50_128", mobilenet_archive(tmp_path_factory.mktemp("mirror")))


@pytest.mark.parametrize(
    ("wanted", "large", "card", "bfloat16", "precision"),
    [
        ("auto", True, None, False, "float32"),
        ("auto", True, None, True, "bfloat16"),
        ("auto", False, None, True, "float32"),
        ("float32", True, None, True, "float32"),
        ("bfloat16", False, None, True, "bfloat16"),
        ("auto", True, PASCAL, True, "float32"),
        ("auto", True, TURING, True, "float16"),
        ("auto", True, AMPERE, False, "bfloat16"),
        ("auto", False, TURING, True, "float32"),
        ("auto", False, AMPERE, True, "float32"),
        ("float32", True, AMPERE, True, "float32"),
        ("bfloat16", False, AMPERE, False, "bfloat16"),
    ],
)
def test_a_gpu_is_always_taken_and_decides_on_the_precision(wanted, large, card, bfloat16, precision):
    assert choose(wanted, large=large, gpu=card, bfloat16=bfloat16) == Engine(precision, card)


@pytest.mark.parametrize(
    ("card", "bfloat16", "what"), [(None, False, "this processor"), (TURING, True, "the GPU card 7")]
)
def test_a_precision_that_is_missing_is_refused(card, bfloat16, what):
    with pytest.raises(UserError, match=f"^--precision=bfloat16: {what} has no bfloat16 arithmetic; use auto or "):
        choose("bfloat16", large=True, gpu=card, bfloat16=bfloat16)


def test_a_line_says_what_a_gpu_does():
    assert Engine("float16", TURING).describe() == [f"the GPU card 7 computes in float16, {GPU_BATCH} photos at a time"]
    assert PROCESSOR.describe() == []


def test_caches_keep_vectors_apart_that_differ(tmp_path, mobilenet):
    """In float32 a GPU agrees with a processor, so they share a cache."""
    engines = PROCESSOR, Engine("bfloat16"), *(Engine(each, AMPERE) for each in ("float32", "float16", "bfloat16"))
    plain, bfloat16, *on_gpu = (open_cache(tmp_path, mobilenet, each).folder for each in engines)
    assert on_gpu[0] == plain and len({plain, bfloat16, *on_gpu}) == 4


@pytest.mark.parametrize("engine", [PROCESSOR, Engine("float16", AMPERE)])
def test_everything_is_placed_by_the_name_of_the_device(engine, mobilenet):
    with engine.graph() as graph:
        import tensorflow as tf

        tf.graph_util.import_graph_def(engine.prepared(mobilenet.graph_def, mobilenet.bottleneck_name), name="")
    kind = "CPU" if engine.gpu is None else "GPU"
    assert {operation.device for operation in graph.get_operations()} == {f"/device:{kind}:0"}
    kinds = {operation.outputs[0].dtype.name for operation in graph.get_operations() if operation.type in PRODUCTS}
    assert kinds == {engine.precision}


@pytest.mark.parametrize(("kind", "off"), [("float32", 1e-5), ("float16", 0.01), ("bfloat16", 0.08)])
def test_a_gpu_s_graph_gives_nearly_the_same_vectors(kind, off, mobilenet):
    network, pictures = Network(mobilenet, STAND_INS[kind]), noise(3, 128)
    assert network.batch == GPU_BATCH
    batch = np.zeros((network.batch, 128, 128, 3), np.float32)
    batch[:3] = pictures
    exact, found = by_tensorflow(mobilenet, pictures), network.runner()(batch)[:3]
    assert found.dtype == np.float32
    distance = np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1)
    assert (distance < off).all()
    assert kind == "float32" or (distance > off / 100).all()  # it did compute in 16 bits


def test_half_a_graph_of_plain_arithmetic_still_runs():
    """With operations of all kinds between products, unlike networks."""
    backbone, pictures = color_texture.build(), noise(2, color_texture.INPUT_SIZE)
    rewritten = half_precision.rewrite(backbone.graph_def, backbone.bottleneck_name, "float16")
    import tensorflow as tf

    from scripts.classifier.graphs import frozen_graph

    found = tf.function(frozen_graph.function(rewritten, ["input"], backbone.bottleneck_name))(pictures).numpy()
    exact = by_tensorflow(backbone, pictures)
    assert np.linalg.norm(found - exact) < 0.01 * np.linalg.norm(exact)


def test_operations_that_do_not_name_their_type_follow():
    import tensorflow as tf

    from scripts.classifier.graphs import frozen_graph

    with tf.Graph().as_default() as graph:
        pictures = tf.compat.v1.placeholder(tf.float32, [None, 8, 8, 3], name="input")
        pooled = tf.nn.max_pool2d(tf.nn.conv2d(pictures, tf.ones([3, 3, 3, 2]), 1, "SAME"), 2, 2, "SAME", name="pooled")
        tf.reduce_mean(pooled, [1, 2], name="mean")
    stripped = frozen_graph.strip_to_tensorflow_1(graph.as_graph_def())
    nodes = {node.name: node for node in half_precision.rewrite(stripped, "mean", "bfloat16").node}
    assert next(node for node in stripped.node if node.name == "pooled").attr.keys() & {"T"} == set()
    assert nodes["pooled"].attr["T"].type == tf.bfloat16.as_datatype_enum
    assert nodes[nodes["mean"].input[0]].op == "Cast"


def test_gpus_have_code_for_everything_in_16_bits():
    import tensorflow as tf
    from tensorflow.python.framework import kernels

    if not tf.test.is_built_with_cuda():
        pytest.skip("this TensorFlow knows no GPUs")
    gradients = (
        *("Conv2DBackpropInput", "Conv2DBackpropFilter"),
        *("DepthwiseConv2dNativeBackpropInput", "DepthwiseConv2dNativeBackpropFilter"),
        *("BiasAddGrad", "ReluGrad", "Relu6Grad", "MaxPoolGrad", "AvgPoolGrad", "SigmoidGrad", "FusedBatchNormGradV3"),
    )
    for op in (*PRODUCTS, *half_precision.BETWEEN, *gradients):
        on_gpu = [each for each in kernels.get_registered_kernels_for_op(op).kernel if each.device_type == "GPU"]
        allowed = [each for kernel in on_gpu for each in kernel.constraint if each.name == "T"]
        kinds = {tf.as_dtype(kind).name for each in allowed for kind in each.allowed_values.list.type}
        assert {"float16", "bfloat16"} <= kinds, op


def fine_tuned(backbone: Backbone, engine: Engine) -> np.ndarray:
    """How three steps of fine-tuning move the weights of the last layers."""
    random = np.random.default_rng(0)
    pictures, labels = (128 + 127 * noise(4, 128)).astype(np.uint8), np.arange(4, dtype=np.int32) % 2
    layer = [random.normal(0, 0.1, (backbone.bottleneck_size, 2)).astype(np.float32), np.zeros(2, np.float32)]
    weights = unfreezing.weights_of(backbone, "Conv2d_13_depthwise")
    with contextlib.closing(TrainableNetwork(backbone, layer, weights, engine, Recipe())) as network:
        before, _ = network.means()
        for step in (1, 2, 3):
            network.train(pictures, labels, step, 0.001)
        after, _ = network.means()
    return np.concatenate([(after[each] - before[each]).ravel() for each in before])


@pytest.fixture(scope="module")
def moved_in_full_precision(mobilenet):
    return fine_tuned(mobilenet, PROCESSOR)


@pytest.mark.parametrize(("kind", "alike"), [("float16", 0.97), ("bfloat16", 0.9)])
def test_fine_tuning_in_16_bits_moves_weights_the_same_way(kind, alike, mobilenet, moved_in_full_precision):
    moved, exact = fine_tuned(mobilenet, STAND_INS[kind]), moved_in_full_precision
    cosine = moved @ exact / np.linalg.norm(moved) / np.linalg.norm(exact)
    assert alike < cosine < 0.99999


def test_a_network_from_nothing_learns_the_same_in_float16(tmp_path):
    from scripts.classifier.training.convnet.training import CnnTrainer

    photos, skipped = draw_folder(tmp_path / "photos", each=8), tmp_path / "skipped.txt"
    lists = image_lists.scan(photos, 0, 25)
    recipe = CnnRecipe(epochs=2, image_size=16)
    decoded = pictures.decode(lists, recipe, pictures.MEMORY, tmp_path, (0, 25), skipped, nowhere)
    training, validation, _ = (decoded.of(split) for split in image_lists.SPLITS)
    losses = []
    for engine in (PROCESSOR, STAND_INS["float16"]):
        trainer = CnnTrainer(training, validation, 3, engine, recipe)
        losses.append([each.cross_entropy for each in trainer.run(lambda epoch: nowhere)])
    assert losses[1] == pytest.approx(losses[0], rel=0.02) and losses[1] != losses[0]


def test_a_batch_is_halved_until_it_fits():
    import tensorflow as tf

    tried = []

    def work(most):
        tried.append(most)
        if most > 16:
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
        return most

    room = Room(Engine("float16", TURING), 64, "choose a smaller network")
    assert (room.fit(work), room.fit(work), tried) == (16, 16, [64, 32, 16, 16])


@pytest.mark.parametrize(
    ("engine", "error", "line"),
    [
        (
            Engine("float16", TURING),
            "ResourceExhaustedError",
            "the GPU card 7 has too little free memory: give less, or set CUDA_VISIBLE_DEVICES=-1 to compute on the",
        ),
        (PROCESSOR, "ResourceExhaustedError", "this machine has too little free memory: give less$"),
        (
            Engine("float16", TURING),
            "InternalError",
            r"the GPU card 7 failed \(cuDNN launch failure\): run again, or set CUDA_VISIBLE_DEVICES=-1",
        ),
    ],
)
def test_what_goes_wrong_on_a_gpu_is_one_line(engine, error, line):
    import tensorflow as tf

    def work(most):
        raise getattr(tf.errors, error)(None, None, "cuDNN launch failure")

    with pytest.raises(UserError, match=line):
        Room(engine, 4, "give less").fit(work)


def test_other_errors_on_a_processor_stay_bugs():
    import tensorflow as tf

    with pytest.raises(tf.errors.InternalError), PROCESSOR.guarded("give less"):
        raise tf.errors.InternalError(None, None, "a bug")


def test_threads_take_turns_on_a_gpu(mobilenet):
    """Each with a batch of its own."""
    network, found = Network(mobilenet, STAND_INS["float32"]), {}
    batches = {number: np.repeat(noise(1, 128, seed=number), network.batch, axis=0) for number in range(2)}

    def work(number):
        found[number] = network.runner()(batches[number])[0]

    threads = [threading.Thread(target=work, args=(number,)) for number in batches]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number, batch in batches.items():
        np.testing.assert_allclose(found[number], by_tensorflow(mobilenet, batch[:1])[0], rtol=1e-3, atol=1e-3)


def test_a_gpu_is_tried_out_before_it_is_taken():
    gpu.try_out(Gpu("a card", (8, 0), "/CPU:0"))
    with pytest.raises(UserError, match=r"sees the GPU a card but cannot compute on it \(.*\): update its driver, "):
        gpu.try_out(Gpu("a card", (8, 0), "/GPU:7"))
    with pytest.raises(UserError, match=re.escape("(no answer in 0 seconds): set CUDA_VISIBLE_DEVICES=-1")):
        gpu.try_out(Gpu("a card", (8, 0), "/CPU:0"), seconds=0)


@pytest.fixture
def with_a_card(workplace):
    """The environment of a machine that shows an NVIDIA card, to which this TensorFlow has no driver."""
    listing = workplace / "bin" / "nvidia-smi"
    listing.parent.mkdir()
    listing.write_text("#!/bin/sh\necho 'GPU 0: NVIDIA T1000 (UUID: GPU-0)'\n")
    listing.chmod(0o755)
    return {"PATH": f"{listing.parent}:{os.environ['PATH']}", "CUDA_VISIBLE_DEVICES": "0"}


UNSEEN = (
    r"warning: TensorFlow does not see this machine's NVIDIA card and computes on the processor: pip install "
    r"'tensorflow\[and-cuda\]==[\d.]+' installs what it needs besides a recent driver\n"
)


@pytest.mark.parametrize(
    "words",
    [
        ["retrain", "--dry_run", "--architecture=color_texture"],
        ["extract_bottlenecks", "--architecture=color_texture"],
        ["train_cnn", "--image_size=8", "--epochs=1"],
    ],
    ids=lambda words: words[0],
)
def test_a_card_that_tensorflow_does_not_see_is_mentioned(words, retrained, workplace, with_a_card):
    name, *words = words
    places = workplace.outputs() if name == "retrain" else []
    if name == "extract_bottlenecks":
        places = [each for each in workplace.outputs() if re.match("--(model|bottle|skipped)", each)]
    if name == "train_cnn":
        files = ("output_graph", "output_labels", "summaries_dir", "skipped_images", "checkpoint", "plot_curves")
        places = [f"--{each}={workplace / each}{'.png' if each == 'plot_curves' else ''}" for each in files]
    done = workplace.run(name, f"--image_dir={retrained / 'photos'}", "--quiet", *words, *places, env=with_a_card)
    assert done.returncode == 0 and re.fullmatch(UNSEEN, done.stderr), done.stderr


@pytest.mark.parametrize("why_not", ["hidden", "no driver"])
def test_nothing_is_said_about_cards_that_are_hidden_or_gone(why_not, retrained, workplace, with_a_card):
    if why_not == "hidden":
        with_a_card["CUDA_VISIBLE_DEVICES"] = "-1"
    else:
        (workplace / "bin" / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    done = workplace.retrain(retrained / "photos", "--dry_run", env=with_a_card)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("command", "sees"), [("label_image", "-1"), ("serve", "-1"), ("train_cnn", "0")])
def test_only_commands_that_train_see_gpus(command, sees):
    code = (
        f"import atexit, os, runpy, sys; sys.argv = ['x', '--help']\n"
        "atexit.register(lambda: print(os.environ['CUDA_VISIBLE_DEVICES'], file=sys.stderr))\n"
        f"runpy.run_module('scripts.{command}', run_name='__main__')"
    )
    environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "0"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.stderr == f"{sees}\n"
