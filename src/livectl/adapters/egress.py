"""LiveKit's Egress service as a recorder: it writes straight to the bucket."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from livectl.adapters.livekit_calls import LiveKitCalls, NoService, Unanswered
from livectl.domain.egress import read_egress
from livectl.domain.ids import user_of
from livectl.domain.recording import RecorderKind, Recording, Sign
from livectl.domain.webhook import Participant
from livectl.errors import Conflict, NotFound, NotReady, TimedOutside
from livectl.ports.livekit import Media

if TYPE_CHECKING:
    from collections.abc import Iterator

    from livekit import api

# A worker that is there answers within a second or two; where there is none, livekit-server 1.13
# says so after 23.
START_SECONDS = 12.0

_REMEDY = "start one (deploy/egress.yaml), or set LIVECTL_RECORDER=embedded"


class BucketAccess(msgspec.Struct, frozen=True, kw_only=True):
    """How Egress gets into the bucket. Without keys it uses its own, or its role. Holds secrets:
    made anew for each recording, and never kept."""

    bucket: str
    region: str = ""
    endpoint: str = ""
    path_style: bool = False
    access_key: str = ""
    secret_key: str = ""
    session_token: str = ""

    def __repr__(self) -> str:
        return f"BucketAccess({self.bucket!r})"


class Egress:
    """The `Recorder` port. `access` tells how to get into the bucket at that moment (it may block:
    it is called in a thread); where there is none, files go to `directory`, which the Egress
    service has to see at the same path."""

    kind: RecorderKind = "egress"

    def __init__(
        self,
        calls: LiveKitCalls,
        media: Media,
        *,
        access: Callable[[], BucketAccess] | None = None,
        directory: Path | None = None,
    ) -> None:
        self._calls = calls
        self._media = media
        self._access = access
        self._directory = directory

    async def start(self, recording: Recording) -> str:
        """Safe to repeat: one that writes this already is the one."""
        if found := await self._find(recording):
            return str(found["egressId"])
        access = await asyncio.to_thread(self._access) if self._access else None
        output = self._output(recording, access)
        with _worker_needed():
            if recording.layout == "room":
                info = await self._start_room(recording, output)
            else:
                info = await self._start_host(recording, output)
        return str(info.egress_id)

    async def _start_room(self, recording: Recording, output: dict[str, Any]) -> Any:
        from livekit import api

        request = api.RoomCompositeEgressRequest(
            room_name=recording.room_name, layout="grid", **output
        )
        return await self._calls.call(
            "StartRoomCompositeEgress",
            lambda lk: lk.egress.start_room_composite_egress(request),
            tries=1,  # a second one would record twice
            seconds=START_SECONDS,
        )

    async def _start_host(self, recording: Recording, output: dict[str, Any]) -> Any:
        from livekit import api

        request = api.ParticipantEgressRequest(
            room_name=recording.room_name, identity=await self._host(recording), **output
        )
        return await self._calls.call(
            "StartParticipantEgress",
            lambda lk: lk.egress.start_participant_egress(request),
            tries=1,
            seconds=START_SECONDS,
        )

    async def _host(self, recording: Recording) -> str:
        """Who to record. Raises Conflict where nobody publishes: Egress would be starting for ever
        (egress#796)."""
        people = await self._media.participants(recording.room_name)
        hosts = [one for one in people if one.tracks and _may_host(one, recording.owner_id)]
        if not hosts:
            if not await self._media.rooms([recording.room_name]):
                raise NotFound("the room is not there")
            raise Conflict("nobody publishes in the room", hint="start the encoder first")
        return max(hosts, key=lambda one: user_of(one.identity) == recording.owner_id).identity

    def _output(self, recording: Recording, access: BucketAccess | None) -> dict[str, Any]:
        """The part of the request that says what to write, and where to."""
        from livekit import api

        s3 = _upload(access) if access else None
        path = recording.path
        if s3 is None and self._directory is not None:
            path = str(self._directory / path)
        preset = api.EncodingOptionsPreset.H264_720P_30
        if recording.format == "hls":
            segments = api.SegmentedFileOutput(
                protocol=api.SegmentedFileProtocol.HLS_PROTOCOL,
                filename_prefix=path.rpartition("/")[0] + "/segment",
                playlist_name=path,
                disable_manifest=True,
                s3=s3,
            )
            return {"segment_outputs": [segments], "preset": preset}
        file = api.EncodedFileOutput(
            file_type=api.EncodedFileType.MP4, filepath=path, disable_manifest=True, s3=s3
        )
        return {"file_outputs": [file], "preset": preset}

    async def stop(self, recording: Recording) -> None:
        found = await self._find(recording)
        if found is None:
            return
        egress_id = str(found["egressId"])
        here = await self._media.participants(recording.room_name)
        worker_here = any(one.kind == "EGRESS" and one.identity == egress_id for one in here)
        await self._calls.stop_egress(egress_id, worker_here=worker_here)

    async def look(self, recordings: Sequence[Recording]) -> dict[str, Sign]:
        now = datetime.now(UTC)
        found = [(one.id, await self._find(one)) for one in recordings]
        return {id_: read_egress(info, now) for id_, info in found if info is not None}

    async def _find(self, recording: Recording) -> dict[str, Any] | None:
        """Its egress: by name, or, where the answer to its start was lost, by what it writes."""
        from livekit import api

        if recording.egress_id:
            request = api.ListEgressRequest(egress_id=recording.egress_id)
        else:
            request = api.ListEgressRequest(room_name=recording.room_name)
        try:
            with _service_needed():
                reply = await self._calls.call(
                    "ListEgress", lambda lk: lk.egress.list_egress(request)
                )
        except NotFound:
            return None
        infos = [_as_json(item) for item in reply.items]
        if recording.egress_id:
            return next(iter(infos), None)
        return next((info for info in infos if _writes(info, recording.path)), None)

    async def retry(self, recording: Recording) -> None:
        """Egress makes what it makes."""

    async def discard(self, recording: Recording) -> None:
        """This host has nothing of it."""


@contextmanager
def _worker_needed() -> Iterator[None]:
    try:
        yield
    except (Unanswered, TimedOutside) as error:
        raise NotReady(
            f"no Egress service took the recording: {error.message}", hint=_REMEDY
        ) from None


@contextmanager
def _service_needed() -> Iterator[None]:
    try:
        yield
    except NoService:
        raise NotReady(
            "LiveKit has no Egress: it needs Redis and the Egress service", hint=_REMEDY
        ) from None


def _may_host(person: Participant, owner_id: str) -> bool:
    return person.kind == "INGRESS" or user_of(person.identity) == owner_id


def _upload(access: BucketAccess) -> api.S3Upload:
    from livekit import api

    return api.S3Upload(
        bucket=access.bucket,
        region=access.region,
        endpoint=access.endpoint,
        force_path_style=access.path_style,
        access_key=access.access_key,
        secret=access.secret_key,
        session_token=access.session_token,
    )


def _as_json(info: Any) -> dict[str, Any]:
    """As webhooks have it."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(info)


def _writes(info: dict[str, Any], path: str) -> bool:
    """Whether an egress was asked to write there; its secrets are masked, its paths are not."""
    request = info.get("participant") or info.get("roomComposite") or {}
    outputs = [*request.get("fileOutputs", []), *request.get("segmentOutputs", [])]
    names = [output.get("filepath") or output.get("playlistName", "") for output in outputs]
    return any(name == path or name.endswith(f"/{path}") for name in names)
