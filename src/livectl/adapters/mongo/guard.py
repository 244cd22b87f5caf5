"""Changes one at a time, for servers that do not change a document atomically.

MongoDB does. FerretDB 1 (measured with 1.24 on SQLite) reads the documents, applies the update and
writes them back, with nothing to keep others from coming between: of ten equal conditional updates
at once, five succeeded. What it does hold is unique keys, so a document in a collection of locks
stands for the right to change something. On MongoDB none of this happens.

It also keeps a connection to its SQLite file for each update until the command is over, needs a
second one to write, and has a hundred: a hundred updates in one command or at the same time stop
it for ever. So few are made at once.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakValueDictionary

from bson import ObjectId
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import DuplicateKeyError, PyMongoError

# Seconds. A holder that is this late is dead: no change takes nearly as long.
_HELD_AT_MOST = 5.0
_PAUSE = 0.004


class NoGuard:
    """For servers that change a document atomically."""

    batch = 1000
    """How many updates one command may have."""

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        yield


class Guard(NoGuard):
    """Over the processes by a document in `locks`; within this one by a lock in memory, so that
    only one of its tasks at a time asks the server."""

    batch = 10

    def __init__(self, locks: AsyncCollection[dict[str, Any]]) -> None:
        self._locks = locks
        self._places = asyncio.Semaphore(4)
        self._here: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def alone(self, what: str) -> AsyncIterator[None]:
        lock = self._here.setdefault(what, asyncio.Lock())
        async with lock, self._places:
            mine = {"_id": what, "holder": ObjectId()}
            await self._take(mine)
            try:
                yield
            finally:
                # One that stays is taken for that of a dead holder: no reason to fail what is done.
                with suppress(PyMongoError):
                    await self._locks.delete_one(mine)

    async def _take(self, mine: dict[str, Any]) -> None:
        seen: Any = None
        since = time.monotonic()
        while not await self._insert(mine):
            other = await self._locks.find_one({"_id": mine["_id"]}) or {}
            if other.get("holder") != seen:
                seen, since = other.get("holder"), time.monotonic()
            elif other and time.monotonic() - since > _HELD_AT_MOST:
                await self._locks.delete_one(other)
            await asyncio.sleep(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311

    async def _insert(self, mine: dict[str, Any]) -> bool:
        try:
            await self._locks.insert_one(mine)
        except DuplicateKeyError:
            return False
        return True
