"""The product's numbers over time, in SQL."""

from __future__ import annotations

import sqlite3
from datetime import datetime

from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.sample import Sample

_COLUMNS = "at, live, viewers, messages, seconds, webhooks_waiting, webhook_lag_ms"


def add_sample(connection: sqlite3.Connection, sample: Sample) -> None:
    connection.execute(
        f"INSERT OR REPLACE INTO samples ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            epoch_ms(sample.at),
            sample.live,
            sample.viewers,
            sample.messages,
            sample.seconds,
            sample.webhooks_waiting,
            sample.webhook_lag_ms,
        ),
    )


def samples(connection: sqlite3.Connection, *, since: datetime) -> list[Sample]:
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM samples WHERE at >= ? ORDER BY at", (epoch_ms(since),)
    )
    return [
        Sample(
            at=from_epoch_ms(at),
            live=live,
            viewers=viewers,
            messages=messages,
            seconds=seconds,
            webhooks_waiting=waiting,
            webhook_lag_ms=lag,
        )
        for at, live, viewers, messages, seconds, waiting, lag in rows
    ]


def prune_samples(connection: sqlite3.Connection, *, before: datetime) -> int:
    return connection.execute("DELETE FROM samples WHERE at < ?", (epoch_ms(before),)).rowcount
