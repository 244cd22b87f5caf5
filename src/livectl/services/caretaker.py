"""What a server does by itself: work through the inbox, keep the ended ended, reconcile.

Every process works through the inbox, since each webhook is given to one only. The guard and the
reconcile run in one process at a time, the holder of a lease in the store; when it dies, another
one takes over as soon as the lease is over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from livectl.domain.event import Event, event
from livectl.domain.stream import Stream
from livectl.errors import LivectlError
from livectl.ports import Clock, EventQuery, Media, Store, StreamQuery
from livectl.services.history import History
from livectl.services.inbox import BATCH, Inbox
from livectl.services.moderation import Moderation
from livectl.services.reconcile import Reconcile
from livectl.services.teardown import Teardown

log = logging.getLogger(__name__)

LEASE = "caretaker"
_LEASE_FOR = timedelta(seconds=10)
_TICK_S = 0.3
_INBOX_POLL_S = 1.0
_LOG_PAGE = 1000
_RETRY_AFTER = timedelta(seconds=2)
_PRUNE_EVERY = timedelta(hours=1)
# A join token lives ten minutes, and so do those that LiveKit renews: after that, nobody who was
# put out can come back, and the reconcile is watch enough.
GUARD_FOR = timedelta(minutes=11)
# Whoever ends a stream deletes its room at once, and LiveKit makes one of two who delete it at the
# same moment wait for three seconds.
_KILLER_TAKES = timedelta(seconds=0.5)


async def call_reconcile(store: Store, clock: Clock, why: str) -> None:
    """Ask whichever process holds the lease for a reconcile at once."""
    await store.append_event(event("reconcile.called", clock.now(), "livectl", why=why))


class Guard:
    """Looks three times a second at the rooms whose people were put out lately, and does it again
    where they are back. So a kill and a block hold even when LiveKit's webhooks are lost."""

    def __init__(
        self, store: Store, media: Media, moderation: Moderation, teardown: Teardown, clock: Clock
    ) -> None:
        self._store = store
        self._media = media
        self._moderation = moderation
        self._teardown = teardown
        self._clock = clock
        self._ended: dict[str, datetime] = {}
        self._blocked: dict[str, datetime] = {}
        self._deleted: set[str] = set()

    def hear(self, heard: Event) -> None:
        """Learn from the event log what to watch, and until when."""
        if heard.type == "stream.ended" and heard.stream_id is not None:
            self._ended[heard.stream_id] = heard.at + GUARD_FOR
        elif heard.type == "moderation.block":
            self._blocked[str(heard.data["scope"])] = heard.at + GUARD_FOR

    async def look(self) -> None:
        now = self._clock.now()
        for watched in (self._ended, self._blocked):
            for stream_id in [key for key, until in watched.items() if until < now]:
                del watched[stream_id]
        await self._look_at_ended()
        await self._look_at_blocked()

    async def _look_at_ended(self) -> None:
        settled = self._clock.now() - _KILLER_TAKES
        ripe = [key for key, until in self._ended.items() if until - GUARD_FOR <= settled]
        streams = [await self._store.stream(stream_id) for stream_id in ripe]
        ended = {stream.room_name: stream for stream in streams if stream and not stream.is_live}
        if not ended:
            self._deleted.clear()
            return
        for room in await self._media.rooms(list(ended)):
            # LiveKit's count lags by a second or two, so it only tells apart the empty rooms that
            # it lists and cannot delete (livekit#3766): once is enough for those.
            if room.participants or room.sid not in self._deleted:
                self._deleted.add(room.sid)
                await self._teardown.enforce(ended[room.name], by="guard")

    async def _look_at_blocked(self) -> None:
        for scope in list(self._blocked):
            for stream in await self._live_streams(scope):
                if out := await self._moderation.kept_out(stream):
                    await self._moderation.put_out(stream.room_name, out)

    async def _live_streams(self, scope: str) -> list[Stream]:
        """Those of a stream's or an owner's scope. To look into every room there is three times a
        second would be too much: a block from everywhere is left to webhooks and the reconcile."""
        kind, _, name = scope.partition(":")
        if kind == "stream":
            stream = await self._store.stream(name)
            return [stream] if stream and stream.is_live else []
        if kind == "owner":
            return await self._store.find_streams(StreamQuery(live=True, owner_id=name))
        return []


