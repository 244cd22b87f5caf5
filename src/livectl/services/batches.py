"""Long work in parts: each call does some of it, in order, and says where to go on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import msgspec

from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.recording import Recording
from livectl.errors import BadInput

T = TypeVar("T")

# A call is to be answered within half a minute, and what was begun is finished.
_BUDGET_S = 8.0

Job = Callable[[], Awaitable[T | None]]


class Entry(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """One thing that is looked at: where it stands, and what is to be done about it, if anything
    is."""

    place: str
    job: Job[T] | None = None


class Worked(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """What came of it. `last` is the place of the last one that was looked at where not all were
    (None where all were)."""

    items: list[T]
    looked: int
    done: int
    last: str | None


async def work(
    entries: Sequence[Entry[T]], *, at_once: int, at_most: int | None, before: str | None
) -> Worked[T]:
    """Do the jobs in order, some at once, until so many are done or time is up. `before` is the
    place before the first. One job at least is done, so that it always goes on."""
    gate = asyncio.Semaphore(at_once)
    came: dict[int, T] = {}
    deadline = time.monotonic() + _BUDGET_S
    looked = done = 0
    last = before

    async def run(number: int, job: Job[T]) -> None:
        try:
            if (item := await job()) is not None:
                came[number] = item
        finally:
            gate.release()

    async with asyncio.TaskGroup() as tasks:
        for entry in entries:
            if entry.job is not None:
                if at_most is not None and done >= at_most:
                    break
                await gate.acquire()
                if done and time.monotonic() > deadline:
                    gate.release()
                    break
                tasks.create_task(run(looked, entry.job))
                done += 1
            looked += 1
            last = entry.place
    items = [item for _, item in sorted(came.items(), key=lambda one: one[0])]
    whole = looked == len(entries)
    return Worked(items=items, looked=looked, done=done, last=None if whole else last)


def place_of(at: datetime, id_: str) -> str:
    return f"{epoch_ms(at)}.{id_}"


def place_of_recording(recording: Recording) -> str:
    return place_of(recording.requested_at, recording.id)


def read_place(place: str) -> tuple[datetime, str] | None:
    """Of a list that is sorted by a time and an id. Raises BadInput."""
    if not place:
        return None
    millis, _, id_ = place.partition(".")
    try:
        return from_epoch_ms(int(millis)), id_
    except (ValueError, OverflowError):
        raise BadInput.of("cursor", "the nextCursor of an earlier answer") from None


def read_cursor(cursor: str | None, phases: Sequence[str]) -> tuple[str, str]:
    """The phase of a work and the place in it; the first one's beginning without a cursor. Raises
    BadInput."""
    if cursor is None:
        return phases[0], ""
    phase, _, place = cursor.partition(" ")
    if phase not in phases:
        raise BadInput.of("cursor", "the nextCursor of an earlier answer")
    return phase, place


def next_cursor(phases: Sequence[str], phase: str, place: str | None) -> str | None:
    """Where to go on after `place` in a phase, or, where that is over, in the next one."""
    if place is not None:
        return f"{phase} {place}"
    rest = phases[phases.index(phase) + 1 :]
    return f"{rest[0]} " if rest else None
