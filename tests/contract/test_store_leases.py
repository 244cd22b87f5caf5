"""Leases: one holder at a time."""

from __future__ import annotations

from livectl.ports.store import Store
from tests.contract.examples import at, together


async def take(store: Store, holder: str, now: float, until: float, name: str = "tick") -> bool:
    return await store.take_lease(name, holder, now=at(now), until=at(until))


async def test_a_lease_is_kept_from_others_until_it_is_over(store: Store, twin: Store) -> None:
    assert await take(store, "a", 0, 10)
    assert not await take(twin, "b", 9.999, 20)
    assert await take(twin, "b", 10, 20)
    assert not await take(store, "a", 15, 25)


async def test_a_holder_may_renew(store: Store, twin: Store) -> None:
    assert await take(store, "a", 0, 10)
    assert await take(store, "a", 5, 15)
    assert not await take(twin, "b", 12, 20)


async def test_leases_of_other_names_are_free(store: Store) -> None:
    assert await take(store, "a", 0, 10)
    assert await take(store, "b", 0, 10, name="other")


async def test_a_dropped_lease_is_free_and_only_its_holder_drops_it(
    store: Store, twin: Store
) -> None:
    assert await take(store, "a", 0, 10)
    await twin.drop_lease("tick", "b")
    assert not await take(twin, "b", 1, 10)
    await store.drop_lease("tick", "a")
    assert await take(twin, "b", 1, 10)
    await store.drop_lease("unknown", "a")


async def test_a_lease_is_held_until_it_is_over_or_dropped(store: Store, twin: Store) -> None:
    assert not await twin.lease_held("tick", now=at(0))
    assert await take(store, "a", 0, 10)
    assert await twin.lease_held("tick", now=at(9.999))
    assert not await twin.lease_held("tick", now=at(10))
    assert not await twin.lease_held("other", now=at(0))
    await store.drop_lease("tick", "a")
    assert not await twin.lease_held("tick", now=at(0))


async def test_leases_that_are_over_are_pruned_and_no_others(store: Store, twin: Store) -> None:
    for number in range(3):
        assert await take(store, "a", 0, 10, name=f"code {number}")
    assert await take(store, "a", 0, 10.001, name="later")
    assert await twin.prune_leases(before=at(10)) == 0
    assert await twin.prune_leases(before=at(10.001)) == 3
    assert sum((await store.check()).counts.values()) == 1
    assert await store.lease_held("later", now=at(10))
    assert await take(twin, "b", 11, 20, name="code 0")


async def test_of_many_that_want_a_lease_one_gets_it(store: Store, twin: Store) -> None:
    for start in (0, 100):  # where there is none yet, and where one is over
        taken = await together(
            take(handle, f"holder{number}", start, start + 50)
            for number, handle in enumerate((store, twin) * 4)
        )
        assert sum(taken) == 1
