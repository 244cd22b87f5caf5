"""The bus over Redis through outages, and what it leaves in Redis."""

from __future__ import annotations

import asyncio
import logging
import secrets
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from redis.asyncio import Redis as Client

from livectl.adapters import redis_bus
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.redis_bus import RedisBus
from livectl.errors import Unavailable
from tests.contract.test_bus import Ears
from tests.parts.redis import Redis

ROOT = Path(__file__).parents[2]
LOG = "livectl.adapters.redis_bus"

NewBus = Callable[..., Awaitable[tuple[RedisBus, Ears]]]


class Counted(NoMeter):
    """How often each call to Redis failed."""

    def __init__(self) -> None:
        self.failed: dict[str, int] = {}

    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None:
        if not ok:
            self.failed[call] = self.failed.get(call, 0) + 1


@pytest.fixture
def own_redis(redis: Redis) -> Iterator[Redis]:
    """A Redis of the test's own, to be stopped."""
    assert redis.running
    with Redis() as server:
        yield server


@pytest.fixture
def room() -> str:
    return f"live_{secrets.token_hex(4)}_1"


@pytest.fixture
def meter() -> Counted:
    return Counted()


@pytest.fixture
async def new_bus(own_redis: Redis, meter: Counted) -> AsyncIterator[NewBus]:
    """Starts buses on the test's Redis, each with ears of its own, and stops them after it."""
    async with AsyncExitStack() as stack:

        async def started(counts_for: float = 30.0) -> tuple[RedisBus, Ears]:
            bus, ears = RedisBus(own_redis.url, meter=meter, counts_for=counts_for), Ears()
            await bus.start(ears.deliver, ears.nudged)
            stack.push_async_callback(bus.stop)
            return bus, ears

        yield started


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(10):
        while not await holds():  # noqa: ASYNC110 (what a bus notices has no event)
            await asyncio.sleep(0.05)


async def until_connected(*buses: RedisBus) -> None:
    for bus in buses:
        await until(lambda bus=bus: says(bus, ""))


async def until_away(*buses: RedisBus) -> None:
    """Until they have noticed it."""
    for bus in buses:
        await until(lambda bus=bus: says(bus, "Redis is not connected"))


async def says(bus: RedisBus, trouble: str) -> bool:
    """Whether that is how its answer to a ping begins; a good one is empty."""
    try:
        await bus.ping()
    except Unavailable as error:
        return bool(trouble) and error.message.startswith(trouble)
    return not trouble


def told(caplog: pytest.LogCaptureFixture) -> list[tuple[str, str]]:
    """Level and first three words of each line."""
    return [
        (record.levelname, " ".join(record.getMessage().split()[:3])) for record in caplog.records
    ]


# --- outages


@pytest.mark.parametrize("end", ["stop", "kill", "freeze"])
async def test_it_heals_by_itself(
    own_redis: Redis, new_bus: NewBus, room: str, caplog: pytest.LogCaptureFixture, end: str
) -> None:
    caplog.set_level(logging.INFO, LOG)
    one, _ = await new_bus()
    other, ears = await new_bus()
    await other.join(room)
    one.say(room, b"before")
    await ears.hears(b"before")

    getattr(own_redis, end)()
    await until_away(one, other)
    assert ears.nudges == 0
    await other.join(f"{room}-meanwhile")
    if end == "freeze":
        own_redis.thaw()
    else:
        await asyncio.sleep(0.5)  # for a few tries that fail
        own_redis.start()
    await until_connected(one, other)

    assert ears.nudges == 1
    one.say(room, b"after")
    one.say(f"{room}-meanwhile", b"there too")
    await ears.hears(b"before", b"after", b"there too")
    warned = ("WARNING", "Redis is away")
    back = ("INFO", "Redis is back")
    assert sorted(told(caplog)) == [back, back, warned, warned]


async def test_each_outage_is_told_once(
    own_redis: Redis, new_bus: NewBus, caplog: pytest.LogCaptureFixture
) -> None:
    bus, ears = await new_bus()
    for number in (1, 2, 3):
        own_redis.restart()
        await ears.until(lambda number=number: ears.nudges == number)
        await until_connected(bus)
    assert told(caplog) == [("WARNING", "Redis is away")] * 3


@pytest.mark.parametrize("end", ["stop", "freeze"])
async def test_all_that_is_local_goes_on_while_redis_is_away(
    own_redis: Redis, new_bus: NewBus, room: str, end: str
) -> None:
    bus, _ = await new_bus()
    await bus.enter(room, "ann")
    getattr(own_redis, end)()
    for _ in range(2):
        for call in (
            bus.join(room),
            bus.leave(room),
            bus.enter(room, "bob"),
            bus.exit(room, "bob"),
            bus.exit(room, "ann"),
        ):
            async with asyncio.timeout(1):
                assert await call in {None, True}
        bus.say(room, b"said")
        bus.nudge()
    if end == "freeze":
        own_redis.thaw()


