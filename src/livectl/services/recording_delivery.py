"""From a recorder's file to the bucket: sent, looked at, and only then let go of."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import msgspec

from livectl.domain.clock import iso
from livectl.domain.recording import RUNNING, RecorderKind, Recording, Sign, Storage
from livectl.domain.watchdog import OBJECT_WITHIN, pause_after, silent_since
from livectl.errors import LivectlError
from livectl.ports.clock import Clock
from livectl.ports.objects import Objects, StoredObject
from livectl.ports.recordings import Recorder
from livectl.ports.store import Store
from livectl.services.leases import kept_up
from livectl.services.recording_book import RecordingBook

log = logging.getLogger(__name__)

_LEASE_FOR = timedelta(seconds=30)
_AT_ONCE = 4
# Of failures to send one file, the first is told and then each of so many.
_TELL_EACH = 10
_CONTENT_TYPE = "video/mp4"
_IF_MISSED = {
    "egress": "see the log of the Egress service: a failed upload is in its backup storage if that "
    "is set up; `livectl recordings retry` looks again",
}

Publish = Callable[[Recording], Awaitable[object]]


class Delivery:
    """Sends files beside everything else, one process at a time for each; what is cut off is gone
    on with by whoever comes next. `publish` makes a replay of what is there."""

    def __init__(
        self,
        store: Store,
        objects: Objects,
        recorders: Mapping[RecorderKind, Recorder],
        clock: Clock,
        book: RecordingBook,
        publish: Publish,
    ) -> None:
        self._store = store
        self._objects = objects
        self._recorders = recorders
        self._clock = clock
        self._book = book
        self._publish = publish
        self._jobs: dict[str, asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def settle(self, recording: Recording, sign: Sign, *, by: str) -> Recording:
        """Take in what its recorder says; where the file is whole, see to it."""
        taken = await self._book.take(recording, sign, by=by)
        if taken.state == "uploading" and sign.state not in RUNNING:
            self.begin(taken, sign.local)
        return taken

    def begin(self, recording: Recording, local: str | None) -> None:
        """Send its file from this host's disk, or look for the object that somebody else sent.
        Does nothing while that is under way, or waits for its next try."""
        if recording.retry_at is None or recording.retry_at <= self._clock.now():
            self._beside(recording, lambda: self._deliver(recording, local))

    async def await_host(self, recording: Recording) -> None:
        """What only another host can send: told once that this waits for it, when it is silent."""
        since = silent_since(recording, self._clock.now())
        if since is None:
            return
        why = f"it waits for {recording.spool_host}, which is silent since {iso(since)}"

        def waiting(one: Recording) -> Recording:
            if one.state != "uploading":
                return one
            hint = f"start livectl on {one.spool_host}: the film is on its disk"
            return msgspec.structs.replace(one, error=why, hint=hint)

        if recording.error != why:
            async with self._lease(recording) as mine:
                if mine:  # else it is at work
                    await self._book.change(recording, waiting, by="livectl", tell="waiting")

    def publish_soon(self, recording: Recording) -> None:
        """Make the replay of a completed one."""
        self._beside(recording, lambda: self._publish(recording))

    async def is_there(self, recording: Recording) -> StoredObject | None:
        return await self._objects.head(recording.path)

    async def complete(
        self, recording: Recording, there: StoredObject, *, by: str = "livectl"
    ) -> Recording:
        """Its object is in the bucket: the copy on this host's disk may go."""

        def completed(one: Recording) -> Recording:
            if one.state == "completed":
                return one
            return msgspec.structs.replace(
                one,
                state="completed",
                completed_at=self._clock.now(),
                size=_size(one, there) or one.size,
                error=None,
                hint=None,
                retry_at=None,
                storage=self._storage(one, there),
            )

        done = await self._book.change(recording, completed, by=by, size=_size(recording, there))
        await self.discard(done)
        return done

    async def discard(self, recording: Recording) -> None:
        if recorder := self._recorders.get(recording.recorder):
            await recorder.discard(recording)

    async def idle(self) -> None:
        """Until nothing is under way."""
        while self._jobs:
            await asyncio.wait(list(self._jobs.values()))

    async def close(self) -> None:
        """What is under way is cut off; the next start goes on with it."""
        jobs = list(self._jobs.values())
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    def _beside(self, recording: Recording, act: Callable[[], Awaitable[object]]) -> None:
        if recording.id not in self._jobs:
            task = asyncio.create_task(self._run(recording.id, act), name=f"send {recording.id}")
            self._jobs[recording.id] = task
            task.add_done_callback(lambda _: self._jobs.pop(recording.id))

    async def _run(self, recording_id: str, act: Callable[[], Awaitable[object]]) -> None:
        """A failure is said, and tried again by the next tick or sync."""
        try:
            async with self._places:
                await act()
        except LivectlError as error:
            log.warning("recording %s: %s", recording_id, error.message)
        except Exception:
            log.exception("recording %s", recording_id)

    async def _deliver(self, recording: Recording, local: str | None) -> None:
        async with self._lease(recording) as mine:
            known = await self._book.again(recording.id)
            if not mine or known.state != "uploading":
                return
            there = await (self._send(known, Path(local)) if local else self.is_there(known))
            if there is None:
                if local is None:
                    await self._miss(known)
                return
            completed = await self.complete(known, there)
        await self._publish(completed)

    async def _send(self, recording: Recording, file: Path) -> StoredObject | None:
        try:
            sha256 = await asyncio.to_thread(_sha256, file)
            return await self._objects.send_file(
                recording.path, file, content_type=_CONTENT_TYPE, sha256=sha256
            )
        except LivectlError as error:
            await self._postpone(recording, error.message, error.hint)
        except OSError as error:
            await self._postpone(recording, f"{file} cannot be read: {error.strerror}", None)
        return None

    async def _postpone(self, recording: Recording, why: str, hint: str | None) -> None:
        """It stays where it is, and is tried again, however often it takes."""
        tries = recording.tries + 1
        log.warning("recording %s could not be sent: %s", recording.id, why)

        def postponed(one: Recording) -> Recording:
            return msgspec.structs.replace(
                one,
                tries=tries,
                retry_at=self._clock.now() + pause_after(tries),
                error=why,
                hint=hint or "it is kept on the disk, and sent as soon as that can be done",
            )

        told = tries == 1 or tries % _TELL_EACH == 0
        tell = "upload_failed" if told else None
        await self._book.change(recording, postponed, by="livectl", tell=tell, tries=tries)

    async def _miss(self, recording: Recording) -> None:
        heard = recording.ended_at or recording.seen_at or recording.requested_at
        if self._clock.now() - heard > OBJECT_WITHIN:
            locator = self._objects.locator(recording.path)
            await self._book.fail(
                recording,
                f"it has ended, and {locator} is not there",
                by="livectl",
                hint=_IF_MISSED.get(recording.recorder),
            )

    def _storage(self, recording: Recording, there: StoredObject) -> Storage:
        return Storage(
            type=self._objects.type,
            path=recording.path,
            bucket=self._objects.bucket,
            url=self._objects.locator(recording.path),
            size=_size(recording, there),
            duration=recording.duration,
            format=recording.format,
            sha256=there.sha256,
        )

    @asynccontextmanager
    async def _lease(self, recording: Recording) -> AsyncIterator[bool]:
        """Whether it is ours to send, for as long as that takes."""
        name, holder = f"upload {recording.id}", secrets.token_hex(8)
        try:
            async with kept_up(self._store, self._clock, name, holder, _LEASE_FOR) as mine:
                yield mine
        finally:
            await self._store.drop_lease(name, holder)


def _size(recording: Recording, there: StoredObject) -> int | None:
    """None of HLS, where what is there is the playlist alone."""
    return there.size if recording.format == "mp4" else None


def _sha256(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
