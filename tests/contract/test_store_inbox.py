"""The inbox: each webhook kept once, handled by one at a time, never lost."""

from __future__ import annotations

import msgspec

from livectl.domain.webhook import InboxEntry
from livectl.ports.inbox import InboxDepth, InboxQuery
from livectl.ports.store import Store
from tests.contract.examples import a_webhook, an_event, at, event_types, together


async def kept(store: Store, **fields: object) -> InboxEntry:
    entry = a_webhook(**fields)
    assert await store.add_webhook(entry)
    return entry


async def claimed(store: Store, now: float, until: float, limit: int = 100) -> list[str]:
    entries = await store.claim_webhooks(now=at(now), until=at(until), limit=limit)
    return [entry.id for entry in entries]


async def listed(store: Store, **query: object) -> list[str]:
    return [entry.id for entry in await store.webhooks(InboxQuery(**query))]  # type: ignore[arg-type]


async def status_of(store: Store, entry: InboxEntry) -> str:
    now = await store.webhook(entry.id)
    assert now is not None
    return now.status


async def test_a_webhook_is_read_back_as_it_came(store: Store, twin: Store) -> None:
    entry = a_webhook(body='{"a": "é\\u0000 "}', room=None, received_at=at(1.001), next_at=at(2.5))
    assert await store.add_webhook(entry) is True
    assert await twin.webhook(entry.id) == entry
    assert await twin.webhook("EV_unknown") is None


async def test_one_that_comes_again_changes_nothing(store: Store, twin: Store) -> None:
    entry = await kept(store)
    again = msgspec.structs.replace(entry, body="{}", received_at=at(5), status="parked")
    assert await twin.add_webhook(again) is False
    assert await store.webhook(entry.id) == entry
    await store.finish_webhooks([entry.id], at=at(9))
    assert await store.add_webhook(entry) is False
    assert await status_of(store, entry) == "done"


async def test_of_many_deliveries_of_one_the_first_is_kept(store: Store, twin: Store) -> None:
    entries = [a_webhook(id="EV_1", body=f"{{{number}}}") for number in range(8)]
    new = await together(h.add_webhook(e) for h, e in zip((store, twin) * 4, entries, strict=True))
    assert sum(new) == 1
    assert await store.webhook("EV_1") == entries[new.index(True)]


async def test_claims_take_what_is_due_the_oldest_first(store: Store) -> None:
    late = await kept(store, received_at=at(2))
    early = await kept(store, received_at=at(1))
    at_now = await kept(store, received_at=at(3), next_at=at(10))
    await kept(store, received_at=at(0), next_at=at(10.001))
    parked = await kept(store, received_at=at(0))
    await store.park_webhook(parked.id, error="no", event=an_event())
    done = await kept(store, received_at=at(0))
    await store.finish_webhooks([done.id], at=at(1))

    assert await claimed(store, 10, 60, limit=2) == [early.id, late.id]
    (entry,) = await store.claim_webhooks(now=at(10), until=at(60), limit=10)
    assert entry == msgspec.structs.replace(at_now, next_at=at(60), attempts=1)
    assert await store.webhook(at_now.id) == entry
    assert await claimed(store, 10, 60) == []


async def test_a_claim_that_ran_out_goes_to_whoever_comes_next(store: Store, twin: Store) -> None:
    entry = await kept(store)
    assert await claimed(store, 0, 30) == [entry.id]
    assert await claimed(twin, 29.999, 60) == []
    (again,) = await twin.claim_webhooks(now=at(30), until=at(60), limit=10)
    assert (again.id, again.attempts) == (entry.id, 2)


async def test_claims_that_race_share_nothing_and_leave_nothing(store: Store, twin: Store) -> None:
    entries = [await kept(store, received_at=at(number)) for number in range(30)]
    taken: list[str] = []
    while rounds := await together(claimed(h, 100, 200, limit=4) for h in (store, twin) * 2):
        if not any(rounds):
            break
        taken += [id_ for ids in rounds for id_ in ids]
    assert sorted(taken) == sorted(entry.id for entry in entries)


