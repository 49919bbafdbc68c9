"""The figures that Prometheus collects."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from . import recent_metrics
from .recent import Recent

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_SECONDS = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)
_PICTURES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    def __init__(self):
        self._registry = CollectorRegistry()
        kept = {"registry": self._registry}
        self._requests = Counter("poets_requests", "Requests answered.", ("route", "method", "status"), **kept)
        self._seconds = Histogram(
            "poets_request_seconds",
            "Time from a request's headers to the end of its answer.",
            ("route",),
            buckets=_SECONDS,
            **kept,
        )
        self._batches = Histogram(
            "poets_batch_pictures", "Pictures in one run of the network.", buckets=_PICTURES, **kept
        )
        self._labels = Counter("poets_predicted", "Pictures by their highest-scoring label.", ("label",), **kept)
        self._unknown = Counter("poets_unknown", "Pictures called unknown.", **kept)
        self._model = Gauge("poets_model_version", "Version in service.", ("model",), **kept)
        self._refused = Counter("poets_graphs_refused", "New graphs refused because they did not work.", **kept)
        self._waiting = Gauge("poets_waiting_pictures", "Pictures accepted and not yet answered.", **kept)

    def request(self, route: str, method: str, status: int, seconds: float) -> None:
        self._requests.labels(route, method, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def batch(self, pictures: int) -> None:
        self._batches.observe(pictures)

    def predicted(self, label: str, unknown: bool) -> None:
        self._labels.labels(label).inc()
        if unknown:
            self._unknown.inc()

    def model(self, name: str, version: int) -> None:
        self._model.labels(name).set(version)

    def refused(self) -> None:
        self._refused.inc()

    def text(self, waiting: int, recent: Recent) -> bytes:
        self._waiting.set(waiting)
        return generate_latest(self._registry) + recent_metrics.text(recent)
