"""All targets. A new one is a module in targets/ and a line here."""

from .target import Target
from .targets import pictures

_ALL: tuple[Target, ...] = (pictures.TARGET,)

TARGETS = {target.name: target for target in _ALL}
