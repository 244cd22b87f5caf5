"""How a recording changes: on the newest of it, with the event that tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from livectl.domain.event import Event, event
from livectl.domain.recording import Recording, Sign, State, advance, described
from livectl.errors import NotFound
from livectl.ports.clock import Clock
from livectl.ports.meter import Meter
from livectl.ports.store import Store

Change = Callable[[Recording], Recording]

_TOLD: dict[State, str] = {
    "recording": "started",
    "ending": "stopping",
    "uploading": "ended",
    "completed": "completed",
    "failed": "failed",
}
WHAT_TO_DO = {
    "egress": "see the log of the Egress service, then record again; `livectl recordings retry` "
    "looks for the file once more",
    "embedded": "see `livectl doctor` on the host that recorded it, then record again; `livectl "
    "recordings retry` there looks for the file once more",
}


class RecordingBook:
    def __init__(self, store: Store, clock: Clock, meter: Meter) -> None:
        self._store = store
        self._clock = clock
        self._meter = meter

    async def add(self, recording: Recording, *, by: str, request_id: str | None = None) -> None:
        """Raises Conflict where the stream has one that runs."""
        facts = {"recorder": recording.recorder, "restarts": recording.restarts or None}
        starting = self._event("starting", recording, by, request_id, facts)
        await self._store.add_recording(recording, starting)

    async def change(
        self,
        recording: Recording,
        change: Change,
        *,
        by: str,
        tell: str | None = None,
        request_id: str | None = None,
        **facts: Any,
    ) -> Recording:
        """What `change` makes of it, on the newest where somebody came in between; as it is then.

        A new state is told of by an event of its name, and so is anything with `tell`; without an
        event the stream's document stays as it is. Raises NotFound where it was deleted.
        """
        known = recording
        while True:
            changed = change(known)
            if changed == known:
                return known
            changed = msgspec.structs.replace(changed, updated_at=self._clock.now())
            what = tell or (_TOLD[changed.state] if changed.state != known.state else None)
            told = self._event(what, changed, by, request_id, facts) if what else None
            if saved := await self._store.save_recording(changed, told):
                if what:
                    self._meter.recording(what)
                return saved
            known = await self.again(recording.id)

    def _event(
        self, what: str, of: Recording, by: str, request_id: str | None, facts: dict[str, Any]
    ) -> Event:
        return event(
            f"recording.{what}",
            of.updated_at,
            by,
            stream_id=of.stream_id,
            request_id=request_id,
            **described(of),
            **facts,
        )

    async def take(self, recording: Recording, sign: Sign, *, by: str) -> Recording:
        """The recording after a sign of its recorder."""
        return await self.change(recording, lambda one: _after(one, sign), by=by)

    async def fail(
        self, recording: Recording, why: str, *, by: str, hint: str | None = None
    ) -> Recording:
        """Unless it has finished by now."""

        def failed(one: Recording) -> Recording:
            if not one.unfinished:
                return one
            said = hint or WHAT_TO_DO.get(one.recorder)
            return msgspec.structs.replace(one, state="failed", error=why, hint=said)

        return await self.change(recording, failed, by=by)

    async def again(self, recording_id: str) -> Recording:
        found = await self._store.recording(recording_id)
        if found is None:
            raise NotFound("recording not found")
        return found


def _after(recording: Recording, sign: Sign) -> Recording:
    after = advance(recording, sign)
    if after.state == "failed" and recording.unfinished:
        hint = WHAT_TO_DO.get(after.recorder)
        return msgspec.structs.replace(after, error=after.error or "no reason was told", hint=hint)
    return after
