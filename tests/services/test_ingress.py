from __future__ import annotations

import asyncio

import pytest

from livectl.domain.ingress import IngressKey
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.ingress import IngressQuery
from livectl.ports.store import Store
from livectl.services.ingress import Handed
from tests.services.ingresses import ROOT, Venue


@pytest.fixture
def venue(store: Store) -> Venue:
    return Venue(store)


async def rotated(venue: Venue, key: IngressKey, overlap_s: int = 0) -> Handed:
    return await venue.keys.rotate(key, overlap_s=overlap_s, by=ROOT, request_id="r")


async def enabled(venue: Venue, key: IngressKey, expires_s: int | None = None) -> Handed:
    return await venue.keys.enable(key, expires_s=expires_s, by=ROOT, request_id="r")


async def disabled(venue: Venue, key: IngressKey) -> IngressKey:
    return await venue.keys.disable(key, reason=None, by=ROOT, request_id="r")


async def test_a_standing_key_has_an_ingress_in_a_room_that_waits(venue: Venue) -> None:
    key = await venue.key(title="x" * 200, tags=["t"] * 20)
    (made,) = venue.ingresses.made.values()
    assert (made.room, made.identity) == (key.room, key.identity)
    assert list(venue.media.people) == [key.room]
    assert key.standing
    assert (len(key.title), len(key.tags)) == (120, 10)


async def test_a_key_where_nothing_answers_is_made_with_a_warning(venue: Venue) -> None:
    venue.ingresses.answering = False
    handed = await venue.handed()
    assert handed.warning is not None
    assert "start LiveKit's Ingress service" in handed.warning
    assert (await venue.handed(protocol="whip")).warning is None


async def test_without_an_ingress_at_livekit_no_key_is_made_but_one_for_whip(
    venue: Venue,
) -> None:
    venue.ingresses.without = True
    with pytest.raises(NotReady):
        await venue.handed()
    key = await venue.key(protocol="whip")
    assert key.through == "livekit"
    assert len(key.line.stream_key) >= 40
    assert await venue.keys.find(IngressQuery()) == [key]


async def test_a_whip_key_needs_to_know_where_this_server_is(venue: Venue) -> None:
    from livectl.services.ingress import KeyWish

    with pytest.raises(NotReady) as refused:
        await venue.keys.create(
            "alice", KeyWish(protocol="whip"), whip_url="", by=ROOT, request_id="r"
        )
    assert refused.value.hint == "set LIVECTL_PUBLIC_URL, or work through LIVECTL_SERVER"


@pytest.mark.parametrize(
    "wish",
    [
        {"protocol": "url"},
        {"protocol": "rtmp", "source": "https://camera.test/a"},
        {"protocol": "rtmp", "through": "livekit"},
    ],
)
async def test_what_does_not_fit_together_is_bad_input(venue: Venue, wish: dict[str, str]) -> None:
    with pytest.raises(BadInput):
        await venue.handed(**wish)


async def test_the_password_of_a_source_is_in_no_line(venue: Venue) -> None:
    key = await venue.key(protocol="url", source="https://me:pass@camera.test/a?token=t")
    assert key.line.url == "https://********@camera.test/a?********"


async def test_a_live_stream_has_one_key_however_often_and_at_once_it_is_asked_for(
    venue: Venue,
) -> None:
    stream = await venue.live()
    asked = await asyncio.gather(*(venue.key_of(stream) for _ in range(5)))
    assert len({key.line.stream_key for key in asked}) == 1
    assert len(venue.ingresses.made) == 1
    assert (await venue.key_of(stream)).line == asked[0].line


async def test_a_key_of_another_type_is_a_conflict_where_it_was_asked_for_by_name(
    venue: Venue,
) -> None:
    stream = await venue.live()
    await venue.key_of(stream)
    with pytest.raises(Conflict):
        await venue.key_of(stream, protocol="whip")


async def test_a_stream_that_is_over_gets_no_key(venue: Venue) -> None:
    stream = await venue.live()
    await venue.teardown.end(stream, reason="stopped", by="user:alice")
    ended = await venue.store.stream(stream.id)
    assert ended is not None
    with pytest.raises(BadInput):
        await venue.key_of(ended)


async def test_the_key_of_a_stream_ends_with_it(venue: Venue) -> None:
    stream = await venue.live()
    key = await venue.key_of(stream)
    shown = await venue.store.stream(stream.id)
    assert shown is not None
    assert shown.ingress is not None
    assert shown.ingress["enabled"]
    await venue.teardown.end(shown, reason="stopped", by="user:alice")
    after = await venue.again(key)
    assert (after.enabled, after.off_reason) == (False, "stopped")
    assert venue.ingresses.made == {}
    shown = await venue.store.stream(stream.id)
    assert shown is not None
    assert shown.ingress is not None
    assert not shown.ingress["enabled"]
    with pytest.raises(Conflict):
        await enabled(venue, after)


