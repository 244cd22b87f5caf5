"""The `Limiter` of one process.

Not the in-memory storage of the library `limits`, which the Redis one uses: that never lets go of
a key it has seen (51 MB after 100,000 users), and its timer threads walk all of them every 10 ms,
which held the event loop up for 10 ms at 10,000 users.
"""

from __future__ import annotations

import time
from bisect import bisect_right
from heapq import heappop, heappush
from itertools import count

from livectl.ports.limiter import Rate

_Key = tuple[Rate, tuple[str, ...]]


class MemoryLimiter:
    """A sorted list of times for each rate and key that is in use; others are forgotten."""

    def __init__(self) -> None:
        self._windows: dict[_Key, list[float]] = {}
        self._over: list[tuple[float, int, _Key]] = []  # a heap: when each may be over
        self._numbers = count()  # apart from each other in the heap, where keys have no order

    async def hit(self, rate: Rate, *key: str) -> float | None:
        now = time.monotonic()
        self._forget(now)
        window = self._windows.get((rate, key))
        if window is None:
            window = self._windows[rate, key] = []
            self._look_again(now + rate.seconds, (rate, key))
        start = now - rate.seconds
        del window[: bisect_right(window, start)]
        if len(window) >= rate.count:
            return window[0] - start
        window.append(now)
        return None

    async def close(self) -> None:
        """Nothing was opened."""

    def _forget(self, now: float) -> None:
        # Two at a time: more than one hit can add, and no hit has to wait for thousands to go.
        for _ in range(2):
            if not self._over or self._over[0][0] > now:
                return
            _, _, key = heappop(self._over)
            over = self._windows[key][-1] + key[0].seconds
            if over > now:
                self._look_again(over, key)
            else:
                del self._windows[key]

    def _look_again(self, at: float, key: _Key) -> None:
        heappush(self._over, (at, next(self._numbers), key))
