"""How ingress keys stop working: switched off, or with the stream that they are live as."""

from __future__ import annotations

import msgspec

from livectl.domain.clock import epoch_ms
from livectl.domain.ids import waiting_room
from livectl.domain.ingress import Connection, IngressKey
from livectl.domain.stream import Stream
from livectl.ports.clock import Clock
from livectl.ports.ingress import IngressQuery, MadeIngress
from livectl.ports.store import Store
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines

# Who ends what nobody decided to end: a standing key goes on to work after it.
_NOBODY = frozenset({"livectl", "livekit", "reconcile"})
# What is pulled is pulled once.
PULL_ENDED = "the pull has ended"


class IngressOff:
    def __init__(
        self,
        store: Store,
        book: IngressBook,
        lines: Lines,
        clock: Clock,
    ) -> None:
        self._store = store
        self._book = book
        self._lines = lines
        self._clock = clock

    async def switch_off(
        self, key: IngressKey, why: str, *, by: str, request_id: str | None = None
    ) -> IngressKey:
        """No encoder gets in any more, and one that is in is put out. Safe to repeat."""
        off = await self.forbid(key, why, by=by, request_id=request_id)
        await self._lines.refuse(off)
        return off

    async def forbid(
        self,
        key: IngressKey,
        why: str,
        *,
        by: str,
        request_id: str | None = None,
        spent: bool = False,
    ) -> IngressKey:
        """Whatever LiveKit does, nobody goes live by it from now on; it is not told here."""

        def off(key: IngressKey) -> IngressKey:
            return msgspec.structs.replace(
                key,
                enabled=False,
                off_reason=key.off_reason or why,
                spent=key.spent or spent,
            )

        return await self._book.change(
            key, off, by=by, tell="disabled", request_id=request_id, reason=why
        )

    async def hold(self, stream: Stream, *, reason: str, by: str, request_id: str | None) -> None:
        """Switch the key off of a stream that had ended by itself when somebody killed it: its
        encoder would be live anew. `stream_ended` tells LiveKit."""
        if by in _NOBODY or stream.ended_by not in _NOBODY:
            return
        for key in await self._last_of(stream):
            why = _killed(reason)
            await self.forbid(key, why, by=by, request_id=request_id, spent=True)

    async def _last_of(self, stream: Stream) -> list[IngressKey]:
        """The standing key that was live as this one before it waited again."""
        of_owner = await self._book.find(IngressQuery(owner_id=stream.owner_id, standing=True))
        return [key for key in of_owner if key.last_stream_id == stream.id]

    async def stream_ended(self, stream: Stream) -> int:
        """See that nothing leads into the room of a stream that has ended; how many ingresses did.

        Of those of a key that works on, the next connection joins another room; the others are
        deleted. Safe to repeat.
        """
        if keys := await self._book.find(IngressQuery(room=stream.room_name)):
            ended = await self._store.stream(stream.id) or stream  # with the reason why
            for key in keys:
                await self.part(key, ended, _why_off(key, ended))
        held = [key for key in await self._last_of(stream) if key.spent and not key.enabled]
        for key in held:
            await self._lines.end_all(key)
            await self._lines.drop(key)
        listed = await self._lines.listed(room=stream.room_name)
        led_there = [await self._lead_away(made, stream) for made in listed]
        named = (stream.ingress or {}).get("ingressId")
        if named and named not in {made.ingress_id for made in listed}:
            led_there.append(await self._lines.end(named))
        return len(held) + sum(led_there)

    async def part(self, key: IngressKey, stream: Stream, why: str | None) -> None:
        """The next room of a standing key is another, and it waits there; or the key is off, for
        the reason `why`."""

        def parted(key: IngressKey) -> IngressKey:
            if key.room != stream.room_name or not (key.standing or key.enabled):
                return key  # another has done it
            now = self._clock.now()
            return msgspec.structs.replace(
                key,
                enabled=key.enabled and why is None,
                off_reason=key.off_reason or why,
                next_room=_next_room(key, epoch_ms(now)),
                live_stream_id=None,
                last_stream_id=stream.id,
                spent=key.spent or why is not None,
                gone_since=None,
                connection=Connection(since=now, came_from=key.connection.came_from),
            )

        tell = "ready" if why is None else "disabled"
        by = stream.ended_by or "livectl"
        await self._book.change(key, parted, by=by, tell=tell, reason=why)

    async def _lead_away(self, made: MadeIngress, stream: Stream) -> bool:
        key = await self._book.one(IngressQuery(ingress_id=made.ingress_id))
        if key is None or not key.enabled or key.room == stream.room_name:
            return await self._lines.end(made.ingress_id)
        await self._lines.move(key, made)
        return True


def _why_off(key: IngressKey, stream: Stream) -> str | None:
    """Why a key works no more after an end of its stream; None where it does."""
    reason = stream.end_reason or "ended"
    by_itself = stream.ended_by in _NOBODY
    if key.standing and by_itself:
        return PULL_ENDED if key.protocol == "url" else None
    return reason if by_itself or reason == "stopped" else _killed(reason)


def _killed(reason: str) -> str:
    return "killed" if reason == "ended" else f"killed: {reason}"


def _next_room(key: IngressKey, now_ms: int) -> str:
    return waiting_room(key.owner_id, now_ms) if key.standing else key.room
