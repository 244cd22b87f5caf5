"""Where ingress keys and LiveKit differ, for the reconcile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import timedelta

import msgspec

from livectl.domain.ingress import IngressKey, made_by_us
from livectl.ports import Clock, Ingresses, IngressQuery, MadeIngress
from livectl.services.encoders import Encoders
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines
from livectl.services.ingress_off import IngressOff
from livectl.services.reconcile import Correction, Kind, Planned

_LOST = "LiveKit has lost its ingress; enabling the key makes a new secret"
_PAGE = 500


class IngressDrift:
    def __init__(
        self,
        ingresses: Ingresses,
        clock: Clock,
        book: IngressBook,
        lines: Lines,
        off: IngressOff,
        encoders: Encoders,
        *,
        start_grace: timedelta,
    ) -> None:
        self._ingresses = ingresses
        self._clock = clock
        self._book = book
        self._lines = lines
        self._off = off
        self._encoders = encoders
        self._start_grace = start_grace

    async def compare(self, rooms: Set[str]) -> list[Planned]:
        """What differs, with the `rooms` that LiveKit listed."""
        # Ingresses first: one that is made in between is not listed, and missed by nobody.
        listed = {one.ingress_id: one for one in await self._ingresses.ingresses()}
        plan: list[Planned] = []
        for key in await self._all_enabled():
            plan += await self._compare(key, listed, rooms)
        hands_off = bool(listed) and not await self._book.find(IngressQuery(limit=1))
        for made in listed.values():
            plan += await self._compare_made(made, hands_off=hands_off)
        return plan

    async def _all_enabled(self) -> list[IngressKey]:
        found: list[IngressKey] = []
        query = IngressQuery(enabled=True, limit=_PAGE)
        while page := await self._book.find(query):
            found += page
            if len(page) < query.limit:
                break
            query = msgspec.structs.replace(query, before=(page[-1].created_at, page[-1].id))
        return found

    async def _compare(
        self, key: IngressKey, listed: Mapping[str, MadeIngress], rooms: Set[str]
    ) -> list[Planned]:
        of_key = [listed[one.ingress_id] for one in key.lines if one.ingress_id in listed]
        plan = []
        if key.through == "ingress":
            settled = key.line.made_at <= self._clock.now() - self._start_grace
            if settled and key.line.ingress_id not in listed:
                return [self._lost(key)]
            plan += [self._move(key, made) for made in of_key if made.room != key.room]
            if key.standing and key.room not in rooms:
                plan.append(self._keep_room(key))
        here = key.room in rooms and await self._lines.is_here(key)
        if here and key.through == "livekit" and not _came_by_a_line(key):
            plan.append(self._drop(key))
        live = key.live_stream_id is not None and key.gone_since is None
        if here is not (key.connection.status == "publishing") or (key.standing and here != live):
            plan.append(self._look(key, of_key, here))
        return plan

    def _lost(self, key: IngressKey) -> Planned:
        async def switch_off() -> None:
            await self._off.switch_off(key, why, by="reconcile")

        why = "the pull has ended" if key.protocol == "url" else _LOST
        correction = _correction(key, "ingress_lost", "no such ingress", "switch the key off")
        return correction, switch_off

    def _move(self, key: IngressKey, made: MadeIngress) -> Planned:
        async def move() -> None:
            await self._lines.move(key, made)

        action = "lead its next connection to the room of its key"
        return _correction(key, "ingress_room", f"leads to {made.room}", action), move

    def _keep_room(self, key: IngressKey) -> Planned:
        async def make() -> None:
            await self._lines.keep_room(key)

        action = "make the room that waits for an encoder"
        return _correction(key, "waiting_room", "no such room", action), make

    def _look(self, key: IngressKey, made: Sequence[MadeIngress], here: bool) -> Planned:
        async def look() -> None:
            await self._encoders.look(key, made)

        says = "its encoder is in the room" if here else "no encoder in the room"
        return _correction(key, "encoder", says, "take it into account"), look

    def _drop(self, key: IngressKey) -> Planned:
        async def drop() -> None:
            await self._lines.drop(key)

        says = "an encoder is in with a stream key that has ended"
        return _correction(key, "encoder", says, "put it out"), drop

    async def _compare_made(self, made: MadeIngress, *, hands_off: bool) -> list[Planned]:
        """An ingress that no key has, or that takes connections for a key that is off. Those that
        somebody else made are let be."""
        made_at = made_by_us(made.name)
        if made_at is None or made_at > self._clock.now() - self._start_grace:
            return []
        key = await self._book.one(IngressQuery(ingress_id=made.ingress_id))
        if key is None:
            return [self._delete(made, hands_off=hands_off)]
        return [] if key.enabled or not made.enabled else [self._refuse(key, made)]

    def _delete(self, made: MadeIngress, *, hands_off: bool) -> Planned:
        correction = Correction(
            kind="orphan_ingress",
            room_name=made.room,
            store="no such ingress",
            livekit=made.ingress_id,
            action="delete the ingress",
        )

        async def delete() -> None:
            if hands_off:
                correction.result = "reported"
                correction.error = "the store holds no ingress key at all: is it the right one?"
                return
            await self._lines.end(made.ingress_id)

        return correction, delete

    def _refuse(self, key: IngressKey, made: MadeIngress) -> Planned:
        async def refuse() -> None:
            await self._lines.refuse(key)

        return _correction(key, "ingress_enabled", "takes connections", "refuse them"), refuse


def _came_by_a_line(key: IngressKey) -> bool:
    """Whether what it was let in by still is. Where that was not kept, it counts as so."""
    by = key.connection.ingress_id
    return by is None or any(by == line.ingress_id for line in key.lines)


def _correction(key: IngressKey, kind: Kind, livekit: str, action: str) -> Correction:
    state = "off" if not key.enabled else "waits for an encoder"
    if key.live_stream_id is not None:
        state = "live, its encoder gone" if key.gone_since else "live"
    return Correction(
        kind=kind,
        stream_id=key.stream_id or key.live_stream_id,
        room_name=key.room,
        store=f"key {key.id}: {state}",
        livekit=livekit,
        action=action,
    )
