from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from livectl.domain.event import event
from livectl.domain.people import Ban
from livectl.errors import Unavailable
from livectl.ports.ingress import IngressSpec
from livectl.ports.store import Store
from livectl.ports.streams import StreamQuery
from tests.services.conftest import NOON
from tests.services.ingresses import OFFER, ROOT, Venue


@pytest.fixture
def venue(store: Store) -> Venue:
    return Venue(store)


async def gone_live(venue: Venue, **wish: Any) -> Any:
    """A standing key whose encoder is connected."""
    key = await venue.key(**wish)
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "ingress_started", "participant_joined")
    return await venue.again(key)


async def test_an_encoder_that_connects_to_a_standing_key_goes_live_with_what_the_key_says(
    venue: Venue,
) -> None:
    wish = {"title": "Hall 2", "tags": ["music"], "enable_recording": False}
    key = await gone_live(venue, **wish)
    stream = await venue.stream_of(key)
    assert stream is not None
    assert (stream.is_live, stream.room_name, stream.owner_id) == (True, key.room, "alice")
    assert (stream.title, stream.tags, stream.enable_recording) == ("Hall 2", ["music"], False)
    assert key.connection.status == "publishing"
    assert key.last_used_at == NOON
    assert await venue.events(key) == ["created", "live", "publishing"]


@pytest.mark.parametrize(
    "types",
    [
        ["participant_joined"],
        ["ingress_started"],
        ["participant_joined", "ingress_started", "participant_joined"],
        ["ingress_ended", "participant_left", "participant_joined"],
    ],
)
async def test_any_webhook_of_an_encoder_that_is_in_makes_one_stream(
    venue: Venue, types: list[str]
) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    for one in types:
        await venue.tell(key, one)
    assert len(await venue.store.find_streams(StreamQuery())) == 1
    assert (await venue.again(key)).gone_since is None


async def test_where_no_webhook_comes_the_reconcile_has_it_go_live(venue: Venue) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    report = await venue.reconcile()
    assert [one.kind for one in report.corrections] == ["encoder"]
    stream = await venue.stream_of(key)
    assert stream is not None
    assert stream.is_live
    assert (await venue.reconcile()).corrections == []


async def test_a_dry_run_of_the_reconcile_changes_nothing(venue: Venue) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    report = await venue.reconcile(dry_run=True)
    assert [(one.kind, one.result) for one in report.corrections] == [("encoder", "planned")]
    assert await venue.stream_of(key) is None


async def test_two_who_look_at_once_make_one_stream(venue: Venue) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    await asyncio.gather(*(venue.encoders.look(key) for _ in range(5)))
    assert len(await venue.store.find_streams(StreamQuery())) == 1


async def test_an_encoder_that_is_back_within_the_grace_time_goes_on_with_the_same_stream(
    venue: Venue,
) -> None:
    key = await gone_live(venue)
    stream = await venue.stream_of(key)
    venue.ingresses.disconnect(key.line.stream_key)
    await venue.tell(key, "participant_left")
    assert (await venue.again(key)).gone_since == NOON
    venue.clock.advance(59)
    await venue.encoders.tend()
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    venue.clock.advance(60)
    await venue.encoders.tend()
    after = await venue.stream_of(key)
    assert stream is not None
    assert after is not None
    assert (after.id, after.is_live) == (stream.id, True)
    assert await venue.events(key) == ["created", "live", "publishing", "left", "back"]


async def test_after_the_grace_time_the_stream_ends_and_the_next_is_another_in_another_room(
    venue: Venue,
) -> None:
    key = await gone_live(venue)
    first = await venue.stream_of(key)
    venue.ingresses.disconnect(key.line.stream_key)
    await venue.tell(key, "participant_left")
    venue.clock.advance(60)
    await venue.encoders.tend()
    assert first is not None
    ended = await venue.store.stream(first.id)
    assert ended is not None
    assert (ended.is_live, ended.end_reason, ended.teardown_owed) == (
        False,
        "encoder_gone",
        False,
    )
    waiting = await venue.again(key)
    assert waiting.enabled
    assert waiting.live_stream_id is None
    assert waiting.room != key.room
    assert set(venue.media.people) == {waiting.room}
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(waiting, "participant_joined")
    second = await venue.stream_of(key)
    assert second is not None
    assert (second.room_name, second.is_live) == (waiting.room, True)


