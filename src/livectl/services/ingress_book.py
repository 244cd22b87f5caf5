"""How an ingress key changes: on the newest of it, with the event that tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from livectl.domain.event import Event, event
from livectl.domain.ingress import IngressKey
from livectl.errors import NotFound
from livectl.ports.clock import Clock
from livectl.ports.ingress import IngressQuery
from livectl.ports.store import Store

Change = Callable[[IngressKey], IngressKey]


class IngressBook:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def add(self, key: IngressKey, *, by: str, request_id: str | None) -> None:
        """Raises Conflict where its stream has a key already."""
        facts = {"protocol": key.protocol, "through": key.through}
        await self._store.add_ingress_key(key, self._event("created", key, by, request_id, facts))

    async def change(
        self,
        key: IngressKey,
        change: Change,
        *,
        by: str,
        tell: str | None = None,
        request_id: str | None = None,
        **facts: Any,
    ) -> IngressKey:
        """What `change` makes of it, on the newest where somebody came in between; as it is then.

        Told of by the event `tell`, or by one of what its encoder did. Raises NotFound where it
        was deleted.
        """
        known = key
        while True:
            changed = change(known)
            if changed == known:
                return known
            changed = msgspec.structs.replace(changed, updated_at=self._clock.now())
            what = tell or _what_happened(known, changed)
            told = None
            if what:
                told = self._event(what, changed, by, request_id, facts, before=known)
            if saved := await self._store.save_ingress_key(changed, told):
                return saved
            known = await self.get(key.id)

    async def remove(self, key: IngressKey, *, by: str, request_id: str | None) -> IngressKey:
        """As it was at last. Raises NotFound where it was deleted before."""
        known = key
        while not await self._store.remove_ingress_key(
            known, self._event("deleted", known, by, request_id, {})
        ):
            known = await self.get(key.id)
        return known

    async def get(self, key_id: str) -> IngressKey:
        key = await self._store.ingress_key(key_id)
        if key is None:
            raise NotFound("ingress key not found")
        return key

    async def find(self, query: IngressQuery) -> list[IngressKey]:
        return await self._store.ingress_keys(query)

    async def one(self, query: IngressQuery) -> IngressKey | None:
        found = await self._store.ingress_keys(msgspec.structs.replace(query, limit=1))
        return found[0] if found else None

    async def tell(self, what: str, key: IngressKey, *, by: str, request_id: str) -> None:
        """An event of what changes nothing."""
        await self._store.append_event(self._event(what, key, by, request_id, {}))

    def _event(
        self,
        what: str,
        key: IngressKey,
        by: str,
        request_id: str | None,
        facts: dict[str, Any],
        *,
        before: IngressKey | None = None,
    ) -> Event:
        """Also of the stream that it was live as until now."""
        was_live_as = before.live_stream_id if before else None
        return event(
            f"ingress.{what}",
            self._clock.now(),
            by,
            stream_id=key.stream_id or key.live_stream_id or was_live_as,
            request_id=request_id,
            key=key.id,
            owner=key.owner_id,
            **facts,
        )


def _what_happened(before: IngressKey, after: IngressKey) -> str | None:
    """What an encoder did, by what became of its key."""
    if before.gone_since is None and after.gone_since is not None:
        return "left"
    if before.gone_since is not None and after.gone_since is None and after.live_stream_id:
        return "back"
    if after.live_stream_id != before.live_stream_id:
        return "live"
    if after.connection.error and after.connection.error != before.connection.error:
        return "failed"
    if after.connection.status != before.connection.status:
        return after.connection.status
    return None