async def test_a_finished_one_is_done_for_good(store: Store) -> None:
    one, two = await kept(store), await kept(store)
    await claimed(store, 0, 30)
    await store.finish_webhooks([one.id, two.id, "EV_unknown"], at=at(5))
    now = await store.webhook(one.id)
    assert now is not None
    assert (now.status, now.handled_at) == ("done", at(5))
    assert await claimed(store, 100, 200) == []

    # Whoever was slower than the claim must not bring it back.
    await store.retry_webhook(one.id, next_at=at(50), error="slow")
    await store.park_webhook(one.id, error="slow", event=an_event("webhook.parked"))
    assert await status_of(store, one) == "done"
    assert await event_types(store) == []
    await store.finish_webhooks([], at=at(5))


async def test_a_retry_waits_until_its_time_and_says_why(store: Store) -> None:
    entry = await kept(store)
    await claimed(store, 0, 30)
    await store.retry_webhook(entry.id, next_at=at(10), error="LiveKit said no")
    now = await store.webhook(entry.id)
    assert now == msgspec.structs.replace(
        entry, next_at=at(10), attempts=1, error="LiveKit said no"
    )
    assert await claimed(store, 9.999, 60) == []
    assert await claimed(store, 10, 60) == [entry.id]


async def test_a_parked_one_waits_for_a_replay(store: Store, twin: Store) -> None:
    entry = await kept(store)
    await claimed(store, 0, 30)
    for handle in (store, twin):
        await handle.park_webhook(entry.id, error="bad", event=an_event("webhook.parked"))
    now = await store.webhook(entry.id)
    assert now is not None
    assert (now.status, now.error) == ("parked", "bad")
    assert await claimed(store, 1000, 2000) == []

    requeued = an_event("webhooks.requeued")
    ids = [entry.id, "EV_unknown", entry.id]
    assert await store.requeue_webhooks(ids, now=at(50), event=requeued) == 1
    (again,) = await store.claim_webhooks(now=at(50), until=at(60), limit=1)
    assert (again.id, again.status, again.attempts) == (entry.id, "pending", 1)
    assert await event_types(store) == ["webhook.parked", "webhooks.requeued"]


async def test_one_that_is_done_can_be_replayed(store: Store) -> None:
    entry = await kept(store)
    await store.finish_webhooks([entry.id], at=at(5))
    assert await store.requeue_webhooks([entry.id], now=at(9), event=an_event()) == 1
    now = await store.webhook(entry.id)
    assert now is not None
    assert (now.status, now.handled_at, now.next_at) == ("pending", None, at(9))


async def test_a_replay_of_nothing_is_no_event(store: Store) -> None:
    for ids in ([], ["EV_unknown"]):
        assert await store.requeue_webhooks(ids, now=at(9), event=an_event()) == 0
    assert await event_types(store) == []


async def test_the_newest_are_listed_first_and_filtered(store: Store) -> None:
    one = await kept(store, received_at=at(1), room="r1")
    two = await kept(store, received_at=at(2), room="r2", type="room_finished")
    three = await kept(store, received_at=at(3), room="r1", type="room_finished")
    await store.park_webhook(one.id, error="bad", event=an_event())
    for query, expected in (
        ({}, [three, two, one]),
        ({"limit": 2}, [three, two]),
        ({"status": "parked"}, [one]),
        ({"status": "pending", "room": "r1"}, [three]),
        ({"room": "r1"}, [three, one]),
        ({"type": "room_finished"}, [three, two]),
        ({"since": at(2)}, [three, two]),
        ({"since": at(3.001)}, []),
    ):
        assert await listed(store, **query) == [entry.id for entry in expected], query


async def test_the_depth_counts_what_waits_and_what_is_parked(store: Store) -> None:
    assert await store.inbox_depth() == InboxDepth(pending=0, parked=0, oldest=None)
    first = await kept(store, received_at=at(1))
    second = await kept(store, received_at=at(2))
    await kept(store, received_at=at(3))
    await store.finish_webhooks([first.id], at=at(5))
    await store.park_webhook(second.id, error="bad", event=an_event())
    assert await store.inbox_depth() == InboxDepth(pending=1, parked=1, oldest=at(3))


async def test_only_what_was_done_before_is_pruned(store: Store) -> None:
    pending, parked, done, later = [await kept(store) for _ in range(4)]
    await store.park_webhook(parked.id, error="bad", event=an_event())
    await store.finish_webhooks([done.id], at=at(5))
    await store.finish_webhooks([later.id], at=at(6))
    assert await store.prune_webhooks(before=at(6)) == 1
    assert await store.webhook(done.id) is None
    assert sorted(await listed(store)) == sorted([pending.id, parked.id, later.id])
    assert await store.prune_webhooks(before=at(6)) == 0