async def test_an_encoder_whose_return_nobody_told_of_keeps_its_stream(venue: Venue) -> None:
    key = await gone_live(venue)
    venue.ingresses.disconnect(key.line.stream_key)
    await venue.tell(key, "participant_left")
    venue.ingresses.connect(key.line.stream_key)
    venue.clock.advance(61)
    await venue.encoders.tend()
    stream = await venue.stream_of(key)
    assert stream is not None
    assert stream.is_live


async def test_no_stream_ends_while_livekit_cannot_be_asked(venue: Venue) -> None:
    key = await gone_live(venue)
    venue.ingresses.disconnect(key.line.stream_key)
    await venue.tell(key, "participant_left")
    venue.media.away = True
    venue.clock.advance(61)
    await venue.encoders.tend()
    stream = await venue.stream_of(key)
    assert stream is not None
    assert stream.is_live
    venue.media.away = False
    venue.clock.advance(1)
    await venue.encoders.tend()
    assert await venue.stream_of(key) is None


async def test_an_end_while_livekit_is_away_moves_the_key_when_it_is_back(venue: Venue) -> None:
    key = await gone_live(venue)
    venue.ingresses.disconnect(key.line.stream_key)
    stream = await venue.stream_of(key)
    assert stream is not None
    venue.media.away = True
    await venue.teardown.end(stream, reason="room_gone", by="reconcile")
    venue.media.away = False
    venue.clock.advance(120)
    await venue.reconcile()
    waiting = await venue.again(key)
    assert waiting.enabled
    assert [one.room for one in venue.ingresses.made.values()] == [waiting.room]
    assert list(venue.media.people) == [waiting.room]
    assert venue.ingresses.connect(key.line.stream_key)


@pytest.mark.parametrize(
    ("reason", "off"), [("rules", "killed: rules"), ("ended", "killed"), ("stopped", "stopped")]
)
async def test_a_kill_or_a_stop_deletes_the_ingress_and_switches_the_key_off(
    venue: Venue, reason: str, off: str
) -> None:
    key = await gone_live(venue)
    stream = await venue.stream_of(key)
    assert stream is not None
    steps = await venue.teardown.end(stream, reason=reason, by="user:root")
    assert next(one for one in steps if one.step == "ingress_off").result == "done"
    after = await venue.again(key)
    assert (after.enabled, after.off_reason, after.live_stream_id) == (False, off, None)
    assert venue.ingresses.made == {}
    assert venue.media.people == {}
    assert venue.ingresses.connect(key.line.stream_key) is None


@pytest.mark.parametrize("reason", ["room_finished", "room_gone"])
async def test_an_end_that_nobody_decided_on_leaves_the_key_at_work(
    venue: Venue, reason: str
) -> None:
    key = await gone_live(venue)
    stream = await venue.stream_of(key)
    assert stream is not None
    venue.ingresses.disconnect(key.line.stream_key)
    await venue.teardown.end(stream, reason=reason, by="livekit")
    after = await venue.again(key)
    assert after.enabled
    assert venue.ingresses.made[key.line.ingress_id].room == after.room


async def test_a_stream_that_ended_with_a_crash_before_its_key_was_told_is_settled_by_a_look(
    venue: Venue,
) -> None:
    key = await gone_live(venue)
    stream = await venue.stream_of(key)
    assert stream is not None
    told = event("stream.ended", NOON, "test")
    await venue.store.end_stream(stream.id, at=NOON, reason="rules", by="root", event=told)
    after = await venue.encoders.look(key)
    assert (after.enabled, after.off_reason) == (False, "killed: rules")


