from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from livectl.adapters.prober import AvProber
from livectl.domain.ids import new_id
from livectl.domain.recording import Recording, Vod
from livectl.errors import BadInput, Conflict
from livectl.ports.objects import Objects
from livectl.ports.store import Store
from livectl.services.prune import Policy, Prune
from livectl.services.vods import Vods
from tests.services.conftest import NOON, TestClock
from tests.services.vod_helpers import (
    OPERATOR,
    PREFIX,
    add_recording,
    add_stream,
    on_each,
    paths_in,
)

pytestmark = on_each
DAY = timedelta(days=1)


@pytest.fixture
def vods(store: Store, objects: Objects, clock: TestClock) -> Vods:
    return Vods(store, objects, AvProber(), clock)


@pytest.fixture
def prune(store: Store, objects: Objects) -> Prune:
    return Prune(store, objects, prefix=PREFIX)


async def add_vod(
    store: Store, objects: Objects, days_ago: int, size: int = 1000, **stream: Any
) -> Recording:
    at = NOON - days_ago * DAY
    added = await add_stream(store, started_at=at, **stream)
    vod = Vod(status="available", size=size)
    return await add_recording(store, objects, added, bytes(size), vod=vod)


async def planned(prune: Prune, **policy: Any) -> list[tuple[str, str]]:
    plan = await prune.plan(Policy(**policy))
    return [(one.act, one.vod_id) for one in plan.items]


async def test_the_oldest_go_first_and_a_plan_changes_nothing(
    store: Store, objects: Objects, prune: Prune
) -> None:
    young = [await add_vod(store, objects, 1) for _ in range(3)]
    old, older = [await add_vod(store, objects, days) for days in (91, 200)]
    plan = await prune.plan(Policy(before=NOON - 90 * DAY))
    assert [one.vod_id for one in plan.items] == [older.id, old.id]
    assert (plan.vods, plan.total) == (5, 5000)
    assert len(await paths_in(objects)) == len(young) + 2


async def test_held_and_tagged_ones_stay(
    store: Store, objects: Objects, prune: Prune, vods: Vods
) -> None:
    for _ in range(3):
        await add_vod(store, objects, 1)
    held = await add_vod(store, objects, 100)
    await add_vod(store, objects, 100, tags=["music", "best"])
    plain = await add_vod(store, objects, 100, tags=["music"])
    await vods.hold(held.id, reason="evidence", by=OPERATOR)
    found = await planned(prune, before=NOON - 90 * DAY, keep_tags=("best", "gold"))
    assert found == [("delete", plain.id)]


async def test_beyond_a_total_size_the_oldest_go(
    store: Store, objects: Objects, prune: Prune, vods: Vods
) -> None:
    made = [await add_vod(store, objects, days, size=1000) for days in (4, 3, 2, 1)]
    assert await planned(prune, max_total=4000) == []
    assert await planned(prune, max_total=2500) == [("delete", one.id) for one in made[:2]]
    await vods.hold(made[0].id, reason="evidence", by=OPERATOR)
    assert await planned(prune, max_total=2500) == [("delete", made[1].id)]


async def test_more_than_half_of_all_is_refused_unless_it_is_allowed(
    store: Store, objects: Objects, prune: Prune
) -> None:
    made = [await add_vod(store, objects, days) for days in (100, 99, 1)]
    with pytest.raises(Conflict, match="2 of 3 VODs, more than 50%"):
        await planned(prune, before=NOON - 90 * DAY)
    found = await planned(prune, before=NOON - 90 * DAY, max_share=0.7)
    assert found == [("delete", one.id) for one in made[:2]]


async def test_an_empty_store_over_a_full_bucket_is_refused(
    store: Store, objects: Objects, prune: Prune
) -> None:
    assert await planned(prune, before=NOON) == []
    await objects.put(f"{PREFIX}/2026/03/{new_id()}/a.mp4", b"x", content_type="video/mp4")
    with pytest.raises(Conflict, match="1 recordings that this store does not know"):
        await planned(prune, before=NOON)


async def test_a_store_that_knows_little_of_the_bucket_is_refused(
    store: Store, objects: Objects, prune: Prune
) -> None:
    made = [await add_vod(store, objects, days) for days in (100, 1, 1)]
    others = [f"{PREFIX}/2026/03/{new_id()}/{number}.mp4" for number in range(4)]
    for path in others[:3]:
        await objects.put(path, b"x", content_type="video/mp4")
    assert await planned(prune, before=NOON - 90 * DAY) == [("delete", made[0].id)]
    await objects.put(others[3], b"x", content_type="video/mp4")
    with pytest.raises(Conflict, match="is this its database"):
        await planned(prune, before=NOON - 90 * DAY)


async def test_a_bucket_that_has_little_of_the_store_is_refused(
    store: Store, objects: Objects, prune: Prune
) -> None:
    made = [await add_vod(store, objects, days) for days in (100, 1, 1)]
    await objects.delete([one.path for one in made[:2]])
    with pytest.raises(Conflict, match="2 of 3 VODs have no object here"):
        await planned(prune, before=NOON - 90 * DAY)


async def test_a_policy_that_names_nothing_is_wrong(
    store: Store, objects: Objects, prune: Prune
) -> None:
    with pytest.raises(BadInput, match="expected one of them"):
        await prune.plan(Policy())


async def test_old_ones_are_archived_where_there_are_storage_classes(
    store: Store, objects: Objects, prune: Prune, vods: Vods
) -> None:
    made = [await add_vod(store, objects, days) for days in (100, 99, 1)]
    policy = {"before": NOON - 90 * DAY, "archive_class": "REDUCED_REDUNDANCY"}
    if objects.type == "Local":
        with pytest.raises(BadInput, match="no storage classes"):
            await planned(prune, **policy)
        return
    found = await planned(prune, **policy)
    assert found == [("archive", one.id) for one in made[:2]]
    await vods.archive(made[0].id, "REDUCED_REDUNDANCY", by=OPERATOR)
    assert await planned(prune, **policy) == [("archive", made[1].id)]
    assert await objects.get(made[0].path) == bytes(1000)
