"""All targets. A new one is a module in targets/ and a line here."""

from .target import Target
from .targets import archives, checkpoints, matlab_files, models, pictures, records, texts, torch_files

_ALL: tuple[Target, ...] = (
    pictures.TARGET,
    torch_files.TARGET,
    matlab_files.TARGET,
    archives.TARGET,
    records.TARGET,
    records.CURVES,
    records.STRANGERS,
    checkpoints.TARGET,
    texts.LABELS,
    texts.NAMES,
    texts.ATTRIBUTIONS,
    texts.TOKENS,
    *models.TARGETS,
)

TARGETS = {target.name: target for target in _ALL}
