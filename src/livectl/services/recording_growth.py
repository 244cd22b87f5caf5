"""Whether what is recorded on this host grows."""

from __future__ import annotations

import logging
from collections.abc import Collection
from datetime import datetime

import msgspec

from livectl.domain.event import event
from livectl.domain.recording import Recording, Sign
from livectl.domain.watchdog import GROWS_WITHIN
from livectl.errors import LivectlError
from livectl.ports.clock import Clock
from livectl.ports.meter import Meter
from livectl.ports.store import Store
from livectl.services.recordings import Recordings

log = logging.getLogger(__name__)


class GrowthWatch:
    """Tells of a recorder that writes nothing while the host is on air: once, and again after it
    has grown in between."""

    def __init__(
        self, store: Store, clock: Clock, meter: Meter, recordings: Recordings, *, host: str
    ) -> None:
        self._store = store
        self._clock = clock
        self._meter = meter
        self._recordings = recordings
        self._host = host
        self._known: dict[str, _Growth] = {}

    def keep(self, recording_ids: Collection[str]) -> None:
        """The others are over."""
        self._known = {id_: one for id_, one in self._known.items() if id_ in recording_ids}

    async def look(self, recording: Recording, sign: Sign) -> None:
        """Where LiveKit cannot be asked, the next look does."""
        try:
            await self._look(recording, sign)
        except LivectlError as error:
            log.warning("recording %s: %s", recording.id, error.message)

    async def _look(self, recording: Recording, sign: Sign) -> None:
        now = self._clock.now()
        known = self._known.get(recording.id)
        if sign.state != "recording" or known is None or (sign.size or 0) > known.size:
            self._known[recording.id] = _Growth(size=sign.size or 0, since=now)
            return
        if known.told or now - known.since < GROWS_WITHIN:
            return
        stream = await self._store.stream(recording.stream_id)
        if stream is None or not await self._recordings.host_publishes(stream):
            self._known[recording.id] = msgspec.structs.replace(known, since=now)
            return
        self._known[recording.id] = msgspec.structs.replace(known, told=True)
        self._meter.recording("stalled")
        stalled = event(
            "recording.stalled",
            now,
            "livectl",
            stream_id=recording.stream_id,
            recording=recording.id,
            host=self._host,
            size=known.size,
            seconds=round((now - known.since).total_seconds()),
        )
        await self._store.append_event(stalled)


class _Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How large a file was since when; whether it was told that it does not grow."""

    size: int
    since: datetime
    told: bool = False
