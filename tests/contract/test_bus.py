"""One suite, every bus: what holds for one process alone, and what several hear of each other."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest

from livectl.adapters.memory_bus import MemoryBus
from livectl.adapters.no_meter import NoMeter
from livectl.ports.bus import Bus


class Ears:
    """What a process hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes]] = []
        self.nudges = 0
        self._something = asyncio.Event()

    def deliver(self, room: str, payload: bytes) -> None:
        self.heard.append((room, payload))
        self._something.set()

    def nudged(self) -> None:
        self.nudges += 1
        self._something.set()

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not done():
                self._something.clear()
                await self._something.wait()

    async def hears(self, *payloads: bytes) -> None:
        """Just these, in this order, of any room."""
        await self.until(lambda: len(self.heard) >= len(payloads))
        assert [payload for _, payload in self.heard] == list(payloads)


NewBus = Callable[[Ears], Awaitable[Bus]]
several = pytest.mark.parametrize("new_bus", ["redis"], indirect=True)


@pytest.fixture(params=["memory", "redis"])
async def new_bus(request: pytest.FixtureRequest) -> AsyncIterator[NewBus]:
    """Starts buses, each as another process has it, and stops them after the test."""
    async with AsyncExitStack() as stack:

        async def started(ears: Ears) -> Bus:
            bus = _bus(request)
            await bus.start(ears.deliver, ears.nudged)
            stack.push_async_callback(bus.stop)
            return bus

        yield started


def _bus(request: pytest.FixtureRequest) -> Bus:
    if request.param == "memory":
        return MemoryBus()

    from livectl.adapters.redis_bus import RedisBus

    return RedisBus(request.getfixturevalue("redis").url, meter=NoMeter())


@pytest.fixture
def room() -> str:
    """One that no other test is in."""
    return f"live_ü{secrets.token_hex(4)}_1"


@pytest.fixture
def ears() -> Ears:
    return Ears()


@pytest.fixture
async def bus(new_bus: NewBus, ears: Ears) -> Bus:
    return await new_bus(ears)


@pytest.fixture
def other_ears() -> Ears:
    return Ears()


@pytest.fixture
async def other(new_bus: NewBus, other_ears: Ears) -> Bus:
    """The bus of another process."""
    return await new_bus(other_ears)


# --- alone


async def test_it_does_not_hear_itself(bus: Bus, ears: Ears, room: str) -> None:
    await bus.join(room)
    bus.say(room, b"said")
    bus.say(room, b"lossy", lossy=True)
    bus.nudge()
    await bus.ping()
    await asyncio.sleep(0.2)
    assert ears.heard == []
    assert ears.nudges == 0


async def test_the_only_process_that_loses_a_user_is_the_last(bus: Bus, room: str) -> None:
    await bus.enter(room, "ann")
    assert await bus.exit(room, "ann")


async def test_a_user_who_was_not_entered_has_no_others(bus: Bus, room: str) -> None:
    assert await bus.exit(room, "nobody")


async def test_a_bus_that_runs_answers_a_ping(bus: Bus) -> None:
    await bus.ping()


async def test_a_room_that_was_not_joined_can_be_left(bus: Bus, room: str) -> None:
    await bus.leave(room)
    await bus.ping()


async def test_it_stops_twice(bus: Bus) -> None:
    await bus.stop()
    await bus.stop()


# --- several


@several
async def test_others_hear_what_is_said_in_order_and_byte_for_byte(
    bus: Bus, other: Bus, other_ears: Ears, room: str
) -> None:
    await other.join(room)
    said = [b"%d" % i for i in range(1000)] + [b"", bytes(range(256)), b"x" * 100_000]
    for payload in said:
        bus.say(room, payload, lossy=len(payload) == 2)
    await other_ears.hears(*said)
    assert {where for where, _ in other_ears.heard} == {room}


