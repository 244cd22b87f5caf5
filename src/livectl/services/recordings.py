"""Recordings as people and webhooks ask for them: begin, stop, look, and what Egress told."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping

import msgspec

from livectl.domain.egress import read_egress
from livectl.domain.event import event
from livectl.domain.ids import new_id, user_of
from livectl.domain.recording import (
    RUNNING,
    Format,
    Layout,
    RecorderKind,
    Recording,
    Sign,
    object_path,
    revived,
)
from livectl.domain.stream import Stream
from livectl.domain.watchdog import may_begin
from livectl.domain.webhook import Notice, Participant
from livectl.errors import (
    BadInput,
    Conflict,
    LivectlError,
    NotReady,
    TimedOutside,
    Unavailable,
)
from livectl.ports.clock import Clock
from livectl.ports.livekit import Media
from livectl.ports.recordings import Recorder, RecordingQuery
from livectl.ports.store import EventQuery, Store
from livectl.services.recording_book import RecordingBook
from livectl.services.recording_delivery import Delivery

log = logging.getLogger(__name__)

_BEGUN_WITHIN_S = 20.0
# LiveKit lists what somebody publishes a moment after it has told them so.
_ON_AIR_WITHIN_S = 2.0
_AT_ONCE = 8
# More kinds of refusals than a stream sees.
_REFUSALS = 50


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """How this server records. `recorder` is what new ones are made with, None where nothing
    records; `prefix` is their folder in the bucket; `auto` whether streams that do not say are
    recorded by themselves; `host` is this host's name."""

    recorder: RecorderKind | None
    layout: Layout
    format: Format
    prefix: str
    auto: bool
    host: str


