"""The Egress service, by every request as it goes over the wire and the answers of real ones."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from livekit import api
from livekit.protocol.models import ParticipantInfo

from livectl.adapters.egress import BucketAccess, Egress
from livectl.adapters.livekit import LiveKit as LiveKitClient
from livectl.domain.recording import Format, Layout, Recording
from livectl.errors import Conflict, LivectlError, NotFound, NotReady, Unavailable
from tests.parts.livekit import LiveKit
from tests.parts.redis import Redis
from tests.parts.twirp import Refusal, Twirp, twirp
from tests.services.hooks import real_bodies

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
ROOM = "live_alice_1795480259000"
PATH = "recordings/2026/11/bbbbbbbbbbbbbbbbbbbbbbbb/aaaaaaaaaaaaaaaaaaaaaaaa.mp4"
ACCESS = BucketAccess(
    bucket="vods",
    region="eu-west-1",
    endpoint="http://127.0.0.1:9000",
    path_style=True,
    access_key="AKIA-of-the-chain",
    secret_key="the-secret-of-the-chain",
    session_token="the-session-of-the-chain",
)

GONE = Refusal(404, "not_found", "egress does not exist")
OVER = Refusal(412, "failed_precondition", "egress with status EGRESS_FAILED cannot be stopped")
NO_WORKER = Refusal(503, "unavailable", "no response from servers")
NO_REDIS = Refusal(500, "internal", "egress not connected (redis required)")


@pytest.fixture
async def livekit_api() -> AsyncIterator[Twirp]:
    async with twirp() as endpoint:
        endpoint.will("ListParticipants", people(publisher("alice")))
        endpoint.will("ListRooms", api.ListRoomsResponse(rooms=[api.Room(name=ROOM)]))
        endpoint.will("ListEgress", api.ListEgressResponse())
        endpoint.will("StartParticipantEgress", api.EgressInfo(egress_id="EG_host"))
        endpoint.will("StartRoomCompositeEgress", api.EgressInfo(egress_id="EG_room"))
        endpoint.will("StopEgress", api.EgressInfo(egress_id="EG_1"))
        yield endpoint


@pytest.fixture
async def egress(livekit_api: Twirp) -> AsyncIterator[Egress]:
    async with livekit_api.calls() as calls:
        yield Egress(calls, LiveKitClient(calls, public_url=""), access=lambda: ACCESS)


def recording(
    *,
    layout: Layout = "host",
    format_: Format = "mp4",
    path: str = PATH,
    egress_id: str | None = None,
    id_: str = "a" * 24,
) -> Recording:
    return Recording(
        id=id_,
        stream_id="b" * 24,
        owner_id="alice",
        room_name=ROOM,
        recorder="egress",
        layout=layout,
        format=format_,
        path=path,
        egress_id=egress_id,
        requested_at=NOW,
        updated_at=NOW,
    )


def publisher(identity: str, kind: str = "STANDARD", tracks: int = 2) -> ParticipantInfo:
    return ParticipantInfo(
        sid=f"PA_{identity}",
        identity=identity,
        kind=ParticipantInfo.Kind.Value(kind),
        tracks=[api.TrackInfo(sid=f"TR_{n}") for n in range(tracks)],
    )


def people(*infos: ParticipantInfo) -> Message:
    return api.ListParticipantsResponse(participants=infos)


def listed(*infos: dict[str, Any]) -> Message:
    return api.ListEgressResponse(items=[ParseDict(info, api.EgressInfo()) for info in infos])


def real_infos() -> list[dict[str, Any]]:
    """What a real Egress told of one recording, from its start to its end."""
    hooks = [json.loads(body) for body in real_bodies()]
    return [hook["egressInfo"] for hook in hooks if hook["event"].startswith("egress_")]


async def test_a_recording_of_the_host_goes_to_s3_as_mp4(
    egress: Egress, livekit_api: Twirp
) -> None:
    assert await egress.start(recording()) == "EG_host"
    (request,) = livekit_api.requests("StartParticipantEgress")
    (file,) = request.file_outputs
    assert (request.room_name, request.identity, request.screen_share) == (ROOM, "alice", False)
    assert request.preset == api.EncodingOptionsPreset.H264_720P_30
    assert request.WhichOneof("options") == "preset"
    assert (file.file_type, file.filepath) == (api.EncodedFileType.MP4, PATH)
    assert file.disable_manifest
    s3 = file.s3
    assert (s3.bucket, s3.region, s3.endpoint) == ("vods", "eu-west-1", "http://127.0.0.1:9000")
    assert s3.force_path_style
    assert (s3.access_key, s3.secret, s3.session_token) == (
        "AKIA-of-the-chain",
        "the-secret-of-the-chain",
        "the-session-of-the-chain",
    )
    (asked,) = [one for one in livekit_api.asked if one.method.startswith("Start")]
    assert asked.grants["roomRecord"]


async def test_a_recording_of_the_room_is_composed(egress: Egress, livekit_api: Twirp) -> None:
    assert await egress.start(recording(layout="room")) == "EG_room"
    (request,) = livekit_api.requests("StartRoomCompositeEgress")
    assert (request.room_name, request.layout) == (ROOM, "grid")
    assert [file.filepath for file in request.file_outputs] == [PATH]
    assert not livekit_api.requests("ListParticipants")


async def test_hls_is_a_playlist_with_its_segments_beside_it(
    egress: Egress, livekit_api: Twirp
) -> None:
    folder = PATH.removesuffix(".mp4")
    await egress.start(recording(format_="hls", path=f"{folder}/index.m3u8"))
    (request,) = livekit_api.requests("StartParticipantEgress")
    (segments,) = request.segment_outputs
    assert not request.file_outputs
    assert segments.protocol == api.SegmentedFileProtocol.HLS_PROTOCOL
    assert segments.playlist_name == f"{folder}/index.m3u8"
    assert segments.filename_prefix == f"{folder}/segment"
    assert segments.s3.bucket == "vods"


async def test_without_a_bucket_it_writes_into_the_directory_of_the_objects(
    livekit_api: Twirp, tmp_path: Path
) -> None:
    async with livekit_api.calls() as calls:
        egress = Egress(calls, LiveKitClient(calls, public_url=""), directory=tmp_path)
        await egress.start(recording())
    (request,) = livekit_api.requests("StartParticipantEgress")
    (file,) = request.file_outputs
    assert file.filepath == str(tmp_path / PATH)
    assert file.WhichOneof("output") is None


@pytest.mark.parametrize(
    ("present", "recorded"),
    [
        ([publisher("key-1", "INGRESS")], "key-1"),
        ([publisher("key-1", "INGRESS"), publisher("alice")], "alice"),
        ([publisher("alice", tracks=0), publisher("key-1", "INGRESS")], "key-1"),
        ([publisher("mallory"), publisher("alice")], "alice"),
    ],
)
async def test_the_one_who_publishes_is_recorded_the_owner_first(
    egress: Egress, livekit_api: Twirp, present: list[ParticipantInfo], recorded: str
) -> None:
    livekit_api.will("ListParticipants", people(*present))
    await egress.start(recording())
    assert [one.identity for one in livekit_api.requests("StartParticipantEgress")] == [recorded]


@pytest.mark.parametrize("present", [[], [publisher("alice", tracks=0)], [publisher("mallory")]])
async def test_nothing_is_begun_where_no_host_publishes(
    egress: Egress, livekit_api: Twirp, present: list[ParticipantInfo]
) -> None:
    livekit_api.will("ListParticipants", people(*present))
    with pytest.raises(Conflict, match="nobody publishes"):
        await egress.start(recording())
    assert not livekit_api.requests("StartParticipantEgress")


@pytest.mark.parametrize("layout", ["host", "room"])
async def test_a_room_that_is_not_there_is_not_found(
    egress: Egress, livekit_api: Twirp, layout: Layout
) -> None:
    missing = Refusal(404, "not_found", "requested room does not exist")
    livekit_api.will("ListParticipants", missing)
    livekit_api.will("ListRooms", api.ListRoomsResponse())
    livekit_api.will("StartRoomCompositeEgress", missing)
    with pytest.raises(NotFound):
        await egress.start(recording(layout=layout))


@pytest.mark.parametrize(
    "answer",
    [
        NO_WORKER,
        Refusal(503, "unavailable", "no response from egress service"),
        Refusal(503, "deadline_exceeded", "request timed out"),
    ],
)
async def test_without_an_egress_service_it_is_not_ready_and_says_what_to_do(
    egress: Egress, livekit_api: Twirp, answer: Refusal
) -> None:
    livekit_api.will("StartParticipantEgress", answer)
    with pytest.raises(NotReady, match="no Egress service took the recording") as refused:
        await egress.start(recording())
    assert "LIVECTL_RECORDER=embedded" in str(refused.value.hint)
    assert len(livekit_api.requests("StartParticipantEgress")) == 1


@pytest.mark.parametrize(
    "answer",
    [
        Refusal(400, "invalid_argument", "request has missing or invalid field: filepath"),
        Refusal(429, "resource_exhausted", "not enough CPU"),
        Refusal(401, "unauthenticated", "permissions denied"),
    ],
)
async def test_a_start_that_is_refused_says_why_once_and_without_a_secret(
    egress: Egress, livekit_api: Twirp, answer: Refusal
) -> None:
    livekit_api.will("StartParticipantEgress", answer)
    with pytest.raises(Unavailable, match=answer.message) as refused:
        await egress.start(recording())
    said = f"{refused.value!r} {refused.value.hint} {refused.value.__cause__!r}"
    assert "of-the-chain" not in said
    assert len(livekit_api.requests("StartParticipantEgress")) == 1


def test_how_to_get_into_the_bucket_is_never_shown() -> None:
    assert f"{ACCESS} {ACCESS!r}" == "BucketAccess('vods') BucketAccess('vods')"


async def test_a_stop_asks_egress_to_finish(egress: Egress, livekit_api: Twirp) -> None:
    livekit_api.will("ListEgress", listed({"egressId": "EG_1", "status": "EGRESS_ACTIVE"}))
    await egress.stop(recording(egress_id="EG_1"))
    assert [one.egress_id for one in livekit_api.requests("StopEgress")] == ["EG_1"]


@pytest.mark.parametrize("answer", [GONE, OVER])
async def test_a_stop_of_one_that_has_ended_succeeds(
    egress: Egress, livekit_api: Twirp, answer: Refusal
) -> None:
    livekit_api.will("ListEgress", listed({"egressId": "EG_1", "status": "EGRESS_ACTIVE"}))
    livekit_api.will("StopEgress", answer)
    await egress.stop(recording(egress_id="EG_1"))


async def test_a_stop_of_one_that_egress_has_forgotten_succeeds(
    egress: Egress, livekit_api: Twirp
) -> None:
    livekit_api.will("ListEgress", GONE)
    await egress.stop(recording(egress_id="EG_1"))
    await egress.stop(recording())
    assert not livekit_api.requests("StopEgress")


@pytest.mark.parametrize(
    "answer", [NO_WORKER, Refusal(503, "deadline_exceeded", "request timed out")]
)
async def test_a_stop_that_no_worker_hears_is_unavailable(
    egress: Egress, livekit_api: Twirp, answer: Refusal
) -> None:
    livekit_api.will("ListEgress", listed({"egressId": "EG_1", "status": "EGRESS_ACTIVE"}))
    livekit_api.will("ListParticipants", people(publisher("EG_1", "EGRESS")))
    livekit_api.will("StopEgress", answer)
    with pytest.raises(Unavailable, match=answer.message):
        await egress.stop(recording(egress_id="EG_1"))


async def test_nobody_waits_for_the_stop_of_an_egress_whose_worker_is_not_in_the_room(
    egress: Egress, livekit_api: Twirp
) -> None:
    # livekit#1717
    livekit_api.will("ListEgress", listed({"egressId": "EG_1", "status": "EGRESS_ACTIVE"}))
    livekit_api.will("StopEgress", NO_WORKER)
    await egress.stop(recording(egress_id="EG_1"))
    async with livekit_api.calls() as calls:
        assert await LiveKitClient(calls, public_url="").stop_recordings(ROOM) == 1
    assert [one.egress_id for one in livekit_api.requests("StopEgress")] == ["EG_1"] * 2


async def test_a_look_reads_each_answer_of_a_real_run(egress: Egress, livekit_api: Twirp) -> None:
    states = []
    for info in real_infos():
        livekit_api.will("ListEgress", listed(info))
        signs = await egress.look([recording(egress_id=info["egressId"])])
        (sign,) = signs.values()
        states.append(sign.state)
    assert states == ["starting", "recording", "ending", "uploading"]
    # The location that Egress gives is malformed for a bucket that is not AWS's.
    assert sign.path == "rec/r3-2026-11-24T003101.mp4"
    assert (sign.size, round(sign.duration or 0, 2)) == (4_778_123, 11.85)
    assert {one.egress_id for one in livekit_api.requests("ListEgress")} == {"EG_bmQDMP4uqaCm"}


async def test_a_look_leaves_out_what_egress_has_forgotten(
    egress: Egress, livekit_api: Twirp
) -> None:
    livekit_api.will("ListEgress", GONE, listed({"egressId": "EG_2", "status": "EGRESS_ABORTED"}))
    one, two = recording(egress_id="EG_1"), recording(egress_id="EG_2", id_="c" * 24)
    signs = await egress.look([one, two])
    assert {id_: sign.state for id_, sign in signs.items()} == {two.id: "failed"}


async def test_a_recording_whose_start_was_not_answered_is_found_by_what_it_writes(
    egress: Egress, livekit_api: Twirp
) -> None:
    masked = {"accessKey": "{access_key}", "secret": "{secret}", "bucket": "vods"}

    def asked(path: str) -> dict[str, Any]:
        return {"roomName": ROOM, "fileOutputs": [{"filepath": path, "s3": masked}]}

    theirs = {"egressId": "EG_theirs", "participant": asked("elsewhere.mp4")}
    ours = {"egressId": "EG_ours", "status": "EGRESS_ACTIVE", "participant": asked(PATH)}
    livekit_api.will("ListEgress", listed(theirs, ours))
    signs = await egress.look([recording()])
    assert [sign.state for sign in signs.values()] == ["recording"]
    await egress.stop(recording())
    assert [one.egress_id for one in livekit_api.requests("StopEgress")] == ["EG_ours"]
    assert {one.room_name for one in livekit_api.requests("ListEgress")} == {ROOM}


async def test_one_that_writes_a_playlist_into_a_directory_is_found_too(
    egress: Egress, livekit_api: Twirp
) -> None:
    output = {"playlistName": "/data/objects/rec/1/index.m3u8"}
    ours = {"egressId": "EG_ours", "roomComposite": {"segmentOutputs": [output]}}
    livekit_api.will("ListEgress", listed(ours))
    signs = await egress.look([recording(path="rec/1/index.m3u8")])
    assert [sign.state for sign in signs.values()] == ["starting"]


async def test_a_status_that_we_do_not_know_is_no_error(egress: Egress, livekit_api: Twirp) -> None:
    strange = api.ListEgressResponse.FromString(b"\x0a\x08\x0a\x04EG_1\x18\x63")
    assert strange.items[0].status == 99
    livekit_api.will("ListEgress", strange)
    signs = await egress.look([recording(egress_id="EG_1")])
    assert [sign.state for sign in signs.values()] == ["starting"]


async def test_what_egress_cannot_be_asked_is_not_what_it_has_forgotten(
    egress: Egress, livekit_api: Twirp
) -> None:
    livekit_api.will("ListEgress", NO_REDIS)
    with pytest.raises(NotReady, match="needs Redis"):
        await egress.look([recording(egress_id="EG_1")])


async def test_a_start_that_began_before_is_not_begun_again(
    egress: Egress, livekit_api: Twirp
) -> None:
    outputs = [{"filepath": PATH}]
    ours = {"egressId": "EG_ours", "roomName": ROOM, "participant": {"fileOutputs": outputs}}
    livekit_api.will("ListEgress", listed(ours))
    assert await egress.start(recording()) == "EG_ours"
    assert not livekit_api.requests("StartParticipantEgress")


async def test_a_real_livekit_without_redis_has_no_egress(livekit: LiveKit) -> None:
    await _refused_by(livekit, NotReady, "LiveKit has no Egress")


async def test_a_real_livekit_without_an_egress_service_says_that_none_answers(
    new_livekit: Callable[..., LiveKit], redis: Redis
) -> None:
    await _refused_by(
        new_livekit(redis=redis.address), NotReady, "no Egress service took", forgets=True
    )


async def _refused_by(
    livekit: LiveKit, error: type[LivectlError], said: str, *, forgets: bool = False
) -> None:
    async with livekit.calls() as calls:
        media = LiveKitClient(calls, public_url="")
        egress = Egress(calls, media, access=lambda: ACCESS)
        await media.create_room(ROOM)
        try:
            with pytest.raises(error, match=said):
                await egress.start(recording(layout="room"))
        finally:
            await media.delete_room(ROOM)
        if forgets:
            assert await egress.look([recording(egress_id="EG_gone"), recording()]) == {}
