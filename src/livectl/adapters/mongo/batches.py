"""Calls that come while others are being served are served together, in few commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from pymongo.errors import BulkWriteError

from livectl.adapters.mongo.connection import DUPLICATE_KEY, Collection, Document

T = TypeVar("T")
R = TypeVar("R")


class Batches(Generic[T, R]):
    """Serves items by `serve`, at most `most` at a time: it gives each one's outcome in order, or
    why there is none."""

    def __init__(
        self, serve: Callable[[list[T]], Awaitable[Sequence[R | Exception]]], most: int
    ) -> None:
        self._serve = serve
        self._most = most
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._serving: asyncio.Task[None] | None = None

    async def add(self, item: T) -> R:
        """Comes back with the item's outcome."""
        served: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, served))
        if self._serving is None or self._serving.done():
            self._serving = asyncio.create_task(self._serve_all())
        return await served

    async def settled(self) -> None:
        """Comes back when nothing is being served."""
        if self._serving is not None:
            await self._serving

    async def _serve_all(self) -> None:
        while self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            for (_, served), outcome in zip(batch, await self._outcomes(batch), strict=True):
                if served.done():  # whoever waited was cancelled
                    continue
                if isinstance(outcome, Exception):
                    served.set_exception(outcome)
                else:
                    served.set_result(outcome)

    async def _outcomes(
        self, batch: Sequence[tuple[T, asyncio.Future[R]]]
    ) -> Sequence[R | Exception]:
        try:
            return await self._serve([item for item, _ in batch])
        except Exception as error:
            return [error] * len(batch)


async def insert_new(
    collection: Collection, documents: Sequence[Document]
) -> list[bool | Exception]:
    """For each document: whether it was new, or why it could not be written."""
    outcomes: list[bool | Exception] = [True] * len(documents)
    try:
        await collection.insert_many(documents, ordered=False)
    except BulkWriteError as error:
        if error.details["writeConcernErrors"]:
            return [error] * len(documents)  # written, but not durably
        for failed in error.details["writeErrors"]:
            outcomes[failed["index"]] = False if failed["code"] == DUPLICATE_KEY else error
    return outcomes
