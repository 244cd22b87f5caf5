"""The numbers of the whole product at a moment, kept to be drawn over time."""

from __future__ import annotations

from datetime import datetime

import msgspec


class Sample(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """At `at`: streams that were live, and their viewers. `messages` were said in the `seconds`
    before it. `webhooks_waiting` were not yet handled, the oldest for `webhook_lag_ms`."""

    at: datetime
    live: int
    viewers: int
    messages: int
    seconds: float
    webhooks_waiting: int
    webhook_lag_ms: int
