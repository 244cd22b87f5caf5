"""Keys that stop working, whatever fails meanwhile: what was switched off stays off."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from livectl.domain.ingress import IngressKey
from livectl.domain.stream import Stream
from livectl.errors import Forbidden, NotFound, Unavailable
from livectl.ports.store import Store
from livectl.ports.streams import StreamQuery
from livectl.services.ingress import KeyWish
from livectl.services.teardown import STEP_WITHIN_S
from tests.services.ingresses import OFFER, ROOT, WHIP_URL, Venue

FROM = "192.0.2.7"
CAMERA = "https://camera.test/a"


@pytest.fixture
def venue(store: Store) -> Venue:
    return Venue(store)


async def live_by_whip(venue: Venue, **wish: Any) -> tuple[IngressKey, Stream]:
    key = await venue.key(protocol="whip", **wish)
    await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    return await _with_stream(venue, key)


async def live_by_rtmp(venue: Venue, **wish: Any) -> tuple[IngressKey, Stream]:
    key = await venue.key(**wish)
    venue.ingresses.connect(key.line.stream_key)
    await venue.tell(key, "participant_joined")
    return await _with_stream(venue, key)


async def _with_stream(venue: Venue, key: IngressKey) -> tuple[IngressKey, Stream]:
    stream = await venue.stream_of(key)
    assert stream is not None
    return await venue.again(key), stream


async def disabled(venue: Venue, key: IngressKey) -> IngressKey:
    return await venue.keys.disable(key, reason="closed", by=ROOT, request_id="r")


async def is_over(venue: Venue, stream: Stream) -> bool:
    found = await venue.store.stream(stream.id)
    return found is not None and not found.is_live


@contextmanager
def nobody_can_be_put_out(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    async def fails(room: str, identity: str) -> bool:
        raise Unavailable("LiveKit does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(venue.media, "remove_participant", fails)
        yield


@pytest.mark.parametrize("standing", [True, False])
@pytest.mark.parametrize("act", ["kill", "disable", "delete", "expiry"])
async def test_a_pull_ends_though_livekit_lets_nothing_of_it_be_changed(
    venue: Venue, act: str, standing: bool
) -> None:
    stream = None if standing else await venue.live()
    wish: dict[str, Any] = {
        "protocol": "url",
        "source": CAMERA,
        "expires_s": 10 if act == "expiry" else None,
    }
    key = await venue.key_of(stream, **wish) if stream else await venue.key(**wish)
    made = venue.ingresses.made[key.line.ingress_id]
    venue.media.enter(made.room, made.identity)
    await venue.encoders.look(key)
    live = stream or await venue.stream_of(key)
    assert live is not None
    if act == "kill":
        steps = await venue.streams.end(live, reason="rules", by=ROOT)
        assert {one.result for one in steps} <= {"done", "nothing_to_do"}
    elif act == "disable":
        await disabled(venue, key)
    elif act == "delete":
        await venue.keys.delete(key, by=ROOT, request_id="r")
    else:
        venue.clock.advance(11)
        await venue.encoders.tend()
    assert venue.ingresses.made == {}
    assert not venue.media.is_in(made.room, made.identity)
    if act == "disable":
        handed = await venue.keys.enable(
            await venue.again(key), expires_s=None, by=ROOT, request_id="r"
        )
        assert handed.key.line.ingress_id in venue.ingresses.made


async def test_who_is_let_in_while_the_key_is_switched_off_is_put_out_again(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await venue.key(protocol="whip")
    offer = venue.ingresses.whip_offer

    async def slow(*given: Any) -> Any:
        await disabled(venue, await venue.again(key))
        return await offer(*given)

    monkeypatch.setattr(venue.ingresses, "whip_offer", slow)
    with pytest.raises(Forbidden, match="closed"):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    assert not venue.media.is_in(key.room, key.identity)
    assert await venue.store.find_streams(StreamQuery()) == []


async def test_who_is_let_in_while_the_key_is_rotated_or_deleted_is_put_out_again(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = await venue.key(protocol="whip"), await venue.key("bob", protocol="whip")
    offer = venue.ingresses.whip_offer

    async def slow(room: str, *given: Any) -> Any:
        if room == first.room:
            await venue.keys.rotate(first, overlap_s=0, by=ROOT, request_id="r")
        else:
            await venue.keys.delete(second, by=ROOT, request_id="r")
        return await offer(room, *given)

    monkeypatch.setattr(venue.ingresses, "whip_offer", slow)
    with pytest.raises(Forbidden, match="replaced"):
        await venue.whip.offer(first.line.stream_key, OFFER, FROM)
    with pytest.raises(NotFound):
        await venue.whip.offer(second.line.stream_key, OFFER, FROM)
    assert not venue.media.is_in(first.room, first.identity)
    assert not venue.media.is_in(second.room, second.identity)
    assert await venue.store.find_streams(StreamQuery()) == []


async def test_a_look_at_a_key_that_is_off_starts_no_stream(venue: Venue) -> None:
    key = await venue.key()
    await disabled(venue, key)
    venue.media.enter(key.room, key.identity)
    await venue.tell(key, "participant_joined")
    assert not venue.media.is_in(key.room, key.identity)
    assert await venue.store.find_streams(StreamQuery()) == []


@pytest.mark.parametrize("protocol", ["whip", "rtmp"])
async def test_an_encoder_that_switching_off_could_not_put_out_is_put_out_by_the_reconcile(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, protocol: str
) -> None:
    key, stream = await (live_by_whip if protocol == "whip" else live_by_rtmp)(venue)
    with nobody_can_be_put_out(venue, monkeypatch), pytest.raises(Unavailable):
        await disabled(venue, key)
    await venue.reconcile()
    assert not venue.media.is_in(key.room, key.identity)
    venue.clock.advance(61)
    await venue.encoders.tend()
    assert await is_over(venue, stream)
    assert (await venue.reconcile()).corrections == []


async def test_a_crash_before_the_encoder_of_a_streams_key_was_put_out_is_mended(
    venue: Venue,
) -> None:
    stream = await venue.live()
    key = await venue.key_of(stream, protocol="whip")
    await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    await venue.off.forbid(await venue.again(key), "closed", by="user:root")
    await venue.reconcile()
    assert not venue.media.is_in(stream.room_name, key.identity)
    assert not await is_over(venue, stream)


@pytest.mark.parametrize("act", ["disable", "expiry"])
async def test_a_stream_whose_key_is_off_ends_though_no_webhook_tells(
    venue: Venue, act: str
) -> None:
    key, stream = await live_by_rtmp(venue, expires_s=10)
    if act == "disable":
        await disabled(venue, key)
    else:
        venue.clock.advance(11)
        await venue.encoders.tend()
    assert (await venue.again(key)).gone_since is not None
    venue.clock.advance(61)
    await venue.encoders.tend()
    assert await is_over(venue, stream)


async def test_a_stream_without_a_room_ends_where_its_key_is_off(venue: Venue) -> None:
    key, stream = await live_by_whip(venue)
    await venue.off.forbid(key, "closed", by="user:root")
    venue.media.people.clear()
    venue.clock.advance(61)
    await venue.reconcile()
    venue.clock.advance(61)
    await venue.encoders.tend()
    assert await is_over(venue, stream)


async def test_a_deletion_while_livekit_is_away_is_safe_and_can_be_done_again(
    venue: Venue,
) -> None:
    key, stream = await live_by_whip(venue)
    venue.media.away = True
    with pytest.raises(Unavailable):
        await venue.keys.delete(key, by=ROOT, request_id="r")
    assert await is_over(venue, stream)
    venue.media.away = False
    with pytest.raises(Forbidden):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    await venue.reconcile()
    assert not venue.media.is_in(key.room, key.identity)
    await venue.keys.delete(await venue.again(key), by=ROOT, request_id="r")
    with pytest.raises(NotFound):
        await venue.again(key)


@pytest.mark.parametrize("act", ["kill", "rotate", "delete", "disable"])
async def test_a_worker_that_crashed_holds_up_nothing(venue: Venue, act: str) -> None:
    key, stream = await live_by_rtmp(venue)
    venue.ingresses.crashed = True
    async with asyncio.timeout(STEP_WITHIN_S):
        if act == "kill":
            steps = await venue.streams.end(stream, reason="rules", by=ROOT)
            assert "failed" not in {one.result for one in steps}
        elif act == "rotate":
            handed = await venue.keys.rotate(key, overlap_s=0, by=ROOT, request_id="r")
            assert handed.warning is None
        elif act == "delete":
            await venue.keys.delete(key, by=ROOT, request_id="r")
        else:
            await disabled(venue, key)
    assert not venue.media.is_in(key.room, key.identity)
    assert venue.ingresses.connect(key.line.stream_key) is None


async def test_after_a_crash_of_its_worker_a_key_waits_for_the_next_encoder(venue: Venue) -> None:
    key, stream = await live_by_rtmp(venue)
    venue.ingresses.crashed = True
    venue.media.put_out(key.room, key.identity)
    await venue.reconcile()
    venue.clock.advance(61)
    await venue.encoders.tend()
    assert await is_over(venue, stream)
    waiting = await venue.again(key)
    assert waiting.enabled
    assert venue.ingresses.made[key.line.ingress_id].room == waiting.room
    assert [one.kind for one in (await venue.reconcile()).corrections] == []


@pytest.mark.parametrize("without", [True, False])
async def test_where_livekit_lists_no_ingress_at_all_no_key_is_switched_off(
    venue: Venue, without: bool
) -> None:
    key = await venue.key()
    venue.ingresses.made.clear()
    venue.ingresses.without = without
    venue.clock.advance(61)
    report = await venue.reconcile()
    (found,) = [one for one in report.corrections if one.kind == "ingress_lost"]
    assert found.result == "reported"
    assert "no" in (found.error or "")
    assert (await venue.again(key)).enabled
    venue.ingresses.without = False
    handed = await venue.keys.enable(key, expires_s=None, by=ROOT, request_id="r")
    assert handed.fresh


async def test_a_pull_of_which_nothing_is_listed_has_ended(venue: Venue) -> None:
    key = await venue.key(protocol="url", source=CAMERA)
    venue.ingresses.made.clear()
    await venue.key("bob")
    venue.clock.advance(61)
    await venue.reconcile()
    assert (await venue.again(key)).off_reason == "the pull has ended"


@pytest.mark.parametrize("reason", ["room_gone", "encoder_gone", "room_finished"])
async def test_whatever_an_administrator_calls_it_a_kill_holds(venue: Venue, reason: str) -> None:
    key, stream = await live_by_whip(venue)
    await venue.streams.end(stream, reason=reason, by=ROOT)
    with pytest.raises(Forbidden, match=f"killed: {reason}"):
        await venue.whip.offer(key.line.stream_key, OFFER, FROM)


async def test_the_stream_of_a_key_can_be_ended_without_switching_the_key_off(
    venue: Venue,
) -> None:
    key, stream = await live_by_rtmp(venue)
    await venue.keys.end(key, by=ROOT, request_id="r")
    await venue.keys.end(await venue.again(key), by=ROOT, request_id="r")
    ended = await venue.store.stream(stream.id)
    assert ended is not None
    assert (ended.is_live, ended.ended_by) == (False, "user:root")
    assert venue.ingresses.connect(key.line.stream_key)
    await venue.tell(await venue.again(key), "participant_joined")
    after = await venue.stream_of(key)
    assert after is not None
    assert after.room_name != stream.room_name


@pytest.mark.parametrize("protocol", ["whip", "rtmp"])
async def test_a_kill_of_what_ended_by_itself_a_moment_before_holds_as_well(
    venue: Venue, protocol: str
) -> None:
    key, stream = await (live_by_whip if protocol == "whip" else live_by_rtmp)(venue)
    await venue.teardown.end(stream, reason="encoder_gone", by="livectl")
    steps = await venue.streams.end(stream, reason="rules", by=ROOT)
    assert "failed" not in {one.result for one in steps}
    off = await venue.again(key)
    assert (off.enabled, off.off_reason) == (False, "killed: rules")
    assert venue.ingresses.connect(key.line.stream_key) is None
    if protocol == "whip":
        with pytest.raises(Forbidden):
            await venue.whip.offer(key.line.stream_key, OFFER, FROM)
    handed = await venue.keys.enable(off, expires_s=None, by=ROOT, request_id="r")
    assert handed.fresh
    await venue.streams.end(stream, reason="rules", by=ROOT)
    assert (await venue.again(key)).enabled


async def test_the_key_of_a_stream_that_is_asked_for_again_is_not_fresh_and_says_if_it_is_off(
    venue: Venue,
) -> None:
    stream = await venue.live()
    key = await venue.key_of(stream, protocol="whip")

    async def asked() -> Any:
        return await venue.keys.create_for(
            stream,
            KeyWish(protocol="whip"),
            any_protocol=False,
            whip_url=WHIP_URL,
            by=ROOT,
            request_id="r",
        )

    again = await asked()
    assert (again.fresh, again.warning) == (False, None)
    await disabled(venue, key)
    assert (await asked()).warning == "the key is off: closed"


async def test_enabling_beside_a_rotation_brings_no_old_secret_back(venue: Venue) -> None:
    key = await venue.key(protocol="whip")
    await venue.keys.rotate(key, overlap_s=0, by=ROOT, request_id="r")
    await venue.keys.enable(key, expires_s=60, by=ROOT, request_id="r")  # as it was known before
    after = await venue.again(key)
    assert key.line.stream_key not in [one.stream_key for one in after.lines]


async def test_a_key_that_is_on_and_takes_no_connections_is_mended(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = await venue.key()
    await disabled(venue, key)

    async def fails(*given: Any, **more: Any) -> None:
        raise Unavailable("LiveKit does not answer")

    off = await venue.again(key)
    monkeypatch.setattr(venue.ingresses, "enable", fails)
    with pytest.raises(Unavailable):
        await venue.keys.enable(off, expires_s=None, by=ROOT, request_id="r")
    monkeypatch.undo()
    assert venue.ingresses.connect(key.line.stream_key) is None
    venue.clock.advance(61)
    report = await venue.reconcile()
    assert [one.kind for one in report.corrections] == ["ingress_enabled"]
    assert venue.ingresses.connect(key.line.stream_key)


async def test_several_keys_are_seen_to_at_once(
    venue: Venue, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [await venue.key(f"user{number}", expires_s=10) for number in range(3)]
    arrived = asyncio.Barrier(len(keys))
    listed = venue.ingresses.ingresses

    async def meets_the_others(**which: Any) -> Any:
        async with asyncio.timeout(5):
            await arrived.wait()
        return await listed(**which)

    monkeypatch.setattr(venue.ingresses, "ingresses", meets_the_others)
    venue.clock.advance(11)
    await venue.encoders.tend()
    for key in keys:
        assert not (await venue.again(key)).enabled
