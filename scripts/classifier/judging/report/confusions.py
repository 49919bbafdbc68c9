"""The report's section on what was taken for what."""

from __future__ import annotations

from ..measures import Measures
from . import charts
from .markup import Section, count, name, scrolling, share_of, text

_MOST_LABELS_TABULATED = 20  # up to this many, the confusion matrix is also shown as a table
# How many pairs of labels are listed: few for up to _FEW_LABELS labels, many beside a larger matrix.
_FEW_LABELS, _FEW_PAIRS, _MANY_PAIRS = 12, 8, 25
_PAIRS_SAID = 8


def confusion(measures: Measures) -> Section | None:
    labels, found = measures.judged.labels, measures.confusions
    if not measures.total or len(labels) < 2:
        return None
    said = "; ".join(f"{text(a)} taken for {text(b)}: {times} of {of}" for a, b, times, of in found[:_PAIRS_SAID])
    picture = charts.confusion(measures, f"Confusion matrix. {said or 'Nothing was mixed up.'}")
    unnamed = ""
    if len(labels) > charts.MOST_LABELS_NAMED:
        unnamed = (
            f" {len(labels):,} names do not fit beside it: labels stand in the classifier's order from the top and "
            "from the left, and the table lists the pairs that matter."
        )
    body = (
        "<p>Each row holds the photos of one label, each column the answers. Photos on the diagonal were recognised; "
        f"all others were mixed up. The stronger the colour, the larger the share of its row.{unnamed}</p>"
        '<ul class="key" aria-hidden="true"><li><i class="k-right"></i>right</li><li><i class="k-wrong"></i>wrong</li>'
        f'</ul><div class="beside">{scrolling("Confusion matrix", picture)}'
    )
    if found:
        body += _pairs(found, _FEW_PAIRS if len(labels) <= _FEW_LABELS else _MANY_PAIRS)
    body += "</div>"
    if len(labels) <= _MOST_LABELS_TABULATED:
        body += f'<details class="repeats"><summary>The same as a table</summary>{_confusion_table(measures)}</details>'
    return Section("confusion", "What was taken for what", body)


def _pairs(found: list[tuple[str, str, int, int]], most: int) -> str:
    rows = "".join(
        f'<tr><th scope="row">{name(truth)}</th><td>{name(guess)}</td><td>{share_of(times, of)}</td></tr>'
        for truth, guess, times, of in found[:most]
    )
    left = sum(times for _, _, times, _ in found[most:])
    rest = f'<p class="soft">{count(left, "other mistake")} between {count(len(found) - most, "rarer pair")}.</p>'
    return (
        f'<div><h3>Most often confused</h3><table class="pairs-table"><thead><tr><th scope="col">it is</th>'
        f'<th scope="col">taken for</th><th scope="col">photos</th></tr></thead><tbody>{rows}</tbody></table>'
        f"{rest if left else ''}</div>"
    )


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
