from __future__ import annotations

from datetime import timedelta

import pytest

from livectl.domain.event import event
from livectl.domain.people import Ban
from livectl.errors import BadInput, Banned, Conflict, Forbidden, NotFound, Unauthenticated
from livectl.ports.store import Store
from livectl.ports.streams import StreamQuery
from tests.services.conftest import NOON
from tests.services.ingresses import OFFER, ROOT, WHIP_URL, Venue

FROM = "192.0.2.7"


@pytest.fixture
def venue(store: Store) -> Venue:
    return Venue(store)


async def test_an_offer_with_a_standing_key_goes_live_and_tells_from_where(venue: Venue) -> None:
    key = await venue.key(protocol="whip", title="Hall 2")
    accepted = await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    assert accepted.answer == b"v=0\r\nanswer"
    assert accepted.location.startswith(f"{WHIP_URL}/PA_")
    assert accepted.headers == {"ETag": "ice"}
    stream = await venue.stream_of(key)
    assert stream is not None
    assert (stream.is_live, stream.title) == (True, "Hall 2")
    after = await venue.again(key)
    assert (after.connection.came_from, after.last_used_at) == (FROM, NOON)
    assert key.line.stream_key not in str(await venue.events(key))


async def test_two_encoders_with_one_key_make_one_stream_and_the_later_one_stays(
    venue: Venue,
) -> None:
    key = await venue.key(protocol="whip")
    await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    await venue.whip.offer(key.line.stream_key, OFFER, "192.0.2.8")
    assert len(await venue.store.find_streams(StreamQuery())) == 1
    assert len(venue.media.people[key.room]) == 1
    assert (await venue.again(key)).connection.came_from == "192.0.2.8"


async def test_the_key_of_a_live_stream_lets_an_encoder_into_its_room(venue: Venue) -> None:
    stream = await venue.live()
    key = await venue.key_of(stream, protocol="whip")
    await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    assert len(venue.media.people[stream.room_name]) == 1
    assert len(await venue.store.find_streams(StreamQuery())) == 1


@pytest.mark.parametrize("stream_key", ["", "nobody's"])
async def test_a_key_that_there_is_not_is_unauthenticated(venue: Venue, stream_key: str) -> None:
    await venue.key(protocol="url", source="https://camera.test/a")  # which has no secret
    with pytest.raises(Unauthenticated):
        await venue.whip.offer(stream_key, OFFER, FROM)


async def test_a_key_that_is_off_or_has_expired_is_forbidden_with_the_reason(venue: Venue) -> None:
    key = await venue.key(protocol="whip", expires_s=60)
    await venue.keys.disable(key, reason="the hall is closed", by=ROOT, request_id="r")
    with pytest.raises(Forbidden, match="the hall is closed"):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    await venue.keys.enable(await venue.again(key), expires_s=None, by=ROOT, request_id="r")
    venue.clock.advance(60)
    with pytest.raises(Forbidden, match="expired"):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    assert await venue.store.find_streams(StreamQuery()) == []


async def test_a_kill_holds_against_an_encoder_that_insists(venue: Venue) -> None:
    key = await venue.key(protocol="whip")
    await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    stream = await venue.stream_of(key)
    assert stream is not None
    told = event("stream.ended", NOON, "test")  # the key has not been told yet
    await venue.store.end_stream(stream.id, at=NOON, reason="rules", by="root", event=told)
    with pytest.raises(Forbidden, match="killed: rules"):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    off = await venue.again(key)
    handed = await venue.keys.enable(off, expires_s=None, by=ROOT, request_id="r")
    assert handed.fresh
    with pytest.raises(Unauthenticated):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    await venue.whip.offer(handed.key.line.stream_key, OFFER, FROM)
    second = await venue.stream_of(key)
    assert second is not None
    assert second.id != stream.id


async def test_who_is_banned_does_not_go_live_and_nothing_is_left(venue: Venue) -> None:
    key = await venue.key(protocol="whip")
    ban = Ban(user_id="alice", until=NOON + timedelta(hours=1), by="root", at=NOON)
    await venue.store.ban(ban, event("user.banned", NOON, "test"))
    with pytest.raises(Banned):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    assert venue.media.people == {}
    assert (await venue.again(key)).enabled


async def test_an_offer_that_livekit_does_not_take_makes_no_stream(venue: Venue) -> None:
    key = await venue.key(protocol="whip")
    with pytest.raises(BadInput):
        await venue.whip.offer(key.line.stream_key, b"nonsense", FROM)
    assert await venue.store.find_streams(StreamQuery()) == []


async def test_a_key_of_another_protocol_is_told_where_it_belongs(venue: Venue) -> None:
    key = await venue.key()
    with pytest.raises(Conflict, match="rtmp://ingress"):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)


async def test_only_the_key_ends_its_session_and_the_grace_time_begins(venue: Venue) -> None:
    key = await venue.key(protocol="whip")
    other = await venue.key(owner="bob", protocol="whip")
    accepted = await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    session = accepted.location.rpartition("/")[2]
    with pytest.raises(NotFound):
        await venue.whip.change("DELETE", session, other.line.stream_key, {}, b"")
    with pytest.raises(Unauthenticated):
        await venue.whip.change("DELETE", session, "guessed", {}, b"")
    status, _, _ = await venue.whip.change("DELETE", session, key.line.stream_key, {}, b"")
    assert status == 200
    assert (await venue.again(key)).gone_since == NOON
    venue.clock.advance(10)
    await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    assert (await venue.again(key)).gone_since is None
    assert len(await venue.store.find_streams(StreamQuery())) == 1
