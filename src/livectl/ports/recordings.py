"""What records a stream, and the recordings that the store keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import msgspec

from livectl.domain.event import Event
from livectl.domain.recording import RecorderKind, Recording, Sign, State, VodStatus


class RecordingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which recordings, the newest `requested_at` first, then by id, descending: all given
    conditions hold. `ref` is the start of an id; `since` (it included) and `until` (it not) are
    about requestedAt; `before` is the (requested_at, id) of the last one seen; `paths` are keys in
    the bucket, of which any will do. Without `deleting`, those whose VOD is being deleted are
    found like the others; with it, only they or only the others."""

    stream_id: str | None = None
    owner_id: str | None = None
    states: tuple[State, ...] = ()
    vod_statuses: tuple[VodStatus, ...] = ()
    has_vod: bool | None = None
    deleting: bool | None = None
    ref: str | None = None
    egress_id: str | None = None
    paths: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class RecordingStore(Protocol):
    """Recordings with their VOD. The stream's `recording` and `vod` show its newest recording
    (`domain.recording.shown_recording`, `shown_vod`; a `vod` stays until a newer recording has
    one): in the same step as a change that comes with an event, or, on a store where two documents
    are two steps, seen to by whoever opens the store, reads the log or changes it next."""

    async def add_recording(self, recording: Recording, event: Event) -> None:
        """Raises Conflict where the stream has one that runs (the `slot` of a recording is unique
        within its stream), or the id is taken."""
        ...

    async def recording(self, recording_id: str) -> Recording | None: ...

    async def recordings(self, query: RecordingQuery) -> list[Recording]: ...

    async def save_recording(self, recording: Recording, event: Event | None) -> Recording | None:
        """In the place of the one with its id and `rev`, as rev + 1: that one then. None where
        another came in between: nothing changes then. Raises Conflict where it would be the second
        of its stream that runs. Without an event (sizes, signs of life) the stream's document
        is not touched."""
        ...

    async def remove_recording(self, recording: Recording, event: Event) -> bool:
        """While its `rev` is still this one; the stream shows neither it nor its VOD any more."""
        ...


class Recorder(Protocol):
    """What records a stream: the Egress service, or one of our own."""

    kind: RecorderKind

    async def start(self, recording: Recording) -> str:
        """Begin; the name it goes by from then on (`egress_id`). Raises NotFound where the room is
        not there, Unavailable (NotReady where nothing can record)."""
        ...

    async def stop(self, recording: Recording) -> None:
        """Ask it to finish. Safe to repeat; `look` tells when it has."""
        ...

    async def look(self, recordings: Sequence[Recording]) -> dict[str, Sign]:
        """What it knows of them now, by recording id; those that it knows nothing of (any more, or
        on this host) are left out."""
        ...

    async def retry(self, recording: Recording) -> None:
        """Try again to make a whole file, where that was given up; `look` tells how it goes."""
        ...

    async def discard(self, recording: Recording) -> None:
        """The file is safely elsewhere, or nothing in it plays: what this host has of it may go."""
        ...
