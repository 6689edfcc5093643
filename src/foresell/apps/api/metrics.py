"""Metrics for Prometheus. Each app has its own registry, so that two apps in one process do not mix."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from foresell.apps.api.current_model import CurrentModel

disable_created_metrics()  # they would add a line with the time of creation to each metric

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60)


class Metrics:
    """Counts and times of requests and predictions, and the state of the model and of the prediction log."""

    def __init__(self, model: CurrentModel) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_State(model))
        self._requests = Counter(
            "foresell_requests", "Requests answered.", ["endpoint", "method", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "foresell_request_seconds",
            "Seconds from the head of the request to the end of the response.",
            ["endpoint"],
            buckets=SECONDS,
            registry=self._registry,
        )
        self._predictions = Counter(
            "foresell_predictions",
            "Requested predictions: answered, or refused because a row could not be used.",
            ["endpoint", "outcome"],
            registry=self._registry,
        )

    def request(self, endpoint: str, method: str, status: int, seconds: float) -> None:
        """Counts a request and its time."""
        self._requests.labels(endpoint, method, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def predictions(self, endpoint: str, answered: int, refused: int) -> None:
        """Counts predictions."""
        if answered:
            self._predictions.labels(endpoint, "answered").inc(answered)
        if refused:
            self._predictions.labels(endpoint, "refused").inc(refused)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)


class _State(Collector):
    """Metrics that are read from the state of the server at each scrape."""

    def __init__(self, model: CurrentModel) -> None:
        self._model = model

    def collect(self) -> Iterator[Metric]:
        model = self._model
        yield _gauge("foresell_model_loaded", "1 when a model is loaded.", lambda: model.service is not None)
        if (service := model.service) is not None:
            info = InfoMetricFamily("foresell_model", "The model that answers.")
            info.add_metric(
                [], {"name": service.manifest.name, "version": service.version, "cutoff": str(service.manifest.cutoff)}
            )
            yield info
            age = "Since the model was trained, and since the last sales that it knows."
            seconds = GaugeMetricFamily("foresell_age_seconds", age, labels=["of"])
            for age_of, value in model.ages().items():
                seconds.add_metric([age_of], value)
            yield seconds
        state = model.log.state()
        failing = state.failing_since is not None
        yield _gauge("foresell_log_failing", "1 while predictions cannot be written or delivered.", lambda: failing)
        yield _gauge("foresell_log_waiting", "Predictions that wait to be written.", lambda: state.waiting)
        yield _gauge("foresell_log_spooled", "Predictions that wait for delivery to the bucket.", lambda: state.spooled)
        yield _gauge(
            "foresell_log_spooled_bytes",
            "Bytes of the predictions that wait for delivery.",
            lambda: state.spooled_bytes,
        )
        for name, text, value in (
            ("foresell_log_written", "Predictions written to the log.", state.written),
            ("foresell_log_dropped", "Predictions that the log had no room for.", state.dropped),
        ):
            yield CounterMetricFamily(name, text, value=value)


def _gauge(name: str, text: str, value: Callable[[], float]) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=float(value()))
