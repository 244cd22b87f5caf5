"""The `Bus` over Redis, for several processes on one host or many.

What is said goes through Redis' pub/sub, a channel for each room. Who holds sockets of a user in a
room is a sorted set of process ids by the time (Redis' own, ms) until which they count.

All that this process tells Redis goes out in one order, through one bounded outbox and one task.
While Redis is connected a session runs; any failure of it ends all of it, and the next one joins
the rooms again. Nothing is sent twice: what was under way when a session failed is lost, as is
what others said meanwhile, so that both sides are nudged to look into the store.
"""

from __future__ import annotations

import asyncio
import logging
import random
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import RedisError

from livectl.errors import Unavailable
from livectl.ports.bus import Deliver
from livectl.ports.meter import Meter

log = logging.getLogger(__name__)

_ROOM = b"livectl:room:"
_NUDGES = b"livectl:nudges"
_HERE = "livectl:here:"

_WAIT_S = 0.25
"""How long a caller waits for what Redis should do."""
_PATIENCE_S = 1.0
"""How long Redis may take to answer before it counts as away."""
_HEARTBEAT_S = 2.0
_PAUSES_S = (0.05, 1.0)
"""From one try to connect to the next: the first, and the longest."""

_COUNTS_S = 30.0
"""How long a process that has died still counts as holding its users (ports, `Bus.exit`)."""
_REFRESHED_AT_ONCE = 500

_BATCH = 100
_WAITING_MAX = 10_000
_WAITING_BYTES = 8 * 1024 * 1024

_HINT = "check REDIS_URL and that Redis runs: `livectl doctor`"

_NOW = "local time = redis.call('TIME') local now = time[1] * 1000 + math.floor(time[2] / 1000)"
_ENTER = f"""{_NOW}
for _, key in ipairs(KEYS) do
  redis.call('ZADD', key, now + ARGV[2], ARGV[1])
  redis.call('PEXPIRE', key, ARGV[2])
end"""
_EXIT = f"""{_NOW}
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
return redis.call('ZCARD', KEYS[1])"""


