"""The section of the report that shows what was taken for what."""

from __future__ import annotations

from ..measures import Measures
from . import charts
from .markup import Section, count, name, scrolling, text

_MOST_LABELS_TABULATED = 20  # up to here the confusion matrix is there as a table, too
_MOST_CONFUSIONS = 8


def confusion(measures: Measures) -> Section | None:
    if not measures.total or len(measures.judged.labels) < 2:
        return None
    found = measures.confusions
    said = "; ".join(f"{text(a)} taken for {text(b)}: {times} of {of}" for a, b, times, of in found[:_MOST_CONFUSIONS])
    picture = charts.confusion(measures, f"Confusion matrix. {said or 'Nothing was taken for anything else.'}")
    names = ""
    if len(measures.judged.labels) > charts.MOST_LABELS_WRITTEN:
        names = (
            " Labels stand in their usual order, downwards and to the right; "
            "point at a square to read which two they are."
        )
    body = (
        "<p>Each row holds the photos of one label, each column what they were taken for. The diagonal is right; what "
        f"lies beside it was mixed up. The stronger the colour, the larger a share of the row.{names}</p>"
        '<ul class="key" aria-hidden="true"><li><i class="k-right"></i>right</li><li><i class="k-wrong"></i>wrong</li>'
        f"</ul><div class=beside>{scrolling('Confusion matrix', picture)}"
    )
    if found:
        lines = "".join(
            f"<li>{name(truth)} taken for {name(guess)}: {times:,} of {of:,}</li>"
            for truth, guess, times, of in found[:_MOST_CONFUSIONS]
        )
        left = sum(times for _, _, times, _ in found[_MOST_CONFUSIONS:])
        rest = f"<p class=soft>{count(left, 'other mistake')} are of rarer kinds.</p>" if left else ""
        body += f"<div><h3>Mixed up most often</h3><ul>{lines}</ul>{rest}</div>"
    body += "</div>"
    if len(measures.judged.labels) <= _MOST_LABELS_TABULATED:
        body += f"<details><summary>The same as a table</summary>{_confusion_table(measures)}</details>"
    return Section("confusion", "What was taken for what", body)


def _confusion_table(measures: Measures) -> str:
    labels = measures.judged.labels
    heads = "".join(f'<th scope="col">{name(label)}</th>' for label in labels)
    rows = "".join(
        f'<tr><th scope="row">{name(label)}</th>{"".join(f"<td>{number:,}</td>" for number in row)}</tr>'
        for label, row in zip(labels, measures.confusion.tolist(), strict=True)
    )
    return scrolling(
        "Confusion matrix as a table",
        "<table><caption>Rows: what it is. Columns: what it was taken for.</caption><thead><tr>"
        f'<th scope="col">label</th>{heads}</tr></thead><tbody>{rows}</tbody></table>',
    )