async def test_whose_owner_is_banned_is_put_out_each_time_and_is_live_when_the_ban_is_over(
    venue: Venue,
) -> None:
    key = await venue.key()
    ban = Ban(user_id="alice", until=NOON + timedelta(hours=1), by="root", at=NOON)
    await venue.store.ban(ban, event("user.banned", NOON, "test"))
    for _ in range(3):
        assert venue.ingresses.connect(key.line.stream_key)
        await venue.tell(key, "participant_joined")
        await venue.tell(key, "participant_left")
        after = await venue.again(key)
        assert after.enabled
        assert after.connection.error == "alice may not go live until 2026-03-01 13:00 UTC"
        assert venue.media.people[key.room] == {}
        assert (await venue.reconcile()).corrections == []
    assert await venue.store.find_streams(StreamQuery()) == []
    venue.clock.advance(3600)
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    stream = await venue.stream_of(key)
    assert stream is not None
    assert stream.is_live
    assert (await venue.again(key)).connection.error is None


async def test_where_going_live_is_switched_off_the_encoder_is_put_out(store: Store) -> None:
    venue = Venue(store, open_to_hosts=False)
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    assert (await venue.again(key)).connection.error == "going live is switched off"
    assert (await venue.again(key)).enabled
    assert venue.media.people[key.room] == {}


async def test_what_livekit_says_of_a_connection_is_kept_with_the_key_and_its_stream(
    venue: Venue,
) -> None:
    stream = await venue.live()
    key = await venue.key_of(stream)
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "ingress_started")
    venue.ingresses.disconnect(key.line.stream_key, error="unsupported codec")
    await venue.tell(key, "ingress_ended")
    after = await venue.again(key)
    assert (after.connection.status, after.connection.error) == ("error", "unsupported codec")
    shown = await venue.store.stream(stream.id)
    assert shown is not None
    assert shown.is_live
    assert (shown.ingress or {})["error"] == "unsupported codec"


async def test_an_expired_key_is_off_and_its_encoder_is_put_out(venue: Venue) -> None:
    key = await gone_live(venue, expires_s=100)
    venue.clock.advance(101)
    await venue.encoders.tend()
    after = await venue.again(key)
    assert (after.enabled, after.off_reason) == (False, "expired")
    assert venue.media.people[key.room] == {}
    assert venue.ingresses.connect(key.line.stream_key) is None
    await venue.tell(key, "participant_left")
    venue.clock.advance(61)
    await venue.encoders.tend()
    assert await venue.stream_of(key) is None


async def test_a_day_before_it_expires_a_key_says_so_once(venue: Venue) -> None:
    key = await venue.key(expires_s=3 * 86_400)
    short = await venue.key(expires_s=3600)
    for _ in range(3):
        venue.clock.advance(86_400 - 300)
        await venue.encoders.tend()
    assert await venue.events(key) == ["created", "expiring"]
    assert await venue.events(short) == ["created", "disabled"]


