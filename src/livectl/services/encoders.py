"""Encoders that come and go: going live, the grace time, the end of what has run out.

LiveKit's list of who is in a room decides. Webhooks, the reconcile and the clock only say when to
look; so whatever comes, in any order, ends in the same state.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from livectl.domain.clock import iso
from livectl.domain.ids import ROOM_PREFIX, user_of
from livectl.domain.ingress import ConnectionStatus, IngressKey, Line
from livectl.domain.webhook import Notice
from livectl.errors import Forbidden, LivectlError
from livectl.ports.clock import Clock
from livectl.ports.ingress import IngressQuery, MadeIngress
from livectl.ports.store import Store
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines
from livectl.services.ingress_off import IngressOff
from livectl.services.streams import StartWish, Streams
from livectl.services.teardown import Teardown

log = logging.getLogger(__name__)

WARNED_BEFORE = timedelta(days=1)
_BY = "livectl"
_TEND_EVERY = timedelta(seconds=1)
_WARN_EVERY = timedelta(minutes=1)
_AT_ONCE = 1000
# As many keys are seen to at the same time, where LiveKit is slow.
_TOGETHER = 8


class Encoders:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        book: IngressBook,
        lines: Lines,
        off: IngressOff,
        streams: Streams,
        teardown: Teardown,
    ) -> None:
        self._store = store
        self._clock = clock
        self._book = book
        self._lines = lines
        self._off = off
        self._streams = streams
        self._teardown = teardown
        self._next_tend: datetime | None = None
        self._next_warning: datetime | None = None

    async def hear(self, room: str, notices: Sequence[Notice]) -> None:
        """Look at the keys that webhooks of a room are about."""
        for key in await self._keys_of(room, notices):
            await self.look(key)

    async def _keys_of(self, room: str, notices: Sequence[Notice]) -> list[IngressKey]:
        ids = {str(one.ingress.get("ingressId")) for one in notices if one.ingress}
        found = [await self._book.one(IngressQuery(ingress_id=one)) for one in ids]
        # An encoder goes by the name of its owner, and so does the room: most webhooks are of
        # viewers, and are not worth a query.
        if any(_is_of_owner(one, room) for one in notices):
            found += await self._book.find(IngressQuery(room=room))
        return list({key.id: key for key in found if key is not None}.values())

    async def look(self, key: IngressKey, made: Sequence[MadeIngress] | None = None) -> IngressKey:
        """Bring a key in step with what LiveKit says now; as it is then. `made` is what LiveKit
        has of its lines, where that was asked before.

        An encoder whose key is off, or whose owner may not go live, is put out: it may try again,
        and is put out again.
        """
        key = await self.settled(await self._book.get(key.id))
        here = await self._lines.is_here(key)
        if made is None:
            made = await self._lines.made(key)
        refusal = None
        if here:
            key, refusal = await self._take_in(key)
            if refusal is not None:
                await self._lines.drop(key)
        now = self._clock.now()
        in_room = here and refusal is None
        return await self._book.change(
            key, lambda one: _seen(one, in_room, made, now, refusal), by=_BY
        )

    async def _take_in(self, key: IngressKey) -> tuple[IngressKey, str | None]:
        """Whose encoder is in the room: as it is then, and why it is to be put out, if it is."""
        try:
            if key.standing and key.live_stream_id is None and key.works_at(self._clock.now()):
                key = await self._go_live(key)
        except Forbidden as refused:
            return key, refused.message
        # It may have been switched off meanwhile.
        return key, None if key.works_at(self._clock.now()) else f"the key is off: {key.why_off}"

    async def settled(self, key: IngressKey) -> IngressKey:
        """The key after the end of its stream, where that has come and nobody told."""
        stream = await self._store.stream_in_room(key.room)
        if stream is None or stream.is_live:
            return key
        await self._off.stream_ended(stream)
        return await self._book.get(key.id)

    async def _go_live(self, key: IngressKey) -> IngressKey:
        """Raises FeatureDisabled, Banned."""
        stream = await self._streams.start_in_room(
            key.owner_id, _wish(key), key.room, by=f"ingress:{key.id}"
        )

        def live(key: IngressKey) -> IngressKey:
            if key.room != stream.room_name:
                return key  # it was ended meanwhile
            return msgspec.structs.replace(key, live_stream_id=stream.id, gone_since=None)

        return await self._book.change(key, live, by=_BY)

    async def came(self, key: IngressKey, line: Line, address: str) -> IngressKey:
        """An encoder is on its way in, by this line and from this address. Raises FeatureDisabled,
        Banned, Forbidden (the key or the line has ended meanwhile)."""
        key = await self._book.get(key.id)
        self.check_lets_in(key, line)
        if key.standing:
            key = await self._go_live(key)
        now = self._clock.now()

        def on_the_way(key: IngressKey) -> IngressKey:
            connection = msgspec.structs.replace(
                key.connection,
                status="buffering",
                since=now,
                ingress_id=line.ingress_id,
                came_from=address,
                error=None,
            )
            return msgspec.structs.replace(
                key, connection=connection, gone_since=None, last_used_at=now
            )

        after = await self._book.change(key, on_the_way, by=_BY)
        self.check_lets_in(after, line)  # whoever switches it off later finds the encoder there
        return after

    def check_lets_in(self, key: IngressKey, line: Line) -> None:
        """Raises Forbidden where the key is off, or the line is none of it."""
        if not key.works_at(self._clock.now()):
            raise Forbidden(f"this stream key is off: {key.why_off}")
        if line.ingress_id not in {one.ingress_id for one in key.lines}:
            raise Forbidden("this stream key was replaced by another")

    async def put_out(self, key: IngressKey) -> None:
        """Put an encoder out that came, and have it known where the key is still there."""
        await self._lines.drop(key)
        if known := await self._store.ingress_key(key.id):
            await self.look(known)

    async def tend(self) -> None:
        """Do what has come due, once a second. One key that cannot be seen to does not hold up the
        others."""
        now = self._clock.now()
        if self._next_tend is not None and now < self._next_tend:
            return
        self._next_tend = now + _TEND_EVERY
        due = await self._book.find(IngressQuery(due_at=now, limit=_AT_ONCE))
        turns = asyncio.Semaphore(_TOGETHER)
        async with asyncio.TaskGroup() as group:
            for key in due:
                group.create_task(self._see_to_in_turn(turns, key, now))
        if self._next_warning is None or now >= self._next_warning:
            self._next_warning = now + _WARN_EVERY
            await self._warn(now)

    async def _see_to_in_turn(
        self, turns: asyncio.Semaphore, key: IngressKey, now: datetime
    ) -> None:
        async with turns:
            try:
                await self._see_to(key, now)
            except LivectlError as error:
                log.warning("ingress key %s: %s", key.id, error.message)

    async def _see_to(self, key: IngressKey, now: datetime) -> None:
        if key.enabled and not key.works_at(now):
            await self._lines.refuse(key)  # so that it is tried again where LiveKit is away
            key = await self.look(await self._off.switch_off(key, "expired", by=_BY))
        if any(_is_over(line, now) for line in key.lines):
            key = await self._end_lines(key, now)
        if key.grace_over_at is not None and key.grace_over_at <= now:
            await self._end_stream(key)

    async def _end_lines(self, key: IngressKey, now: datetime) -> IngressKey:
        ended = [line for line in key.lines if _is_over(line, now)]

        def without(key: IngressKey) -> IngressKey:
            kept = [line for line in key.lines if line not in ended]
            return msgspec.structs.replace(key, lines=kept)

        after = await self._book.change(key, without, by=_BY, tell="line_ended")
        for line in ended:
            if key.through == "ingress":
                await self._lines.end(line.ingress_id)
            if key.connection.ingress_id == line.ingress_id:
                await self._lines.drop(key)
        return after

    async def _end_stream(self, key: IngressKey) -> None:
        """Unless the encoder is back, and nobody told."""
        key = await self.look(key)
        if key.gone_since is None or key.live_stream_id is None:
            return
        if stream := await self._store.stream(key.live_stream_id):
            await self._teardown.end(stream, reason="encoder_gone", by=_BY)

    async def _warn(self, now: datetime) -> None:
        soon = now + WARNED_BEFORE
        due = IngressQuery(due_at=soon, enabled=True, limit=_AT_ONCE)
        for key in await self._book.find(due):
            if key.expires_at is not None and key.expires_at <= soon:
                when = iso(key.expires_at)
                await self._book.change(key, _warned, by=_BY, tell="expiring", expires=when)


def _is_of_owner(notice: Notice, room: str) -> bool:
    person = notice.participant
    return person is not None and room.startswith(f"{ROOM_PREFIX}{user_of(person.identity)}_")


def _is_over(line: Line, now: datetime) -> bool:
    return line.ends_at is not None and line.ends_at <= now


def _warned(key: IngressKey) -> IngressKey:
    return msgspec.structs.replace(key, warned=True)


def _wish(key: IngressKey) -> StartWish:
    return StartWish(
        title=key.title,
        tags=key.tags,
        cover_url=key.cover_url,
        enable_recording=key.enable_recording,
        enable_replay=key.enable_replay,
        auto_record=key.auto_record or None,
    )


def _seen(
    key: IngressKey,
    here: bool,
    made: Sequence[MadeIngress],
    now: datetime,
    refusal: str | None,
) -> IngressKey:
    """The key after a look: whether its encoder is in the room, why it was put out, and what
    LiveKit's Ingress says of its connection."""
    connected = next((one for one in made if one.status not in {"inactive", "error"}), None)
    last = connected or (made[-1] if made else None)
    known = key.connection
    status = "publishing" if here else _outside(last)
    connection = msgspec.structs.replace(
        known,
        status=status,
        since=now if status != known.status else known.since,
        ingress_id=connected.ingress_id if connected else known.ingress_id,
        error=refusal or (last and last.error) or (None if here else known.error),
    )
    left = key.live_stream_id is not None and not here
    came_or_went = here is not (known.status == "publishing")
    return msgspec.structs.replace(
        key,
        connection=connection,
        gone_since=(key.gone_since or now) if left else None,
        last_used_at=now if came_or_went else key.last_used_at,
    )


def _outside(made: MadeIngress | None) -> ConnectionStatus:
    """Of one who is not in the room: a worker that crashed or was put out of it says for some
    time that it publishes there."""
    if made is None:
        return "inactive"
    return "buffering" if made.status == "publishing" else made.status
