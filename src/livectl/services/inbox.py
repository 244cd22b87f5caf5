"""The inbox of webhooks: kept before they are answered, handled once, retried, parked."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

import msgspec

from livectl.domain.event import event
from livectl.domain.webhook import InboxEntry, Notice, read_notice
from livectl.errors import BadInput, LivectlError, NotFound
from livectl.ports.clock import Clock
from livectl.ports.inbox import InboxDepth, InboxQuery
from livectl.ports.livekit import Media
from livectl.ports.meter import Meter
from livectl.ports.store import Store
from livectl.services.notices import Notices

log = logging.getLogger(__name__)

BATCH = 200
# A process that dies with claimed webhooks gives them back after this.
HOLD = timedelta(seconds=30)
_ROOMS_AT_ONCE = 8


class Inbox:
    def __init__(
        self,
        store: Store,
        media: Media,
        clock: Clock,
        notices: Notices,
        meter: Meter,
        *,
        tries: int,
        call_reconcile: Callable[[str], Awaitable[None]],
    ) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._notices = notices
        self._meter = meter
        self._tries = tries
        self._call_reconcile = call_reconcile
        self.arrived = asyncio.Event()

    async def take_in(self, body: bytes, authorization: str) -> None:
        """Check the signature and store it; when this returns, it survives a crash.

        Raises Unauthenticated, BadInput, Unavailable.
        """
        try:
            self._media.verify_webhook(body, authorization)
            notice = read_notice(body)
        except ValueError as error:
            self._meter.webhook("unknown", "refused")
            raise BadInput(f"the webhook's body is not understood: {error}") from error
        except LivectlError:
            self._meter.webhook("unknown", "refused")
            raise
        entry = InboxEntry(
            id=notice.id,
            type=notice.type,
            room=notice.room,
            received_at=self._clock.now(),
            created_at=notice.at,
            body=body.decode(),
        )
        is_new = await self._store.add_webhook(entry)
        self._meter.webhook(notice.type, "received" if is_new else "repeated")
        self.arrived.set()

    async def work(self) -> int:
        """Handle what is due, a batch at most; how many were claimed."""
        now = self._clock.now()
        claimed = await self._store.claim_webhooks(now=now, until=now + HOLD, limit=BATCH)
        by_room: dict[str, list[InboxEntry]] = defaultdict(list)
        for entry in claimed:
            by_room[entry.room or ""].append(entry)
        places = asyncio.Semaphore(_ROOMS_AT_ONCE)

        async def one_room(room: str, entries: list[InboxEntry]) -> None:
            async with places:
                await self._handle_room(room, entries)

        await asyncio.gather(*(one_room(room, entries) for room, entries in by_room.items()))
        return len(claimed)

    async def _handle_room(self, room: str, entries: list[InboxEntry]) -> None:
        try:
            notices = [read_notice(entry.body) for entry in entries]
            await self._notices.handle(room, notices)
            await self._heed_losses(notices)
            await self._store.finish_webhooks([entry.id for entry in entries], at=self._clock.now())
        except Exception as error:
            # A fault of any kind must cost no webhook: it is logged, and tried again later.
            if len(entries) > 1:  # one that cannot be handled must not hold up the others
                for entry in entries:
                    await self._handle_room(room, [entry])
                return
            log.warning("webhook %s of room %s failed", entries[0].id, room, exc_info=True)
            await self._put_back(entries[0], error)
        else:
            for entry in entries:
                self._meter.webhook(entry.type, "done")
                self._meter.webhook_lag((self._clock.now() - entry.received_at).total_seconds())

    async def _heed_losses(self, notices: Sequence[Notice]) -> None:
        if dropped := sum(notice.dropped for notice in notices):
            await self._call_reconcile(f"LiveKit dropped {dropped} webhooks")

    async def _put_back(self, entry: InboxEntry, error: Exception) -> None:
        said = f"{type(error).__name__}: {error}"[:500]
        now = self._clock.now()
        if entry.attempts >= self._tries:
            parked = event(
                "webhook.parked",
                now,
                "livekit",
                webhook=entry.id,
                type=entry.type,
                room=entry.room,
                error=said,
            )
            await self._store.park_webhook(entry.id, error=said, event=parked)
            self._meter.webhook(entry.type, "parked")
        else:
            await self._store.retry_webhook(
                entry.id, next_at=now + _pause(entry.attempts), error=said
            )
            self._meter.webhook(entry.type, "retried")

    async def list(self, query: InboxQuery) -> list[InboxEntry]:
        return await self._store.webhooks(query)

    async def get(self, webhook_id: str) -> InboxEntry:
        entry = await self._store.webhook(webhook_id)
        if entry is None:
            raise NotFound(f"no webhook {webhook_id} in the inbox")
        return entry

    async def heard_of(self, room: str) -> bool:
        """Whether any webhook of a room came in."""
        return bool(await self._store.webhooks(InboxQuery(room=room, limit=1)))

    async def depth(self) -> InboxDepth:
        return await self._store.inbox_depth()

    async def replay(
        self, ids: Sequence[str], *, failed: bool, since: datetime | None, by: str
    ) -> int:
        """Have webhooks handled again: these, and all parked ones, or all since a time.

        Raises NotFound, before anything is queued, where one of `ids` is not in the inbox.
        """
        chosen = {(await self.get(one)).id for one in ids}
        if failed or since is not None:
            query = InboxQuery(status="parked" if failed else None, since=since, limit=100_000)
            chosen |= {entry.id for entry in await self._store.webhooks(query)}
        if not chosen:
            return 0
        now = self._clock.now()
        replayed = event("webhook.replayed", now, by, count=len(chosen), ids=sorted(chosen)[:20])
        queued = await self._store.requeue_webhooks(sorted(chosen), now=now, event=replayed)
        self.arrived.set()
        return queued

    def sample(self, type_: str, room: str | None) -> tuple[bytes, str]:
        """A signed webhook as LiveKit would send it: its body and Authorization."""
        now = self._clock.now()
        body = msgspec.json.encode(
            {
                "event": type_,
                "id": f"EV_sample_{int(now.timestamp() * 1000)}",
                "createdAt": str(int(now.timestamp())),
                "room": {"name": room or "livectl-sample", "sid": "RM_sample"},
            }
        )
        return body, self._media.sign_webhook(body)

    async def prune(self, keep: timedelta) -> int:
        return await self._store.prune_webhooks(before=self._clock.now() - keep)


def _pause(attempts: int) -> timedelta:
    """1 s, then twice as long each time up to five minutes, with jitter."""
    return timedelta(seconds=min(300, 2 ** (attempts - 1)) * random.uniform(0.8, 1.2))  # noqa: S311
