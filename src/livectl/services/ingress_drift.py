"""Where ingress keys and LiveKit differ, for the reconcile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import timedelta

import msgspec

from livectl.domain.ingress import IngressKey, made_by_us
from livectl.errors import NotReady
from livectl.ports.clock import Clock
from livectl.ports.ingress import Ingresses, IngressQuery, MadeIngress
from livectl.services.encoders import Encoders
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines
from livectl.services.ingress_off import PULL_ENDED, IngressOff
from livectl.services.reconcile import Correction, Kind, Planned

_LOST = "LiveKit has lost its ingress; enabling the key makes a new secret"
_NONE_LISTED = "LiveKit lists no ingress at all: was its Redis emptied, or is it another one?"
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
        listed, why_not = await self._listed()
        plan: list[Planned] = []
        enabled = await self._all(IngressQuery(enabled=True, limit=_PAGE))
        for key in enabled:
            plan += await self._compare(key, listed, rooms, why_not)
        for key in await self._all_off(rooms - {key.room for key in enabled}):
            plan += await self._compare_off(key)
        hands_off = bool(listed) and not await self._book.find(IngressQuery(limit=1))
        for made in listed.values():
            plan += await self._compare_made(made, hands_off=hands_off)
        return plan

    async def _listed(self) -> tuple[dict[str, MadeIngress], str | None]:
        """What LiveKit has, by id; and why nothing of it is to be believed lost, if so."""
        try:
            listed = {one.ingress_id: one for one in await self._ingresses.ingresses()}
        except NotReady as error:
            return {}, error.message
        return listed, None if listed else _NONE_LISTED

    async def _all_off(self, rooms: Set[str]) -> list[IngressKey]:
        """Keys that are off, whose encoder may be in one of these rooms nevertheless, or was when
        somebody last looked."""
        standing = await self._all(IngressQuery(enabled=False, standing=True, limit=_PAGE))
        off = [key for key in standing if _seems_in(key) or key.room in rooms]
        for room in rooms - {key.room for key in off}:
            off += await self._book.find(IngressQuery(room=room, enabled=False, standing=False))
        return off

    async def _all(self, query: IngressQuery) -> list[IngressKey]:
        found: list[IngressKey] = []
        while page := await self._book.find(query):
            found += page
            if len(page) < query.limit:
                break
            query = msgspec.structs.replace(query, before=(page[-1].created_at, page[-1].id))
        return found

    async def _compare(
        self,
        key: IngressKey,
        listed: Mapping[str, MadeIngress],
        rooms: Set[str],
        why_not: str | None,
    ) -> list[Planned]:
        of_key = [listed[one.ingress_id] for one in key.lines if one.ingress_id in listed]
        plan: list[Planned] = []
        if key.through == "ingress":
            settled = key.line.made_at <= self._clock.now() - self._start_grace
            if settled and key.line.ingress_id not in listed:
                if why_not is None:
                    return [self._lost(key)]
                plan.append(_not_believed(key, why_not))
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

    async def _compare_off(self, key: IngressKey) -> list[Planned]:
        here = await self._lines.is_here(key)
        return [self._look(key, None, here)] if here or _seems_in(key) else []

    def _lost(self, key: IngressKey) -> Planned:
        async def switch_off() -> None:
            await self._encoders.look(await self._off.switch_off(key, why, by="reconcile"))

        why = PULL_ENDED if key.protocol == "url" else _LOST
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

    def _look(self, key: IngressKey, made: Sequence[MadeIngress] | None, here: bool) -> Planned:
        async def look() -> None:
            await self._encoders.look(key, made)

        says = "its encoder is in the room" if here else "no encoder in the room"
        action = "put it out" if here and not key.enabled else "take it into account"
        return _correction(key, "encoder", says, action), look

    def _drop(self, key: IngressKey) -> Planned:
        async def drop() -> None:
            await self._lines.drop(key)

        says = "an encoder is in with a stream key that has ended"
        return _correction(key, "encoder", says, "put it out"), drop

    async def _compare_made(self, made: MadeIngress, *, hands_off: bool) -> list[Planned]:
        """An ingress that no key has, or that takes connections for a key that is off, or none for
        one that is on. Those that somebody else made are let be."""
        made_at = made_by_us(made.name)
        if made_at is None or made_at > self._clock.now() - self._start_grace:
            return []
        key = await self._book.one(IngressQuery(ingress_id=made.ingress_id))
        if key is None:
            return [self._delete(made, hands_off=hands_off)]
        return [] if key.enabled is made.enabled else [self._switch(key)]

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

    def _switch(self, key: IngressKey) -> Planned:
        """On or off, as the key is when its turn comes."""

        async def switch() -> None:
            now = await self._book.get(key.id)
            if now.enabled:
                await self._lines.switch(now, enabled=True)
            else:
                await self._lines.refuse(now)

        says, action = (
            ("takes no connections", "have it take them")
            if key.enabled
            else ("takes connections", "refuse them")
        )
        return _correction(key, "ingress_enabled", says, action), switch


def _not_believed(key: IngressKey, why: str) -> Planned:
    """Nothing is done: where LiveKit lists none at all, it is more likely to be its setting than
    that every one was lost."""
    correction = _correction(key, "ingress_lost", "no such ingress", "none: look at LiveKit")

    async def report() -> None:
        correction.result = "reported"
        correction.error = why

    return correction, report


def _seems_in(key: IngressKey) -> bool:
    """Whether its encoder was in the room when somebody last looked."""
    live = key.live_stream_id is not None and key.gone_since is None
    return live or key.connection.status == "publishing"


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
