"""The `Meter` port over prometheus-client, one registry for all worker processes."""

from __future__ import annotations

import os
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

from livectl.ports.inbox import InboxDepth

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)


class PrometheusMeter:
    """Counts in this process. With PROMETHEUS_MULTIPROC_DIR set before the import, `render` shows
    the sum over all workers."""

    def __init__(self) -> None:
        own = CollectorRegistry()
        self._registry = own
        self._requests = Histogram(
            "livectl_request_seconds",
            "HTTP requests",
            ["method", "route", "status"],
            registry=own,
            buckets=_FAST,
        )
        self._webhooks = Counter(
            "livectl_webhooks", "Webhooks by what became of them", ["event", "result"], registry=own
        )
        self._lag = Histogram(
            "livectl_webhook_lag_seconds",
            "From a webhook's arrival to the state it made",
            registry=own,
            buckets=_FAST,
        )
        self._outside = Histogram(
            "livectl_outside_call_seconds",
            "Calls to LiveKit and the like",
            ["service", "call", "ok"],
            registry=own,
            buckets=_FAST,
        )
        self._drift = Gauge(
            "livectl_reconcile_drift",
            "Corrections of the last reconcile",
            registry=own,
            multiprocess_mode="mostrecent",
        )
        self._corrections = Counter(
            "livectl_reconcile_corrections", "Corrections of all reconciles", registry=own
        )
        self._recordings = Counter(
            "livectl_recordings", "What became of recordings", ["what"], registry=own
        )
        self._live = Counter(
            "livectl_live", "What happened on the live sockets", ["what"], registry=own
        )
        self._sockets = Gauge(
            "livectl_live_sockets",
            "Open live sockets",
            registry=own,
            multiprocess_mode="livesum",
        )

    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None:
        self._outside.labels(service, call, str(ok).lower()).observe(seconds)

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        self._requests.labels(method, route, str(status)).observe(seconds)

    def webhook(self, type_: str, result: str) -> None:
        self._webhooks.labels(type_, result).inc()

    def webhook_lag(self, seconds: float) -> None:
        self._lag.observe(seconds)

    def reconciled(self, corrections: int) -> None:
        self._drift.set(corrections)
        self._corrections.inc(corrections)

    def recording(self, what: str) -> None:
        self._recordings.labels(what).inc()

    def live(self, what: str, count: int = 1) -> None:
        self._live.labels(what).inc(count)

    def live_sockets(self, count: int) -> None:
        self._sockets.set(count)

    def render(self, *, live: tuple[int, int], depth: InboxDepth, now: datetime) -> bytes:
        """The text for a scrape: what was counted, and what the store holds at this moment."""
        counted = self._registry
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            counted = CollectorRegistry()
            multiprocess.MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + _of_store(live, depth, now)


def _of_store(live: tuple[int, int], depth: InboxDepth, now: datetime) -> bytes:
    age = (now - depth.oldest).total_seconds() if depth.oldest else 0.0
    lines = []
    for name, help_, value in (
        ("livectl_streams_live", "Streams that are live", live[0]),
        ("livectl_viewers", "Viewers of all live streams", live[1]),
        ("livectl_inbox_pending", "Webhooks that wait", depth.pending),
        ("livectl_inbox_parked", "Webhooks parked after failing too often", depth.parked),
        ("livectl_inbox_age_seconds", "How long the oldest waiting webhook waits", age),
    ):
        lines += [f"# HELP {name} {help_}", f"# TYPE {name} gauge", f"{name} {value}"]
    return ("\n".join(lines) + "\n").encode()
