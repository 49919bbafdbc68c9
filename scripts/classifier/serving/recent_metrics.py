"""The gauges about recent pictures, for Prometheus: what was found beside what was expected."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ..judging import drift
from ..judging.drift import Tally
from ..judging.judged import spoken
from .recent import MOST, Recent

_WAYS = (drift.UNKNOWN, drift.SCORE, drift.LABELS)


def text(recent: Recent) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Gauges(recent))
    return generate_latest(registry)


class _Gauges(Collector):
    """Made for each look: the labels may be another classifier's the next time."""

    def __init__(self, recent: Recent):
        self._recent = recent

    def collect(self) -> Iterator[GaugeMetricFamily]:
        tally, expected = self._recent.tally, self._recent.expected
        yield _gauge("poets_recent_pictures", f"Recent pictures that are compared, up to {MOST}.", tally.pictures)
        if tally.unknown_share is not None:
            yield _gauge("poets_recent_unknown_share", "Share of them called unknown.", tally.unknown_share)
        if tally.mean_score is not None:
            yield _gauge("poets_recent_mean_score", "Mean of their highest scores.", tally.mean_score)
        if expected is not None:
            photos = f"of the {spoken(expected.split)} photos at training"
            if expected.unknown is not None:
                yield _gauge("poets_expected_unknown_share", f"Share called unknown {photos}.", expected.unknown)
            yield _gauge("poets_expected_mean_score", f"Mean highest score {photos}.", expected.mean_score)
            yield self._differs(tally)
        yield from self._shares(tally)

    def _differs(self, tally: Tally) -> GaugeMetricFamily:
        words = "1 if recent pictures differ by more than chance and enough to matter, else 0."
        family = GaugeMetricFamily("poets_recent_differs", words, labels=["about"])
        found = {each.way for each in self._recent.differences(tally)}
        for way in _WAYS:
            family.add_metric([way], way in found)
        return family

    def _shares(self, tally: Tally) -> Iterator[GaugeMetricFamily]:
        """Only of labels that were given or expected: some classifiers have thousands."""
        known = self._recent.expected
        shares = {} if known is None else known.label_shares
        wanted = [(at, label) for at, label in enumerate(self._recent.labels) if tally.counts[at] or shares.get(label)]
        if tally.pictures:
            intervals = {label: tally.interval_95(at) for at, label in wanted}
            said = "Share of recent pictures by their highest-scoring label"
            yield _by_label("poets_recent_label_share", f"{said}.", {label: tally.share(at) for at, label in wanted})
            lows, highs = ({label: ends[side] for label, ends in intervals.items()} for side in (0, 1))
            yield _by_label("poets_recent_label_share_low", f"{said}: low end of its 95 % interval.", lows)
            yield _by_label("poets_recent_label_share_high", f"{said}: high end of its 95 % interval.", highs)
        if known is not None:
            found = {label: shares[label] for _, label in wanted}
            yield _by_label("poets_expected_label_share", f"The same share of the {spoken(known.split)} photos.", found)


def _gauge(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=value)


def _by_label(name: str, words: str, values: dict[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=["label"])
    for label, value in values.items():
        family.add_metric([label], value)
    return family
