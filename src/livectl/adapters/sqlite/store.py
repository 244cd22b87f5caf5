"""The store on an embedded SQLite database: one file, no server, any number of processes.

This is the async face; the SQL is in the modules beside it, by capability: `streams`, `chat`,
`moderation`, `people`, `inbox`, `recordings`, `ingress`, `log`, `records`. A method is one job for
the writing thread (one transaction) or for a reading one (`connection`).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from livectl.adapters.sqlite import (
    chat,
    inbox,
    ingress,
    log,
    moderation,
    people,
    recordings,
    samples,
    streams,
)
from livectl.adapters.sqlite import records as records_sql
from livectl.adapters.sqlite.connection import Readers, Writer, connect_reading, open_database
from livectl.adapters.sqlite.schema import LATEST, TABLES, indexes_there, prepare, schema_version
from livectl.domain.chat import ChatEntry
from livectl.domain.event import Event
from livectl.domain.ingress import IngressKey
from livectl.domain.moderation import ChatRules, Restriction
from livectl.domain.people import Ban, Report
from livectl.domain.presence import Sighting
from livectl.domain.recording import Recording
from livectl.domain.sample import Sample
from livectl.domain.stream import Stream
from livectl.domain.webhook import InboxEntry
from livectl.errors import NotReady, Unavailable
from livectl.ports.chat import ChatQuery
from livectl.ports.inbox import InboxDepth, InboxQuery
from livectl.ports.ingress import IngressQuery
from livectl.ports.moderation import ReportQuery, RestrictionQuery, SeenAddress
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import EventQuery, Record, Store, StoreCheck
from livectl.ports.streams import StreamQuery

P = ParamSpec("P")
T = TypeVar("T")

_DUMP_PAGE = 500
_PRUNE_PAGE = 5000


class SqliteStore(Store):
    """The `Store` port in the file `path`, which is opened by `open` and not before.

    Raises Unavailable when the disk is full, the file is locked for long, read-only or damaged;
    BadSettings from `open` when the file was written by a newer livectl.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opening = asyncio.Lock()
        self._writer: Writer | None = None
        self._readers: Readers | None = None

    async def open(self) -> None:
        async with self._opening:
            if self._writer is None:
                connection = await asyncio.to_thread(open_database, self._path, prepare)
                self._writer = Writer(self._path, connection)
                self._readers = Readers(self._path)

    async def close(self) -> None:
        async with self._opening:
            writer, self._writer = self._writer, None
            readers, self._readers = self._readers, None
            try:
                if readers is not None:
                    await readers.close()
            finally:
                if writer is not None:
                    # Last: the last connection to go folds the write-ahead log into the file.
                    await writer.close()

    async def ping(self) -> None:
        written = await self._write(count_ping)
        if await self._read(pings) < written:
            raise Unavailable("Database, ping: what was written cannot be read.")

    async def check(self) -> StoreCheck:
        return await self._read(check_database)

    async def add_stream(self, stream: Stream, event: Event) -> None:
        await self._write(streams.add_stream, stream, event)

    async def stream(self, stream_id: str) -> Stream | None:
        return await self._read(streams.stream, stream_id)

    async def stream_in_room(self, room_name: str) -> Stream | None:
        return await self._read(streams.stream_in_room, room_name)

    async def streams_by_id(self, stream_ids: Sequence[str]) -> list[Stream]:
        return await self._read(streams.streams_by_id, stream_ids)

    async def find_streams(self, query: StreamQuery) -> list[Stream]:
        return await self._read(streams.find_streams, query)

    async def live_totals(self) -> tuple[int, int]:
        return await self._read(streams.live_totals)

    async def end_stream(
        self, stream_id: str, *, at: datetime, reason: str, by: str, event: Event
    ) -> Stream | None:
        return await self._write(
            streams.end_stream, stream_id, at=at, reason=reason, by=by, event=event
        )

    async def owe_teardown(self, stream_id: str, event: Event) -> bool:
        return await self._write(streams.owe_teardown, stream_id, event)

    async def settle_teardown(self, stream_id: str, event: Event) -> bool:
        return await self._write(streams.settle_teardown, stream_id, event)

    async def block_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        return await self._write(streams.set_blocked, stream_id, user_id, event, blocked=True)

    async def unblock_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        return await self._write(streams.set_blocked, stream_id, user_id, event, blocked=False)

    async def pin_message(
        self, stream_id: str, pin: dict[str, Any], event: Event
    ) -> list[dict[str, Any]] | None:
        return await self._write(streams.pin_message, stream_id, pin, event)

    async def unpin_message(self, stream_id: str, message_id: str, event: Event) -> bool:
        return await self._write(streams.unpin_message, stream_id, message_id, event)

    async def add_sightings(self, sightings: Sequence[Sighting]) -> None:
        await self._write(streams.add_sightings, sightings)

    async def overrule_sightings(self, sightings: Sequence[Sighting]) -> None:
        await self._write(streams.overrule_sightings, sightings)

    async def sightings(self, stream_id: str) -> list[Sighting]:
        return await self._read(streams.sightings, stream_id)

    async def present_viewers(self, stream_id: str) -> int:
        return await self._read(streams.present_viewers, stream_id)

    async def set_audience(
        self, stream_id: str, *, rev: int, viewers: int, peak: int, event: Event | None
    ) -> bool:
        return await self._write(
            streams.set_audience, stream_id, rev=rev, viewers=viewers, peak=peak, event=event
        )

    async def add_entries(self, entries: Sequence[ChatEntry]) -> None:
        await self._write(chat.add_entries, entries)

    async def add_gift(self, gift: ChatEntry) -> tuple[ChatEntry, bool]:
        return await self._write(chat.add_gift, gift)

    async def entries(self, query: ChatQuery) -> list[ChatEntry]:
        return await self._read(chat.entries, query)

    async def hide_entries(self, query: ChatQuery, *, event: Event) -> list[str]:
        return await self._write(chat.hide_entries, query, event=event)

    async def restore_entries(
        self, *, ids: Sequence[str] = (), hidden_by: str | None = None, event: Event
    ) -> list[str]:
        return await self._write(chat.restore_entries, ids=ids, hidden_by=hidden_by, event=event)

    async def count_messages(self, *, since: datetime, until: datetime) -> int:
        return await self._read(chat.count_messages, since=since, until=until)

    async def prune_entries(self, *, before: datetime) -> int:
        pruned = 0
        while page := await self._write(chat.prune_entries, before=before, limit=_PRUNE_PAGE):
            pruned += page
        return pruned

    async def chat_rules(self, scopes: Sequence[str]) -> dict[str, ChatRules]:
        return await self._read(moderation.chat_rules, scopes)

    async def set_chat_rules(self, scope: str, rules: ChatRules, event: Event) -> bool:
        return await self._write(moderation.set_chat_rules, scope, rules, event)

    async def restrict(self, restriction: Restriction, event: Event) -> None:
        await self._write(moderation.restrict, restriction, event)

    async def lift_restriction(self, key: str, event: Event) -> bool:
        return await self._write(moderation.lift_restriction, key, event)

    async def restrictions(self, query: RestrictionQuery) -> list[Restriction]:
        return await self._read(moderation.restrictions, query)

    async def report(self, report_id: str) -> Report | None:
        return await self._read(moderation.report, report_id)

    async def reports(self, query: ReportQuery) -> list[Report]:
        return await self._read(moderation.reports, query)

    async def resolve_report(
        self, report_id: str, *, resolution: str, by: str, at: datetime, event: Event
    ) -> bool:
        return await self._write(
            moderation.resolve_report, report_id, resolution=resolution, by=by, at=at, event=event
        )

    async def remember_addresses(self, seen: Sequence[SeenAddress]) -> None:
        await self._write(moderation.remember_addresses, seen)

    async def addresses_of(self, user_id: str) -> list[str]:
        return await self._read(moderation.addresses_of, user_id)

    async def forget_addresses(self, *, before: datetime) -> int:
        return await self._write(moderation.forget_addresses, before=before)

    async def ban(self, ban: Ban, event: Event) -> None:
        await self._write(people.ban, ban, event)

    async def ban_of(self, user_id: str) -> Ban | None:
        return await self._read(people.ban_of, user_id)

    async def bans(self) -> list[Ban]:
        return await self._read(people.bans)

    async def lift_ban(self, user_id: str, event: Event) -> bool:
        return await self._write(people.lift_ban, user_id, event)

    async def add_report(self, report: Report, event: Event) -> None:
        await self._write(people.add_report, report, event)

    async def remember_start(
        self, owner_id: str, key: str, *, digest: str, stream_id: str, at: datetime
    ) -> tuple[str, str]:
        return await self._write(
            people.remember_start, owner_id, key, digest=digest, stream_id=stream_id, at=at
        )

    async def forget_start(self, owner_id: str, key: str, *, stream_id: str) -> None:
        await self._write(people.forget_start, owner_id, key, stream_id=stream_id)

    async def add_webhook(self, entry: InboxEntry) -> bool:
        return await self._write(inbox.add_webhook, entry)

    async def claim_webhooks(
        self, *, now: datetime, until: datetime, limit: int
    ) -> list[InboxEntry]:
        return await self._write(inbox.claim_webhooks, now=now, until=until, limit=limit)

    async def finish_webhooks(self, ids: Sequence[str], *, at: datetime) -> None:
        await self._write(inbox.finish_webhooks, ids, at=at)

    async def retry_webhook(self, webhook_id: str, *, next_at: datetime, error: str) -> None:
        await self._write(inbox.retry_webhook, webhook_id, next_at=next_at, error=error)

    async def park_webhook(self, webhook_id: str, *, error: str, event: Event) -> None:
        await self._write(inbox.park_webhook, webhook_id, error=error, event=event)

    async def requeue_webhooks(self, ids: Sequence[str], *, now: datetime, event: Event) -> int:
        return await self._write(inbox.requeue_webhooks, ids, now=now, event=event)

    async def webhook(self, webhook_id: str) -> InboxEntry | None:
        return await self._read(inbox.webhook, webhook_id)

    async def webhooks(self, query: InboxQuery) -> list[InboxEntry]:
        return await self._read(inbox.webhooks, query)

    async def inbox_depth(self) -> InboxDepth:
        return await self._read(inbox.inbox_depth)

    async def prune_webhooks(self, *, before: datetime) -> int:
        return await self._write(inbox.prune_webhooks, before=before)

    async def add_recording(self, recording: Recording, event: Event) -> None:
        await self._write(recordings.add_recording, recording, event)

    async def recording(self, recording_id: str) -> Recording | None:
        return await self._read(recordings.recording, recording_id)

    async def recordings(self, query: RecordingQuery) -> list[Recording]:
        return await self._read(recordings.recordings, query)

    async def save_recording(self, recording: Recording, event: Event | None) -> Recording | None:
        return await self._write(recordings.save_recording, recording, event)

    async def remove_recording(self, recording: Recording, event: Event) -> bool:
        return await self._write(recordings.remove_recording, recording, event)

    async def add_ingress_key(self, key: IngressKey, event: Event) -> None:
        await self._write(ingress.add_ingress_key, key, event)

    async def ingress_key(self, key_id: str) -> IngressKey | None:
        return await self._read(ingress.ingress_key, key_id)

    async def ingress_keys(self, query: IngressQuery) -> list[IngressKey]:
        return await self._read(ingress.ingress_keys, query)

    async def save_ingress_key(self, key: IngressKey, event: Event | None) -> IngressKey | None:
        return await self._write(ingress.save_ingress_key, key, event)

    async def remove_ingress_key(self, key: IngressKey, event: Event) -> bool:
        return await self._write(ingress.remove_ingress_key, key, event)

    async def add_sample(self, sample: Sample) -> None:
        await self._write(samples.add_sample, sample)

    async def samples(self, *, since: datetime) -> list[Sample]:
        return await self._read(samples.samples, since=since)

    async def prune_samples(self, *, before: datetime) -> int:
        return await self._write(samples.prune_samples, before=before)

    async def append_event(self, event: Event) -> None:
        await self._write(log.append, event)

    async def events(self, query: EventQuery) -> list[Event]:
        return await self._read(log.events, query)

    async def last_event_seq(self) -> int:
        return await self._read(log.last_seq)

    async def take_lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        return await self._write(log.take_lease, name, holder, now=now, until=until)

    async def drop_lease(self, name: str, holder: str) -> None:
        await self._write(log.drop_lease, name, holder)

    async def lease_held(self, name: str, *, now: datetime) -> bool:
        return await self._read(log.lease_held, name, now=now)

    async def prune_leases(self, *, before: datetime) -> int:
        return await self._write(log.prune_leases, before=before)

    async def dump(self) -> AsyncIterator[Record]:
        snapshot = await self._read(open_snapshot, self._path)
        try:
            while page := await self._read(next_page, snapshot):
                for record in page:
                    yield record
        finally:
            snapshot.close()

    async def load(self, records: Sequence[Record]) -> None:
        await self._write(records_sql.load, records)

    async def _write(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self._writer is None:
            raise NotReady(f"Database, {work.__name__}: it is not open.")
        return await self._writer.run(work.__name__, bound(work, *args, **kwargs))

    async def _read(
        self,
        work: Callable[Concatenate[sqlite3.Connection, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        if self._readers is None:
            raise NotReady(f"Database, {work.__name__}: it is not open.")
        return await self._readers.run(work.__name__, bound(work, *args, **kwargs))


def bound(
    work: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> Callable[[sqlite3.Connection], T]:
    return lambda connection: work(connection, *args, **kwargs)


def count_ping(connection: sqlite3.Connection) -> int:
    connection.execute(
        "INSERT INTO pings (id, count) VALUES (1, 1)"
        " ON CONFLICT (id) DO UPDATE SET count = count + 1"
    )
    return pings(connection)


def pings(connection: sqlite3.Connection) -> int:
    (count,) = connection.execute("SELECT count FROM pings WHERE id = 1").fetchone()
    return int(count)


def check_database(connection: sqlite3.Connection) -> StoreCheck:
    counts = {
        table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
        for table in TABLES
    }
    return StoreCheck(
        backend="sqlite",
        schema_version=schema_version(connection),
        expected_schema_version=LATEST,
        indexes=indexes_there(connection),
        counts=counts,
    )


def open_snapshot(_: sqlite3.Connection, path: Path) -> records_sql.Snapshot:
    return records_sql.Snapshot(connect_reading(path))


def next_page(_: sqlite3.Connection, snapshot: records_sql.Snapshot) -> list[Record]:
    return snapshot.page(_DUMP_PAGE)
