"""What is the embedded database's own: its file, its threads, its plans, and sudden deaths."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import get_args

import pytest

from livectl.adapters.sqlite import chat as sqlite_chat
from livectl.adapters.sqlite import connection as sqlite_connection
from livectl.adapters.sqlite import ingress as sqlite_ingress
from livectl.adapters.sqlite import log as sqlite_log
from livectl.adapters.sqlite import moderation as sqlite_moderation
from livectl.adapters.sqlite import recordings as sqlite_recordings
from livectl.adapters.sqlite import schema as sqlite_schema
from livectl.adapters.sqlite import store as sqlite_store
from livectl.adapters.sqlite import streams as sqlite_streams
from livectl.adapters.sqlite.connection import Readers, Writer, connect, open_database
from livectl.adapters.sqlite.store import SqliteStore
from livectl.domain.recording import UNFINISHED
from livectl.errors import BadInput, BadSettings, Unavailable
from livectl.ports.chat import ChatQuery
from livectl.ports.ingress import IngressQuery
from livectl.ports.moderation import ReportQuery, RestrictionQuery
from livectl.ports.recordings import RecordingQuery
from livectl.ports.store import EventQuery, Record, RecordKind
from livectl.ports.streams import StreamQuery
from tests.contract.examples import (
    NOON,
    a_key,
    a_message,
    a_recording,
    a_report,
    a_webhook,
    added,
    an_event,
    at,
    dumped,
)

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "livectl.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(path)
    await store.open()
    yield store
    await store.close()


@pytest.fixture
def connection(path: Path) -> Iterator[sqlite3.Connection]:
    """The connection of `writer`, with all tables."""
    with closing(open_database(path, sqlite_schema.prepare)) as opened:
        yield opened


@pytest.fixture
async def writer(path: Path, connection: sqlite3.Connection) -> AsyncIterator[Writer]:
    writer = Writer(path, connection)
    yield writer
    await writer.close()


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def insert(table: str, value: object) -> Callable[[sqlite3.Connection], None]:
    def work(connection: sqlite3.Connection) -> None:
        connection.execute(f"INSERT INTO {table} VALUES (?)", (value,))

    return work


def values(path: Path, sql: str) -> list[object]:
    with closing(connect(path)) as connection:
        return [row[0] for row in connection.execute(sql)]


class Held:
    """Keeps the writing thread busy, so that what comes meanwhile waits together."""

    def __init__(self, writer: Writer) -> None:
        self._go_on = threading.Event()
        self._task = asyncio.create_task(writer.run("hold", lambda _: self._go_on.wait(10)))

    async def __aenter__(self) -> None:
        await asyncio.sleep(0.05)

    async def __aexit__(self, *_: object) -> None:
        await asyncio.sleep(0.05)
        self._go_on.set()
        await self._task


# --- the file


async def test_nothing_is_there_before_it_is_opened(path: Path) -> None:
    SqliteStore(path)
    assert not path.parent.exists()


async def test_directory_and_files_are_their_owners_alone(path: Path, store: SqliteStore) -> None:
    await added(store)
    assert mode(path.parent) == 0o700
    assert {file.name: mode(file) for file in path.parent.iterdir()} == {
        "livectl.db": 0o600,
        "livectl.db-wal": 0o600,
        "livectl.db-shm": 0o600,
    }


def test_a_directory_that_was_there_keeps_its_permissions(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)
    open_database(tmp_path / "livectl.db", sqlite_schema.prepare).close()
    assert mode(tmp_path) == 0o750


async def test_a_closed_database_is_one_file(path: Path) -> None:
    store = SqliteStore(path)
    await store.open()
    await added(store)
    await store.close()
    assert [file.name for file in path.parent.iterdir()] == ["livectl.db"]


def test_a_commit_is_on_the_disk_and_readers_do_not_wait(connection: sqlite3.Connection) -> None:
    asked = ("journal_mode", "synchronous", "busy_timeout", "foreign_keys")
    found = [connection.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
    assert found == ["wal", 2, 10_000, 1]


def test_importing_it_loads_no_library_that_is_slow() -> None:
    slow = "pymongo starlette httpx livekit rich typer pydantic aiohttp yaml"
    code = (
        "import sys, livectl.adapters.sqlite.store\n"
        f"print(*sorted(set('{slow}'.split()) & set(sys.modules)))"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == ""


# --- the schema


def test_a_database_newer_than_the_program_is_refused(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA user_version = {sqlite_schema.LATEST + 1}")
    with pytest.raises(BadSettings) as refused:
        sqlite_schema.prepare(connection)
    assert "Upgrade livectl" in (refused.value.hint or "")


async def test_an_older_database_is_brought_up_to_date_with_its_data(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = SqliteStore(path)
    await old.open()
    stream = await added(old)
    await old.close()
    later = ("CREATE TABLE later (x)", "INSERT INTO later VALUES (1)")
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, later))
    monkeypatch.setattr(sqlite_schema, "LATEST", sqlite_schema.LATEST + 1)
    new = SqliteStore(path)
    await new.open()
    assert await new.stream(stream.id) == stream
    await new.close()
    assert values(path, "SELECT x FROM later") == [1]
    assert values(path, "PRAGMA user_version") == [sqlite_schema.LATEST]


async def test_a_database_of_the_first_version_is_brought_up_to_date_with_its_data(
    path: Path,
) -> None:
    reports = [a_report(at=at(number + 0.007)) for number in range(3)]
    path.parent.mkdir()
    with closing(sqlite3.connect(path, isolation_level=None)) as first:
        for statement in sqlite_schema.MIGRATIONS[0]:
            first.execute(statement)
        first.execute("PRAGMA user_version = 1")
        for number, report in enumerate(reports):
            status = "open" if number else "closed"
            document = (
                f'{{"id":"{report.id}","streamId":"{report.stream_id}","reporterId":"bob",'
                f'"type":"abuse","reason":"insults","at":"2026-03-01T12:00:0{number}.007Z",'
                f'"evidence":[],"status":"{status}"}}'
            )
            first.execute(
                "INSERT INTO reports VALUES (?, ?, ?)", (report.id, report.stream_id, document)
            )
    store = SqliteStore(path)
    await store.open()
    assert await store.reports(ReportQuery(status="open")) == reports[:0:-1]
    assert await store.reports(ReportQuery(status="open", before=(at(2.007), ""))) == reports[1:2]
    (closed,) = await store.reports(ReportQuery(status="closed"))
    assert (closed.id, closed.messages) == (reports[0].id, [])
    assert await store.resolve_report(
        reports[1].id, resolution="done", by="eve", at=NOON, event=an_event()
    )
    stream = await added(store)
    await store.add_entries([a_message(stream.id)])
    await store.add_recording(a_recording(stream.id), an_event())
    await store.add_ingress_key(a_key(stream_id=stream.id), an_event())
    check = await store.check()
    assert check.schema_version == sqlite_schema.LATEST
    assert all(check.indexes.values())
    await store.close()


def test_a_migration_that_fails_leaves_the_version_before_it(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sqlite_schema.LATEST
    broken = ("CREATE TABLE later (x)", "NONSENSE")
    monkeypatch.setattr(sqlite_schema, "MIGRATIONS", (*sqlite_schema.MIGRATIONS, broken))
    monkeypatch.setattr(sqlite_schema, "LATEST", before + 1)
    with pytest.raises(sqlite3.OperationalError):
        sqlite_schema.prepare(connection)
    assert sqlite_schema.schema_version(connection) == before
    assert not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'later'").fetchall()


async def test_an_index_that_is_missing_is_made_at_the_next_start(path: Path) -> None:
    with closing(open_database(path, sqlite_schema.prepare)) as connection:
        connection.execute("DROP INDEX livestreams_live")
        assert not sqlite_schema.indexes_there(connection)["livestreams_live"]
    store = SqliteStore(path)
    await store.open()
    assert all((await store.check()).indexes.values())
    await store.close()


# --- plans


STATEMENTS: dict[type, Callable[..., tuple[str, list[object]]]] = {
    StreamQuery: sqlite_streams.find_streams_sql,
    EventQuery: sqlite_log.events_sql,
    ChatQuery: sqlite_chat.entries_sql,
    RestrictionQuery: sqlite_moderation.restrictions_sql,
    ReportQuery: sqlite_moderation.reports_sql,
    RecordingQuery: sqlite_recordings.recordings_sql,
    IngressQuery: sqlite_ingress.ingress_keys_sql,
}


def plan(connection: sqlite3.Connection, query: object) -> str:
    sql, bound = STATEMENTS[type(query)](query)
    return "\n".join(row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bound))


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (StreamQuery(live=True), "INDEX livestreams_live"),
        (StreamQuery(live=True, before=(NOON, "a")), "INDEX livestreams_live"),
        (StreamQuery(live=True, tag="a"), "INDEX livestreams_live"),
        (StreamQuery(), "INDEX livestreams_newest"),
        (StreamQuery(since=NOON), "INDEX livestreams_newest"),
        (StreamQuery(owner_id="alice"), "INDEX livestreams_owner"),
        (StreamQuery(owner_id="alice", before=(NOON, "a")), "INDEX livestreams_owner"),
        (StreamQuery(teardown_owed=True), "INDEX livestreams_owed"),
        (StreamQuery(live=False, with_replay=True), "INDEX livestreams_replays"),
        (EventQuery(after=5), "INTEGER PRIMARY KEY"),
        (EventQuery(stream_id="a", after=5), "INDEX events_stream"),
        (EventQuery(type="a"), "INDEX events_type"),
        (EventQuery(types=("a",)), "INDEX events_type"),
        (EventQuery(since=NOON), "COVERING INDEX events_at"),
        (ChatQuery(stream_ids=("a",), limit=50), "INDEX chat_stream"),
        (ChatQuery(stream_ids=("a",), after="1", oldest_first=True), "INDEX chat_stream"),
        (ChatQuery(stream_ids=("a",), kind="gift", text="a"), "INDEX chat_stream"),
        (ChatQuery(user_id="bob"), "INDEX chat_user"),
        (ChatQuery(user_id="bob", before="9"), "INDEX chat_user"),
        (ChatQuery(hidden=True), "INDEX sqlite_autoindex_chat_1"),
        (ReportQuery(), "INDEX reports_newest"),
        (ReportQuery(status="open"), "INDEX reports_status"),
        (ReportQuery(status="open", before=(NOON, "a")), "INDEX reports_status"),
        (RecordingQuery(), "INDEX recordings_newest"),
        (RecordingQuery(since=NOON, before=(NOON, "a")), "INDEX recordings_newest"),
        (RecordingQuery(stream_id="a"), "INDEX recordings_stream"),
        (RecordingQuery(stream_id="a", before=(NOON, "a")), "INDEX recordings_stream"),
        (RecordingQuery(owner_id="alice"), "INDEX recordings_owner"),
        (RecordingQuery(states=("completed",), has_vod=False), "INDEX recordings_state"),
        (RecordingQuery(vod_statuses=("uploading",)), "INDEX recordings_vod"),
        (RecordingQuery(deleting=True), "INDEX recordings_deleting"),
    ],
)
def test_a_list_is_read_in_order_by_an_index(
    connection: sqlite3.Connection, query: object, index: str
) -> None:
    shown = plan(connection, query)
    assert f"USING {index}" in shown
    assert "TEMP B-TREE" not in shown


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (StreamQuery(ended_since=NOON, live=False), "INDEX livestreams_ended"),
        (StreamQuery(ref="64b7f0"), "INDEX sqlite_autoindex_livestreams_1 (id>? AND id<?)"),
        (
            RestrictionQuery(scopes=("a", "b"), holding_at=NOON),
            "INDEX restrictions_scope (scope=?)",
        ),
        (
            RestrictionQuery(scopes=("a",), subject="b"),
            "INDEX restrictions_scope (scope=? AND subject=?)",
        ),
        (RestrictionQuery(subject="b"), "INDEX restrictions_subject (subject=?)"),
        (RestrictionQuery(over_at=NOON), "INDEX restrictions_until (until<?)"),
        (RecordingQuery(states=tuple(UNFINISHED)), "INDEX recordings_state (state=?)"),
        (RecordingQuery(egress_id="EG_1"), "INDEX recordings_egress (egress_id=?)"),
        (RecordingQuery(paths=("a", "b")), "INDEX recordings_path (path=?)"),
        (RecordingQuery(paths=("a", "b")), "INDEX recordings_stored (stored_path=?)"),
        (RecordingQuery(ref="64b7f0"), "INDEX sqlite_autoindex_recordings_1 (id>? AND id<?)"),
        (IngressQuery(), "INDEX ingress_keys_newest"),
        (IngressQuery(owner_id="alice"), "INDEX ingress_keys_owner (owner_id=?)"),
        (IngressQuery(stream_id="a"), "INDEX sqlite_autoindex_ingress_keys_2 (stream_id=?)"),
        (IngressQuery(live_stream_id="a"), "INDEX ingress_keys_live (live_stream_id=?)"),
        (IngressQuery(room="a"), "INDEX ingress_keys_room (next_room=?)"),
        (IngressQuery(ingress_id="IN_1"), "COVERING INDEX ingress_lines_ingress (ingress_id=?)"),
        (IngressQuery(digest="a"), "COVERING INDEX ingress_lines_digest (digest=?)"),
        (IngressQuery(digest="a"), "INDEX sqlite_autoindex_ingress_keys_1 (id=?)"),
        (IngressQuery(due_at=NOON), "INDEX ingress_keys_due (due_at<?)"),
    ],
)
def test_few_are_found_by_an_index(
    connection: sqlite3.Connection, query: object, index: str
) -> None:
    assert f"USING {index}" in plan(connection, query)


async def test_a_great_many_entries_are_pruned_in_several_steps(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_store, "_PRUNE_PAGE", 10)
    live = await added(store)
    over = await added(store, is_live=False)
    for stream in (live, over):
        await store.add_entries([a_message(stream.id) for _ in range(35)])
    assert await store.prune_entries(before=at(1)) == 35
    assert len(await store.entries(ChatQuery(limit=1000))) == 35


# --- the writing thread


async def test_writes_that_wait_together_are_committed_together(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE t (x)")
    statements: list[str] = []
    async with Held(writer):
        connection.set_trace_callback(statements.append)
        tasks = [asyncio.create_task(writer.run("insert", insert("t", n))) for n in range(200)]
    await asyncio.gather(*tasks)
    assert values(path, "SELECT x FROM t") == list(range(200))
    # What held the thread is the first, the two hundred are the second.
    assert statements.count("COMMIT") == 2


async def test_many_durable_webhooks_need_few_commits(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches: list[int] = []
    commit = Writer._commit

    def counted(self: Writer, batch: list) -> None:
        batches.append(len(batch))
        commit(self, batch)

    monkeypatch.setattr(Writer, "_commit", counted)

    async def deliver(who: int) -> None:
        for number in range(10):
            assert await store.add_webhook(a_webhook(id=f"{who}-{number}"))

    await asyncio.gather(*(deliver(who) for who in range(64)))
    assert sum(batches) == 640
    assert len(batches) < 640 / 8
    assert values(path, "SELECT count(*) FROM inbox") == [640]


async def test_one_that_fails_takes_no_other_with_it(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE t (x UNIQUE)")

    def fails_late(connection: sqlite3.Connection) -> None:
        insert("t", 98)(connection)
        insert("t", 99)(connection)
        raise ValueError("mine")

    async with Held(writer):
        works = [insert("t", 1), fails_late, insert("t", 1), insert("t", 2)]
        tasks = [asyncio.create_task(writer.run("work", work)) for work in works]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [type(None), ValueError, Unavailable, type(None)]
    assert values(path, "SELECT x FROM t") == [1, 2]


async def test_where_the_commit_fails_all_of_it_failed(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE parent (id PRIMARY KEY)")
    connection.execute(
        "CREATE TABLE child (x REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED)"
    )
    async with Held(writer):
        works = [insert("parent", 1), insert("child", 2)]  # the second is refused at the commit
        tasks = [asyncio.create_task(writer.run("work", work)) for work in works]
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [Unavailable, Unavailable]
    assert values(path, "SELECT id FROM parent") == []
    await writer.run("work", insert("parent", 3))
    assert values(path, "SELECT id FROM parent") == [3]


async def test_a_write_that_was_given_up_before_it_began_is_left_out(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE t (x)")
    async with Held(writer):
        tasks = [asyncio.create_task(writer.run("insert", insert("t", n))) for n in range(3)]
        await asyncio.sleep(0)
        tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert values(path, "SELECT x FROM t") == [0, 2]


async def test_closing_finishes_what_was_accepted_and_takes_no_more(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE t (x)")
    tasks = [asyncio.create_task(writer.run("insert", insert("t", n))) for n in range(50)]
    await asyncio.sleep(0)
    await writer.close()
    await asyncio.gather(*tasks)
    assert values(path, "SELECT count(*) FROM t") == [50]
    with pytest.raises(Unavailable):
        await writer.run("insert", insert("t", 51))


async def test_a_reader_cannot_write(path: Path, connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE t (x)")
    readers = Readers(path)
    with pytest.raises(Unavailable, match="read-only"):
        await readers.run("insert", insert("t", 1))
    await readers.close()


# --- what fails outside


async def test_a_full_disk_is_said_in_words(
    writer: Writer, connection: sqlite3.Connection, path: Path
) -> None:
    connection.execute("CREATE TABLE t (x)")
    connection.execute("PRAGMA max_page_count = 1")  # held at what there is
    with pytest.raises(Unavailable, match="the disk is full") as failed:
        await writer.run("add_webhook", insert("t", "x" * 1_000_000))
    assert "add_webhook" in failed.value.message
    assert str(path) in (failed.value.hint or "")
    connection.execute("PRAGMA max_page_count = 1000000")
    await writer.run("insert", insert("t", 1))
    assert values(path, "SELECT x FROM t") == [1]


async def test_a_database_that_another_process_holds_is_said_in_words(
    path: Path, store: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    await store.close()
    monkeypatch.setattr(sqlite_connection, "BUSY_SECONDS", 0.1)
    await store.open()
    with closing(connect(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="locked by another process"):
            await store.append_event(an_event())
        assert await store.last_event_seq() == 0  # who reads does not wait
    await store.append_event(an_event())


def test_what_is_no_database_is_said_in_words(path: Path) -> None:
    path.parent.mkdir()
    path.write_text("not a database, but long enough to be taken for one" * 20)
    with pytest.raises(Unavailable, match="not a SQLite database"):
        open_database(path, sqlite_schema.prepare)


def test_a_path_that_cannot_be_is_said_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "directory.db").mkdir()
    for path in (tmp_path / "file" / "livectl.db", tmp_path / "directory.db"):
        with pytest.raises(Unavailable) as failed:
            open_database(path, sqlite_schema.prepare)
        assert str(path) in (failed.value.hint or "")


# --- records


async def test_an_export_is_of_one_moment(store: SqliteStore, path: Path) -> None:
    for _ in range(600):
        await added(store)
    export = store.dump()
    records = [await anext(export)]
    await added(store)
    records += [record async for record in export]
    kinds = [record.kind for record in records]
    assert (kinds.count("stream"), kinds.count("event")) == (600, 600)


async def test_a_load_is_all_or_nothing(store: SqliteStore) -> None:
    good = Record(
        kind="ban",
        key="bob",
        document={
            "userId": "bob",
            "until": "2026-01-01T00:00:00.000Z",
            "by": "x",
            "at": "2026-01-01T00:00:00.000Z",
        },
    )
    for kind in get_args(RecordKind):
        with pytest.raises(BadInput, match=f"{kind} bad"):
            await store.load([good, Record(kind=kind, key="bad", document={"at": 3})])
    assert await dumped(store) == []


# --- several processes, and their deaths


def start(path: Path, name: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.adapters.sqlite_process", str(path), name, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


async def test_two_processes_write_at_once_and_wait_for_each_other(path: Path) -> None:
    processes = [start(path, name, 800) for name in ("one", "two")]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert all(text.endswith("closed\n") for text in said)
    assert values(path, "SELECT count(*) FROM inbox") == [1600]
    assert values(path, "SELECT rev FROM livestreams") == [1600, 1600]
    total = sum(range(1, 801))
    totals = values(path, "SELECT json_extract(document, '$.totalGifts') FROM livestreams")
    assert totals == [total, total]
    assert values(path, "SELECT count(*) FROM events") == [1602]


def killed_again_and_again(path: Path) -> list[list[str]]:
    """What processes were told before each was killed at some moment of its writing."""
    said: list[str] = []
    for number, alive_s in enumerate((0.02, 0.05, 0.11, 0.18, 0.26, 0.3)):
        process = start(path, f"room{number}", 1_000_000)
        assert process.stdout is not None
        with process, process.stdout:
            said.append(process.stdout.readline())
            time.sleep(alive_s)
            process.kill()
            said += process.stdout.readlines()
    return [line.split() for line in said if line.endswith("\n")]


async def test_a_process_that_is_killed_loses_nothing_it_was_told_and_halves_nothing(
    path: Path,
) -> None:
    acknowledged = killed_again_and_again(path)
    assert len(acknowledged) > 50
    assert values(path, "PRAGMA integrity_check") == ["ok"]

    store = SqliteStore(path)
    await store.open()
    streams = {stream.id: stream for stream in await store.find_streams(StreamQuery())}
    for stream in streams.values():
        entries = await store.events(EventQuery(stream_id=stream.id, limit=1_000_000))
        blocked = [f"user{e.data['user']}" for e in entries if e.type == "user.blocked"]
        assert stream.blocked_user_ids == blocked
        gifts = await store.entries(ChatQuery(stream_ids=(stream.id,), limit=1_000_000))
        assert stream.total_gifts == sum(gift.value or 0 for gift in gifts)
        assert stream.rev == len(blocked) + len(gifts)
    webhooks = set(values(path, "SELECT id FROM inbox"))
    given = set(values(path, "SELECT id FROM chat"))
    for what, *ids in acknowledged:
        if what == "webhook":
            assert ids[0] in webhooks
        elif what == "blocked":
            assert ids[1] in streams[ids[0]].blocked_user_ids
        elif what == "gift":
            assert ids[1] in given
        else:
            assert ids[0] in streams
    await store.close()
