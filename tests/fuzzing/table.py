"""All targets. A new one is a module in targets/ and a line here."""

from .target import Target
from .targets import archives, matlab_files, pictures, torch_files

_ALL: tuple[Target, ...] = (pictures.TARGET, torch_files.TARGET, matlab_files.TARGET, archives.TARGET)

TARGETS = {target.name: target for target in _ALL}
