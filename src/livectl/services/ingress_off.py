"""How ingress keys stop working: switched off, or with the stream that they are live as."""

from __future__ import annotations

import msgspec

from livectl.domain.clock import epoch_ms
from livectl.domain.ids import waiting_room
from livectl.domain.ingress import Connection, IngressKey
from livectl.domain.stream import Stream
from livectl.ports import Clock, Ingresses, IngressQuery, MadeIngress, Store
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines

# Ends that nobody decided on: a standing key goes on to work after them.
_OF_THEMSELVES = frozenset({"encoder_gone", "room_finished", "room_gone", "start_failed"})


class IngressOff:
    def __init__(
        self,
        store: Store,
        book: IngressBook,
        lines: Lines,
        ingresses: Ingresses,
        clock: Clock,
    ) -> None:
        self._store = store
        self._book = book
        self._lines = lines
        self._ingresses = ingresses
        self._clock = clock

    async def switch_off(
        self, key: IngressKey, why: str, *, by: str, request_id: str | None = None
    ) -> IngressKey:
        """No encoder gets in any more, and one that is in is put out. Safe to repeat."""

        def off(key: IngressKey) -> IngressKey:
            return msgspec.structs.replace(key, enabled=False, off_reason=key.off_reason or why)

        off_now = await self._book.change(
            key, off, by=by, tell="disabled", request_id=request_id, reason=why
        )
        await self._lines.refuse(off_now)
        return off_now

    async def stream_ended(self, stream: Stream) -> int:
        """See that nothing leads into the room of a stream that has ended; how many ingresses did.

        Of those of a key that works on, the next connection joins another room; the others are
        deleted. Safe to repeat.
        """
        if keys := await self._book.find(IngressQuery(room=stream.room_name)):
            ended = await self._store.stream(stream.id) or stream  # with the reason why
            for key in keys:
                await self._part(key, ended)
        listed = await self._ingresses.ingresses(room=stream.room_name)
        led_there = [await self._lead_away(made, stream) for made in listed]
        named = (stream.ingress or {}).get("ingressId")
        if named and named not in {made.ingress_id for made in listed}:
            led_there.append(await self._lines.end(named))
        return sum(led_there)

    async def _part(self, key: IngressKey, stream: Stream) -> None:
        why = _why_off(key, stream)

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
    if key.standing and reason in _OF_THEMSELVES:
        # What is pulled is pulled once.
        return "the pull has ended" if key.protocol == "url" else None
    if reason in _OF_THEMSELVES or reason == "stopped":
        return reason
    return "killed" if reason == "ended" else f"killed: {reason}"


def _next_room(key: IngressKey, now_ms: int) -> str:
    return waiting_room(key.owner_id, now_ms) if key.standing else key.room
