"""Counting: what was sent and how it was answered, what came to each viewer, and how long it took.

Every delivery is looked at, none is sampled. Times are whole ticks since the epoch of the run.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

TICK_MS = 0.1

_TICK_NS = 100_000
_DIGITS = 9  # of a number, and of a time: 27 hours
_BASE = 10**_DIGITS
_WORDS = "hello everyone in the chat"
_SPARE = 4096


def ticks() -> int:
    """Of the monotonic clock, which is one for all processes of a machine."""
    return time.monotonic_ns() // _TICK_NS


class Record(msgspec.Struct, kw_only=True):
    """What one viewer got. `seen` has a byte for each number, 1 where that message came; `last`
    the highest number from each sender; `left_at` and `why` are of one who left before the end."""

    seen: bytearray
    last: list[int]
    left_at: int | None = None
    why: str = ""


class InFlight(msgspec.Struct, kw_only=True):
    """A message that some viewers do not have yet, and who waits for its end."""

    missing: int
    done: asyncio.Future[float]


class Tally:
    """The messages that one process sends, and what its viewers get.

    A message says whose it is: the run's mark, its number, the time of its sending. The numbers of
    the sender s, of S in all, are s, s + S, s + 2S and so on: no two processes use the same.
    """

    def __init__(self, *, mark: str, senders: int, epoch: int) -> None:
        self.records: list[Record] = []
        self.here = 0
        self.unanswered: set[int] = set()
        self.accepted: dict[int, int] = {}
        self.refused: Counter[str] = Counter()
        self.delivered = 0
        self.doubled = 0
        self.out_of_order = 0
        self.latencies: dict[int, int] = {}
        self._mark = mark
        self._mark_bytes = mark.encode()
        self._senders = senders
        self._epoch = epoch
        self._next = list(range(senders))
        self._in_flight: dict[int, InFlight] = {}

    @property
    def sent(self) -> int:
        return len(self.unanswered) + len(self.accepted) + self.refused.total()

    def now(self) -> int:
        return ticks() - self._epoch

    def new_record(self) -> Record:
        """Of a viewer who is on the way; it counts from `came` on."""
        return Record(seen=bytearray(_SPARE), last=[-1] * self._senders)

    def came(self, record: Record) -> None:
        self.records.append(record)
        self.here += 1

    def left(self, record: Record, why: str) -> None:
        record.left_at, record.why = self.now(), why
        self.here -= 1

    def next_message(self, sender: int) -> tuple[int, str]:
        """The number and the content of a message that is sent now."""
        number = self._next[sender]
        self._next[sender] += self._senders
        self.unanswered.add(number)
        return number, f"{self._mark}{number:0{_DIGITS}}{self.now():0{_DIGITS}} {_WORDS}"

    def got(self, record: Record, data: bytes, start: int, end: int, now: int) -> None:
        """A chat message, between `start` and `end`, has come at `now`. This is what the process
        spends its time in: no JSON is read, and nothing is made that can be done without."""
        at = data.find(self._mark_bytes, start, end)
        if at < 0:
            return  # somebody else's
        at += len(self._mark_bytes)
        number, sent_at = divmod(int(data[at : at + 2 * _DIGITS]), _BASE)
        seen = record.seen
        if number >= len(seen):
            seen.extend(bytes(number - len(seen) + _SPARE))
        if seen[number]:
            self.doubled += 1
            return
        seen[number] = 1
        self.delivered += 1
        latency = now - sent_at
        self.latencies[latency] = self.latencies.get(latency, 0) + 1
        sender = number % self._senders
        if number < record.last[sender]:
            self.out_of_order += 1
        else:
            record.last[sender] = number
        if number in self._in_flight:
            message = self._in_flight[number]
            message.missing -= 1
            if not message.missing:
                self._done(number, 0)

    def answered(self, number: int, answer: Mapping[str, Any], now: int) -> None:
        """The acknowledgement of a message."""
        self.unanswered.discard(number)
        if answer.get("ok") is not False:
            self.accepted[number] = now
            return
        self.refused[str(answer.get("code", "refused"))] += 1
        self._done(number, float(answer.get("retryAfter") or 1))

    def wait_for(self, number: int) -> asyncio.Future[float]:
        """Done when all who are here now have the message: 0; or when it was refused: the seconds
        after which the next may be sent."""
        done = asyncio.get_running_loop().create_future()
        self._in_flight[number] = InFlight(missing=self.here, done=done)
        done.add_done_callback(lambda _: self._in_flight.pop(number))
        return done

    def _done(self, number: int, wait_s: float) -> None:
        message = self._in_flight.get(number)
        if message is not None and not message.done.done():
            message.done.set_result(wait_s)


def lost(accepted: Mapping[int, int], records: Iterable[Record]) -> int:
    """How often a message that was accepted did not come to a viewer who was there then."""
    everything = _as_bits(accepted)
    count = 0
    for record in records:
        left_at = record.left_at
        due = everything
        if left_at is not None:
            due = _as_bits(number for number, at in accepted.items() if at < left_at)
        count += (due & ~int.from_bytes(record.seen, "little")).bit_count()
    return count


def _as_bits(numbers: Iterable[int]) -> int:
    """One byte a number, as in `Record.seen`."""
    chosen = list(numbers)
    field = bytearray(max(chosen, default=0) + 1)
    for number in chosen:
        field[number] = 1
    return int.from_bytes(field, "little")