async def test_one_key_that_cannot_be_seen_to_does_not_hold_up_the_others(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = await venue.key(expires_s=10), await venue.key(owner="bob", expires_s=10)
    switch_off = venue.off.switch_off

    async def fails_for_one(key: Any, *given: Any, **more: Any) -> Any:
        if key.id == bad.id:
            raise Unavailable("LiveKit is away")
        return await switch_off(key, *given, **more)

    monkeypatch.setattr(venue.off, "switch_off", fails_for_one)
    venue.clock.advance(11)
    await venue.encoders.tend()
    assert not (await venue.again(good)).enabled


async def test_the_reconcile_leaves_the_room_that_waits_and_makes_it_again_where_it_is_gone(
    venue: Venue,
) -> None:
    key = await venue.key()
    venue.clock.advance(1000)
    assert (await venue.reconcile()).corrections == []
    assert list(venue.media.people) == [key.room]
    venue.media.people.clear()
    report = await venue.reconcile()
    assert [(one.kind, one.result) for one in report.corrections] == [("waiting_room", "done")]
    assert list(venue.media.people) == [key.room]


async def test_the_room_of_a_stream_in_its_grace_time_may_be_gone(venue: Venue) -> None:
    key = await gone_live(venue, grace_s=600)
    venue.ingresses.disconnect(key.line.stream_key)
    await venue.tell(key, "participant_left")
    venue.media.people.clear()  # LiveKit was started anew
    venue.clock.advance(300)
    await venue.reconcile()
    stream = await venue.stream_of(key)
    assert stream is not None
    assert stream.is_live


async def test_an_orphan_of_ours_is_deleted_once_it_is_old_enough_and_others_are_let_be(
    venue: Venue,
) -> None:
    await venue.key()  # so that the store is not empty
    orphan = await venue.key()
    await venue.store.remove_ingress_key(orphan, event("test", NOON, "test"))
    somebodys = await venue.ingresses.create(
        IngressSpec(protocol="rtmp", name="my own", room=orphan.room, identity="obs")
    )
    report = await venue.reconcile()
    assert "orphan_ingress" not in {one.kind for one in report.corrections}
    venue.clock.advance(61)
    report = await venue.reconcile()
    assert "orphan_ingress" in {one.kind for one in report.corrections}
    assert orphan.line.ingress_id not in venue.ingresses.made
    assert somebodys.ingress_id in venue.ingresses.made


async def test_with_an_empty_store_no_ingress_is_deleted(venue: Venue) -> None:
    orphan = await venue.key()
    await venue.store.remove_ingress_key(orphan, event("test", NOON, "test"))
    venue.clock.advance(61)
    report = await venue.reconcile()
    found = next(one for one in report.corrections if one.kind == "orphan_ingress")
    assert (found.result, found.error) == (
        "reported",
        "the store holds no ingress key at all: is it the right one?",
    )
    assert orphan.line.ingress_id in venue.ingresses.made


async def test_a_key_whose_ingress_livekit_lost_is_off_and_enabling_it_makes_a_new_secret(
    venue: Venue,
) -> None:
    key = await venue.key()
    venue.ingresses.made.clear()
    await venue.key(owner="bob")
    venue.clock.advance(61)
    report = await venue.reconcile()
    assert [one.kind for one in report.corrections] == ["ingress_lost"]
    lost = await venue.again(key)
    assert not lost.enabled
    handed = await venue.keys.enable(lost, expires_s=None, by=ROOT, request_id="r")
    assert handed.fresh
    assert handed.key.line.stream_key != key.line.stream_key
    assert venue.ingresses.connect(handed.key.line.stream_key)


async def test_an_ingress_that_takes_connections_for_a_key_that_is_off_is_refused_them(
    venue: Venue,
) -> None:
    key = await venue.key()
    await venue.keys.disable(key, reason=None, by=ROOT, request_id="r")
    await venue.ingresses.enable(key.line.ingress_id, enabled=True)
    venue.clock.advance(61)
    report = await venue.reconcile()
    assert "ingress_enabled" in [one.kind for one in report.corrections]
    assert not venue.ingresses.made[key.line.ingress_id].enabled


async def test_an_encoder_that_a_rotation_could_not_put_out_is_put_out_by_the_reconcile(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await venue.key(protocol="whip")
    await venue.whip.offer(key.line.stream_key, OFFER, "192.0.2.7")

    async def fails(room: str, identity: str) -> bool:
        raise Unavailable("LiveKit does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(venue.media, "remove_participant", fails)
        handed = await venue.keys.rotate(key, overlap_s=0, by=ROOT, request_id="r")
    assert handed.warning == (
        "an encoder may go on with the old key for now: LiveKit does not answer"
    )
    await venue.reconcile()
    assert venue.media.people[key.room] == {}
