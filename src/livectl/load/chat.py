"""The load of a room's chat: viewers who come in, messages at a rate or in a closed loop, and what
became of each message at each viewer.

The work is done in processes of their own (`worker`), also where it is one, so that nothing that
is shown meanwhile slows it down.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import secrets
import signal
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any, Literal, Self, cast
from urllib.parse import urlsplit

import msgspec

from livectl.config import mask_url
from livectl.errors import BadInput, LivectlError, Unavailable
from livectl.load.tally import TICK_MS, lost, ticks
from livectl.load.worker import Order, Report, Share, Standing, work

_PATH = "/socket.io/?EIO=4&transport=websocket"

# Of a core; from here on a process cannot tell its own slowness from the server's.
_SATURATED = 0.9

# What the coming in of many stirs up (states, counts) is over by then.
_SETTLE_S = 1.0
# Nothing new for so long, and what is missing then will not come.
_QUIET_S = 3.0
_LOOK_S = 0.1
_END_S = 2.0

_SPAWN = multiprocessing.get_context("spawn")

Phase = Literal["ramp", "send", "drain"]
Watch = Callable[[Phase, Standing], None]


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`url` is where the live socket is (see `websocket_url`), `tokens` has one for each viewer.
    The viewers come in over `ramp_s` (s). Then, for `send_s`, `senders` of them send: `rate`
    messages a second in all or, with a `window`, each as many as keep so many in flight."""

    url: str
    room: str
    tokens: list[str]
    senders: int
    rate: float = 0.0
    window: int = 0
    ramp_s: float
    send_s: float
    enter_within_s: float
    processes: int = 1


class Latency(msgspec.Struct, frozen=True, kw_only=True):
    """From the sending of a message to a delivery of it, over all deliveries, in ms."""

    p50: float
    p90: float
    p99: float
    max: float


class Generator(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What the load itself took: the share of a core that each of its processes had while sending,
    and by how much it was late at the worst. Where it was saturated, latencies are its own."""

    cpu: list[float]
    lag_ms: float
    saturated: bool


class Result(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of it. `seconds` were spent sending, `deliveries_per_second` are of these.
    `lost`: how often an accepted message did not come to a viewer who was there; `doubled`: how
    often it came again; `out_of_order`: came after a later one of its sender. `not_connected` and
    `disconnected` count viewers by what they were told."""

    url: str
    room: str
    viewers: int
    senders: int
    seconds: float
    sent: int
    accepted: int
    refused: dict[str, int]
    unanswered: int
    deliveries: int
    deliveries_per_second: int
    latency_ms: Latency | None
    lost: int
    doubled: int
    out_of_order: int
    not_connected: dict[str, int]
    disconnected: dict[str, int]
    generator: Generator

    @property
    def complaints(self) -> list[str]:
        """What should not have been, in words."""
        found = {
            "lost": self.lost,
            "doubled": self.doubled,
            "out of order": self.out_of_order,
            "not answered": self.unanswered,
            "viewers not let in": sum(self.not_connected.values()),
            "viewers disconnected": sum(self.disconnected.values()),
        }
        words = [f"{what}: {count}" for what, count in found.items() if count]
        if self.sent and self.sent == sum(self.refused.values()):
            words.append("every message was refused")
        return words


def websocket_url(url: str) -> str:
    """Where the live socket of a server is. Raises BadInput."""
    try:
        parts = urlsplit(url)
        known = bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    scheme = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}.get(url.partition("://")[0])
    if not known or not scheme or parts.query or parts.fragment or parts.username:
        shown = mask_url(url).partition("?")[0]
        raise BadInput(f"{shown}: expected a server's address, like https://live.example.com")
    return f"{scheme}://{parts.netloc}{parts.path.rstrip('/')}{_PATH}"


def run(plan: Plan, watch: Watch) -> Result:
    """Do it; `watch` is told ten times a second how it goes. Ctrl-C ends it early, and the result
    is of what was done by then; a second one ends it at once. For the main thread only.

    Raises Unavailable when no viewer was let in.
    """
    with _Crew(_shares(plan), watch) as crew, _ctrl_c() as told_to_end:

        def all_tried(now: Standing) -> bool:
            return told_to_end() or now.entered + now.turned_away == len(plan.tokens)

        def nobody_left(now: Standing) -> bool:
            return told_to_end() or not now.here

        def stopped(now: Standing) -> bool:
            return now.stopped == plan.processes

        def nothing_open(now: Standing) -> bool:
            answered = now.accepted + now.refused == now.sent
            all_came = now.here == now.entered and now.delivered == now.accepted * now.here
            return not now.here or (answered and all_came)

        crew.until("ramp", all_tried)
        crew.until("ramp", nobody_left, at_most_s=_SETTLE_S)
        if not nobody_left(crew.standing):
            crew.tell("send")
            crew.until("send", nobody_left, at_most_s=plan.send_s)
        crew.tell("stop")
        crew.until("drain", stopped)
        crew.until("drain", nothing_open, quiet_s=_QUIET_S)
        return _result(plan, crew.reports())


