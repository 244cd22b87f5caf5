"""Keeping what is said: in batches, a tenth of a second behind the screens."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

from livectl.domain.chat import ChatEntry
from livectl.errors import LivectlError, NotReady
from livectl.ports.chat import ChatQuery
from livectl.ports.clock import Clock
from livectl.ports.moderation import SeenAddress
from livectl.ports.store import Store

log = logging.getLogger(__name__)

_BEHIND_S = 0.1
_RETRY_S = 0.5
# While the store is away this much is kept in memory; then nothing more is taken, so that nothing
# is lost in silence.
_WAITING_MAX = 20_000


class History:
    """Entries become durable at most 100 ms after they were said; `stop` leaves none behind."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._entries: list[ChatEntry] = []
        self._addresses: list[SeenAddress] = []
        self._writing = asyncio.Lock()

    def keep(self, entry: ChatEntry) -> None:
        """Never waits. Raises NotReady when too many already wait for the store."""
        if len(self._entries) >= _WAITING_MAX:
            raise NotReady("the chat's history cannot be stored at the moment", hint="try again")
        self._entries.append(entry)

    def keep_address(self, seen: SeenAddress) -> None:
        """Of less worth than what is said: the latest are let go while the store is away."""
        if len(self._addresses) < _WAITING_MAX:
            self._addresses.append(seen)

    async def flush(self) -> None:
        """All that was kept before this call is durable when it returns. Raises Unavailable, and
        keeps it then."""
        async with self._writing:
            entries, self._entries = self._entries, []
            addresses, self._addresses = self._addresses, []
            try:
                if entries:
                    await self._store.add_entries(entries)
                    entries = []
                if addresses:
                    await self._store.remember_addresses(addresses)
                    addresses = []
            finally:
                self._entries[:0] = entries
                self._addresses[:0] = addresses

    async def read(self, query: ChatQuery) -> list[ChatEntry]:
        """With what was said a moment ago."""
        await self.flush()
        return await self._store.entries(query)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(_BEHIND_S)
            try:
                await self.flush()
            except LivectlError as error:
                log.warning("history: %d entries wait: %s", len(self._entries), error.message)
                await asyncio.sleep(_RETRY_S)

    async def stop(self) -> None:
        """The last of it. What the store does not take now is lost, and is said."""
        try:
            await self.flush()
        except LivectlError as error:
            log.critical("history: %d entries are lost: %s", len(self._entries), error.message)

    async def prune(self, keep: timedelta) -> int:
        before = self._clock.now() - keep
        await self._store.forget_addresses(before=before)
        return await self._store.prune_entries(before=before)
