"""How the product's numbers went over the last hours. One process takes the samples, and the store
keeps them, so they are of all processes and outlive each; where no server ran, there is a gap."""

from __future__ import annotations

from datetime import datetime, timedelta

from livectl.domain.sample import Sample
from livectl.ports.clock import Clock
from livectl.ports.store import Store

EVERY = timedelta(seconds=15)
KEPT_FOR = timedelta(hours=48)


class Stats:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._last: datetime | None = None

    async def sample(self) -> None:
        """Take one, where it is time."""
        now = self._clock.now()
        since = self._last or now - EVERY
        if self._last is not None and now - since < EVERY:
            return
        self._last = now
        live, viewers = await self._store.live_totals()
        depth = await self._store.inbox_depth()
        lag = now - depth.oldest if depth.oldest else timedelta()
        taken = Sample(
            at=now,
            live=live,
            viewers=viewers,
            messages=await self._store.count_messages(since=since, until=now),
            seconds=(now - since).total_seconds(),
            webhooks_waiting=depth.pending,
            webhook_lag_ms=max(0, round(lag.total_seconds() * 1000)),
        )
        await self._store.add_sample(taken)

    async def last(self, hours: int) -> list[Sample]:
        """Oldest first."""
        return await self._store.samples(since=self._clock.now() - timedelta(hours=hours))

    async def prune(self) -> int:
        return await self._store.prune_samples(before=self._clock.now() - KEPT_FOR)
