"""absl's flags where absl is installed, else as much of them as label_image needs."""

try:
    from absl import flags as installed
except ImportError:
    from . import plain_flags as installed

FLAGS, Flag, Error = installed.FLAGS, installed.Flag, installed.Error
DEFINE_bool = installed.DEFINE_bool
DEFINE_enum = installed.DEFINE_enum
DEFINE_float = installed.DEFINE_float
DEFINE_integer = installed.DEFINE_integer
DEFINE_multi_string = installed.DEFINE_multi_string
DEFINE_string = installed.DEFINE_string

__all__ = [
    "FLAGS",
    "DEFINE_bool",
    "DEFINE_enum",
    "DEFINE_float",
    "DEFINE_integer",
    "DEFINE_multi_string",
    "DEFINE_string",
    "Error",
    "Flag",
]
