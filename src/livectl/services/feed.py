"""The event log as this process hears it: what a shell, another process or this one changed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

from livectl.domain.event import Event
from livectl.errors import LivectlError
from livectl.ports.store import EventQuery, Store

log = logging.getLogger(__name__)

# A nudge comes at once from this process, and over Redis from others; a change from a shell that
# has only the database is heard of after this.
_POLL_S = 0.2
_PAGE = 500


class Feed:
    """Hears every event once, in the order of the log, from where it stood at the start."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grown = asyncio.Event()

    def nudge(self) -> None:
        """The log has grown: look at once."""
        self._grown.set()

    async def run(self, hear: Callable[[Event], Awaitable[None]]) -> None:
        """Until cancelled. The store being away is said, and waited for: no event is passed over.
        One that `hear` fails at is logged and let go."""
        seen: int | None = None
        while True:
            self._grown.clear()
            try:
                if seen is None:
                    seen = await self._store.last_event_seq()
                page = await self._store.events(EventQuery(after=seen, limit=_PAGE))
            except LivectlError as error:
                log.warning("feed: %s", error.message)
                await asyncio.sleep(1)
                continue
            for event in page:
                seen = event.seq
                try:
                    await hear(event)
                except Exception:
                    log.exception("feed: event %s", event.type)
            if len(page) < _PAGE:
                # Not wait_for, which on Python 3.11 may swallow a cancellation.
                with suppress(TimeoutError):
                    async with asyncio.timeout(_POLL_S):
                        await self._grown.wait()
