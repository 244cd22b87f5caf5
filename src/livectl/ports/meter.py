"""What operators watch."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from livectl.ports.inbox import InboxDepth


class Meter(Protocol):
    """Where services and adapters count what operators watch."""

    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None: ...

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...

    def webhook(self, type_: str, result: str) -> None:
        """`result`: received, repeated, done, retried, parked or refused."""
        ...

    def webhook_lag(self, seconds: float) -> None:
        """From an event's arrival to the state it made."""
        ...

    def reconciled(self, corrections: int) -> None:
        """The drift that a reconcile found."""
        ...

    def recording(self, what: str) -> None:
        """What became of recordings, as their events say it: started, completed, failed, stalled,
        upload_failed and so on."""
        ...

    def live(self, what: str, count: int = 1) -> None:
        """What happened on the live sockets: connected, refused, message, reaction, gift,
        delivered, dropped (a reaction for a viewer who does not read), too_slow (such a viewer
        was disconnected)."""
        ...

    def live_sockets(self, count: int) -> None:
        """How many are open in this process."""
        ...

    def render(self, *, live: tuple[int, int], depth: InboxDepth, now: datetime) -> bytes:
        """What was counted, with what the store holds at this moment, for a scrape."""
        ...
