"""One answer for many who ask the same at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

V = TypeVar("V")


class Rounds(Generic[V]):
    """While one question is being answered, all who ask it again share the next round.

    Unlike a cache it is never stale: every answer is made after it was asked for. However many
    ask, the store is asked one at a time per question.
    """

    def __init__(self) -> None:
        self._running: dict[Hashable, asyncio.Task[V]] = {}
        self._next: dict[Hashable, asyncio.Task[V]] = {}

    async def ask(self, question: Hashable, answer: Callable[[], Awaitable[V]]) -> V:
        if (joined := self._next.get(question)) is None:
            running = self._running.get(question)
            joined = asyncio.create_task(self._round(question, running, answer))
            if running is None:
                self._running[question] = joined
            else:
                self._next[question] = joined
        # Shielded: one who gives up must not take the answer from the others.
        return await asyncio.shield(joined)

    async def _round(
        self,
        question: Hashable,
        before: asyncio.Task[V] | None,
        answer: Callable[[], Awaitable[V]],
    ) -> V:
        me = asyncio.current_task()
        if before is not None:
            await asyncio.wait([before])
            self._running[question] = self._next.pop(question)
        try:
            return await answer()
        finally:
            if self._running.get(question) is me:
                del self._running[question]
