"""The report's section about sure answers: how often they hold the right label, and how many labels they have."""

from __future__ import annotations

from ...training.accuracy import interval_95
from ..sure_measures import SureMeasures
from .markup import Section, count, decimals, name, percent, scrolling


def section(sure: SureMeasures | None) -> Section | None:
    """None if they were not asked for, or without photos."""
    if sure is None or sure.mean_size is None:
        return None
    photos, covered = len(sure.judged), int(sure.covered.sum())
    exact = decimals(photos)
    low, high = (percent(share, exact) for share in interval_95(covered, photos))
    alone = (
        " Its first label alone is right often enough, so answers hold the right label more often than was promised."
        if sure.answers_alone
        else ""
    )
    body = (
        f"<p>Asked to be {sure.percent:g} % sure, it answers with as many labels as that takes: "
        f"<strong>{sure.mean_size:.2f}</strong> on average, and just one for {percent((sure.sizes == 1).mean())} of "
        f"the photos. The right label was among them for <strong>{percent(covered / photos, exact)}</strong> of "
        f"{count(photos, 'photo')}: on many more, most likely {low} to {high}.{alone}</p>"
    )
    rows = "".join(
        f'<tr><th scope="row">{name(label)}</th><td>{of:,}</td><td>{percent(right / of)}</td><td>{size:.2f}</td></tr>'
        for label, (right, of, size) in zip(sure.judged.labels, sure.per_label, strict=True)
        if size is not None
    )
    table = (
        '<table><thead><tr><th scope="col">label</th><th scope="col">photos</th><th scope="col">right label in the '
        f'answer</th><th scope="col">labels in an answer</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    return Section("sure", "Sure answers", body + scrolling("Sure answers, label by label", table))