async def test_a_process_may_start_before_redis_does(
    own_redis: Redis, new_bus: NewBus, room: str
) -> None:
    own_redis.stop()
    one, _ = await new_bus()
    other, ears = await new_bus()
    await other.join(room)
    own_redis.start()
    await until_connected(one, other)
    assert ears.nudges == 1  # what was said before it could hear is in the store
    one.say(room, b"heard")
    await ears.hears(b"heard")


async def test_it_stops_while_redis_is_away(own_redis: Redis, new_bus: NewBus, room: str) -> None:
    bus, _ = await new_bus()
    await bus.join(room)
    own_redis.stop()
    bus.say(room, b"never heard")
    async with asyncio.timeout(1):
        await bus.stop()


async def test_it_stops_in_the_middle_of_much_to_say(own_redis: Redis, room: str) -> None:
    for number in range(60):
        bus = RedisBus(own_redis.url, meter=NoMeter())
        await bus.start(lambda room, payload: None, lambda: None)

        async def talk(bus: RedisBus) -> None:
            while True:
                bus.say(room, b"said")
                await bus.enter(room, "ann")

        talkers = [asyncio.create_task(talk(bus)) for _ in range(20)]
        await asyncio.sleep(number / 1000)
        async with asyncio.timeout(5):
            await bus.stop()
        for talker in talkers:
            talker.cancel()
        await asyncio.wait(talkers)


async def test_what_waits_is_sent_in_order_when_redis_is_back(
    own_redis: Redis, new_bus: NewBus, room: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redis_bus, "_PAUSES_S", (4, 4))  # so that the other is there first
    one, _ = await new_bus()
    own_redis.stop()
    await until_away(one)
    said = [b"%d" % number for number in range(250)]
    for number, payload in enumerate(said):
        one.say(room, payload, lossy=number % 3 == 0)
    own_redis.start()
    other, ears = await new_bus()
    await other.join(room)
    await ears.hears(*said)


