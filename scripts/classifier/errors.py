"""The one error whose text is meant for the user."""

from .plain_text import printable

# Errors of other libraries can be pages long; the first words say what is wrong.
_MOST_CHARACTERS = 200


class UserError(Exception):
    """Something the user can put right.

    The text is one line: what was found, what was expected, and what to do next. It may quote names from files, so what
    a terminal might obey is escaped here, once for all.
    """

    def __init__(self, text: object):
        super().__init__(printable(text))


def in_short(error: object) -> str:
    """Another library's error, shortened to fit into a line that a terminal shows as it is."""
    text = printable(" ".join(str(error).split()))
    return text[:_MOST_CHARACTERS].rstrip(".: ") or type(error).__name__
