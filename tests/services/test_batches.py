from __future__ import annotations

import asyncio

import pytest

from livectl.errors import BadInput
from livectl.services import batches
from livectl.services.batches import Entry, next_cursor, read_cursor, read_place, work


def entry(place: str, *, seconds: float = 0, idle: bool = False) -> Entry[str]:
    async def job() -> str:
        await asyncio.sleep(seconds)
        return place

    return Entry(place=place, job=None if idle else job)


async def test_all_is_done_and_told_in_order() -> None:
    entries = [entry("a", seconds=0.05), entry("b", idle=True), entry("c"), entry("d")]
    worked = await work(entries, at_once=3, at_most=None, before="")
    assert worked.items == ["a", "c", "d"]
    assert (worked.looked, worked.done, worked.last) == (4, 3, None)


async def test_a_limit_ends_it_behind_the_last_that_was_done() -> None:
    entries = [entry("a"), entry("b"), entry("c", idle=True), entry("d")]
    worked = await work(entries, at_once=4, at_most=2, before="")
    assert (worked.items, worked.looked, worked.last) == (["a", "b"], 3, "c")
    assert (await work(entries, at_once=4, at_most=0, before="z")).last == "z"


async def test_when_time_is_up_what_was_begun_is_finished_and_one_at_least_is_done(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(batches, "_BUDGET_S", 0.0)
    entries = [entry(name, seconds=0.05) for name in "abc"]
    worked = await work(entries, at_once=1, at_most=None, before="")
    assert (worked.items, worked.last) == (["a"], "a")


async def test_no_more_than_so_many_are_at_work_at_once() -> None:
    running = most = 0

    async def job() -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1

    entries = [Entry(place=str(number), job=job) for number in range(10)]
    assert (await work(entries, at_once=3, at_most=None, before="")).items == []
    assert most == 3


def test_a_cursor_leads_through_the_phases() -> None:
    phases = ("one", "two")
    assert read_cursor(None, phases) == ("one", "")
    assert read_cursor(next_cursor(phases, "one", "a b"), phases) == ("one", "a b")
    assert read_cursor(next_cursor(phases, "one", None), phases) == ("two", "")
    assert next_cursor(phases, "two", None) is None
    for wrong in ("", "three x"):
        with pytest.raises(BadInput, match="cursor"):
            read_cursor(wrong, phases)
    for wrong in ("x.y", "9" * 40 + ".a"):
        with pytest.raises(BadInput, match="cursor"):
            read_place(wrong)
