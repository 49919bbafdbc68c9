"""Modules as TensorFlow Hub serves them, in both formats, with random weights."""

import io
import tarfile
from pathlib import Path

import numpy as np
import tensorflow as tf


def today(folder: Path, size: int | None = 64, images: str = "inputs", channels: int = 3) -> Path:
    """A TensorFlow 2 SavedModel with variables, a batch norm and a swish; gives 12 values."""
    keras = tf.keras
    keras.utils.set_random_seed(2)
    layers = keras.layers
    entry = keras.Input((None, None, channels), name="given")
    x = layers.Conv2D(8, 3, 2, use_bias=False, name="stem")(entry)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Conv2D(12, 3, 2, activation="swish", name="top")(x)
    network = keras.Model(entry, layers.GlobalAveragePooling2D(name="pool")(x))
    random = np.random.default_rng(0)
    network.get_layer("norm").set_weights([random.uniform(0.5, 1.5, 8) for _ in range(4)])
    module = tf.Module()
    module.network = network
    spec = tf.TensorSpec([None, size, size, channels], tf.float32, name=images)
    serving = tf.function(
        lambda **given: {"feature_vector": network(given[images], training=False)}, input_signature=None
    ).get_concrete_function(**{images: spec})
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serving})
    return folder


def of_tensorflow_1(folder: Path, size: int = 64, size_in_signature: bool = False) -> Path:
    """In the format of hub.Module, as hub's own library wrote it: graphs without tags and for training, signatures,
    the picture's size in an attachment, a checkpoint, and tfhub_module.pb, which says that it is of format 3."""
    from tensorflow.core.protobuf import saved_model_pb2

    v1 = tf.compat.v1
    saved = saved_model_pb2.SavedModel(saved_model_schema_version=1)
    for tags in ([], ["train"]):
        with tf.Graph().as_default() as graph:
            v1.disable_resource_variables()
            sizes = size if size_in_signature else None
            images = v1.placeholder(tf.float32, [None, sizes, sizes, 3], name="images")
            with v1.variable_scope("Net", initializer=v1.random_normal_initializer(stddev=0.2, seed=5)):
                x = tf.nn.conv2d(images * 2.0 - 1.0, v1.get_variable("weights", [5, 5, 3, 10]), 2, "SAME")
                statistics = [
                    v1.get_variable(name, [10], initializer=v1.random_uniform_initializer(0.5, 1.5, seed=number))
                    for number, name in enumerate(("gamma", "beta", "moving_mean", "moving_variance"))
                ]
                x = tf.nn.relu6(v1.nn.fused_batch_norm(x, *statistics, is_training=bool(tags))[0])
                pooled = tf.reduce_mean(x, [1, 2], keepdims=True, name="pool")
                vector = tf.squeeze(pooled, [1, 2], name="feature_vector")
            meta_graph = v1.train.export_meta_graph(strip_default_attrs=True)
            meta_graph.meta_info_def.tags.extend(tags)
            utils = v1.saved_model.utils
            for name in ("default", "image_feature_vector"):
                meta_graph.signature_def[name].CopyFrom(
                    v1.saved_model.signature_def_utils.build_signature_def(
                        {"images": utils.build_tensor_info(images)}, {"default": utils.build_tensor_info(vector)}
                    )
                )
            # {1: "image_module_info", 2: {1: {1: height, 2: width}}}
            info = bytes([0x0A, 4, 0x08, size, 0x10, size])
            attached = b"\x0a\x11image_module_info\x12" + bytes([len(info)]) + info
            meta_graph.collection_def["hub_module_attachments"].bytes_list.value.append(attached)
            saved.meta_graphs.append(meta_graph)
            if not tags:
                with v1.Session(graph=graph) as session:
                    session.run(v1.global_variables_initializer())
                    (folder / "variables").mkdir(parents=True)
                    v1.train.Saver(write_version=2).save(
                        session, str(folder / "variables" / "variables"), write_meta_graph=False, write_state=False
                    )
    (folder / "saved_model.pb").write_bytes(saved.SerializeToString())
    (folder / "tfhub_module.pb").write_bytes(b"\x08\x03")
    return folder


def archive(folder: Path) -> bytes:
    """As hub responds to ?tf-hub-format=compressed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.add(folder, arcname=".")
    return packed.getvalue()