async def test_a_rotation_at_once_ends_the_old_key_also_for_an_encoder_that_is_connected(
    venue: Venue,
) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    after = (await rotated(venue, key)).key
    assert after.line.stream_key != key.line.stream_key
    assert venue.ingresses.connect(key.line.stream_key) is None
    assert venue.media.people[key.room] == {}
    assert list(venue.ingresses.made) == [after.line.ingress_id]
    assert venue.ingresses.connect(after.line.stream_key)
    await venue.tell(after, "participant_joined")
    stream = await venue.stream_of(key)
    assert stream is not None
    assert stream.is_live


async def test_while_a_rotation_overlaps_both_keys_work_and_then_the_new_one_alone(
    venue: Venue,
) -> None:
    key = await venue.key()
    after = (await rotated(venue, key, 600)).key
    assert venue.ingresses.connect(key.line.stream_key)
    assert venue.ingresses.connect(after.line.stream_key)
    venue.clock.advance(599)
    await venue.encoders.tend()
    assert len((await venue.again(key)).lines) == 2
    venue.clock.advance(1)
    await venue.encoders.tend()
    assert (await venue.again(key)).lines == [after.line]
    assert venue.ingresses.connect(key.line.stream_key) is None
    assert venue.ingresses.connect(after.line.stream_key)


async def test_an_encoder_that_came_by_the_old_key_is_put_out_when_the_overlap_is_over(
    venue: Venue,
) -> None:
    from tests.services.ingresses import OFFER

    key = await venue.key(protocol="whip")
    await venue.whip.offer(key.line.stream_key, OFFER, "192.0.2.7")
    after = (await rotated(venue, key, 600)).key
    venue.clock.advance(600)
    await venue.encoders.tend()
    assert venue.media.people[key.room] == {}
    await venue.whip.offer(after.line.stream_key, OFFER, "192.0.2.7")


async def test_a_rotation_while_livekit_is_away_changes_nothing(venue: Venue) -> None:
    key = await venue.key()
    venue.media.away = True
    with pytest.raises(Unavailable):
        await rotated(venue, key)
    venue.media.away = False
    assert await venue.again(key) == key


async def test_what_is_pulled_has_no_secret_to_rotate(venue: Venue) -> None:
    key = await venue.key(protocol="url", source="https://camera.test/a")
    with pytest.raises(BadInput):
        await rotated(venue, key)


async def test_a_key_that_is_off_lets_nobody_in_and_works_with_the_same_secret_when_it_is_on_again(
    venue: Venue,
) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    off = await disabled(venue, key)
    assert await disabled(venue, off) == off
    assert venue.media.people[key.room] == {}
    assert venue.ingresses.connect(key.line.stream_key) is None
    with pytest.raises(Conflict):
        await rotated(venue, off)
    handed = await enabled(venue, off)
    assert not handed.fresh
    assert handed.key.off_reason is None
    assert venue.ingresses.connect(key.line.stream_key)


async def test_after_a_kill_enabling_makes_a_new_secret_for_a_new_room(venue: Venue) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    stream = await venue.stream_of(key)
    assert stream is not None
    await venue.teardown.end(stream, reason="rules", by="user:root")
    handed = await enabled(venue, await venue.again(key))
    assert handed.fresh
    assert handed.key.room != key.room
    assert venue.ingresses.connect(handed.key.line.stream_key)
    assert venue.ingresses.connect(key.line.stream_key) is None


async def test_an_expired_key_works_again_only_with_a_new_time(venue: Venue) -> None:
    key = await venue.key(expires_s=10)
    venue.clock.advance(11)
    await venue.encoders.tend()
    with pytest.raises(Conflict):
        await enabled(venue, await venue.again(key))
    await enabled(venue, await venue.again(key), 60)
    assert venue.ingresses.connect(key.line.stream_key)


async def test_a_deleted_key_puts_its_encoder_out_and_ends_what_it_is_live_as(
    venue: Venue,
) -> None:
    key = await venue.key()
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    stream = await venue.stream_of(key)
    assert stream is not None
    await venue.keys.delete(key, by=ROOT, request_id="r")
    ended = await venue.store.stream(stream.id)
    assert ended is not None
    assert (ended.is_live, ended.end_reason) == (False, "ingress key deleted")
    assert venue.ingresses.made == {}
    assert venue.media.people == {}
    with pytest.raises(NotFound):
        await venue.again(key)
