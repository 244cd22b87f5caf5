"""The limiter over Redis through outages, and what it leaves in Redis."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis as Client

from livectl.adapters.no_meter import NoMeter
from livectl.adapters.redis_limiter import RedisLimiter
from livectl.ports.limiter import Rate
from tests.parts.redis import Redis

RATE = Rate(count=2, seconds=600)
LOG = "livectl.adapters.redis_limiter"


class Counted(NoMeter):
    """The calls to Redis, by whether they worked."""

    def __init__(self) -> None:
        self.calls: list[bool] = []

    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None:
        assert (service, call) == ("redis", "hit")
        assert seconds >= 0
        self.calls.append(ok)


@pytest.fixture
def own_redis(redis: Redis) -> Iterator[Redis]:
    """A Redis of the test's own, to be stopped."""
    assert redis.running
    with Redis() as server:
        yield server


@pytest.fixture
def meter() -> Counted:
    return Counted()


@pytest.fixture
async def limiter(own_redis: Redis, meter: Counted) -> AsyncIterator[RedisLimiter]:
    limiter = RedisLimiter(own_redis.url, meter=meter)
    yield limiter
    await limiter.close()


async def passes(limiter: RedisLimiter, user: str, *, of: int = 4) -> int:
    waits = [await limiter.hit(RATE, user) for _ in range(of)]
    return waits.count(None)


async def until_back(limiter: RedisLimiter, meter: Counted) -> None:
    async with asyncio.timeout(10):
        while not meter.calls[-1]:
            await limiter.hit(RATE, secrets.token_hex(8))
            await asyncio.sleep(0.1)


async def test_two_processes_share_the_count(redis: Redis, meter: Counted) -> None:
    user = secrets.token_hex(8)
    limiters = [RedisLimiter(redis.url, meter=meter, patience=5) for _ in range(2)]
    waits = await asyncio.gather(
        *(limiter.hit(Rate(count=10, seconds=600), user) for limiter in limiters for _ in range(50))
    )
    assert waits.count(None) == 10
    for limiter in limiters:
        await limiter.close()


async def test_what_it_keeps_in_redis_is_its_own_and_ends(
    own_redis: Redis, limiter: RedisLimiter
) -> None:
    await limiter.hit(Rate(count=2, seconds=7), "message", "a/b")
    async with Client.from_url(own_redis.url) as client:
        (key,) = await client.keys()
        assert key == b"livectl:rate/message/a%2Fb/2/7/second"
        assert 0 < await client.ttl(key) <= 7


@pytest.mark.parametrize("end", ["stop", "freeze"])
async def test_it_counts_alone_while_redis_is_away_and_together_when_it_is_back(
    own_redis: Redis,
    limiter: RedisLimiter,
    meter: Counted,
    caplog: pytest.LogCaptureFixture,
    end: str,
) -> None:
    caplog.set_level(logging.INFO, LOG)
    assert await passes(limiter, "before") == 2
    getattr(own_redis, end)()
    assert await passes(limiter, "meanwhile") == 2
    assert await passes(limiter, "before") == 2  # for they are counted anew
    await asyncio.sleep(1.1)
    assert await passes(limiter, "later") == 2  # one of these was a try
    assert 2 <= meter.calls.count(False) <= 4
    assert [record.levelname for record in caplog.records] == ["WARNING"]

    own_redis.thaw() if end == "freeze" else own_redis.start()
    await until_back(limiter, meter)
    assert await passes(limiter, "after") == 2
    other = RedisLimiter(own_redis.url, meter=meter)
    assert await passes(other, "after") == 0
    await other.close()
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


async def test_many_at_once_do_not_wait_one_after_another_for_a_redis_that_hangs(
    own_redis: Redis, limiter: RedisLimiter, meter: Counted
) -> None:
    await limiter.hit(RATE, "before")
    own_redis.freeze()
    waits = await asyncio.gather(*(limiter.hit(RATE, str(i)) for i in range(500)))
    assert waits == [None] * 500
    assert 1 <= meter.calls.count(False) <= 8
    own_redis.thaw()


async def test_a_redis_that_was_never_there_is_an_outage_like_any_other(
    own_redis: Redis, meter: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    own_redis.stop()
    url = own_redis.url.replace("redis://", "redis://user:geheim@")
    limiter = RedisLimiter(url, meter=meter)
    assert await passes(limiter, "one") == 2
    assert meter.calls == [False]
    assert "geheim" not in caplog.text
    await limiter.close()


async def test_a_redis_that_refuses_is_away(own_redis: Redis, meter: Counted) -> None:
    limiter = RedisLimiter(own_redis.url.replace("redis://", "redis://:wrong@"), meter=meter)
    assert await passes(limiter, "one") == 2
    assert meter.calls == [False]
    await limiter.close()


async def test_a_redis_that_forgot_its_scripts_is_taught_them_again(
    own_redis: Redis, limiter: RedisLimiter, meter: Counted
) -> None:
    await limiter.hit(RATE, "one")
    async with Client.from_url(own_redis.url) as client:
        await client.script_flush()
    assert await passes(limiter, "two") == 2
    assert all(meter.calls)
