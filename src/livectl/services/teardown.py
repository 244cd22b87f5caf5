"""Ending a stream so that it stays ended.

The store comes first: from that moment no token is given out, and whoever sees the room again
(a webhook, the guard, a reconcile) puts them out again. Then LiveKit: ingress off before the room
goes, since an encoder reconnects by itself; recordings asked to finish; the people put out; the
room deleted and seen gone. What fails stays owed in the store and is done later, by whichever
process comes first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from weakref import WeakValueDictionary

import msgspec

from livectl.domain.event import event
from livectl.domain.stream import Stream
from livectl.domain.teardown import Step, StepName, holds
from livectl.errors import LivectlError, TimedOutside, Unavailable
from livectl.ports.clock import Clock
from livectl.ports.livekit import Media
from livectl.ports.store import Store
from livectl.services.ingress_off import IngressOff
from livectl.services.removal import put_out

EMPTIED_WITHIN_S = 1.0
GONE_WITHIN_S = 2.0
DELETED_WITHIN_S = 0.5
# An operator must learn soon that LiveKit hangs; what is left is done by the server.
STEP_WITHIN_S = 4.0
_KEEP_COMING = "someone keeps coming back; the server goes on removing them"
_FOUND_NOTHING = {
    "ingress_off": "there is none",
    "recording_stopped": "none is running",
    "room_deleted": "it is not there",
}


class Teardown:
    def __init__(
        self,
        store: Store,
        media: Media,
        clock: Clock,
        ingress: IngressOff,
        *,
        end_recordings: Callable[[Stream], Awaitable[int]],
    ) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._ingress = ingress
        self._end_recordings = end_recordings
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def end(
        self,
        stream: Stream,
        *,
        reason: str,
        by: str,
        request_id: str | None = None,
        willing: bool = False,
    ) -> list[Step]:
        """End it in the store, then at LiveKit. Never raises for LiveKit: each step tells.

        Where the host is `willing`, nobody is expected to insist: the people go with the room, in
        one call however many they are, and their clients are told that it was deleted.
        """
        began = time.perf_counter()
        now = self._clock.now()
        ended = await self._store.end_stream(
            stream.id,
            at=now,
            reason=reason,
            by=by,
            event=event(
                "stream.ended",
                now,
                by,
                stream_id=stream.id,
                request_id=request_id,
                reason=reason,
                room=stream.room_name,
            ),
        )
        first = Step(
            step="stream_ended",
            result="done" if ended else "nothing_to_do",
            detail="" if ended else "it had ended before",
            ms=_ms_since(began),
        )
        if ended is None and (before := await self._store.stream(stream.id)):
            await self._ingress.hold(before, reason=reason, by=by, request_id=request_id)
        steps = await self.enforce(
            ended or stream, by=by, request_id=request_id, willing=willing and ended is not None
        )
        return [first, *steps]

    async def enforce(
        self, stream: Stream, *, by: str, request_id: str | None = None, willing: bool = False
    ) -> list[Step]:
        """Make LiveKit agree that a stream is over; until it does, the store owes it."""
        # A kill, the guard and the reconcile may all want it: one after the other.
        async with self._turns.setdefault(stream.id, asyncio.Lock()):
            steps = await self._take_down(stream, willing)
        await self._record(stream, steps, by, request_id)
        return steps

    async def _take_down(self, stream: Stream, willing: bool) -> list[Step]:
        room = stream.room_name
        # Both before the room goes; neither waits for the other.
        steps = await asyncio.gather(
            self._step("ingress_off", lambda: self._ingress.stream_ended(stream)),
            self._step("recording_stopped", lambda: self._stop_recordings(stream)),
        )
        delete = self._delete if willing else self._empty_and_delete
        deleted = await self._step("room_deleted", lambda: delete(room))
        gone = await self._step("room_gone", lambda: self._see_gone(room))
        return [*steps, _outweighed(deleted, gone), gone]

    async def _stop_recordings(self, stream: Stream) -> int:
        """Ours, and what somebody else has Egress record of the room."""
        ours = await self._end_recordings(stream)
        return max(ours, await self._media.stop_recordings(stream.room_name))

    async def _record(
        self, stream: Stream, steps: list[Step], by: str, request_id: str | None
    ) -> None:
        changed = [step for step in steps if step.result != "nothing_to_do"]
        facts = event(
            "stream.enforced",
            self._clock.now(),
            by,
            stream_id=stream.id,
            request_id=request_id,
            held=holds(steps),
            steps={step.step: step.detail or step.result for step in changed},
        )
        # Owed also where it had been settled once: somebody may be in there again.
        note = self._store.settle_teardown if holds(steps) else self._store.owe_teardown
        noted = await note(stream.id, facts)
        if not noted and any(step.step != "room_gone" for step in changed):
            await self._store.append_event(facts)

    async def _empty_and_delete(self, room: str) -> int:
        """Everyone out, and again those who come back meanwhile; then the room."""
        deadline = time.monotonic() + EMPTIED_WITHIN_S
        with suppress(Unavailable):  # what LiveKit does not remove goes with the room
            while await put_out(self._media, room):
                if time.monotonic() > deadline:
                    raise LivectlError(_KEEP_COMING)
        return await self._delete(room)

    async def _delete(self, room: str) -> int:
        """Of several deletions at the same moment LiveKit answers one after three seconds only.
        Nobody waits for that: whether the room is listed decides."""
        try:
            async with asyncio.timeout(DELETED_WITHIN_S):
                return int(await self._media.delete_room(room))
        except TimeoutError:
            raise TimedOutside(f"LiveKit did not answer within {DELETED_WITHIN_S:g} s") from None

    async def _see_gone(self, room: str) -> str:
        """Look until the room is not listed; where somebody made it anew, put them out again."""
        deadline = time.monotonic() + GONE_WITHIN_S
        while await self._media.rooms([room]):
            back = await put_out(self._media, room)
            if time.monotonic() > deadline:
                if back:
                    raise LivectlError(_KEEP_COMING)
                # LiveKit can list an empty room that no call removes (livekit#3766).
                return "nobody is in it, though LiveKit still lists the empty room"
            if not back:
                with suppress(Unavailable):
                    await self._delete(room)
            await asyncio.sleep(0.05)
        return ""

    async def _step(self, name: StepName, act: Callable[[], Awaitable[int | str]]) -> Step:
        began = time.perf_counter()
        try:
            async with asyncio.timeout(STEP_WITHIN_S):
                found = await act()
        except LivectlError as error:
            return Step(step=name, result="failed", detail=error.message, ms=_ms_since(began))
        except TimeoutError:
            silent = f"LiveKit did not answer within {STEP_WITHIN_S:g} s"
            return Step(step=name, result="failed", detail=silent, ms=_ms_since(began))
        detail = found if isinstance(found, str) else _FOUND_NOTHING[name] if not found else ""
        return Step(
            step=name,
            result="done" if found or isinstance(found, str) else "nothing_to_do",
            detail=detail,
            ms=_ms_since(began),
        )


def _outweighed(deleted: Step, gone: Step) -> Step:
    """The deletion, which has not failed where the room was then seen gone: of two deletions at
    the same moment, LiveKit answers one with "no response from servers"."""
    if deleted.result != "failed" or gone.result != "done":
        return deleted
    detail = f"the room is gone all the same; {deleted.detail}"
    return msgspec.structs.replace(deleted, result="done", detail=detail)


def _ms_since(began: float) -> int:
    return round((time.perf_counter() - began) * 1000)