class _Crew:
    """The processes of a run, and how they stand together."""

    def __init__(self, shares: list[Share], watch: Watch) -> None:
        self.standing = Standing()
        self._watch = watch
        self._shares = shares
        self._processes: list[SpawnProcess] = []
        self._standings: dict[Connection, Standing] = {}
        self._reports: list[Report] = []

    def __enter__(self) -> Self:
        # Ctrl-C is for this process alone; a child ignores from the start what we ignore now.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for share in self._shares:
                self._start(share)
        finally:
            signal.signal(signal.SIGINT, before)
        return self

    def __exit__(self, *_: object) -> None:
        for pipe in self._standings:
            pipe.close()
        for process in self._processes:
            process.join(_END_S)
            process.kill()
            process.join()

    def tell(self, order: Order) -> None:
        for pipe in self._standings:
            pipe.send(order)

    def until(
        self,
        phase: Phase,
        done: Callable[[Standing], bool],
        *,
        at_most_s: float = math.inf,
        quiet_s: float = math.inf,
    ) -> None:
        """Until it is done, or the time is over, or there has been nothing new for `quiet_s`."""
        end = time.monotonic() + at_most_s
        last, changed = self.standing, time.monotonic()
        while not done(self.standing) and (left := end - time.monotonic()) > 0:
            self._listen(min(left, _LOOK_S))
            self._watch(phase, self.standing)
            if self.standing != last:
                last, changed = self.standing, time.monotonic()
            elif time.monotonic() - changed > quiet_s:
                return

    def reports(self) -> list[Report]:
        self.tell("report")
        while len(self._reports) < len(self._processes):
            self._listen(_LOOK_S)
        return self._reports

    def _start(self, share: Share) -> None:
        ours, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=work, args=(share, theirs), daemon=True)
        process.start()
        theirs.close()  # so that its end is noticed
        self._processes.append(process)
        self._standings[ours] = Standing()

    def _listen(self, seconds: float) -> None:
        for pipe in cast("list[Connection]", wait(list(self._standings), seconds)):
            try:
                told = pipe.recv()
            except (EOFError, OSError):
                raise LivectlError("a process of the load ended before it was told to") from None
            if isinstance(told, Report):
                self._reports.append(told)
            else:
                self._standings[pipe] = told
        self.standing = Standing(
            **{
                name: sum(getattr(one, name) for one in self._standings.values())
                for name in Standing.__struct_fields__
            }
        )


@contextmanager
def _ctrl_c() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed; the second time it is a KeyboardInterrupt again."""
    pressed = False

    def note(*_: object) -> None:
        nonlocal pressed
        if pressed:
            raise KeyboardInterrupt
        pressed = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _shares(plan: Plan) -> list[Share]:
    mark, epoch = f"load-{secrets.token_hex(4)}-", ticks()
    shares = []
    for number in range(plan.processes):
        senders = range(number, plan.senders, plan.processes)
        shares.append(
            Share(
                url=plan.url,
                room=plan.room,
                tokens=plan.tokens[number :: plan.processes],
                senders=senders,
                all_senders=plan.senders,
                rate=plan.rate * len(senders) / plan.senders,
                phase_s=number / plan.rate if plan.rate else 0.0,
                window=plan.window,
                ramp_s=plan.ramp_s,
                enter_within_s=plan.enter_within_s,
                mark=mark,
                epoch=epoch,
            )
        )
    return shares


def _result(plan: Plan, reports: Sequence[Report]) -> Result:
    records = [record for report in reports for record in report.records]
    accepted = {number: at for report in reports for number, at in report.accepted.items()}
    refused = _summed(report.refused for report in reports)
    not_let_in = _summed(report.not_let_in for report in reports)
    if not_let_in and not records:
        told = ", ".join(f"{message} ({count})" for message, count in not_let_in.items())
        raise Unavailable(f"no viewer was let in: {told}", hint="check --url, and the room")
    unanswered = sum(report.unanswered for report in reports)
    return Result(
        url=plan.url,
        room=plan.room,
        viewers=len(records),
        senders=sum(report.senders for report in reports),
        seconds=round(max(report.seconds for report in reports), 1),
        sent=len(accepted) + sum(refused.values()) + unanswered,
        accepted=len(accepted),
        refused=refused,
        unanswered=unanswered,
        deliveries=sum(report.delivered for report in reports),
        deliveries_per_second=round(sum(map(_per_second, reports))),
        latency_ms=_latency(_summed(report.latencies for report in reports)),
        lost=lost(accepted, records),
        doubled=sum(report.doubled for report in reports),
        out_of_order=sum(report.out_of_order for report in reports),
        not_connected=not_let_in,
        disconnected=Counter(record.why for record in records if record.left_at is not None),
        generator=_generator(reports),
    )


def _per_second(report: Report) -> float:
    return report.delivered_then / report.seconds if report.seconds else 0.0


def _generator(reports: Sequence[Report]) -> Generator:
    cpu = [round(one.cpu_s / one.seconds, 2) if one.seconds else 0.0 for one in reports]
    return Generator(
        cpu=cpu,
        lag_ms=round(max(one.lag_s for one in reports) * 1000, 1),
        saturated=max(cpu) >= _SATURATED,
    )


def _latency(counts: Counter[int]) -> Latency | None:
    """By the nearest rank."""
    if not counts:
        return None
    ordered = sorted(counts)
    ranks = list(itertools.accumulate(counts[one] for one in ordered))

    def at(share: float) -> float:
        return round(ordered[bisect_left(ranks, share * ranks[-1])] * TICK_MS, 1)

    return Latency(p50=at(0.5), p90=at(0.9), p99=at(0.99), max=at(1))


def _summed(counts: Iterable[dict[Any, int]]) -> Counter[Any]:
    return sum(map(Counter, counts), Counter())
