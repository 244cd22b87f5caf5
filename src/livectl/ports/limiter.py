"""How often somebody may do something."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """At most `count` in any `seconds` that follow each other."""

    count: int
    seconds: int


class Limiter(Protocol):
    """True sliding windows, over all processes where they share a Redis."""

    async def hit(self, rate: Rate, *key: str) -> float | None:
        """Take one. None where that was within the rate; else nothing is taken, and it is the
        seconds until one is free. Never raises for an outside that is away: it then counts in
        this process alone."""
        ...

    async def close(self) -> None: ...
