"""absl's flags where absl is installed, else as much of them as label_image needs."""

try:
    from absl.flags import (
        FLAGS,
        DEFINE_bool,
        DEFINE_enum,
        DEFINE_float,
        DEFINE_integer,
        DEFINE_multi_string,
        DEFINE_string,
        Error,
        Flag,
    )
except ImportError:
    from .plain_flags import (  # type: ignore[assignment]  # behaves like absl's as far as it goes
        FLAGS,
        DEFINE_bool,
        DEFINE_enum,
        DEFINE_float,
        DEFINE_integer,
        DEFINE_multi_string,
        DEFINE_string,
        Error,
        Flag,
    )

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
