"""One suite, every limiter: sliding windows that hold at their border."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import pytest

from livectl.adapters.memory_limiter import MemoryLimiter
from livectl.adapters.no_meter import NoMeter
from livectl.ports.limiter import Limiter, Rate

NewLimiter = Callable[[], Limiter]

CHAT = Rate(count=10, seconds=3)
LONG = Rate(count=10, seconds=600)


@pytest.fixture(params=["memory", "redis"])
async def new_limiter(request: pytest.FixtureRequest) -> AsyncIterator[NewLimiter]:
    """Makes limiters, on one Redis where they are on Redis, and closes them after the test."""
    async with AsyncExitStack() as stack:

        def made() -> Limiter:
            limiter = _limiter(request)
            stack.push_async_callback(limiter.close)
            return limiter

        yield made


def _limiter(request: pytest.FixtureRequest) -> Limiter:
    if request.param == "memory":
        return MemoryLimiter()

    from livectl.adapters.redis_limiter import RedisLimiter

    # More patience than in production: a busy machine is no outage.
    url = request.getfixturevalue("redis").url
    return RedisLimiter(url, meter=NoMeter(), patience=5)


@pytest.fixture
def limiter(new_limiter: NewLimiter) -> Limiter:
    return new_limiter()


@pytest.fixture
def user() -> str:
    """One that no other test counts."""
    return secrets.token_hex(8)


async def hits(limiter: Limiter, rate: Rate, *key: str, count: int) -> list[float | None]:
    return [await limiter.hit(rate, *key) for _ in range(count)]


async def test_ten_in_three_seconds_pass_and_the_eleventh_is_told_when_to_come_back(
    limiter: Limiter, user: str
) -> None:
    assert await hits(limiter, CHAT, "message", user, count=10) == [None] * 10
    wait = await limiter.hit(CHAT, "message", user)
    assert wait is not None
    assert 0 < wait <= 3


async def test_who_waits_as_long_as_told_may_go_on(limiter: Limiter, user: str) -> None:
    rate = Rate(count=2, seconds=1)
    await hits(limiter, rate, user, count=2)
    wait = await limiter.hit(rate, user)
    assert wait is not None
    await asyncio.sleep(wait + 0.01)
    assert await limiter.hit(rate, user) is None


async def test_a_refused_hit_takes_nothing(limiter: Limiter, user: str) -> None:
    rate = Rate(count=1, seconds=1)
    assert await limiter.hit(rate, user) is None
    waits = []
    for _ in range(5):
        waits.append(await limiter.hit(rate, user))
        await asyncio.sleep(0.1)
    assert None not in waits
    assert waits == sorted(waits, reverse=True)


async def test_the_window_slides(limiter: Limiter, user: str) -> None:
    rate = Rate(count=2, seconds=2)
    await limiter.hit(rate, user)
    await asyncio.sleep(1)
    await limiter.hit(rate, user)
    wait = await limiter.hit(rate, user)
    assert wait is not None
    assert wait <= 1  # until the first one is two seconds old
    await asyncio.sleep(wait + 0.01)
    assert await limiter.hit(rate, user) is None
    wait = await limiter.hit(rate, user)  # the second one is still in the window
    assert wait is not None
    assert wait < rate.seconds


async def test_keys_are_apart(limiter: Limiter, user: str) -> None:
    rate = Rate(count=1, seconds=600)
    keys = [(user,), (user, "a", "b/c"), (user, "a/b", "c"), (user, "a", "b", "c"), (user, "ä b")]
    for key in keys:
        assert await limiter.hit(rate, *key) is None
    for key in keys:
        assert await limiter.hit(rate, *key) is not None


async def test_rates_are_apart(limiter: Limiter, user: str) -> None:
    await hits(limiter, LONG, user, count=11)
    assert await limiter.hit(Rate(count=20, seconds=600), user) is None


async def test_hits_at_once_never_exceed_the_rate(limiter: Limiter, user: str) -> None:
    waits = await asyncio.gather(*(limiter.hit(LONG, user) for _ in range(100)))
    assert waits.count(None) == 10


async def test_a_thousand_users_at_once_all_pass(limiter: Limiter, user: str) -> None:
    waits = await asyncio.gather(*(limiter.hit(LONG, user, str(i)) for i in range(1000)))
    assert waits == [None] * 1000