class RedisBus:
    """The `Bus` port. A process counts as holding its users for `counts_for` (s) after the last
    that Redis has heard of it."""

    def __init__(self, url: str, *, meter: Meter, counts_for: float = _COUNTS_S) -> None:
        self._url = url
        self._meter = meter
        self._counts_for = counts_for
        self._me = secrets.token_hex(8).encode()
        self._rooms: dict[bytes, str] = {}
        self._held: set[str] = set()
        self._outbox = _Outbox(calls=_WAITING_MAX, size=_WAITING_BYTES)
        self._something_waits = asyncio.Event()
        self._nudge_waits = False
        self._dropped = 0
        self._line: _Line | None = None
        self._connected = asyncio.Event()
        self._missed = False
        self._away_since: float | None = None
        self._trouble = "not tried yet"
        self._refused = False
        self._running: asyncio.Task[None] | None = None

    async def start(self, deliver: Deliver, nudged: Callable[[], None]) -> None:
        self._deliver = deliver
        self._nudged = nudged
        self._running = asyncio.create_task(self._run())
        try:
            async with asyncio.timeout(_WAIT_S):
                await self._connected.wait()
        except TimeoutError:
            self._missed = True

    async def stop(self) -> None:
        """What was said before is sent, if that takes no longer than a moment."""
        if self._running is None:
            return
        await self._ask("PING")
        self._running.cancel()
        await asyncio.wait([self._running])
        self._running = None

    async def join(self, room: str) -> None:
        channel = _channel(room)
        self._rooms[channel] = room
        if line := self._line:
            with suppress(RedisError, OSError):  # then the next session joins it
                await line.send(b"SUBSCRIBE", channel)
                await line.answered(_WAIT_S)

    async def leave(self, room: str) -> None:
        channel = _channel(room)
        self._rooms.pop(channel, None)
        if line := self._line:
            with suppress(RedisError, OSError):
                await line.send(b"UNSUBSCRIBE", channel)

    def say(self, room: str, payload: bytes, *, lossy: bool = False) -> None:
        self._put(_Call(command=("PUBLISH", _channel(room), self._me + payload), lossy=lossy))

    def nudge(self) -> None:
        self._nudge_waits = True
        self._something_waits.set()

    async def enter(self, room: str, user_id: str) -> None:
        key = _presence_key(room, user_id)
        self._held.add(key)
        await self._ask(*self._entering([key]))

    async def exit(self, room: str, user_id: str) -> bool:
        key = _presence_key(room, user_id)
        self._held.discard(key)
        others = await self._ask("EVAL", _EXIT, "1", key, self._me)
        return not others

    async def ping(self) -> None:
        line = self._line
        if line is None or not self._connected.is_set():
            raise Unavailable(f"Redis is not connected: {self._trouble}", hint=_HINT)
        try:
            await line.answered(_PATIENCE_S)
        except (RedisError, OSError) as error:
            # By its type alone: what it says might have the URL in it.
            raise Unavailable(
                f"Redis did not answer: {type(error).__name__}", hint=_HINT
            ) from error

    # --- connecting

    async def _run(self) -> None:
        pause, longest = _PAUSES_S
        while True:
            try:
                await self._session()
            except Exception as error:
                if self._connected.is_set():
                    pause = _PAUSES_S[0]
                self._leave_off(_cause(error))
            # Not all processes at the same moment.
            await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311
            pause = min(pause * 2, longest)

    async def _session(self) -> None:
        """Until something of it fails, which raises it."""
        client = Redis.from_url(
            self._url,
            protocol=2,
            socket_connect_timeout=_PATIENCE_S,
            # Limits of time are our own: with one of redis-py's, its calls pass through
            # `asyncio.wait_for`, which in Python 3.11 can lose a cancellation.
            socket_timeout=None,
            # No error is one to try again at: a connection that came back by itself would hide
            # that something was missed.
            retry=Retry(NoBackoff(), 0, supported_errors=()),
        )
        async with client, client.pubsub() as pubsub:
            try:
                async with asyncio.timeout(_PATIENCE_S):
                    await pubsub.connect()
                    self._line = line = _Line(pubsub)  # from here on `join` subscribes by itself
                    await pubsub.subscribe(_NUDGES, *self._rooms)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(self._listen(line))
                    await line.answered(_PATIENCE_S)
                    self._go_on()
                    tasks.create_task(self._send(client))
                    tasks.create_task(self._stay_present())
                    while True:
                        await asyncio.sleep(_HEARTBEAT_S)
                        await line.answered(_PATIENCE_S)
            finally:
                self._line = None

    def _go_on(self) -> None:
        self._connected.set()
        self._refused = False
        if self._away_since is not None:
            seconds = time.monotonic() - self._away_since
            log.info("Redis is back after %.1f s: other processes are heard again", seconds)
            self._away_since = None
        if self._missed:
            self._missed = False
            self._nudged()

    def _leave_off(self, error: BaseException) -> None:
        self._connected.clear()
        self._missed = True
        self._trouble = type(error).__name__  # what it says might have the URL in it
        if self._away_since is None:
            self._away_since = time.monotonic()
            expected = isinstance(error, RedisError | OSError)
            log.warning(
                "Redis is away (%s): other processes are not heard until it is back",
                self._trouble,
                exc_info=None if expected else error,
            )

    # --- hearing

    async def _listen(self, line: _Line) -> None:
        async for channel, data in line.messages():
            if data.startswith(self._me):
                continue
            try:
                self._hear(channel, data[len(self._me) :])
            except Exception:
                # Another version of the program may have said it; the rest is still heard.
                log.exception("what another process said could not be used")

    def _hear(self, channel: bytes, payload: bytes) -> None:
        if channel == _NUDGES:
            self._nudged()
        elif room := self._rooms.get(channel):
            self._deliver(room, payload)

    # --- telling

    async def _ask(self, *command: str | bytes) -> Any:
        """What Redis answers; None where it is away, or takes longer than a caller waits. It is
        told in any case, then when it is back."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._put(_Call(command=command, answer=answer))
        if not self._connected.is_set():
            return None
        try:
            async with asyncio.timeout(_WAIT_S):
                return await answer
        except TimeoutError:
            return None

    def _put(self, call: _Call) -> None:
        if dropped := self._outbox.put(call):
            self._lose(dropped)
        self._something_waits.set()

    async def _send(self, client: Redis) -> None:
        while True:
            await self._something_waits.wait()
            calls = self._outbox.take(_BATCH)
            if self._nudge_waits:
                self._nudge_waits = False
                calls.append(_Call(command=("PUBLISH", _NUDGES, self._me)))
            if not self._outbox:
                self._something_waits.clear()
            await self._send_together(client, calls)
            if self._dropped and not self._outbox:
                log.warning("%d payloads did not reach other processes", self._dropped)
                self._dropped = 0

    async def _send_together(self, client: Redis, calls: list[_Call]) -> None:
        together = client.pipeline(transaction=False)
        for call in calls:
            together.execute_command(*call.command)
        began = time.perf_counter()
        sent = False
        try:
            async with asyncio.timeout(_PATIENCE_S):
                answers = await together.execute(raise_on_error=False)
            sent = True
        finally:
            self._meter.outside_call("redis", "send", time.perf_counter() - began, ok=sent)
            if not sent:
                self._lose(calls)
        for call, answer in zip(calls, answers, strict=True):
            refused = isinstance(answer, RedisError)
            if refused:
                self._count_refusal(answer)
            if call.answer is not None and not call.answer.done():
                call.answer.set_result(None if refused else answer)

    def _count_refusal(self, error: RedisError) -> None:
        """Of one command, by a Redis that is full or read-only, say: it still carries others."""
        self._meter.outside_call("redis", "refused", 0.0, ok=False)
        if not self._refused:
            self._refused = True
            log.warning("Redis refuses some of what it is told: %s", error)

    def _lose(self, calls: list[_Call]) -> None:
        if not self._dropped:
            log.warning("Redis does not take all that is said: some of it is dropped")
        self._dropped += len(calls)
        for _ in calls:
            self._meter.outside_call("redis", "drop", 0.0, ok=False)
        if not all(call.lossy for call in calls):
            self.nudge()  # the others find in the store what they did not hear

    # --- presence

    async def _stay_present(self) -> None:
        while True:
            keys = list(self._held)
            for start in range(0, len(keys), _REFRESHED_AT_ONCE):
                some = keys[start : start + _REFRESHED_AT_ONCE]
                await self._ask(*self._entering([key for key in some if key in self._held]))
            await asyncio.sleep(self._counts_for / 3)

    def _entering(self, keys: list[str]) -> tuple[str | bytes, ...]:
        milliseconds = str(int(self._counts_for * 1000))
        return ("EVAL", _ENTER, str(len(keys)), *keys, self._me, milliseconds)


class _Line:
    """The connection that hears. Once broken it is not used again: redis-py would connect anew
    unseen."""

    def __init__(self, pubsub: PubSub) -> None:
        self._pubsub = pubsub
        self._broken = False
        self._answers: dict[bytes, asyncio.Future[None]] = {}
        self._numbers = count()

    async def send(self, *command: bytes) -> None:
        """Raises RedisError, OSError."""
        if self._broken:
            raise RedisAway
        try:
            await self._pubsub.execute_command(*command)
        except BaseException:
            self._broken = True
            raise

    async def answered(self, within: float) -> None:
        """When all that was sent before has been done. Raises RedisError, and TimeoutError after
        `within` (s). Some task has to read `messages` meanwhile."""
        number = str(next(self._numbers)).encode()
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(within):
                await self.send(b"PING", number)
                await answer
        finally:
            del self._answers[number]

    async def messages(self) -> AsyncIterator[tuple[bytes, bytes]]:
        """Channel and data of each. Raises RedisError, OSError when the connection fails."""
        try:
            async for message in self._pubsub.listen():
                if message["type"] == "message":
                    yield message["channel"], message["data"]
                elif message["type"] == "pong" and (answer := self._answers.get(message["data"])):
                    answer.set_result(None)
        finally:
            self._broken = True


class _Call(msgspec.Struct, frozen=True, kw_only=True):
    """A command for Redis, and who waits for its answer."""

    command: tuple[str | bytes, ...]
    answer: asyncio.Future[Any] | None = None
    lossy: bool = False

    @property
    def size(self) -> int:
        return sum(map(len, self.command))


class _Outbox:
    """Calls in their order, at most so many and so many bytes. Lossy ones are the first to go,
    then the oldest."""

    def __init__(self, *, calls: int, size: int) -> None:
        self._most_calls = calls
        self._most_bytes = size
        self._size = 0
        self._numbers = count()
        self._firm: deque[tuple[int, _Call]] = deque()
        self._lossy: deque[tuple[int, _Call]] = deque()

    def __len__(self) -> int:
        return len(self._firm) + len(self._lossy)

    def put(self, call: _Call) -> list[_Call]:
        """Those that had to go for it."""
        queue = self._lossy if call.lossy else self._firm
        queue.append((next(self._numbers), call))
        self._size += call.size
        dropped = []
        while len(self) > self._most_calls or self._size > self._most_bytes:
            dropped.append(self._pop(self._lossy or self._firm))
        return dropped

    def take(self, most: int) -> list[_Call]:
        """The oldest."""
        return [self._pop(self._with_oldest()) for _ in range(min(most, len(self)))]

    def _with_oldest(self) -> deque[tuple[int, _Call]]:
        filled = [queue for queue in (self._firm, self._lossy) if queue]
        return min(filled, key=lambda queue: queue[0][0])

    def _pop(self, queue: deque[tuple[int, _Call]]) -> _Call:
        _, call = queue.popleft()
        self._size -= call.size
        return call


def _channel(room: str) -> bytes:
    return _ROOM + room.encode()


def _presence_key(room: str, user_id: str) -> str:
    return f"{_HERE}{room}:{user_id}"


def _cause(error: BaseException) -> BaseException:
    """The first of those that a group of tasks raised."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