@several
async def test_both_hear_each_other(
    bus: Bus, ears: Ears, other: Bus, other_ears: Ears, room: str
) -> None:
    await bus.join(room)
    await other.join(room)
    bus.say(room, b"from one")
    other.say(room, b"from other")
    await ears.hears(b"from other")
    await other_ears.hears(b"from one")


@several
async def test_what_is_said_after_a_join_is_heard(
    bus: Bus, other: Bus, other_ears: Ears, room: str
) -> None:
    for number in range(50):
        await other.join(f"{room}{number}")
        bus.say(f"{room}{number}", b"%d" % number)
    await other_ears.hears(*(b"%d" % number for number in range(50)))


@several
async def test_only_joined_rooms_are_heard(
    bus: Bus, other: Bus, other_ears: Ears, room: str
) -> None:
    await other.join(room)
    await other.join(f"{room}-left")
    await other.leave(f"{room}-left")
    for where in (f"{room}-left", f"{room}-never", room):
        bus.say(where, where.encode())
    await other_ears.hears(room.encode())


@several
async def test_a_room_can_be_joined_again(
    bus: Bus, other: Bus, other_ears: Ears, room: str
) -> None:
    for _ in range(3):
        await other.join(room)
        await other.leave(room)
    await other.join(room)
    bus.say(room, b"once")
    await other_ears.hears(b"once")


@several
async def test_nudges_reach_the_others(bus: Bus, ears: Ears, other: Bus, other_ears: Ears) -> None:
    await other.ping()
    bus.nudge()
    await other_ears.until(lambda: other_ears.nudges == 1)
    other.nudge()
    await ears.until(lambda: ears.nudges == 1)


@several
async def test_what_was_said_just_before_a_stop_is_heard(
    bus: Bus, other: Bus, other_ears: Ears, room: str
) -> None:
    await other.join(room)
    bus.say(room, b"last words")
    bus.nudge()
    await bus.stop()
    await other_ears.hears(b"last words")
    await other_ears.until(lambda: other_ears.nudges == 1)


@several
async def test_what_one_cannot_use_does_not_keep_it_from_hearing_the_rest(
    new_bus: NewBus, bus: Bus, room: str, caplog: pytest.LogCaptureFixture
) -> None:
    class Picky(Ears):
        def deliver(self, room: str, payload: bytes) -> None:
            if payload == b"strange":
                raise ValueError(payload)
            super().deliver(room, payload)

    ears = Picky()
    picky = await new_bus(ears)
    await picky.join(room)
    bus.say(room, b"strange")
    bus.say(room, b"known")
    await ears.hears(b"known")
    assert "could not be used" in caplog.text


@several
async def test_the_last_process_that_loses_a_user_knows_it(bus: Bus, other: Bus, room: str) -> None:
    await bus.enter(room, "ann")
    await other.enter(room, "ann")
    assert not await bus.exit(room, "ann")
    assert await other.exit(room, "ann")


@several
async def test_presence_is_of_one_user_in_one_room(bus: Bus, other: Bus, room: str) -> None:
    for who, where in (("bob", room), ("ann", f"{room}2")):
        await other.enter(where, who)
    await bus.enter(room, "ann")
    assert await bus.exit(room, "ann")


@several
async def test_a_user_who_comes_back_is_there(bus: Bus, other: Bus, room: str) -> None:
    for _ in range(3):
        await bus.enter(room, "ann")
        await bus.exit(room, "ann")
    await bus.enter(room, "ann")
    await other.enter(room, "ann")
    assert not await other.exit(room, "ann")


@several
async def test_of_two_that_lose_a_user_at_once_one_is_the_last(
    bus: Bus, other: Bus, room: str
) -> None:
    users = [str(number) for number in range(200)]
    await asyncio.gather(*(each.enter(room, user) for each in (bus, other) for user in users))
    last = await asyncio.gather(*(each.exit(room, user) for user in users for each in (bus, other)))
    pairs = list(zip(last[::2], last[1::2], strict=True))
    assert [sum(pair) for pair in pairs] == [1] * len(users)
