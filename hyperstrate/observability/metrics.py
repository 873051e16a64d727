"""Prometheus: what this process, or all of them with PROMETHEUS_MULTIPROC_DIR, counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

import structlog
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from hyperstrate.events import CallerRefused, RoutedInference
from hyperstrate.shared.spool import backlog

LATENCY_BUCKETS_S = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)
log = structlog.get_logger(__name__)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_registry = CollectorRegistry()
_requests = Counter(
    "router_requests",
    "Finished requests",
    ("router_id", "status"),
    registry=_registry,
)
_tokens = Counter("router_tokens", "Tokens used", ("router_id", "direction"), registry=_registry)
_cost = Counter("router_cost_usd", "What providers charge", ("router_id",), registry=_registry)
_latency = Histogram(
    "request_latency_seconds",
    "From the request to the end of its answer",
    ("provider", "status"),
    buckets=LATENCY_BUCKETS_S,
    registry=_registry,
)
SPOOL_FAILURES = Counter(
    "spool_failures", "Finished requests that could not be spooled", registry=_registry
)


_refused = Counter(
    "inference_refused",
    "Calls of models by those who may not make them",
    ("code",),
    registry=_registry,
)


def count_refusal(event: CallerRefused) -> None:
    """Count a call by somebody who may not make it: those are not audited one by one."""
    _refused.labels(event.code).inc()


class _OfRequest:
    """The series of one router, provider and status, looked up once: this runs per request."""

    def __init__(self, router_id: str, provider: str, status: str) -> None:
        self.requests = _requests.labels(router_id, status)
        self.latency = _latency.labels(provider, status)
        self.input_tokens = _tokens.labels(router_id, "input")
        self.output_tokens = _tokens.labels(router_id, "output")
        self.cost = _cost.labels(router_id)


_of_request = lru_cache(maxsize=20_000)(_OfRequest)


def count_inference(event: RoutedInference) -> None:
    """Count a finished request."""
    status = f"cache_hit_{event.cache_hit_type}" if event.cache_hit_type else event.status
    series = _of_request(event.router_id, event.provider, status)
    series.requests.inc()
    series.latency.observe(event.latency_ms / 1000)
    series.input_tokens.inc(event.usage.input_tokens)
    series.output_tokens.inc(event.usage.output_tokens)
    series.cost.inc(float(event.cost_usd))


class _Present(Collector):
    """What is looked at when it is asked for."""

    def __init__(self, folder: Path, times_degraded: Callable[[], int]) -> None:
        self._folder = folder
        self._times_degraded = times_degraded

    def collect(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "store_degraded", "Calls answered without Redis", self._times_degraded()
        )
        try:
            waiting = backlog(self._folder)
        except OSError as error:
            log.error("spool_unreadable", folder=str(self._folder), error=str(error))
            return
        yield GaugeMetricFamily(
            "spool_backlog_bytes", "Bytes that wait for the recorder", waiting.bytes
        )
        yield GaugeMetricFamily(
            "spool_backlog_segments", "Files with lines that wait", waiting.segments
        )


def render(folder: Path, times_degraded: Callable[[], int]) -> bytes:
    """Everything in Prometheus's text format."""
    present = CollectorRegistry()
    present.register(_Present(folder, times_degraded))
    return generate_latest(_counted()) + generate_latest(present)


def _counted() -> CollectorRegistry:
    """The numbers of all processes, when they share a folder; else this one's."""
    registry = CollectorRegistry()
    try:
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    except ValueError:  # PROMETHEUS_MULTIPROC_DIR is not set
        return _registry
    return registry
