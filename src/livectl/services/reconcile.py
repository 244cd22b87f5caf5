"""LiveKit is the truth: compare it with the store, say what differs, and mend it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence, Set
from datetime import datetime, timedelta
from typing import Literal, Protocol

import msgspec

from livectl.domain.event import event
from livectl.domain.ids import is_our_room, user_of
from livectl.domain.presence import Sighting, peak
from livectl.domain.stream import Stream
from livectl.domain.teardown import holds
from livectl.domain.webhook import Participant
from livectl.errors import LivectlError
from livectl.ports.clock import Clock
from livectl.ports.ingress import IngressQuery
from livectl.ports.livekit import Media, Room
from livectl.ports.meter import Meter
from livectl.ports.store import Store
from livectl.ports.streams import StreamQuery
from livectl.services.moderation import Moderation
from livectl.services.presence import Presence, counts, sighting
from livectl.services.teardown import Teardown

Kind = Literal[
    "viewers",
    "stream_without_room",
    "room_of_ended_stream",
    "room_without_stream",
    "undeletable_room",
    "teardown_owed",
    "blocked_user",
    "encoder",
    "waiting_room",
    "ingress_room",
    "ingress_enabled",
    "ingress_lost",
    "orphan_ingress",
]
_PAGE = 500
# What happened this close to LiveKit's answer may be in it or not: webhooks will tell.
_UNSURE = timedelta(seconds=5)


class Correction(msgspec.Struct, kw_only=True, rename="camel", omit_defaults=True):
    """One difference: what the store says, what LiveKit says, what is done about it.

    `result` is planned (nothing was done yet), done, failed (with `error`), or reported (for what
    cannot be mended from here).
    """

    kind: Kind
    room_name: str
    store: str
    livekit: str
    action: str
    stream_id: str | None = None
    result: Literal["planned", "done", "failed", "reported"] = "planned"
    error: str | None = None


class Report(msgspec.Struct, kw_only=True, rename="camel"):
    """Everything that a reconcile saw and did."""

    dry_run: bool
    checked_streams: int
    checked_rooms: int
    corrections: list[Correction]


Apply = Callable[[], Awaitable[None]]
Planned = tuple[Correction, Apply]


class Comparison(Protocol):
    """A part of the reconcile that has a module of its own."""

    async def compare(self, rooms: Set[str]) -> list[Planned]:
        """What differs, with the `rooms` that LiveKit listed."""
        ...


class Reconcile:
    def __init__(
        self,
        store: Store,
        media: Media,
        clock: Clock,
        meter: Meter,
        moderation: Moderation,
        presence: Presence,
        teardown: Teardown,
        ingress: Comparison,
        *,
        start_grace: timedelta,
    ) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._meter = meter
        self._moderation = moderation
        self._presence = presence
        self._teardown = teardown
        self._ingress = ingress
        self._start_grace = start_grace
        # Empty rooms that LiveKit lists and cannot delete (livekit#3766), by sid: told of once.
        self._undeletable: set[str] = set()

    async def run(
        self, *, dry_run: bool, by: str = "reconcile", guarded: Set[str] = frozenset()
    ) -> Report:
        """Compare and, unless `dry_run`, mend. One that fails does not stop the others. Rooms of
        ended streams whose ids are in `guarded` are left to the guard, which knows if they are
        quiet.

        Raises Unavailable when LiveKit or the store cannot be asked at all.
        """
        # The store first: a stream that starts in between has a room that is not yet listed here,
        # never a room that is listed and no stream.
        began = self._clock.now()
        live = await self._all(StreamQuery(live=True, limit=_PAGE))
        owed = await self._all(StreamQuery(teardown_owed=True, limit=_PAGE))
        rooms = {room.name: room for room in await self._media.rooms() if is_our_room(room.name)}
        plan = await self._ingress.compare(rooms.keys())
        for stream in live:
            plan += await self._compare_live(stream, rooms.get(stream.room_name), began)
        plan += [self._settle_owed(stream) for stream in owed]
        known = {stream.room_name for stream in [*live, *owed]}
        unknown = [room for room in rooms.values() if room.name not in known]
        plan += await self._compare_rooms(unknown, guarded)
        if not dry_run:
            for correction, apply in plan:
                await self._apply(correction, apply, by)
            self._meter.reconciled(len(plan))
        return Report(
            dry_run=dry_run,
            checked_streams=len(live) + len(owed),
            checked_rooms=len(rooms),
            corrections=[correction for correction, _ in plan],
        )

    async def _all(self, query: StreamQuery) -> list[Stream]:
        found: list[Stream] = []
        while page := await self._store.find_streams(query):
            found += page
            if len(page) < query.limit:
                break
            query = msgspec.structs.replace(query, before=(page[-1].started_at, page[-1].id))
        return found

    async def _compare_live(
        self, stream: Stream, room: Room | None, began: datetime
    ) -> list[Planned]:
        if room is None:
            return await self._without_room(stream, began)
        here = await self._media.participants(stream.room_name)
        plan = []
        known = await self._store.sightings(stream.id)
        facts = _missed_sightings(stream, here, known, began)
        watching = len({user_of(one.identity) for one in here if counts(stream, one)})
        # Webhooks that came together or out of order hide a peak, or feign one, while it runs.
        most = peak(known, began) if known else stream.peak_viewers
        if facts or (watching, most) != (stream.viewers, stream.peak_viewers):
            plan.append(self._correct_viewers(stream, watching, most, facts))
        blocked = {user_of(one.identity) for one in here} & await self._moderation.kept_out(stream)
        if blocked:
            plan.append(self._put_out(stream, blocked))
        return plan

    async def _without_room(self, stream: Stream, began: datetime) -> list[Planned]:
        if stream.started_at > began - self._start_grace:
            return []  # its room may be about to be made
        of_key = await self._store.ingress_keys(IngressQuery(live_stream_id=stream.id, limit=1))
        if any(key.enabled or key.gone_since for key in of_key):
            return []  # its encoder makes the room again, or its grace time ends

        async def end() -> None:
            steps = await self._teardown.end(stream, reason="room_gone", by="reconcile")
            await self._presence.recount(stream.id, exact_peak=True)
            _must_hold(holds(steps))

        correction = Correction(
            kind="stream_without_room",
            stream_id=stream.id,
            room_name=stream.room_name,
            store="live",
            livekit="no such room",
            action="end the stream",
        )
        return [(correction, end)]

    def _correct_viewers(
        self, stream: Stream, watching: int, most: int, facts: list[Sighting]
    ) -> Planned:
        async def correct() -> None:
            await self._store.overrule_sightings(facts)
            await self._presence.recount(stream.id, exact_peak=True)

        correction = Correction(
            kind="viewers",
            stream_id=stream.id,
            room_name=stream.room_name,
            store=f"{stream.viewers} watching",
            livekit=f"{watching} watching",
            action=f"take {len(facts)} missed joins and leaves into account"
            if facts
            else f"count anew: at most {most} watched, not {stream.peak_viewers}",
        )
        return correction, correct

    def _put_out(self, stream: Stream, blocked: set[str]) -> Planned:
        async def put_out() -> None:
            await self._moderation.put_out(stream.room_name, blocked)

        correction = Correction(
            kind="blocked_user",
            stream_id=stream.id,
            room_name=stream.room_name,
            store="blocked: " + ", ".join(sorted(blocked)),
            livekit="in the room",
            action="remove from the room",
        )
        return correction, put_out

    def _settle_owed(self, stream: Stream) -> Planned:
        async def enforce() -> None:
            steps = await self._teardown.enforce(stream, by="reconcile")
            await self._presence.recount(stream.id, exact_peak=True)
            _must_hold(holds(steps))

        correction = Correction(
            kind="teardown_owed",
            stream_id=stream.id,
            room_name=stream.room_name,
            store="ended, and not yet enforced",
            livekit="not asked yet",
            action="stop ingress and recordings, delete the room",
        )
        return correction, enforce

    async def _compare_rooms(self, rooms: list[Room], guarded: Set[str]) -> list[Planned]:
        """Rooms with one of our names that belong to no live stream."""
        plan = []
        store_is_empty = not await self._store.find_streams(StreamQuery(limit=1))
        for room in rooms:
            if room.sid in self._undeletable:
                continue
            stream = await self._store.stream_in_room(room.name)
            if stream is None and room.created_at > self._clock.now() - self._start_grace:
                continue
            if stream is not None and (stream.is_live or stream.id in guarded):
                continue  # live: it began after the first look
            if stream is None and await self._waits_for_encoder(room):
                continue
            plan.append(self._delete_room(room, stream, hands_off=store_is_empty))
        return plan

    async def _waits_for_encoder(self, room: Room) -> bool:
        query = IngressQuery(room=room.name, enabled=True, limit=1)
        return bool(await self._store.ingress_keys(query))

    def _delete_room(self, room: Room, stream: Stream | None, *, hands_off: bool) -> Planned:
        correction = Correction(
            kind="room_of_ended_stream" if stream else "room_without_stream",
            stream_id=stream.id if stream else None,
            room_name=room.name,
            store="ended" if stream else "no such stream",
            livekit=f"{room.participants} in the room",
            action="delete the room",
        )

        async def delete() -> None:
            if hands_off:
                correction.result = "reported"
                correction.error = "the store holds no stream at all: is it the right one?"
                return
            if stream is not None:
                _must_hold(holds(await self._teardown.enforce(stream, by="reconcile")))
            else:
                await self._media.delete_room(room.name)
            await self._note_undeletable(correction, room)

        return correction, delete

    async def _note_undeletable(self, correction: Correction, room: Room) -> None:
        still = await self._media.rooms([room.name])
        if still and still[0].sid == room.sid and still[0].participants == 0:
            self._undeletable.add(room.sid)
            correction.kind = "undeletable_room"
            correction.result = "reported"
            correction.error = "empty, listed, and not deletable (livekit#3766): restart LiveKit"

    async def _apply(self, correction: Correction, apply: Apply, by: str) -> None:
        try:
            await apply()
        except LivectlError as error:
            correction.result = "failed"
            correction.error = error.message
        if correction.result == "planned":
            correction.result = "done"
        corrected = event(
            "reconcile.corrected",
            self._clock.now(),
            by,
            stream_id=correction.stream_id,
            kind=correction.kind,
            room=correction.room_name,
            before=correction.store,
            after=correction.livekit,
            action=correction.action,
            result=correction.result,
            error=correction.error,
        )
        await self._store.append_event(corrected)


def _must_hold(held: bool) -> None:
    if not held:
        raise LivectlError("LiveKit did not do all of it; the next reconcile tries again")


def _missed_sightings(
    stream: Stream, here: Sequence[Participant], sightings: Sequence[Sighting], began: datetime
) -> list[Sighting]:
    """What the store should have known: sessions that are there, and those that are not."""
    known = {seen.sid: seen for seen in sightings}
    present = {one.sid: one for one in here if counts(stream, one)}
    sure = began - _UNSURE
    missed = []
    for sid, person in present.items():
        seen = known.get(sid)
        if seen is None or seen.joined_at is None or (seen.left_at and seen.left_at < sure):
            missed.append(sighting(stream, person))
    missed += [
        msgspec.structs.replace(seen, left_at=began)
        for sid, seen in known.items()
        if sid not in present
        and seen.left_at is None
        and seen.joined_at is not None
        and seen.joined_at < sure
    ]
    return missed
