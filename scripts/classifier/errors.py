"""The one error whose text is meant for the user."""


class UserError(Exception):
    """Something the user can put right.

    The text is one line: what was found, what was expected, and what to do next.
    """
