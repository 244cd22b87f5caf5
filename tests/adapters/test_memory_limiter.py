"""What is the limiter in memory's own: it forgets."""

from __future__ import annotations

import asyncio

from livectl.adapters.memory_limiter import MemoryLimiter
from livectl.ports.limiter import Rate

RATE = Rate(count=3, seconds=1)


async def test_keys_that_are_no_longer_used_are_forgotten() -> None:
    limiter = MemoryLimiter()
    for user in range(5000):
        await limiter.hit(RATE, str(user))
        await limiter.hit(Rate(count=1, seconds=600), str(user % 10))
    await asyncio.sleep(1)
    for _ in range(5000):
        await limiter.hit(RATE, "one")
    assert len(limiter._windows) == len(limiter._over) == 11


async def test_a_key_that_is_used_all_along_holds_no_more_than_its_rate() -> None:
    limiter = MemoryLimiter()
    rate = Rate(count=50, seconds=1)
    end = asyncio.get_running_loop().time() + 1.5
    while asyncio.get_running_loop().time() < end:
        await limiter.hit(rate, "busy")
        await asyncio.sleep(0)
    (window,) = limiter._windows.values()
    assert len(window) <= 50
    assert len(limiter._over) == 1
