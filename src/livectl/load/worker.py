"""One process of a load: its viewers come in, some of them send, all of them count.

It is told what to do next over a pipe, and tells how it goes and, at last, what came of it. When
the other end of the pipe goes away, so does the process.
"""

from __future__ import annotations

import asyncio
import gc
import itertools
import resource
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Literal

import msgspec
import uvloop
from websockets.uri import parse_uri

from livectl.errors import Unavailable
from livectl.load.tally import Record, Tally
from livectl.load.viewer import Viewer, enter

Order = Literal["send", "stop", "report"]

_TELL_S = 0.1
# What somebody never gets must not hold up its sender in a closed loop for ever.
_LOOP_S = 5.0
_OWN_FILES = 64


class Share(msgspec.Struct, kw_only=True):
    """What one process does. There is a token for each viewer; those who are in first take the
    numbers of `senders`, of `all_senders` in the whole run. Together they send `rate` messages a
    second, after a pause of `phase_s`; or each keeps `window` messages in flight."""

    url: str
    room: str
    tokens: list[str]
    senders: range
    all_senders: int
    rate: float
    phase_s: float
    window: int
    ramp_s: float
    enter_within_s: float
    mark: str
    epoch: int


class Standing(msgspec.Struct, kw_only=True):
    """How it goes: viewers who came in, were turned away, are here now; messages; deliveries.
    `stopped` is 1 when the order to stop was obeyed."""

    stopped: int = 0
    entered: int = 0
    turned_away: int = 0
    here: int = 0
    sent: int = 0
    accepted: int = 0
    refused: int = 0
    delivered: int = 0
    doubled: int = 0


class Report(msgspec.Struct, kw_only=True):
    """What came of it. Sending took `seconds` (s); in these came `delivered_then`, this process
    had `cpu_s` of a core, and was late by `lag_s` at the worst."""

    records: list[Record]
    senders: int
    accepted: dict[int, int]
    refused: dict[str, int]
    unanswered: int
    delivered: int
    doubled: int
    out_of_order: int
    latencies: dict[int, int]
    not_let_in: dict[str, int]
    seconds: float
    delivered_then: int
    cpu_s: float
    lag_s: float


def work(share: Share, pipe: Connection) -> None:
    """The whole life of the process."""
    _allow_files(len(share.tokens) + _OWN_FILES)
    with suppress(EOFError, ConnectionError):
        uvloop.run(_Worker(share, pipe).run())


class _Worker:
    def __init__(self, share: Share, pipe: Connection) -> None:
        self._share = share
        self._pipe = pipe
        self._uri = parse_uri(share.url)
        self._tls = ssl.create_default_context() if self._uri.secure else None
        self._tally = Tally(mark=share.mark, senders=share.all_senders, epoch=share.epoch)
        self._viewers: list[Viewer] = []
        self._not_let_in: Counter[str] = Counter()
        self._began: tuple[float, float] | None = None
        self._stopped = False
        self._seconds = self._cpu_s = self._lag_s = 0.0
        self._delivered_then = 0

    async def run(self) -> None:
        """For ever: raises EOFError or ConnectionError when the other end of the pipe is gone."""
        doing = asyncio.create_task(self._ramp())
        async for order in self._orders():
            doing.cancel()
            with suppress(asyncio.CancelledError):
                await doing
            if order == "send":
                self._began = time.monotonic(), time.process_time()
                doing = asyncio.create_task(self._send())
            elif order == "stop":
                self._stop()
            else:
                self._pipe.send(self._report())

    async def _orders(self) -> AsyncIterator[Order]:
        """What comes over the pipe. It is looked at ten times a second, and told how it goes."""
        due = time.monotonic()
        while True:
            self._pipe.send(self._standing())
            while self._pipe.poll():
                yield self._pipe.recv()
            due += _TELL_S
            await asyncio.sleep(due - time.monotonic())
            late = max(0.0, time.monotonic() - due)
            due += late
            if self._began is not None:
                self._lag_s = max(self._lag_s, late)

    async def _ramp(self) -> None:
        begin, tokens = time.monotonic(), self._share.tokens
        async with asyncio.TaskGroup() as entering:
            for number, token in enumerate(tokens):
                due = begin + self._share.ramp_s * number / len(tokens)
                await asyncio.sleep(due - time.monotonic())
                entering.create_task(self._enter(token))
        # They stay, and need not be looked through for garbage again and again.
        gc.collect()
        gc.freeze()

    async def _enter(self, token: str) -> None:
        within = self._share.enter_within_s
        try:
            async with asyncio.timeout(within):
                viewer = await enter(self._uri, self._share.room, token, self._tally, tls=self._tls)
        except TimeoutError:
            self._not_let_in[f"no answer within {within:g} s"] += 1
        except Unavailable as refusal:
            self._not_let_in[refusal.message] += 1
        else:
            self._viewers.append(viewer)

    @property
    def _senders(self) -> list[tuple[int, Viewer]]:
        return list(zip(self._share.senders, self._viewers, strict=False))

    async def _send(self) -> None:
        if self._share.window:
            async with asyncio.TaskGroup() as sending:
                for number, viewer in self._senders * self._share.window:
                    sending.create_task(self._keep_in_flight(number, viewer))
        elif self._senders:
            await self._keep_pace(self._senders)

    async def _keep_pace(self, senders: list[tuple[int, Viewer]]) -> None:
        begin = time.monotonic() + self._share.phase_s
        for count in itertools.count():
            early = begin + count / self._share.rate - time.monotonic()
            if early > 0:  # what is late is sent at once
                await asyncio.sleep(early)
            number, viewer = senders[count % len(senders)]
            if viewer.here:
                viewer.say(number)

    async def _keep_in_flight(self, number: int, viewer: Viewer) -> None:
        """One message after the other, each when all viewers of this process have the last."""
        while viewer.here:
            waiting = self._tally.wait_for(viewer.say(number))
            pause = 0.0
            # Not wait_for: until Python 3.12 it may lose a cancel.
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOP_S):
                    pause = await waiting
            if pause:
                await asyncio.sleep(pause)

    def _stop(self) -> None:
        self._stopped = True
        if self._began is None:
            return
        wall, cpu = self._began
        self._began = None
        self._seconds = time.monotonic() - wall
        self._cpu_s = time.process_time() - cpu
        self._delivered_then = self._tally.delivered

    def _standing(self) -> Standing:
        tally = self._tally
        return Standing(
            stopped=int(self._stopped),
            entered=len(tally.records),
            turned_away=self._not_let_in.total(),
            here=tally.here,
            sent=tally.sent,
            accepted=len(tally.accepted),
            refused=tally.refused.total(),
            delivered=tally.delivered,
            doubled=tally.doubled,
        )

    def _report(self) -> Report:
        tally = self._tally
        return Report(
            records=tally.records,
            senders=len(self._senders),
            accepted=tally.accepted,
            refused=tally.refused,
            unanswered=len(tally.unanswered),
            delivered=tally.delivered,
            doubled=tally.doubled,
            out_of_order=tally.out_of_order,
            latencies=tally.latencies,
            not_let_in=self._not_let_in,
            seconds=self._seconds,
            delivered_then=self._delivered_then,
            cpu_s=self._cpu_s,
            lag_s=self._lag_s,
        )


def _allow_files(count: int) -> None:
    """A socket is a file, and many shells allow 1,024 of them where the system allows far more."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
