"""Reading the event log, once or as it grows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from livectl.domain.event import Event
from livectl.ports.store import EventQuery, Store

_POLL_S = 0.25


class EventLog:
    def __init__(self, store: Store) -> None:
        self._store = store

    async def read(self, query: EventQuery) -> tuple[list[Event], int]:
        """A page, and the place to go on from."""
        page = await self._store.events(query)
        if page:
            return page, page[-1].seq
        return [], query.after or await self._store.last_event_seq()

    async def follow(self, query: EventQuery) -> AsyncIterator[Event | None]:
        """Every event from here on, as it comes; None now and then, when nothing did."""
        if not query.after and query.since is None:
            query = msgspec.structs.replace(query, after=await self._store.last_event_seq())
        idle = 0.0
        while True:
            page = await self._store.events(query)
            for event in page:
                yield event
            if page:
                query = msgspec.structs.replace(query, after=page[-1].seq)
                idle = 0.0
                continue
            await asyncio.sleep(_POLL_S)
            idle += _POLL_S
            if idle >= 10:
                idle = 0.0
                yield None