class Watch:
    """The part that one process does at a time: follow the event log, guard, reconcile, prune."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        guard: Guard,
        reconcile: Reconcile,
        inbox: Inbox,
        moderation: Moderation,
        history: History,
        *,
        every: timedelta,
        keep_webhooks: timedelta,
        keep_chat: timedelta,
    ) -> None:
        self._store = store
        self._clock = clock
        self._guard = guard
        self._reconcile = reconcile
        self._inbox = inbox
        self._moderation = moderation
        self._history = history
        self._every = every
        self._keep_webhooks = keep_webhooks
        self._keep_chat = keep_chat
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._seen: int | None = None
        self._reconciling: asyncio.Task[None] | None = None
        self._next_reconcile: datetime | None = None
        self._next_prune: datetime | None = None

    async def tick(self) -> None:
        now = self._clock.now()
        if not await self._store.take_lease(LEASE, self._holder, now=now, until=now + _LEASE_FOR):
            self._seen = None  # whoever takes over catches up first
            return
        await self._follow_log(now)
        self._reconcile_when_due(now)
        await self._guard.look()
        if self._next_prune is None or now >= self._next_prune:
            self._next_prune = now + _PRUNE_EVERY
            await self._inbox.prune(self._keep_webhooks)
            await self._history.prune(self._keep_chat)
            await self._moderation.forget_expired()

    async def stop(self) -> None:
        if self._reconciling is not None:
            self._reconciling.cancel()
            await asyncio.gather(self._reconciling, return_exceptions=True)
        await self._store.drop_lease(LEASE, self._holder)

    def _reconcile_when_due(self, now: datetime) -> None:
        due = self._next_reconcile is None or now >= self._next_reconcile
        running = self._reconciling is not None and not self._reconciling.done()
        if due and not running:
            self._next_reconcile = now + self._every
            # Beside the ticks, which keep the lease and the guard going however long it takes.
            self._reconciling = asyncio.create_task(self._run_reconcile(), name="reconcile")

    async def _run_reconcile(self) -> None:
        try:
            await self._reconcile.run(dry_run=False)
        except LivectlError as error:
            log.warning("reconcile: %s", error.message)
            # LiveKit may be back at any moment, and what is owed should be done then.
            self._next_reconcile = self._clock.now() + min(self._every, _RETRY_AFTER)
        except Exception:
            log.exception("reconcile failed")

    async def _follow_log(self, now: datetime) -> None:
        if self._seen is None:
            self._next_reconcile = None
            before = await self._store.last_event_seq()
            recent = EventQuery(since=now - GUARD_FOR, limit=_LOG_PAGE)
            self._seen = max(before, await self._read_log(recent))
        else:
            self._seen = await self._read_log(EventQuery(after=self._seen, limit=_LOG_PAGE))

    async def _read_log(self, query: EventQuery) -> int:
        """Read to the end of the log; the last place that was seen."""
        while page := await self._store.events(query):
            for heard in page:
                self._guard.hear(heard)
                if heard.type == "reconcile.called" or _left_open(heard):
                    self._next_reconcile = None
            query = EventQuery(after=page[-1].seq, limit=_LOG_PAGE)
        return query.after


class Caretaker:
    """Runs the loops of a server from its start to its stop."""

    """`tell_log_has_grown` is called when webhooks were handled: the sockets show it at once."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        inbox: Inbox,
        watch: Watch,
        tell_log_has_grown: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._inbox = inbox
        self._watch = watch
        self._tell_log_has_grown = tell_log_has_grown
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin, with a reconcile at once: nobody told this server what happened before."""
        await call_reconcile(self._store, self._clock, "a server started")
        self._tasks = [
            asyncio.create_task(self._run_inbox(), name="inbox"),
            asyncio.create_task(self._run_watch(), name="watch"),
        ]

    async def stop(self) -> None:
        """End the loops where they stand; whatever they held comes back by itself."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        try:
            await self._watch.stop()
        except LivectlError as error:
            log.warning("the lease was not given back: %s", error.message)

    async def _run_inbox(self) -> None:
        while True:
            self._inbox.arrived.clear()
            handled = await _survive("inbox", self._inbox.work)
            if handled:
                self._tell_log_has_grown()
            if handled is not None and handled >= BATCH:
                continue  # there is more
            try:
                # Others put webhooks in as well, and some come due by themselves.
                async with asyncio.timeout(_INBOX_POLL_S):
                    await self._inbox.arrived.wait()
            except TimeoutError:
                continue

    async def _run_watch(self) -> None:
        while True:
            await _survive("watch", self._watch.tick)
            await asyncio.sleep(_TICK_S)


def _left_open(heard: Event) -> bool:
    """Whether a kill could not be enforced by the one who asked for it. What the reconcile itself
    could not do waits for the next one."""
    return (
        heard.type == "stream.enforced"
        and heard.data.get("held") is False
        and heard.actor != "reconcile"
    )


async def _survive(name: str, act: Callable[[], Awaitable[int | None]]) -> int | None:
    """LiveKit or the store being away must not end a loop: it is said, and tried again."""
    try:
        return await act()
    except LivectlError as error:
        log.warning("%s: %s", name, error.message)
    except Exception:
        log.exception("%s failed", name)
    await asyncio.sleep(1)
    return None
