"""Says whether the classifier in service calls pictures unknown, and how well that works."""

from __future__ import annotations

from ..drawing.percent import percent
from ..formats import classifiers
from ..formats.classifiers import Classifier


def line(classifier: Classifier, wanted: bool | None) -> str:
    """`wanted` is the user's choice, None where there was none."""
    kept = classifiers.share_kept(classifier.model)
    measured = "" if kept is None else f"{percent(kept)} of the test photos are recognised as known"
    if classifier.tells_unknown:
        return f"pictures of anything else are called unknown ({measured or 'how reliably was not measured'})"
    if wanted is False:
        why = "--nounknown"
    elif not classifiers.keeps_enough(classifier.model):
        why = f"with --unknown, only {measured}"
    else:
        why = "this classifier cannot tell unknown pictures"
    return f"every picture gets one of the labels ({why})"
