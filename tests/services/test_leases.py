from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from livectl.errors import Unavailable
from livectl.ports.store import Store
from livectl.services.leases import kept_up
from tests.services.conftest import NOON, TestClock

LASTS = timedelta(milliseconds=60)


def after(milliseconds: int) -> datetime:
    return NOON + timedelta(milliseconds=milliseconds)


async def taken(store: Store, holder: str, at: datetime) -> bool:
    return await store.take_lease("work", holder, now=at, until=at + LASTS)


@pytest.mark.parametrize("failures", [0, 1])
async def test_a_lease_is_kept_up_while_it_is_used_and_then_runs_out(
    store: Store, clock: TestClock, monkeypatch: pytest.MonkeyPatch, failures: int
) -> None:
    renewed = asyncio.Event()
    take = store.take_lease
    failing = iter(range(failures))

    async def watched(name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        if now > NOON and next(failing, None) is not None:
            raise Unavailable("the store is away")
        ours = await take(name, holder, now=now, until=until)
        if now > NOON:
            renewed.set()
        return ours

    with monkeypatch.context() as patched:
        patched.setattr(store, "take_lease", watched)
        async with kept_up(store, clock, "work", "us", LASTS) as ours:
            assert ours
            clock.advance(0.05)
            await renewed.wait()
            assert not await taken(store, "others", after(100))
    assert not await taken(store, "others", after(109))
    assert await taken(store, "others", after(110))


async def test_one_that_others_hold_is_not_asked_for_again(store: Store, clock: TestClock) -> None:
    assert await taken(store, "others", NOON)
    async with kept_up(store, clock, "work", "us", LASTS) as ours:
        assert not ours
        assert "lease work" not in {task.get_name() for task in asyncio.all_tasks()}
