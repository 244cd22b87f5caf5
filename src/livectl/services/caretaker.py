"""What a server does by itself: work through the inbox, keep the ended ended, reconcile.

Every process works through the inbox, since each webhook is given to one only, and sees to the
recordings on its host. The guard and the reconcile run in one process at a time, the holder of a
lease in the store; when it dies, another one takes over as soon as the lease is over.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable, Mapping, Set
from datetime import datetime, timedelta

from livectl.domain.event import Event, event
from livectl.domain.moderation import scope_of_stream
from livectl.domain.stream import Stream
from livectl.errors import LivectlError
from livectl.ports.clock import Clock
from livectl.ports.livekit import Media, Room
from livectl.ports.store import EventQuery, Store
from livectl.ports.streams import StreamQuery
from livectl.services.encoders import Encoders
from livectl.services.history import History
from livectl.services.inbox import BATCH, Inbox
from livectl.services.moderation import Moderation
from livectl.services.reconcile import Reconcile
from livectl.services.recording_watch import RecordingWatch
from livectl.services.stats import Stats
from livectl.services.teardown import Teardown

log = logging.getLogger(__name__)

LEASE = "caretaker"
_LEASE_FOR = timedelta(seconds=10)
_TICK_S = 0.3
_INBOX_POLL_S = 1.0
_RECORDINGS_S = 1.0
_LOG_PAGE = 1000
_RETRY_AFTER = timedelta(seconds=2)
_PRUNE_EVERY = timedelta(hours=1)
# A join token lives ten minutes, and so do those that LiveKit renews: after that, nobody who was
# put out can come back, and the reconcile is watch enough.
GUARD_FOR = timedelta(minutes=11)
_PUT_OUT = frozenset({"stream.ended", "people.put_out"})
# While people insist on coming back, deleting their room would lose some of them (see `removal`).
_QUIET = timedelta(seconds=5)


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
        self._watched: dict[str, datetime] = {}
        # By the sid of a room: when somebody was last seen in it; whether it was deleted.
        self._astir: dict[str, datetime] = {}
        self._deleted: set[str] = set()

    @property
    def watched(self) -> Set[str]:
        """The ids of the streams that it looks at."""
        return {scope.removeprefix("stream:") for scope in self._watched}

    def hear(self, heard: Event) -> None:
        """Learn from the event log what to watch, and until when."""
        if heard.type == "moderation.block":
            self._watched[str(heard.data["scope"])] = heard.at + GUARD_FOR
        elif heard.type in _PUT_OUT and heard.stream_id is not None:
            self._watched[scope_of_stream(heard.stream_id)] = heard.at + GUARD_FOR

    async def look(self) -> None:
        now = self._clock.now()
        self._watched = {scope: until for scope, until in self._watched.items() if until >= now}
        streams = [one for scope in self._watched for one in await self._streams_in(scope)]
        await self._look_at_ended({one.room_name: one for one in streams if not one.is_live})
        await asyncio.gather(*(self._keep_out(one) for one in streams if one.is_live))

    async def _streams_in(self, scope: str) -> list[Stream]:
        """A stream, or the live ones of an owner. To look into every room there is three times a
        second would be too much: a block everywhere is left to webhooks and the reconcile."""
        kind, _, name = scope.partition(":")
        if kind == "stream":
            stream = await self._store.stream(name)
            return [stream] if stream else []
        if kind == "owner":
            return await self._store.find_streams(StreamQuery(live=True, owner_id=name))
        return []

    async def _look_at_ended(self, ended: Mapping[str, Stream]) -> None:
        rooms = await self._media.rooms(list(ended)) if ended else []
        listed = {room.sid for room in rooms}
        self._astir = {sid: at for sid, at in self._astir.items() if sid in listed}
        self._deleted &= listed
        await asyncio.gather(*(self._look_into(room, ended[room.name]) for room in rooms))

    async def _look_into(self, room: Room, stream: Stream) -> None:
        now = self._clock.now()
        if await self._keep_out(stream):
            self._astir[room.sid] = now
        elif (
            now - self._astir.setdefault(room.sid, now) >= _QUIET and room.sid not in self._deleted
        ):
            # LiveKit can list an empty room that no call removes (livekit#3766): once is enough.
            self._deleted.add(room.sid)
            await self._teardown.enforce(stream, by="guard")

    async def _keep_out(self, stream: Stream) -> bool:
        """Whether someone was back. A failure in one room keeps nobody from the others."""
        try:
            return bool(await self._moderation.keep_out(stream, by="guard"))
        except LivectlError as error:
            log.warning("guard: %s", error.message)
            return True


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
        encoders: Encoders,
        recordings: RecordingWatch,
        stats: Stats,
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
        self._encoders = encoders
        self._recordings = recordings
        self._stats = stats
        self._every = every
        self._keep_webhooks = keep_webhooks
        self._keep_chat = keep_chat
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
        self._seen: int | None = None
        self._reconciling: asyncio.Task[None] | None = None
        self._tending: asyncio.Task[None] | None = None
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
        self._tend_encoders()
        await self._stats.sample()
        if self._next_prune is None or now >= self._next_prune:
            self._next_prune = now + _PRUNE_EVERY
            await self._inbox.prune(self._keep_webhooks)
            await self._history.prune(self._keep_chat)
            await self._moderation.forget_expired()
            await self._stats.prune()
            # Late, since the clocks of other processes may be behind.
            await self._store.prune_leases(before=now - _PRUNE_EVERY)

    async def stop(self) -> None:
        beside = [task for task in (self._reconciling, self._tending) if task is not None]
        for task in beside:
            task.cancel()
        await asyncio.gather(*beside, return_exceptions=True)
        await self._store.drop_lease(LEASE, self._holder)

    def _reconcile_when_due(self, now: datetime) -> None:
        due = self._next_reconcile is None or now >= self._next_reconcile
        running = self._reconciling is not None and not self._reconciling.done()
        if due and not running:
            self._next_reconcile = now + self._every
            # Beside the ticks, which keep the lease and the guard going however long it takes.
            self._reconciling = asyncio.create_task(self._run_reconcile(), name="reconcile")

    def _tend_encoders(self) -> None:
        if self._tending is None or self._tending.done():
            # Beside the ticks as well: LiveKit may be slow about an encoder, and the guard is not.
            self._tending = asyncio.create_task(self._run_encoders(), name="encoders")

    async def _run_encoders(self) -> None:
        await _survive("encoders", self._encoders.tend)

    async def _run_reconcile(self) -> None:
        # Neither keeps the other from its work.
        await self._run_part(self._recordings.sync(dry_run=False, by="reconcile"))
        await self._run_part(self._reconcile.run(dry_run=False, guarded=self._guard.watched))

    async def _run_part(self, part: Awaitable[object]) -> None:
        try:
            await part
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
    """Runs the loops of a server from its start to its stop. `tell_log_has_grown` is called when
    webhooks were handled: the sockets show it at once."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        inbox: Inbox,
        watch: Watch,
        recordings: RecordingWatch,
        tell_log_has_grown: Callable[[], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._inbox = inbox
        self._watch = watch
        self._recordings = recordings
        self._tell_log_has_grown = tell_log_has_grown
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin, with a reconcile at once: nobody told this server what happened before."""
        await call_reconcile(self._store, self._clock, "a server started")
        self._tasks = [
            asyncio.create_task(self._run_inbox(), name="inbox"),
            asyncio.create_task(self._run_watch(), name="watch"),
            asyncio.create_task(self._run_recordings(), name="recordings"),
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

    async def _run_recordings(self) -> None:
        while True:
            await _survive("recordings", self._recordings.tick)
            await asyncio.sleep(_RECORDINGS_S)


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
