"""Ingress against a real livekit-server with Redis; what only the Ingress service brings about, by
its answers over the wire; and WHIP with a real encoder."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from livekit import api

from livectl.adapters.ingress import Ingress
from livectl.adapters.livekit import LiveKit as LiveKitClient
from livectl.adapters.livekit_calls import LiveKitCalls
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.system_clock import SystemClock
from livectl.domain.clock import iso
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.ingress import IngressSpec, MadeIngress
from livectl.services.ingress_lines import Lines
from livectl.services.teardown import STEP_WITHIN_S
from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.parts.redis import Redis
from tests.parts.twirp import Refusal, Twirp, twirp
from tests.services.hooks import real_bodies
from tests.services.media import ModelOfLiveKit

ROOM = "live_alice_1795480259000"
SOURCE = "https://camera:hunter2@venue.example/stream.m3u8?token=abc"


@pytest.fixture(scope="module")
def with_redis(redis: Redis) -> Iterator[LiveKit]:
    with LiveKit(redis=redis.address) as server:
        yield server


@pytest.fixture
async def calls(with_redis: LiveKit) -> AsyncIterator[LiveKitCalls]:
    async with with_redis.calls() as calls:
        yield calls


@pytest.fixture
async def ingress(calls: LiveKitCalls) -> AsyncIterator[Ingress]:
    made = Ingress(calls)
    yield made
    for one in await made.ingresses():
        await made.delete(one.ingress_id)


@pytest.fixture
async def livekit_api() -> AsyncIterator[Twirp]:
    async with twirp() as endpoint:
        yield endpoint


@pytest.fixture
async def scripted(livekit_api: Twirp) -> AsyncIterator[Ingress]:
    async with livekit_api.calls() as calls:
        yield Ingress(calls)


def spec(protocol: Any = "rtmp", room: str = ROOM, **more: Any) -> IngressSpec:
    return IngressSpec(protocol=protocol, name="a venue", room=room, identity="alice", **more)


def listed(*infos: dict[str, Any]) -> Message:
    return api.ListIngressResponse(items=[ParseDict(info, api.IngressInfo()) for info in infos])


async def only(ingress: Ingress, made: MadeIngress) -> MadeIngress:
    (found,) = await ingress.ingresses(ingress_id=made.ingress_id)
    return found


@pytest.mark.parametrize(
    ("protocol", "url"),
    [("rtmp", "rtmp://ingress.test/live"), ("whip", "https://ingress.test/whip")],
)
async def test_a_key_is_made_with_the_address_of_the_service(
    ingress: Ingress, protocol: str, url: str
) -> None:
    made = await ingress.create(spec(protocol))
    assert made.ingress_id.startswith("IN_")
    assert len(made.stream_key) >= 12
    assert (made.url, made.room, made.identity, made.name) == (url, ROOM, "alice", "a venue")
    assert (made.enabled, made.status, made.error) == (True, "inactive", None)
    assert await only(ingress, made) == made


async def test_keys_are_listed_all_or_by_room_or_by_id(ingress: Ingress) -> None:
    here = await ingress.create(spec())
    there = await ingress.create(spec(room="live_bob_1795480259000"))
    assert {one.ingress_id for one in await ingress.ingresses()} == {
        here.ingress_id,
        there.ingress_id,
    }
    assert await ingress.ingresses(room=ROOM) == [here]
    assert await ingress.ingresses(ingress_id=there.ingress_id) == [there]
    assert await ingress.ingresses(ingress_id="IN_none") == []


async def test_a_key_moves_to_another_room_and_keeps_its_secret(ingress: Ingress) -> None:
    made = await ingress.create(spec())
    await ingress.move(made.ingress_id, "live_alice_2")
    moved = await only(ingress, made)
    assert (moved.room, moved.stream_key) == ("live_alice_2", made.stream_key)
    assert await ingress.ingresses(room=ROOM) == []


async def test_a_key_is_disabled_and_enabled(ingress: Ingress) -> None:
    made = await ingress.create(spec())
    await ingress.enable(made.ingress_id, enabled=False)
    assert not (await only(ingress, made)).enabled
    await ingress.enable(made.ingress_id, enabled=True)
    assert (await only(ingress, made)).enabled


async def test_a_key_is_deleted_once(ingress: Ingress) -> None:
    made = await ingress.create(spec())
    assert await ingress.delete(made.ingress_id)
    assert not await ingress.delete(made.ingress_id)
    assert await ingress.ingresses() == []


async def test_what_is_not_there_is_not_found(ingress: Ingress) -> None:
    with pytest.raises(NotFound):
        await ingress.move("IN_none", ROOM)
    with pytest.raises(NotFound):
        await ingress.enable("IN_none", enabled=False)


async def test_a_pull_where_no_service_runs_is_not_ready_and_leaves_nothing(
    ingress: Ingress,
) -> None:
    with pytest.raises(NotReady, match="no Ingress service answers") as refused:
        await ingress.create(spec("url", source=SOURCE))
    assert "deploy/ingress.yaml" in str(refused.value.hint)
    assert await ingress.ingresses() == []


@pytest.mark.parametrize(
    "source", ["rtsp://camera:hunter2@venue.example", "http://camera:hunter2@[::1", ""]
)
async def test_a_source_that_cannot_be_pulled_is_refused_without_being_repeated(
    ingress: Ingress, source: str
) -> None:
    with pytest.raises(BadInput, match="http, https or srt") as refused:
        await ingress.create(spec("url", source=source))
    assert "hunter2" not in f"{refused.value!r} {refused.value.__cause__!r}"


async def test_a_key_without_an_identity_is_refused_with_the_reason(ingress: Ingress) -> None:
    nobody = IngressSpec(protocol="rtmp", name="", room=ROOM, identity="")
    with pytest.raises(BadInput, match="no participant identity"):
        await ingress.create(nobody)


async def test_an_address_that_livekit_does_not_know_is_said_and_no_key_stays(
    new_livekit: Callable[..., LiveKit], redis: Redis
) -> None:
    server = new_livekit(redis=redis.address, rtmp_base_url="")
    async with server.calls() as calls:
        ingress = Ingress(calls)
        with pytest.raises(NotReady, match="takes RTMP") as refused:
            await ingress.create(spec())
        assert "ingress.rtmp_base_url" in str(refused.value.hint)
        assert await ingress.ingresses() == []


async def test_a_livekit_without_redis_has_no_ingress_and_says_what_to_do(
    livekit: LiveKit,
) -> None:
    async with livekit.calls() as calls:
        ingress = Ingress(calls)
        with pytest.raises(NotReady, match="it needs Redis") as refused:
            await ingress.create(spec())
        assert "redis" in str(refused.value.hint)
        with pytest.raises(NotReady):
            await ingress.enable("IN_1", enabled=False)
        with pytest.raises(NotReady):
            await ingress.delete("IN_1")
        with pytest.raises(NotReady):
            await ingress.ingresses()


async def test_every_request_says_what_is_wanted_and_no_more(
    scripted: Ingress, livekit_api: Twirp
) -> None:
    info = api.IngressInfo(ingress_id="IN_1", url="https://a.example/s.m3u8")
    for method in ("CreateIngress", "UpdateIngress", "DeleteIngress"):
        livekit_api.will(method, info)
    livekit_api.will("ListIngress", listed({"ingressId": "IN_1"}))
    await scripted.create(spec("url", source="https://a.example/s.m3u8"))
    await scripted.move("IN_1", "live_2")
    await scripted.enable("IN_1", enabled=False)
    await scripted.delete("IN_1")
    assert livekit_api.requests("CreateIngress") == [
        api.CreateIngressRequest(
            input_type="URL_INPUT",
            url="https://a.example/s.m3u8",
            name="a venue",
            room_name=ROOM,
            participant_identity="alice",
        )
    ]
    assert livekit_api.requests("UpdateIngress") == [
        api.UpdateIngressRequest(ingress_id="IN_1", room_name="live_2"),
        api.UpdateIngressRequest(ingress_id="IN_1", enabled=False),
    ]
    assert livekit_api.requests("DeleteIngress") == [api.DeleteIngressRequest(ingress_id="IN_1")]
    assert all(one.grants["ingressAdmin"] for one in livekit_api.asked)


async def test_what_a_real_service_told_of_a_connection_is_read(
    scripted: Ingress, livekit_api: Twirp
) -> None:
    started, ended = _real_infos()
    livekit_api.will("ListIngress", listed(started), listed(ended))
    (on,) = await scripted.ingresses()
    assert (on.status, on.audio_codec, on.video_codec) == ("publishing", "audio/aac", None)
    assert on.started_at is not None
    assert iso(on.started_at) == "2026-11-24T00:30:59.876Z"
    (off,) = await scripted.ingresses()
    assert (off.status, off.error) == ("error", "context canceled")
    assert (off.video_codec, off.width, off.height) == ("video/H264", 640, 360)
    assert off.ended_at is not None


def _real_infos() -> list[dict[str, Any]]:
    hooks = [json.loads(body) for body in real_bodies()]
    return [hook["ingressInfo"] for hook in hooks if hook["event"].startswith("ingress_")]


@pytest.mark.parametrize(
    ("status", "read"),
    [
        ("ENDPOINT_INACTIVE", "inactive"),
        ("ENDPOINT_BUFFERING", "buffering"),
        ("ENDPOINT_PUBLISHING", "publishing"),
        ("ENDPOINT_ERROR", "error"),
        ("ENDPOINT_COMPLETE", "inactive"),
        (99, "inactive"),
    ],
)
async def test_each_state_of_a_connection_is_read(
    scripted: Ingress, livekit_api: Twirp, status: Any, read: str
) -> None:
    livekit_api.will("ListIngress", listed({"ingressId": "IN_1", "state": {"status": status}}))
    (one,) = await scripted.ingresses()
    assert (one.status, one.enabled) == (read, True)


async def test_bitrates_are_read(scripted: Ingress, livekit_api: Twirp) -> None:
    state = {"video": {"averageBitrate": 2_500_000}, "audio": {"averageBitrate": 128_000}}
    livekit_api.will("ListIngress", listed({"ingressId": "IN_1", "state": state}))
    (one,) = await scripted.ingresses()
    assert (one.video_bitrate, one.audio_bitrate) == (2_500_000, 128_000)


async def test_the_error_of_a_pull_does_not_repeat_the_password_of_its_source(
    scripted: Ingress, livekit_api: Twirp
) -> None:
    state = {"status": "ENDPOINT_ERROR", "error": f"could not open {SOURCE}: 404"}
    livekit_api.will("ListIngress", listed({"ingressId": "IN_1", "url": SOURCE, "state": state}))
    (one,) = await scripted.ingresses()
    assert one.url == SOURCE
    assert str(one.error).startswith("could not open https://********@venue")
    assert "hunter2" not in str(one.error)


@pytest.mark.parametrize("status", ["ENDPOINT_BUFFERING", "ENDPOINT_PUBLISHING"])
async def test_a_key_with_an_encoder_connected_is_not_moved(
    scripted: Ingress, livekit_api: Twirp, status: str
) -> None:
    livekit_api.will("ListIngress", listed({"ingressId": "IN_1", "state": {"status": status}}))
    with pytest.raises(Conflict, match="connected"):
        await scripted.move("IN_1", "live_2")
    assert not livekit_api.requests("UpdateIngress")


async def test_a_key_is_not_made_twice_because_an_answer_was_an_error(
    scripted: Ingress, livekit_api: Twirp
) -> None:
    livekit_api.will("CreateIngress", Refusal(503, "unavailable", "redis is loading"))
    with pytest.raises(Unavailable, match="redis is loading"):
        await scripted.create(spec())
    assert len(livekit_api.requests("CreateIngress")) == 1


async def test_whether_anything_takes_connections_at_an_address(
    ingress: Ingress, with_redis: LiveKit
) -> None:
    assert await ingress.answers(f"rtmp://127.0.0.1:{with_redis.port}/live")
    assert not await ingress.answers(f"rtmp://127.0.0.1:{free_port()}/live")
    assert not await ingress.answers("rtmp://no-such-host.invalid/live")
    assert not await ingress.answers("rtmp://127.0.0.1:99999/live")
    assert not await ingress.answers("srt://127.0.0.1")
    assert not await ingress.answers("")


@asynccontextmanager
async def room(livekit: LiveKit, name: str) -> AsyncIterator[tuple[Ingress, LiveKitClient]]:
    async with livekit.calls() as calls:
        media = LiveKitClient(calls, public_url="")
        await media.create_room(name)
        try:
            yield Ingress(calls), media
        finally:
            await media.delete_room(name)


@asynccontextmanager
async def encoder() -> AsyncIterator[tuple[Any, bytes]]:
    """A WebRTC encoder that sends a picture and a tone, and its offer."""
    from aiortc import RTCPeerConnection
    from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

    peer = RTCPeerConnection()
    peer.addTransceiver(VideoStreamTrack(), direction="sendonly")
    peer.addTransceiver(AudioStreamTrack(), direction="sendonly")
    try:
        await peer.setLocalDescription(await peer.createOffer())
        yield peer, peer.localDescription.sdp.encode()
    finally:
        await peer.close()


@pytest.mark.e2e
async def test_an_encoder_publishes_by_whip_until_its_session_is_deleted(livekit: LiveKit) -> None:
    from aiortc import RTCSessionDescription

    async with room(livekit, ROOM) as (ingress, media), encoder() as (peer, offer):
        answer, session, headers = await ingress.whip_offer(ROOM, "alice", offer)
        assert headers["ETag"]
        assert session.startswith("PA_")
        await peer.setRemoteDescription(RTCSessionDescription(answer.decode(), "answer"))

        async def tracks() -> list[tuple[str, str, int]]:
            here = await media.participants(ROOM)
            return [(one.identity, one.kind, len(one.tracks)) for one in here]

        await _until(tracks, [("alice", "INGRESS", 2)])
        status, _, _ = await ingress.whip_change("DELETE", ROOM, "alice", session, {}, b"")
        assert status == 200
        await _until(tracks, [])
        status, _, _ = await ingress.whip_change("DELETE", ROOM, "alice", session, {}, b"")
        assert status == 404


async def _until(ask: Callable[[], Any], wanted: Any, within: float = 20) -> None:
    deadline = time.monotonic() + within
    while (found := await ask()) != wanted:
        assert time.monotonic() < deadline, found
        await asyncio.sleep(0.1)


async def test_a_change_of_a_session_is_passed_on_with_its_headers(livekit: LiveKit) -> None:
    async with room(livekit, ROOM) as (ingress, _):
        trickle = {"Content-Type": "application/trickle-ice-sdpfrag"}
        status, _, body = await ingress.whip_change("PATCH", ROOM, "alice", "PA_1", trickle, b"a")
        assert (status, b"missing entity tag" in body) == (428, True)
        tagged = trickle | {"If-Match": "tag"}
        status, headers, _ = await ingress.whip_change("PATCH", ROOM, "alice", "PA_1", tagged, b"a")
        assert status in {404, 500}
        assert headers["Content-Type"] == "application/trickle-ice-sdpfrag"


@pytest.mark.parametrize(("offer", "said"), [(b"", "SDP offer"), (b"v=0\r\nnonsense", "SDP")])
async def test_an_offer_that_is_no_sdp_is_refused_with_livekits_reason(
    livekit: LiveKit, offer: bytes, said: str
) -> None:
    async with room(livekit, ROOM) as (ingress, _):
        with pytest.raises(BadInput, match=said):
            await ingress.whip_offer(ROOM, "alice", offer)


async def test_an_offer_for_a_room_that_is_not_there_is_not_found(livekit: LiveKit) -> None:
    async with livekit.calls() as calls, encoder() as (_, offer):
        with pytest.raises(NotFound, match="is not there"):
            await Ingress(calls).whip_offer("live_nobody_1", "alice", offer)
        assert await LiveKitClient(calls, public_url="").rooms(["live_nobody_1"]) == []


async def test_a_pull_is_deleted_though_nothing_of_it_can_be_changed(
    ingress: Ingress, redis: Redis
) -> None:
    made = await ingress.create(spec())
    await _at_livekit(redis, made, reusable=False)
    assert not (await only(ingress, made)).reusable
    with pytest.raises(Unavailable, match="not reusable"):
        await ingress.enable(made.ingress_id, enabled=False)
    assert await lines_of(ingress).end(made.ingress_id)


async def test_an_ingress_whose_worker_crashed_is_ended_within_a_step_of_a_kill(
    ingress: Ingress, redis: Redis
) -> None:
    made = await ingress.create(spec())
    await _at_livekit(redis, made, status=api.IngressState.ENDPOINT_PUBLISHING)
    assert (await only(ingress, made)).status == "publishing"
    async with asyncio.timeout(STEP_WITHIN_S):
        assert await lines_of(ingress).end(made.ingress_id)
    assert await ingress.ingresses() == []


def lines_of(ingress: Ingress) -> Lines:
    return Lines(ingress, ModelOfLiveKit(), SystemClock())


async def _at_livekit(
    redis: Redis, made: MadeIngress, *, reusable: bool = True, status: Any = None
) -> None:
    """Have LiveKit know it so: what an Ingress service alone brings about."""
    from redis.asyncio import Redis as Client

    async with Client.from_url(redis.url) as client:
        stored: Any = await client.hget("ingress", made.ingress_id)
        info = api.IngressInfo.FromString(stored)
        info.reusable = reusable
        await client.hset("ingress", made.ingress_id, info.SerializeToString())
        if status is not None:
            state = api.IngressState(status=status, started_at=1, updated_at=1)
            name = "{ingress}_state:" + made.ingress_id
            await client.set(name, state.SerializeToString())


async def test_an_offer_with_a_livekit_that_is_away_is_unavailable() -> None:
    away = LiveKitCalls(f"http://127.0.0.1:{free_port()}", "key", "s" * 32, meter=NoMeter())
    try:
        with pytest.raises(Unavailable, match="could not be reached for ListRooms"):
            await Ingress(away).whip_offer(ROOM, "alice", b"v=0")
    finally:
        await away.close()
