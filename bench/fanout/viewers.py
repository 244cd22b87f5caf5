"""Viewers of a room, as raw Socket.IO over WebSocket: they cost little beside what is measured.

Some of them send. What is said comes back to every viewer; an answer's time is from the sending to
one viewer, of every 16th delivery.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import uvloop

_MARK = b'"content":"m'
_TEXT, _PING = 0x81, 0x89
_HANDSHAKE = (
    b"GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


@dataclass(frozen=True)
class Load:
    """How a room is driven. With `rate` that many messages a second are sent in all, else each
    sender has two in flight. `ports` are those of the server's processes, `pids` likewise."""

    ports: Sequence[int]
    pids: Sequence[int]
    namespace: str
    tokens: Sequence[str]
    viewers: int
    seconds: float
    rate: float = 0
    senders: int = 10


@dataclass(frozen=True)
class Result:
    """Deliveries a second, and for each CPU second of the server; what its busiest process took
    of a core; times of a delivery in ms; deliveries that are missing ten seconds after the end."""

    rate: float
    per_cpu: float
    busy: float
    p50: float
    p99: float
    lost: int

    def __str__(self) -> str:
        lost = f"  {self.lost} LOST" if self.lost else ""
        return (
            f"{self.rate:9.0f}/s  {self.per_cpu:9.0f}/CPU s  core {self.busy:4.0%}  "
            f"p50 {self.p50:7.1f} ms  p99 {self.p99:7.1f} ms{lost}"
        )


def run(load: Load, *, cores: set[int]) -> Result:
    """Drive it from these cores."""
    gc.disable()  # its pauses would look like the server's
    os.sched_setaffinity(0, cores)
    try:
        return uvloop.run(_Room(load).drive())
    finally:
        os.sched_setaffinity(0, {0, 1})


def memory_per_viewer(load: Load) -> float:
    """KB of the server's memory for each viewer who is there and hears nothing."""
    return uvloop.run(_Room(load).weigh())


@dataclass
class _Message:
    at: float
    left: int


@dataclass
class _Room:
    load: Load
    sockets: list[_Viewer] = field(default_factory=list)
    under_way: dict[int, _Message] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    delivered: int = 0
    sending: bool = False

    def __post_init__(self) -> None:
        self.numbers = itertools.count(1)

    async def drive(self) -> Result:
        load = self.load
        await self._enter()
        self.delivered, cpu = 0, [_cpu(pid) for pid in load.pids]
        began, self.sending = time.perf_counter(), True
        await (self._paced() if load.rate else self._closed_loop())
        took = time.perf_counter() - began
        cpu = [_cpu(pid) - before for pid, before in zip(load.pids, cpu, strict=True)]
        delivered, self.sending = self.delivered, False
        await self._settle()
        times = sorted(self.times)
        return Result(
            rate=delivered / took,
            per_cpu=delivered / sum(cpu),
            busy=max(cpu) / took,
            p50=times[len(times) // 2] * 1000,
            p99=times[int(len(times) * 0.99)] * 1000,
            lost=sum(message.left for message in self.under_way.values()),
        )

    async def weigh(self) -> float:
        before = _memory(self.load.pids)
        await self._enter()
        await asyncio.sleep(2)
        return (_memory(self.load.pids) - before) / self.load.viewers

    async def _enter(self) -> None:
        load, loop = self.load, asyncio.get_running_loop()
        for number in range(load.viewers):
            viewer = _Viewer(self, load.tokens[number])
            port = load.ports[number % len(load.ports)]
            await loop.create_connection(lambda viewer=viewer: viewer, "127.0.0.1", port)
            self.sockets.append(viewer)
            if number % 20 == 19:
                await asyncio.gather(*(one.joined for one in self.sockets[-20:]))
        await asyncio.gather(*(one.joined for one in self.sockets))
        await asyncio.sleep(1)

    async def _closed_loop(self) -> None:
        for _ in range(2 * self.load.senders):
            self.say()
        await asyncio.sleep(self.load.seconds)

    async def _paced(self) -> None:
        began = time.perf_counter()
        for number in range(int(self.load.seconds * self.load.rate)):
            await asyncio.sleep(began + number / self.load.rate - time.perf_counter())
            self.say()

    async def _settle(self) -> None:
        for _ in range(100):
            if not self.under_way:
                return
            await asyncio.sleep(0.1)

    def say(self) -> None:
        number = next(self.numbers)
        self.under_way[number] = _Message(time.perf_counter(), self.load.viewers)
        self.sockets[number % self.load.senders].say(f"m{number} hello everyone in the chat")

    def heard(self, number: int) -> None:
        message = self.under_way[number]
        self.delivered += 1
        message.left -= 1
        if not self.delivered & 15:
            self.times.append(time.perf_counter() - message.at)
        if not message.left:
            del self.under_way[number]
            if self.sending and not self.load.rate:
                self.say()


class _Viewer(asyncio.Protocol):
    def __init__(self, room: _Room, token: str) -> None:
        self.room = room
        self.token = token
        self.joined: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._rest = b""
        self._upgraded = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        transport.write(_HANDSHAKE)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.joined.done():
            self.joined.set_exception(ConnectionError(f"refused: {self._rest!r}"))

    def say(self, content: str) -> None:
        self._send(f'42{self.room.load.namespace},["live:message",{{"content":"{content}"}}]')

    def data_received(self, data: bytes) -> None:
        data = self._rest + data
        at, end = 0, len(data)
        if not self._upgraded:
            at = data.find(b"\r\n\r\n") + 4
            self._upgraded = at > 3
        while self._upgraded and at + 2 <= end:
            size, body = data[at + 1], at + 2
            if size == 126:
                size, body = int.from_bytes(data[at + 2 : at + 4], "big"), at + 4
            if body + size > end:
                break
            self._frame(data, at, body, body + size)
            at = body + size
        self._rest = data[max(at, 0) :] if self._upgraded else data

    def _frame(self, data: bytes, at: int, body: int, end: int) -> None:
        mark = data.find(_MARK, body, end)
        if mark > 0 and data.startswith(b"42", body):
            start = mark + len(_MARK)
            self.room.heard(int(data[start : data.index(b" ", start, end)]))
        elif data[at] == _PING:
            self._transport.write(
                b"\x8a" + bytes([0x80 | (end - body)]) + bytes(4) + data[body:end]
            )
        elif data[at] == _TEXT:
            self._packet(data[body:end])

    def _packet(self, packet: bytes) -> None:
        if packet.startswith(b"0"):
            auth = f'{{"token":"{self.token}"}}' if self.token else ""
            self._send(f"40{self.room.load.namespace},{auth}")
        elif packet == b"2":
            self._send("3")
        elif packet.startswith(b"40"):
            self.joined.set_result(None)
        elif packet.startswith(b"44"):
            self.joined.set_exception(ConnectionError(packet.decode()))

    def _send(self, packet: str) -> None:
        text = packet.encode()
        size = len(text)
        head = bytes([0x80 | size]) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self._transport.write(bytes([_TEXT]) + head + bytes(4) + text)  # a mask of zeros


def _cpu(pid: int) -> float:
    """Seconds that a process has computed for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _memory(pids: Sequence[int]) -> float:
    """KB that these processes hold."""
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024
