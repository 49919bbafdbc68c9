"""All targets. A new one is a module in targets/ and a line here."""

from .target import Target
from .targets import (
    archives,
    caches,
    checkpoints,
    cifar10_batches,
    event_files,
    keras_hub_presets,
    matlab_files,
    models,
    pictures,
    records,
    requests,
    texts,
    torch_files,
    url_folders,
)

_ALL: tuple[Target, ...] = (
    pictures.TARGET,
    torch_files.TARGET,
    matlab_files.TARGET,
    cifar10_batches.TARGET,
    archives.TARGET,
    records.TARGET,
    records.CURVES,
    records.STRANGERS,
    event_files.TARGET,
    checkpoints.TARGET,
    caches.CACHE,
    caches.DIGESTS,
    caches.RUNS,
    texts.LABELS,
    texts.NAMES,
    texts.ATTRIBUTIONS,
    texts.TOKENS,
    texts.ANSWERS,
    requests.TARGET,
    url_folders.TARGET,
    keras_hub_presets.TARGET,
    *models.TARGETS,
)

TARGETS = {target.name: target for target in _ALL}
