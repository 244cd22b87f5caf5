"""The `Limiter` of several processes: sliding windows in Redis, by the library `limits`."""

from __future__ import annotations

import asyncio
import logging
import time
from urllib.parse import quote

from limits import RateLimitItemPerSecond
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from livectl.adapters.memory_limiter import MemoryLimiter
from livectl.ports.limiter import Rate
from livectl.ports.meter import Meter

log = logging.getLogger(__name__)

_PATIENCE_S = 0.25
_PAUSE_S = 1.0
"""While Redis is away: from one try to the next."""

# Of the calls that run at once. A thousand people who come at the same moment would otherwise
# open a thousand connections, and wait for each other longer than Redis may take.
_AT_ONCE = 8

_SOON_S = 0.001


class RedisLimiter:
    """Counts in Redis, and in this process alone while Redis is away or takes longer than
    `patience` (s). The windows are by the hosts' clocks, which should agree to a fraction of
    a second."""

    def __init__(self, url: str, *, meter: Meter, patience: float = _PATIENCE_S) -> None:
        self._pool = ConnectionPool.from_url(
            url,
            protocol=2,
            socket_connect_timeout=patience,
            # With a limit of time, redis-py's calls pass through `asyncio.wait_for`, which in
            # Python 3.11 can lose a cancellation, and so the limit below.
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
        )
        storage = RedisStorage(
            url,
            implementation="redispy",
            key_prefix="livectl",
            connection_pool=self._pool,  # type: ignore[arg-type]  # an option that it does take
        )
        self._windows = MovingWindowRateLimiter(storage)
        self._alone = MemoryLimiter()
        self._meter = meter
        self._patience = patience
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._away = False
        self._next_try = 0.0

    async def hit(self, rate: Rate, *key: str) -> float | None:
        async with self._turns:
            if not self._worth_trying():
                return await self._alone.hit(rate, *key)
            began = time.perf_counter()
            try:
                async with asyncio.timeout(self._patience):
                    wait = await self._hit(rate, key)
            except (RedisError, OSError) as error:
                self._count(began, error)
                return await self._alone.hit(rate, *key)
            self._count(began, None)
            return wait

    async def close(self) -> None:
        await self._alone.close()
        await self._pool.disconnect()

    async def _hit(self, rate: Rate, key: tuple[str, ...]) -> float | None:
        item = RateLimitItemPerSecond(rate.count, rate.seconds, namespace="rate")
        # Quoted, for the library joins them by slashes.
        parts = [quote(part, safe="") for part in key]
        while not await self._windows.hit(item, *parts):
            window = await self._windows.get_window_stats(item, *parts)
            # Where one has become free meanwhile, the stats are of those after it.
            if window.remaining <= 0:
                return min(max(window.reset_time - time.time(), _SOON_S), rate.seconds)
        return None

    def _worth_trying(self) -> bool:
        """Always, but while Redis is away: then for one hit in each pause."""
        if not self._away:
            return True
        now = time.monotonic()
        if now < self._next_try:
            return False
        self._next_try = now + _PAUSE_S
        return True

    def _count(self, began: float, error: Exception | None) -> None:
        self._meter.outside_call("redis", "hit", time.perf_counter() - began, ok=error is None)
        if error is None:
            if self._away:
                log.info("Redis is back: limits hold over all processes again")
            self._away = False
            return
        if not self._away:
            # By its type alone: what it says might have the URL in it.
            told = type(error).__name__
            log.warning("Redis is away (%s): limits hold in each process alone", told)
        self._away = True
        self._next_try = time.monotonic() + _PAUSE_S
