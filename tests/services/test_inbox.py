from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from livectl.adapters.no_meter import NoMeter
from livectl.domain.webhook import InboxEntry, Notice
from livectl.errors import BadInput, NotFound, Unauthenticated
from livectl.ports.inbox import InboxQuery
from livectl.ports.store import EventQuery, Store
from livectl.services.inbox import BATCH, HOLD, Inbox
from tests.services.conftest import TestClock
from tests.services.hooks import hook, id_of, real_bodies, sign
from tests.services.media import ModelOfLiveKit

TRIES = 4


class Handler:
    """In the place of `Notices`: keeps what it is given, and fails on what it is told to."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.batches: list[list[str]] = []
        self.poison: set[str] = set()

    async def handle(self, room: str, notices: Sequence[Notice]) -> None:
        ids = [notice.id for notice in notices]
        self.batches.append(ids)
        if self.poison & set(ids):
            raise RuntimeError("this one cannot be handled")
        self.handled += ids


class Stage:
    def __init__(self, store: Store, clock: TestClock) -> None:
        self.store = store
        self.clock = clock
        self.handler = Handler()
        self.calls: list[str] = []
        self.inbox = Inbox(
            store,
            ModelOfLiveKit(),
            clock,
            self.handler,  # type: ignore[arg-type]
            NoMeter(),
            tries=TRIES,
            call_reconcile=self._called,
        )

    async def _called(self, why: str) -> None:
        self.calls.append(why)

    async def take_in(self, *bodies: bytes) -> None:
        for body in bodies:
            self.clock.advance(0.001)
            await self.inbox.take_in(body, sign(body))

    async def entry(self, body: bytes) -> InboxEntry:
        return await self.inbox.get(id_of(body))

    def room(self, name: str, count: int) -> list[bytes]:
        return [hook("track_published", name, self.clock.now()) for _ in range(count)]


@pytest.fixture
def stage(store: Store, clock: TestClock) -> Stage:
    return Stage(store, clock)


async def test_what_is_taken_in_is_kept_as_it_came_before_anything_is_done(stage: Stage) -> None:
    body = real_bodies()[0]
    await stage.take_in(body)
    entry = await stage.entry(body)
    assert entry.body == body.decode()
    assert (entry.type, entry.room, entry.status) == ("room_started", "r3", "pending")
    assert (entry.attempts, entry.received_at) == (0, stage.clock.now())
    assert stage.handler.handled == []
    assert stage.inbox.arrived.is_set()


async def test_a_signature_of_another_body_is_refused_and_nothing_is_kept(stage: Stage) -> None:
    first, second = real_bodies()[:2]
    for authorization in (sign(second), sign(first, secret="x" * 40), "garbage", ""):
        with pytest.raises(Unauthenticated):
            await stage.inbox.take_in(first, authorization)
    assert await stage.inbox.list(InboxQuery()) == []


async def test_a_body_that_is_no_webhook_is_refused_and_nothing_is_kept(stage: Stage) -> None:
    for body in (b"", b"{}", b"[]", b'{"id": "EV_1"}'):
        with pytest.raises(BadInput):
            await stage.take_in(body)
    assert await stage.inbox.list(InboxQuery()) == []


async def test_a_webhook_that_comes_twice_is_handled_once(stage: Stage) -> None:
    body = real_bodies()[0]
    await stage.take_in(body, body)
    assert await stage.inbox.work() == 1
    await stage.take_in(body)
    assert await stage.inbox.work() == 0
    assert stage.handler.handled == [id_of(body)]


async def test_the_first_body_of_an_id_is_the_one_that_counts(stage: Stage) -> None:
    first = hook("room_started", "r1", stage.clock.now())
    second = first.replace(b'"r1"', b'"r2"')
    await stage.take_in(first, second)
    assert (await stage.entry(first)).room == "r1"


async def test_every_webhook_of_a_real_run_is_handled_in_its_order(stage: Stage) -> None:
    await stage.take_in(*real_bodies())
    assert await stage.inbox.work() == len(real_bodies())
    in_rooms = [one for one in real_bodies() if b'"r3"' in one]
    handled = [one for one in stage.handler.handled if one in map(id_of, in_rooms)]
    assert handled == [id_of(one) for one in in_rooms]
    assert {one.status for one in await stage.inbox.list(InboxQuery())} == {"done"}


async def test_one_batch_is_not_all_there_may_be(stage: Stage) -> None:
    await stage.take_in(*stage.room("r1", BATCH + 5))
    assert [await stage.inbox.work() for _ in range(3)] == [BATCH, 5, 0]
    assert len(set(stage.handler.handled)) == BATCH + 5


async def test_what_fails_is_tried_again_later_each_time_and_then_parked(stage: Stage) -> None:
    (body,) = stage.room("r1", 1)
    stage.handler.poison = {id_of(body)}
    await stage.take_in(body)
    pauses = []
    for attempt in range(1, TRIES):
        assert await stage.inbox.work() == 1
        entry = await stage.entry(body)
        assert (entry.status, entry.attempts) == ("pending", attempt)
        assert "cannot be handled" in (entry.error or "")
        assert await stage.inbox.work() == 0  # not before its time
        pauses.append((entry.next_at - stage.clock.now()).total_seconds())
        stage.clock.at = entry.next_at
    assert [0.8 * 2**n <= pause <= 1.2 * 2**n for n, pause in enumerate(pauses)] == [True] * 3
    assert await stage.inbox.work() == 1
    parked = await stage.entry(body)
    assert (parked.status, parked.attempts) == ("parked", TRIES)
    stage.clock.advance(10**7)
    assert await stage.inbox.work() == 0
    (event,) = await stage.store.events(EventQuery(type="webhook.parked"))
    assert event.data["webhook"] == id_of(body)


async def test_one_that_cannot_be_handled_holds_up_no_other_of_its_room(stage: Stage) -> None:
    bodies = stage.room("r1", 6)
    elsewhere = stage.room("r2", 3)
    stage.handler.poison = {id_of(bodies[2])}
    await stage.take_in(*bodies, *elsewhere)
    for _ in range(TRIES):
        await stage.inbox.work()
        stage.clock.advance(600)
    statuses = [(await stage.entry(body)).status for body in [*bodies, *elsewhere]]
    assert statuses == ["done", "done", "parked", *["done"] * 6]
    done = [id_of(body) for body in [*bodies, *elsewhere] if body is not bodies[2]]
    assert sorted(stage.handler.handled) == sorted(done)


async def test_a_parked_one_is_handled_when_it_is_replayed(stage: Stage) -> None:
    (body,) = stage.room("r1", 1)
    stage.handler.poison = {id_of(body)}
    await stage.take_in(body)
    for _ in range(TRIES):
        await stage.inbox.work()
        stage.clock.advance(600)
    assert (await stage.inbox.depth()).parked == 1
    stage.handler.poison = set()
    assert await stage.inbox.replay([], failed=True, since=None, by="user:root") == 1
    assert await stage.inbox.work() == 1
    entry = await stage.entry(body)
    assert (entry.status, entry.attempts, entry.error) == ("done", 1, None)
    (event,) = await stage.store.events(EventQuery(type="webhook.replayed"))
    assert (event.actor, event.data["count"]) == ("user:root", 1)


async def test_a_replay_takes_those_since_a_time_with_those_named(stage: Stage) -> None:
    old, new = stage.room("r1", 1)[0], stage.room("r1", 1)[0]
    await stage.take_in(old)
    await stage.inbox.work()
    stage.clock.advance(60)
    await stage.take_in(new)
    await stage.inbox.work()
    assert await stage.inbox.replay([], failed=False, since=stage.clock.now(), by="x") == 1
    await stage.inbox.work()
    assert stage.handler.handled == [id_of(old), id_of(new), id_of(new)]
    both = await stage.inbox.replay([id_of(old)], failed=False, since=stage.clock.now(), by="x")
    assert both == 2


async def test_a_replay_of_an_unknown_one_queues_nothing(stage: Stage) -> None:
    (body,) = stage.room("r1", 1)
    await stage.take_in(body)
    await stage.inbox.work()
    with pytest.raises(NotFound):
        await stage.inbox.replay([id_of(body), "EV_none"], failed=False, since=None, by="x")
    assert await stage.inbox.work() == 0


async def test_webhooks_that_livekit_dropped_call_for_a_reconcile(stage: Stage) -> None:
    now = stage.clock.now()
    await stage.take_in(
        hook("participant_left", "live_a_1700000000000", now, numDropped=3),
        hook("participant_left", "live_a_1700000000000", now, numDropped=2),
        hook("participant_left", "live_b_1700000000000", now),
    )
    await stage.inbox.work()
    assert stage.calls == ["LiveKit dropped 5 webhooks"]


async def test_what_a_dead_process_had_claimed_comes_back(stage: Stage) -> None:
    bodies = stage.room("r1", 3)
    await stage.take_in(*bodies)
    now = stage.clock.now()
    claimed = await stage.store.claim_webhooks(now=now, until=now + HOLD, limit=10)
    assert len(claimed) == 3
    assert await stage.inbox.work() == 0
    stage.clock.at += HOLD
    assert await stage.inbox.work() == 3
    assert stage.handler.handled == [id_of(body) for body in bodies]


async def test_pruning_removes_what_was_done_long_ago_and_nothing_else(stage: Stage) -> None:
    done, parked, late = (stage.room("r1", 1)[0] for _ in range(3))
    stage.handler.poison = {id_of(parked)}
    await stage.take_in(done, parked)
    for _ in range(TRIES):
        await stage.inbox.work()
        stage.clock.advance(600)
    stage.clock.advance(timedelta(days=14).total_seconds())
    await stage.take_in(late)
    assert await stage.inbox.prune(timedelta(days=14)) == 1
    left = {entry.id: entry.status for entry in await stage.inbox.list(InboxQuery())}
    assert left == {id_of(parked): "parked", id_of(late): "pending"}


async def test_a_sample_is_signed_as_livekit_would(stage: Stage) -> None:
    body, authorization = stage.inbox.sample("room_started", "r1")
    await stage.inbox.take_in(body, authorization)
    assert await stage.inbox.heard_of("r1")
    assert not await stage.inbox.heard_of("r2")