class Recordings:
    def __init__(
        self,
        store: Store,
        media: Media,
        recorders: Mapping[RecorderKind, Recorder],
        clock: Clock,
        book: RecordingBook,
        delivery: Delivery,
        policy: Policy,
    ) -> None:
        self._store = store
        self._media = media
        self._recorders = recorders
        self._clock = clock
        self._book = book
        self._delivery = delivery
        self._policy = policy
        self._considering: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    @property
    def auto(self) -> bool:
        """Whether a stream that does not say is recorded by itself."""
        return self._policy.auto and self.can_record

    @property
    def can_record(self) -> bool:
        return self._policy.recorder in self._recorders

    async def find(self, query: RecordingQuery) -> list[Recording]:
        return await self._store.recordings(query)

    async def get(self, recording_id: str) -> Recording:
        return await self._book.again(recording_id)

    async def latest(self, stream_id: str) -> Recording | None:
        found = await self._store.recordings(RecordingQuery(stream_id=stream_id, limit=1))
        return found[0] if found else None

    async def start(
        self, stream: Stream, *, by: str, request_id: str | None = None, restarts: int = 0
    ) -> Recording:
        """Raises BadInput (not live), Conflict (it may not be recorded, is already, or nobody
        publishes within two seconds), NotReady (this server does not record), Unavailable (the
        recorder failed: the recording is kept as failed, and says why)."""
        recorder = await self._admit(stream)
        recording = self._new(stream, recorder.kind, by, restarts)
        await self._book.add(recording, by=by, request_id=request_id)
        return await self._begin(recorder, recording, by=by)

    async def _admit(self, stream: Stream) -> Recorder:
        """What is to record it. Raises what `start` refuses."""
        if not stream.is_live:
            raise BadInput("the stream is not live")
        if not stream.enable_recording:
            raise Conflict(
                "recording is switched off for this stream",
                hint="start the next one with enableRecording",
            )
        recorder = self._recorders.get(self._policy.recorder) if self._policy.recorder else None
        if recorder is None:
            raise NotReady(
                "this server has no recorder", hint="set LIVECTL_RECORDER to embedded or egress"
            )
        if await self._running(stream.id):
            raise Conflict("the stream is being recorded already")
        if not await self._comes_on_air(stream):
            raise Conflict(
                "nobody publishes yet",
                hint="try it again when the host is on air, or start streams with --auto-record",
            )
        return recorder

    async def stop(self, stream: Stream, *, by: str, request_id: str | None = None) -> Recording:
        """Safe to repeat while it ends. Raises BadInput where nothing records. A recorder that
        cannot be asked now is asked again by the watch."""
        recording = await self._running(stream.id)
        if recording is None:
            raise BadInput("nothing is being recorded")
        try:
            return await self.end(recording, by=by, request_id=request_id)
        except Unavailable as error:
            log.warning("recording %s was not told to end: %s", recording.id, error.message)
        return await self._book.again(recording.id)

    async def end(
        self, recording: Recording, *, by: str, request_id: str | None = None
    ) -> Recording:
        """Ask it to finish: stored first, so that it is asked again until it has. Raises
        Unavailable where its recorder could not be asked now."""
        asked = await self._book.change(recording, _stopping, by=by, request_id=request_id)
        if asked.running and (recorder := self._recorders.get(asked.recorder)):
            await recorder.stop(asked)
        return asked

    async def end_of(self, stream: Stream) -> int:
        """End what still runs of a stream that is over; how many."""
        running = await self._running(stream.id)
        if running is None:
            return 0
        await self.end(running, by="livectl")
        return 1

    async def hear(self, stream: Stream, notice: Notice) -> None:
        """Of an egress, by webhook. One that is none of ours is left alone."""
        told = notice.egress or {}
        sign = read_egress(told, notice.at)
        egress_id = str(told.get("egressId", ""))
        recording = await self._of_egress(stream, egress_id, sign)
        if recording is None:
            return
        if recording.state == "failed" and sign.state == "uploading":
            # It was given up, and came to its end all the same.
            recording = await self._book.change(
                recording,
                lambda one: msgspec.structs.replace(revived(one), egress_id=egress_id),
                by="livekit",
                tell="retried",
            )
        if recording.unfinished:
            await self._delivery.settle(recording, sign, by="livekit")
        elif sign.state in RUNNING and (recorder := self._recorders.get("egress")):
            # It came to life after it was given up: nobody waits for it any more.
            await recorder.stop(msgspec.structs.replace(recording, egress_id=egress_id))

    async def consider(self, stream: Stream, *, on_air: bool) -> None:
        """Begin by itself, where that is wanted and the host is on air, as `on_air` says or LiveKit
        does. What keeps it from beginning is said and stored, and tried again later."""
        if not (stream.is_live and stream.enable_recording):
            return
        auto = self._policy.auto if stream.auto_record is None else stream.auto_record
        if not auto and stream.recording is None:
            return
        latest = await self.latest(stream.id)
        if not may_begin(latest, auto=auto, now=self._clock.now()):
            return
        if on_air or await self.host_publishes(stream):
            anew = latest is None or (auto and latest.state != "failed")
            await self.begin(stream, restarts=0 if anew or latest is None else latest.restarts + 1)

    def consider_soon(self, stream: Stream, *, on_air: bool) -> None:
        """Beside: a recorder may take seconds to begin, and webhooks must not wait for it."""
        if stream.id not in self._considering:
            considering = self._consider_safely(stream, on_air)
            task = asyncio.create_task(considering, name=f"record {stream.id}")
            self._considering[stream.id] = task
            task.add_done_callback(lambda _: self._considering.pop(stream.id))

    async def idle(self) -> None:
        """Until none is being considered."""
        while self._considering:
            await asyncio.wait(list(self._considering.values()))

    async def close(self) -> None:
        """What was about to begin does not."""
        tasks = list(self._considering.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _consider_safely(self, stream: Stream, on_air: bool) -> None:
        try:
            async with self._places:
                await self.consider(stream, on_air=on_air)
        except LivectlError as error:
            log.warning("stream %s: %s", stream.id, error.message)
        except Exception:
            log.exception("stream %s", stream.id)

    async def begin(self, stream: Stream, *, restarts: int) -> None:
        """Where the host is on air, and nobody else does so at this moment. What keeps it from that
        is told, once for each reason; a recording that was begun and failed tells it itself."""
        latest = await self.latest(stream.id)
        try:
            await self.start(stream, by="livectl", restarts=restarts)
        except LivectlError as error:
            log.info("stream %s is not recorded: %s", stream.id, error.message)
            if await self.latest(stream.id) == latest:
                await self._tell_refused(stream, error)

    async def _tell_refused(self, stream: Stream, error: LivectlError) -> None:
        query = EventQuery(stream_id=stream.id, type="recording.refused", limit=_REFUSALS)
        if any(one.data.get("error") == error.message for one in await self._store.events(query)):
            return
        refused = event(
            "recording.refused",
            self._clock.now(),
            "livectl",
            stream_id=stream.id,
            error=error.message,
            hint=error.hint,
        )
        await self._store.append_event(refused)

    async def _comes_on_air(self, stream: Stream) -> bool:
        deadline = time.monotonic() + _ON_AIR_WITHIN_S
        while not await self.host_publishes(stream):
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.2)
        return True

    async def host_publishes(self, stream: Stream) -> bool:
        here = await self._media.participants(stream.room_name)
        return any(one.tracks and _is_host(one, stream) for one in here)

    async def _running(self, stream_id: str) -> Recording | None:
        query = RecordingQuery(stream_id=stream_id, states=tuple(RUNNING), limit=1)
        found = await self._store.recordings(query)
        return found[0] if found else None

    async def _of_egress(self, stream: Stream, egress_id: str, sign: Sign) -> Recording | None:
        """By its name; or by where it writes to, while its start was not answered yet."""
        found = await self._store.recordings(RecordingQuery(egress_id=egress_id, limit=1))
        if not found and sign.path:
            query = RecordingQuery(stream_id=stream.id, paths=(sign.path,), limit=1)
            same = await self._store.recordings(query)
            found = [one for one in same if one.recorder == "egress"]
        return found[0] if found else None

    def _new(self, stream: Stream, kind: RecorderKind, by: str, restarts: int) -> Recording:
        now = self._clock.now()
        embedded = kind == "embedded"
        recording = Recording(
            id=new_id(),
            stream_id=stream.id,
            owner_id=stream.owner_id,
            room_name=stream.room_name,
            recorder=kind,
            layout="host" if embedded else self._policy.layout,
            format="mp4" if embedded else self._policy.format,
            by=by,
            requested_at=now,
            spool_host=self._policy.host if embedded else None,
            restarts=restarts,
            updated_at=now,
        )
        path = object_path(self._policy.prefix, recording)
        return msgspec.structs.replace(recording, path=path)

    async def _begin(self, recorder: Recorder, recording: Recording, *, by: str) -> Recording:
        try:
            async with asyncio.timeout(_BEGUN_WITHIN_S):
                egress_id = await recorder.start(recording)
        except TimeoutError:
            silent = f"the recorder did not answer within {_BEGUN_WITHIN_S:g} s"
            await self._book.fail(recording, silent, by=by)
            raise TimedOutside(silent) from None
        except LivectlError as error:
            await self._book.fail(recording, error.message, by=by, hint=error.hint)
            raise
        begun = await self._book.change(
            recording,
            lambda one: msgspec.structs.replace(one, egress_id=egress_id),
            by=by,
            tell="accepted",
            egress=egress_id,
        )
        if begun.stop_asked or not begun.running:  # meanwhile nobody wants it any more
            await recorder.stop(begun)
        return begun


def _is_host(person: Participant, stream: Stream) -> bool:
    return person.kind == "INGRESS" or user_of(person.identity) == stream.owner_id


def _stopping(recording: Recording) -> Recording:
    if not recording.running:
        return recording
    return msgspec.structs.replace(recording, stop_asked=True, state="ending")