async def test_the_others_are_nudged_when_something_said_was_lost(
    own_redis: Redis, new_bus: NewBus, room: str, meter: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    one, own_ears = await new_bus()
    other, ears = await new_bus()
    await other.join(room)
    async with Client.from_url(own_redis.url) as client:
        await client.client_pause(1500, all=False)  # it goes on to answer pings
    one.say(room, b"lost")
    await ears.until(lambda: ears.nudges == 1)
    assert own_ears.nudges == 1  # only its session failed
    assert ears.heard == []
    assert meter.failed == {"send": 1, "drop": 1}
    await until_connected(one, other)
    assert told(caplog) == [
        ("WARNING", "Redis does not"),
        ("WARNING", "Redis is away"),
        ("WARNING", "1 payloads did"),
    ]


# --- ping


async def test_a_ping_tells_that_redis_is_away_without_the_password(own_redis: Redis) -> None:
    url = own_redis.url.replace("redis://", "redis://user:geheim@")
    own_redis.stop()
    bus = RedisBus(url, meter=NoMeter())
    with pytest.raises(Unavailable, match="Redis is not connected"):
        await bus.ping()
    await bus.start(lambda room, payload: None, lambda: None)
    with pytest.raises(Unavailable, match="Redis is not connected: ConnectionError") as refused:
        await bus.ping()
    assert "geheim" not in f"{refused.value} {refused.value.hint}"
    await bus.stop()


async def test_a_ping_tells_that_redis_refuses_the_password_without_it(
    own_redis: Redis, caplog: pytest.LogCaptureFixture
) -> None:
    url = own_redis.url.replace("redis://", "redis://:geheim@")
    bus = RedisBus(url, meter=NoMeter())
    await bus.start(lambda room, payload: None, lambda: None)
    with pytest.raises(Unavailable, match="Redis is not connected: AuthenticationError"):
        await bus.ping()
    assert told(caplog) == [("WARNING", "Redis is away")]
    assert "geheim" not in caplog.text
    await bus.stop()


async def test_a_ping_tells_that_redis_does_not_answer(own_redis: Redis, new_bus: NewBus) -> None:
    bus, _ = await new_bus()
    own_redis.freeze()
    with pytest.raises(Unavailable, match="Redis"):
        await bus.ping()
    own_redis.thaw()


# --- more than Redis takes


async def test_lossy_payloads_go_first_then_the_oldest(
    own_redis: Redis,
    new_bus: NewBus,
    room: str,
    meter: Counted,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(redis_bus, "_WAITING_MAX", 6)
    bus, _ = await new_bus()
    own_redis.stop()
    await until_away(bus)
    caplog.clear()
    for number in range(10):
        bus.say(room, b"%d" % number, lossy=number % 2 == 0)
    assert waiting(bus) == [b"1", b"3", b"5", b"7", b"8", b"9"]
    for number in range(10, 14):
        bus.say(room, b"%d" % number)
    assert waiting(bus) == [b"7", b"9", b"10", b"11", b"12", b"13"]
    assert meter.failed["drop"] == 8
    assert told(caplog) == [("WARNING", "Redis does not")]


async def test_the_outbox_is_bounded_in_bytes(
    own_redis: Redis, new_bus: NewBus, room: str, meter: Counted
) -> None:
    bus, _ = await new_bus()
    own_redis.stop()
    await until_away(bus)
    for number in range(100):
        bus.say(room, b"%02d" % number + b"x" * 1_000_000)
    left = waiting(bus)
    assert sum(map(len, left)) <= 8 * 1024 * 1024
    assert left[-1].startswith(b"99")
    assert meter.failed["drop"] == 100 - len(left)


def waiting(bus: RedisBus) -> list[bytes]:
    """What a bus has yet to say, which is taken from it."""
    calls = bus._outbox.take(1_000_000)
    for call in calls:
        bus._outbox.put(call)
    return [call.command[2][len(bus._me) :] for call in calls]  # type: ignore[misc]


async def test_a_redis_that_refuses_writes_still_carries_what_is_said(
    own_redis: Redis, new_bus: NewBus, room: str, meter: Counted, caplog: pytest.LogCaptureFixture
) -> None:
    one, _ = await new_bus()
    other, ears = await new_bus()
    await other.join(room)
    async with Client.from_url(own_redis.url) as client:
        await client.config_set("maxmemory", "1")
        for _ in range(3):
            await one.enter(room, "ann")
            assert await one.exit(room, "ann")
        one.say(room, b"heard")
        await ears.hears(b"heard")
    assert meter.failed["refused"] >= 3
    assert told(caplog) == [("WARNING", "Redis refuses some")]


# --- presence


async def test_a_process_that_died_holds_nobody_after_a_while(
    own_redis: Redis, new_bus: NewBus, room: str
) -> None:
    command = [sys.executable, "-m", "tests.adapters.redis_bus_process", own_redis.url, room, "ann"]
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"entered\n"
        bus, _ = await new_bus(counts_for=1.5)
        assert not await bus.exit(room, "ann")
        await asyncio.sleep(2)
        assert not await bus.exit(room, "ann")  # it lives, and says so
    finally:
        process.kill()
        await process.wait()
    assert not await bus.exit(room, "ann")
    await until(lambda: bus.exit(room, "ann"))


async def test_users_are_held_again_after_redis_forgot_them(
    own_redis: Redis, new_bus: NewBus, room: str
) -> None:
    one, ears = await new_bus()
    other, _ = await new_bus()
    users = [str(number) for number in range(1200)]
    await asyncio.gather(*(one.enter(room, user) for user in users))
    own_redis.restart()
    await ears.until(lambda: ears.nudges == 1)
    async with Client.from_url(own_redis.url) as client:

        async def all_are_back() -> bool:
            return len(await client.keys("livectl:here:*")) == len(users)

        await until(all_are_back)
    assert not await other.exit(room, "0")
    assert not await other.exit(room, "1199")


async def test_who_was_lost_while_redis_was_away_is_not_held_when_it_is_back(
    own_redis: Redis, new_bus: NewBus, room: str
) -> None:
    one, _ = await new_bus()
    other, _ = await new_bus()
    await one.enter(room, "ann")
    await one.enter(room, "bob")
    own_redis.freeze()
    await until_away(one, other)
    await one.exit(room, "ann")
    own_redis.thaw()
    await until_connected(one, other)
    await one.enter(room, "carl")  # by then it has said what it had to say
    assert await other.exit(room, "ann")
    assert not await other.exit(room, "bob")


async def test_nothing_stays_in_redis_for_ever(
    own_redis: Redis, new_bus: NewBus, room: str
) -> None:
    bus, _ = await new_bus()
    await bus.join(room)
    await bus.enter(room, "ann")
    bus.say(room, b"said")
    async with Client.from_url(own_redis.url) as client:
        (key,) = await client.keys()
        assert key == f"livectl:here:{room}:ann".encode()
        assert 0 < await client.ttl(key) <= 30
        await bus.exit(room, "ann")
        assert await client.keys() == []
