"""Leases of the store, kept up for as long as they are used."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from livectl.errors import LivectlError
from livectl.ports.clock import Clock
from livectl.ports.store import Store

log = logging.getLogger(__name__)


@asynccontextmanager
async def kept_up(
    store: Store, clock: Clock, name: str, holder: str, lasts: timedelta
) -> AsyncIterator[bool]:
    """Whether the lease is this holder's: then it stays so to the end of the block, and for `lasts`
    after it, or after this process died; who needs it no longer drops it."""

    async def take() -> bool:
        now = clock.now()
        return await store.take_lease(name, holder, now=now, until=now + lasts)

    async def keep() -> None:
        while True:
            await asyncio.sleep(lasts.total_seconds() / 3)
            try:
                await take()
            except LivectlError as error:
                log.warning("lease %s: %s", name, error.message)

    if not await take():
        yield False
        return
    keeping = asyncio.create_task(keep(), name=f"lease {name}")
    try:
        yield True
    finally:
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
