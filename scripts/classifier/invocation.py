"""Command lines for messages: `python -m scripts.NAME` in a clone, `poets NAME` if installed."""

_PACKAGE = __name__.partition(".")[0]
_INSTALLED_AS = "poets"
DISTRIBUTION = "photo-poets"


def command(words: str) -> str:
    """A command line: command("label_image --image=rose.jpg")."""
    return f"poets {words}" if _PACKAGE == _INSTALLED_AS else f"python -m {_PACKAGE}.{words}"


def install(extra: str) -> str:
    """The line that installs the packages of requirements/EXTRA.txt; all commands need those of "core"."""
    if _PACKAGE != _INSTALLED_AS:
        return f"pip install -r requirements/{extra}.txt"
    return f"pip install {DISTRIBUTION}" if extra == "core" else f"pip install '{DISTRIBUTION}[{extra}]'"
