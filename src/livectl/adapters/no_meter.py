"""The `Meter` port where nobody watches: a command that runs and ends."""

from __future__ import annotations

from datetime import datetime

from livectl.ports.inbox import InboxDepth


class NoMeter:
    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None:
        """Not counted."""

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Not counted."""

    def webhook(self, type_: str, result: str) -> None:
        """Not counted."""

    def webhook_lag(self, seconds: float) -> None:
        """Not counted."""

    def reconciled(self, corrections: int) -> None:
        """Not counted."""

    def recording(self, what: str) -> None:
        """Not counted."""

    def live(self, what: str, count: int = 1) -> None:
        """Not counted."""

    def live_sockets(self, count: int) -> None:
        """Not counted."""

    def render(self, *, live: tuple[int, int], depth: InboxDepth, now: datetime) -> bytes:
        """Nothing was counted."""
        return b""
