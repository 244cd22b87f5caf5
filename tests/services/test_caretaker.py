from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from livectl.adapters.no_meter import NoMeter
from livectl.domain.event import event
from livectl.domain.ids import new_id, room_name
from livectl.domain.moderation import scope_of_stream
from livectl.domain.stream import Stream
from livectl.domain.webhook import Participant, read_notice
from livectl.errors import Unavailable
from livectl.ports.store import EventQuery, Store
from livectl.services.caretaker import GUARD_FOR, Guard, Watch, call_reconcile
from livectl.services.history import History
from livectl.services.inbox import Inbox
from livectl.services.moderation import Moderation
from livectl.services.notices import Notices
from livectl.services.presence import Presence
from livectl.services.stats import Stats
from tests.services.conftest import NOON
from tests.services.hooks import hook
from tests.services.hooks import participant as as_hook
from tests.services.ingresses import Venue
from tests.services.recordings import Studio, records_nothing

BOB = Participant(sid="PA_1", identity="bob")
CAROL = Participant(sid="PA_2", identity="carol")


class Post:
    """A guard and what hears of webhooks, at a time that the test sets."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.venue = venue = Venue(store)
        self.clock = clock = venue.clock
        self.media = venue.media
        self.moderation = moderation = Moderation(store, self.media, clock, History(store, clock))
        self.guard = Guard(store, self.media, moderation, venue.teardown, clock)
        self.notices = Notices(
            store,
            moderation,
            Presence(store, clock),
            venue.teardown,
            records_nothing(store, self.media, clock),
            venue.encoders,
        )
        self._heard = 0

    async def stream(self, *, live: bool, blocked: tuple[str, ...] = ()) -> Stream:
        """One that ended just now, or one with users who were blocked just now."""
        stream_id = new_id()
        stream = Stream(
            id=stream_id,
            owner_id="alice",
            room_name=room_name("alice", 1_700_000_000_000 + int(stream_id[-8:], 16)),
            is_live=live,
            started_at=NOON,
            blocked_user_ids=list(blocked),
        )
        await self.store.add_stream(stream, event("stream.started", NOON, "test"))
        put_out = "moderation.block" if live else "stream.ended"
        scope = scope_of_stream(stream.id)
        told = event(put_out, self.clock.now(), "test", stream_id=stream.id, scope=scope)
        await self.store.append_event(told)
        return stream

    def come(self, stream: Stream, *people: Participant) -> None:
        self.media.make(stream.room_name, self.clock.now())
        self.media.people[stream.room_name] |= {one.sid: one for one in people}

    async def look(self, after_s: float = 0) -> None:
        self.clock.advance(after_s)
        for heard in await self.store.events(EventQuery(after=self._heard, limit=1000)):
            self.guard.hear(heard)
            self._heard = heard.seq
        await self.guard.look()


@pytest.fixture
def post(store: Store) -> Post:
    return Post(store)


async def test_who_is_back_after_the_end_is_put_out_and_the_room_goes_when_it_is_quiet(
    post: Post,
) -> None:
    stream = await post.stream(live=False)
    for _ in range(3):
        post.come(stream, BOB)
        await post.look(after_s=4)
        assert post.media.people == {stream.room_name: {}}
    await post.look(after_s=4)
    assert stream.room_name in post.media.people
    await post.look(after_s=2)
    assert post.media.people == {}


async def test_a_webhook_of_someone_who_is_back_puts_out_everyone_and_leaves_the_room(
    post: Post,
) -> None:
    stream = await post.stream(live=False)
    post.come(stream, BOB, CAROL)
    joined = as_hook(BOB.sid, BOB.identity, post.clock.now())
    body = hook("participant_joined", stream.room_name, post.clock.now(), participant=joined)
    await post.notices.handle(stream.room_name, [read_notice(body)])
    assert post.media.people == {stream.room_name: {}}


async def test_a_blocked_user_who_is_back_is_put_out_and_the_others_stay(post: Post) -> None:
    stream = await post.stream(live=True, blocked=("bob",))
    post.come(stream, BOB, CAROL)
    await post.look()
    assert post.media.people == {stream.room_name: {CAROL.sid: CAROL}}


@pytest.mark.parametrize("live", [True, False])
async def test_whoever_is_back_is_watched_for_as_long_as_the_token_that_they_got_is_good(
    post: Post, live: bool
) -> None:
    stream = await post.stream(live=live, blocked=("bob",))
    almost = GUARD_FOR - timedelta(seconds=1)
    for _ in range(3):
        post.come(stream, BOB)
        await post.look(after_s=almost.total_seconds())
        assert not post.media.people.get(stream.room_name)
    await post.look(after_s=GUARD_FOR.total_seconds() + 1)
    assert not post.guard.watched


async def test_a_room_that_fails_keeps_the_guard_from_no_other(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = [await post.stream(live=False) for _ in range(2)]
    for stream in (bad, good):
        post.come(stream, BOB)
    remove = post.media.remove_participant

    async def fail_in_one(room: str, identity: str) -> bool:
        if room == bad.room_name:
            raise Unavailable("LiveKit refused RemoveParticipant")
        return await remove(room, identity)

    monkeypatch.setattr(post.media, "remove_participant", fail_in_one)
    await post.look()
    assert post.media.people[good.room_name] == {}


def watch_of(post: Post, directory: Path) -> Watch:
    inbox = Inbox(
        post.store,
        post.media,
        post.clock,
        post.notices,
        NoMeter(),
        tries=1,
        call_reconcile=partial(call_reconcile, post.store, post.clock),
    )
    return Watch(
        post.store,
        post.clock,
        post.guard,
        post.venue.mending,
        inbox,
        post.moderation,
        History(post.store, post.clock),
        post.venue.encoders,
        Studio(post.store, directory).watch,
        Stats(post.store, post.clock),
        every=timedelta(hours=1),
        keep_webhooks=timedelta(days=1),
        keep_chat=timedelta(days=1),
    )


async def test_while_livekit_is_slow_about_an_encoder_the_guard_goes_on(
    post: Post, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await post.venue.key(expires_s=10)
    post.clock.advance(11)
    reached, participants = asyncio.Event(), post.media.participants

    async def waits_about_the_encoder(room: str) -> list[Participant]:
        if room == key.room:
            reached.set()
            await asyncio.Event().wait()
        return await participants(room)

    monkeypatch.setattr(post.media, "participants", waits_about_the_encoder)
    watch = watch_of(post, tmp_path)
    stream = await post.stream(live=False)
    async with asyncio.timeout(10):
        for _ in range(2):
            post.come(stream, BOB)
            await watch.tick()
            assert post.media.people[stream.room_name] == {}
            await reached.wait()
        await watch.stop()


async def test_leases_that_are_long_over_are_forgotten(post: Post, tmp_path: Path) -> None:
    now = post.clock.now()
    for name, hours in (("long over", -1.1), ("over", -0.9), ("held", 1)):
        until = now + timedelta(hours=hours)
        await post.store.take_lease(name, "a", now=until - timedelta(minutes=1), until=until)
    await watch_of(post, tmp_path).tick()
    assert await post.store.lease_held("held", now=now)
    assert await post.store.prune_leases(before=now) == 1, "the one that is over"


async def test_recordings_that_cannot_be_settled_keep_nobody_from_being_reconciled(
    store: Store,
) -> None:
    done: list[str] = []

    class Broken:
        async def sync(self, **_: Any) -> None:
            done.append("sync")
            raise RuntimeError("the disk tore something")

        async def run(self, **_: Any) -> None:
            done.append("reconcile")

    post, broken, nothing = Post(store), cast("Any", Broken()), cast("Any", None)
    watch = Watch(
        store,
        post.clock,
        post.guard,
        broken,
        *[nothing] * 4,
        broken,
        nothing,
        every=timedelta(minutes=1),
        keep_webhooks=timedelta(days=1),
        keep_chat=timedelta(days=1),
    )
    await watch._run_reconcile()
    assert done == ["sync", "reconcile"]
