"""A backbone's output for pictures, from TensorFlow and from the engine actually used."""

import numpy as np
import tensorflow as tf

from scripts.classifier.backbones.backbone import Backbone
from scripts.classifier.backbones.engine import Engine
from scripts.classifier.backbones.network import Network
from scripts.classifier.graphs import frozen_graph


def noise(count: int, size: int, seed: int = 0) -> np.ndarray:
    """Smooth pictures, because networks were not made for white noise."""
    coarse = np.random.default_rng(seed).uniform(-1, 1, (count, 9, 9, 3)).astype(np.float32)
    return tf.image.resize(coarse, (size, size), "bicubic").numpy().clip(-1, 1)


def by_tensorflow(backbone: Backbone, pictures: np.ndarray) -> np.ndarray:
    return tf.function(frozen_graph.function(backbone.graph_def, ["input"], backbone.bottleneck_name))(pictures).numpy()


def by_network(backbone: Backbone, engine: Engine, pictures: np.ndarray) -> np.ndarray:
    network = Network(backbone, engine)
    run = network.runner()
    padded = np.zeros((-len(pictures) % network.batch, *pictures.shape[1:]), np.float32)
    whole = np.concatenate([pictures, padded])
    batches = [run(whole[at : at + network.batch]) for at in range(0, len(whole), network.batch)]
    return np.concatenate(batches)[: len(pictures)]
