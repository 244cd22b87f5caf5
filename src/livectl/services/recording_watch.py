"""What sees to recordings that nobody looks at: every unfinished one is settled with what its
recorder, the room and the bucket say, so that a webhook that never came changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from livectl.domain.recording import (
    UNFINISHED,
    RecorderKind,
    Recording,
    Sign,
    State,
    advance,
    revived,
)
from livectl.domain.watchdog import Verdict, is_sending, verdict
from livectl.errors import LivectlError
from livectl.ports.clock import Clock
from livectl.ports.livekit import Media
from livectl.ports.meter import Meter
from livectl.ports.recordings import Recorder, RecordingQuery
from livectl.ports.store import Store
from livectl.ports.streams import StreamQuery
from livectl.services.recording_book import RecordingBook
from livectl.services.recording_delivery import Delivery
from livectl.services.recording_growth import GrowthWatch
from livectl.services.recordings import Recordings

log = logging.getLogger(__name__)

_PAGE = 500
_AT_ONCE = 8
# What was left on this host's disk: by a crash before it was let go of, or while the host was
# thought to be silent.
_LEFT_EVERY = timedelta(minutes=10)
_LEFT_SINCE = timedelta(days=90)
# For whoever wants to know why; a film is kept for ever.
_FAILURE_KEPT_FOR = timedelta(days=30)
_UNPUBLISHED_SINCE = timedelta(days=30)
_KEPT_EVERY = timedelta(seconds=5)


class Settled(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """What a sync made of one recording. `failed` is one that could not be settled, for the reason
    `why`; it is tried again."""

    recording_id: str
    stream_id: str
    was: State
    now: State
    result: Literal["unchanged", "planned", "done", "failed"]
    why: str = ""


class RecordingWatch:
    def __init__(
        self,
        store: Store,
        media: Media,
        recorders: Mapping[RecorderKind, Recorder],
        clock: Clock,
        meter: Meter,
        book: RecordingBook,
        delivery: Delivery,
        recordings: Recordings,
        *,
        host: str,
    ) -> None:
        self._store = store
        self._media = media
        self._recorders = recorders
        self._clock = clock
        self._meter = meter
        self._book = book
        self._delivery = delivery
        self._recordings = recordings
        self._host = host
        self._growth = GrowthWatch(store, clock, meter, recordings, host=host)
        self._next_left: datetime | None = None

    async def tick(self) -> None:
        """What only this host knows: of the recorders on it. Each second, in every process."""
        now = self._clock.now()
        if self._next_left is None or now >= self._next_left:
            self._next_left = now + _LEFT_EVERY
            await self._take_up_what_was_left()
        mine = [one for one in await self._unfinished() if one.spool_host == self._host]
        self._growth.keep({one.id for one in mine})
        signs = await self._look(mine)
        for one in mine:
            sign = signs.get(one.id)
            await self._settle_one(one, sign, dry_run=False, by="livectl")
            if sign is not None:
                await self._growth.look(one, sign)

    async def sync(self, *, dry_run: bool, by: str, within_s: float = 0) -> list[Settled]:
        """Settle all that are unfinished, and begin what should be recorded and is not. Files are
        sent, and recorders begin, beside; they are waited for so long.

        One that fails does not stop the others. Raises Unavailable where the store is away.
        """
        unfinished = await self._unfinished()
        signs = await self._look_safely(unfinished)
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(recording: Recording) -> Settled:
            async with places:
                heard = signs.get(recording.recorder)
                if isinstance(heard, LivectlError):
                    return _failed(recording, heard)
                sign = (heard or {}).get(recording.id)
                return await self._settle_one(recording, sign, dry_run=dry_run, by=by)

        settled = list(await asyncio.gather(*map(one, unfinished)))
        if dry_run:
            return settled
        await self._begin_missing()
        await self._publish_missing()
        await self._idle(within_s)
        return [await self._as_it_is_now(one) for one in settled]

    async def retry(self, recording: Recording, *, by: str, within_s: float = 0) -> Recording:
        """Look again for what failed, or waits for its next try: on this host's disk, at its
        recorder if that can be asked, in the bucket. It is as it is then, or after so long."""
        known = await self._book.change(recording, revived, by=by, tell="retried")
        if known.state == "uploading":
            await self._look_again(known, by=by)
            await self._idle(within_s)
        return await self._book.again(recording.id)

    async def _look_again(self, recording: Recording, *, by: str) -> None:
        if recorder := self._recorders.get(recording.recorder):
            await recorder.retry(recording)
        heard = (await self._look_safely([recording]))[recording.recorder]
        sign = None if isinstance(heard, LivectlError) else heard.get(recording.id)
        if sign is None or sign.state != "failed":
            await self._deliver(recording, sign, by=by)
        elif await self._delivery.is_there(recording):
            self._delivery.begin(recording, None)
        else:
            await self._book.take(recording, sign, by=by)

    async def close(self, *, finish: bool) -> None:
        """What goes on beside is finished, where nobody else would take it up; else cut off."""
        if finish:
            await self._recordings.idle()
            await self._delivery.idle()
        await self._recordings.close()
        await self._delivery.close()

    async def _idle(self, within_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._recordings.idle()
                await self._delivery.idle()

    async def _settle_one(
        self, recording: Recording, sign: Sign | None, *, dry_run: bool, by: str
    ) -> Settled:
        try:
            now, why = await self._settle(recording, sign, dry_run=dry_run, by=by)
        except LivectlError as error:
            log.warning("recording %s: %s", recording.id, error.message)
            return _failed(recording, error)
        changed = now != recording.state
        return Settled(
            recording_id=recording.id,
            stream_id=recording.stream_id,
            was=recording.state,
            now=now,
            result="unchanged" if not changed else "planned" if dry_run else "done",
            why=why,
        )

    async def _settle(
        self, recording: Recording, sign: Sign | None, *, dry_run: bool, by: str
    ) -> tuple[State, str]:
        """The state that it comes to, and why."""
        worker_here = await self._sees_worker(recording, sign)
        if not dry_run:
            recording = await self._keep_missed(recording, worker_here)
        if found := verdict(recording, sign, host=self._host, now=self._clock.now()):
            return await self._give_up(recording, found, dry_run=dry_run, by=by)
        if sign and sign.state == "ending" and worker_here is False:
            # It has the film and sends it: the next recording may begin.
            sign = msgspec.structs.replace(sign, state="uploading")
            after = advance(recording, sign)
            if not dry_run:
                after = await self._book.take(recording, sign, by=by)
            return after.state, "Egress has left the room"
        after = advance(recording, sign) if sign else recording
        if dry_run:
            return after.state, "as its recorder says" if sign else "nothing new is known"
        if after.state == "uploading":
            await self._deliver(recording, sign, by=by)
        elif sign and _tells_more(recording, sign):
            after = await self._book.take(recording, sign, by=by)
        if after.running and (after.stop_asked or await self._is_over(after)):
            after = await self._recordings.end(after, by=by)
        return after.state, after.error or ""

    async def _deliver(self, recording: Recording, sign: Sign | None, *, by: str) -> None:
        """Elsewhere is its host's to send; what its recorder still sends is waited for."""
        if sign is not None and is_sending(sign, self._clock.now()):
            return
        if sign is not None and sign.state in {"uploading", "failed"}:
            await self._delivery.settle(recording, sign, by=by)
        elif recording.spool_host in {None, self._host}:
            self._delivery.begin(recording, None)
        else:
            await self._delivery.await_host(recording)

    async def _sees_worker(self, recording: Recording, sign: Sign | None) -> bool | None:
        """Whether Egress is in the room for it; None where that tells nothing."""
        if recording.recorder != "egress" or not recording.running:
            return None
        if sign is not None and sign.state not in {"recording", "ending"}:
            return None
        here = await self._media.participants(recording.room_name)
        return any(
            one.kind == "EGRESS" and recording.egress_id in {None, one.identity} for one in here
        )

    async def _keep_missed(self, recording: Recording, worker_here: bool | None) -> Recording:
        """Since when it is missed: in the store, since the next look may be another process's."""
        if worker_here is None or worker_here is (recording.missed_at is None):
            return recording
        missed_at = None if worker_here else self._clock.now()
        return await self._book.change(
            recording, lambda one: msgspec.structs.replace(one, missed_at=missed_at), by="livectl"
        )

    async def _give_up(
        self, recording: Recording, found: Verdict, *, dry_run: bool, by: str
    ) -> tuple[State, str]:
        """What is in the bucket all the same is a recording; else it has failed, and begins once
        more where the host is on air."""
        there = await self._delivery.is_there(recording) if found.is_ == "gone" else None
        stream = await self._store.stream(recording.stream_id)
        on_air = bool(stream and stream.is_live and await self._recordings.host_publishes(stream))
        why = found.why
        if there is not None:
            why += ", and its object is there"
        elif found.is_ == "stuck" and not on_air:
            why += ": nobody published"
        if dry_run:
            return "completed" if there else "failed", why
        await self._stop_stuck(recording)  # the playlist of HLS is there while it still records
        if there is not None:
            self._delivery.publish_soon(await self._delivery.complete(recording, there, by=by))
            return "completed", why
        failed = await self._book.fail(recording, why, by=by)
        if stream and on_air and failed.restarts == 0 and not failed.stop_asked:
            self._meter.recording("restarted")
            await self._recordings.begin(stream, restarts=1)
        return failed.state, why

    async def _stop_stuck(self, recording: Recording) -> None:
        """So that it does not begin later after all. Whether that works changes nothing."""
        recorder = self._recorders.get(recording.recorder)
        if recorder is not None and recording.egress_id is not None:
            try:
                await recorder.stop(recording)
            except LivectlError as error:
                log.info("recording %s could not be stopped: %s", recording.id, error.message)

    async def _is_over(self, recording: Recording) -> bool:
        stream = await self._store.stream(recording.stream_id)
        return stream is not None and not stream.is_live

    async def _unfinished(self) -> list[Recording]:
        return await self._all(RecordingQuery(states=tuple(UNFINISHED), limit=_PAGE))

    async def _all(self, query: RecordingQuery) -> list[Recording]:
        found: list[Recording] = []
        while page := await self._store.recordings(query):
            found += page
            if len(page) < query.limit:
                break
            last = page[-1]
            query = msgspec.structs.replace(query, before=(last.requested_at, last.id))
        return found

    async def _look(self, recordings: Sequence[Recording]) -> dict[str, Sign]:
        """What their recorders say. Raises Unavailable."""
        signs: dict[str, Sign] = {}
        for kind, some in _by_recorder(recordings).items():
            if recorder := self._recorders.get(kind):
                signs |= await recorder.look(some)
        return signs

    async def _look_safely(
        self, recordings: Sequence[Recording]
    ) -> dict[RecorderKind, dict[str, Sign] | LivectlError]:
        """The same by recorder, where one that cannot be asked does not keep the others."""
        heard: dict[RecorderKind, dict[str, Sign] | LivectlError] = {}
        for kind, some in _by_recorder(recordings).items():
            try:
                heard[kind] = await self._look(some)
            except LivectlError as error:
                heard[kind] = error
        return heard

    async def _begin_missing(self) -> None:
        query = StreamQuery(live=True, limit=_PAGE)
        while page := await self._store.find_streams(query):
            for stream in page:
                self._recordings.consider_soon(stream, on_air=False)
            if len(page) < query.limit:
                return
            query = msgspec.structs.replace(query, before=(page[-1].started_at, page[-1].id))

    async def _publish_missing(self) -> None:
        """Recordings that were completed when a crash, or a bucket that was away, came between
        them and their replay."""
        since = self._clock.now() - _UNPUBLISHED_SINCE
        query = RecordingQuery(states=("completed",), has_vod=False, since=since, limit=_PAGE)
        for recording in await self._all(query):
            self._delivery.publish_soon(recording)

    async def _take_up_what_was_left(self) -> None:
        now = self._clock.now()
        since = now - _LEFT_SINCE
        query = RecordingQuery(states=("completed", "failed"), since=since, limit=_PAGE)
        left = [one for one in await self._all(query) if one.spool_host == self._host]
        for recording_id, sign in (await self._look(left)).items():
            recording = await self._book.again(recording_id)
            old = recording.requested_at < now - _FAILURE_KEPT_FOR
            no_film = sign.state == "failed" and sign.local is None
            if recording.state == "completed" or (old and no_film):
                await self._delivery.discard(recording)
            elif sign.state == "uploading":
                await self.retry(recording, by="livectl")

    async def _as_it_is_now(self, settled: Settled) -> Settled:
        known = await self._store.recording(settled.recording_id)
        if known is None or settled.result == "failed" or known.state == settled.now:
            return settled
        why = settled.why or known.error or ""
        return msgspec.structs.replace(settled, now=known.state, result="done", why=why)


def _by_recorder(recordings: Sequence[Recording]) -> dict[RecorderKind, list[Recording]]:
    found: dict[RecorderKind, list[Recording]] = defaultdict(list)
    for one in recordings:
        found[one.recorder].append(one)
    return found


def _tells_more(recording: Recording, sign: Sign) -> bool:
    """Signs of life are kept every five seconds; what is new in them at once."""
    after = advance(recording, sign)
    same = msgspec.structs.replace(
        after, seen_at=recording.seen_at, size=recording.size, duration=recording.duration
    )
    stale = recording.seen_at is None or sign.at - recording.seen_at >= _KEPT_EVERY
    return same != recording or (stale and after != recording)


def _failed(recording: Recording, error: LivectlError) -> Settled:
    return Settled(
        recording_id=recording.id,
        stream_id=recording.stream_id,
        was=recording.state,
        now=recording.state,
        result="failed",
        why=error.message,
    )
