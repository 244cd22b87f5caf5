"""The time of this machine."""

from __future__ import annotations

from datetime import UTC, datetime

from livectl.domain.clock import to_millis


class SystemClock:
    def now(self) -> datetime:
        return to_millis(datetime.now(UTC))
