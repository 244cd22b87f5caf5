"""How the embedded database is reached: its connections, one writing thread, a few reading ones.

Writes that wait together are committed together, so a burst of them costs one sync of the disk;
each has a savepoint, so one that fails takes no other with it. Nobody is answered before the
commit, and a read that starts after that sees it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Generic, TypeVar

from livectl.errors import BadSettings, Unavailable

T = TypeVar("T")

BUSY_SECONDS = 10.0
BATCH_MAX = 500
_WAL_BYTES_KEPT = 64 * 1024 * 1024

_CAUSES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space on the disk that holds {path}."),
    sqlite3.SQLITE_BUSY: (
        "the database is locked by another process",
        "See who holds it: fuser {path}",
    ),
    sqlite3.SQLITE_READONLY: (
        "the database is read-only",
        "Check the owner and the permissions of {path}, its directory and its file system.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "the file cannot be opened",
        "Check that {path} is a file in a directory this user may write to.",
    ),
    sqlite3.SQLITE_IOERR: ("the disk failed", "See the kernel's log, then check the disk."),
    sqlite3.SQLITE_CORRUPT: (
        "the database is damaged",
        "Restore {path} from a backup, or recover it: sqlite3 {path} .recover",
    ),
    sqlite3.SQLITE_NOTADB: (
        "the file is not a SQLite database",
        "Check the path in DATABASE_URL or LIVECTL_DATA_DIR.",
    ),
}


def unavailable(path: Path, call: str, error: sqlite3.Error | OSError) -> Unavailable:
    """What failed and why, in words, for a person who keeps the machine."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells details of the code
    cause, hint = _CAUSES.get(code, (str(error), "Check {path} and the disk it is on."))
    return Unavailable(f"Database, {call}: {cause}.", hint=hint.format(path=path))


def connect(path: Path) -> sqlite3.Connection:
    """A connection that any one thread at a time may use, without transactions of its own."""
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
    )
    try:
        _use_wal(connection)
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA journal_size_limit = {_WAL_BYTES_KEPT}")
        connection.create_function("casefold", 1, _casefold, deterministic=True)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_reading(path: Path) -> sqlite3.Connection:
    connection = connect(path)
    connection.execute("PRAGMA query_only = ON")
    return connection


def make_private(path: Path) -> None:
    """The directory for the owner alone and the file too, where they are not there yet; SQLite
    gives its side files the permissions of the database."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))


class _Job(Generic[T]):
    """A piece of work for a thread, and the task that waits for it."""

    def __init__(self, call: str, work: Callable[[sqlite3.Connection], T]) -> None:
        self.call = call
        self.work = work
        self.loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self.loop.create_future()
        self.result: T | None = None
        self.error: Exception | None = None

    def settle(self) -> None:
        if self.future.done():  # whoever waited was cancelled
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)  # type: ignore[arg-type]


class _Threads:
    """Threads that take jobs from one queue, until they are closed and the queue is empty."""

    def __init__(self, path: Path, count: int, name: str) -> None:
        self._path = path
        self._queue: queue.SimpleQueue[_Job[Any] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        # Daemons: a process that ends without closing loses nothing that was acknowledged.
        self._threads = [
            threading.Thread(target=self._serve, name=f"{name}-{number}", daemon=True)
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, call: str, work: Callable[[sqlite3.Connection], T]) -> T:
        job = _Job(call, work)
        with self._lock:  # so that no job comes behind the end mark
            if self._closed:
                raise Unavailable(f"Database, {call}: it is closed.")
            self._queue.put(job)
        return await job.future

    async def close(self) -> None:
        """Finish what was accepted, then end. Safe to repeat."""
        with self._lock:
            if not self._closed:
                self._closed = True
                for _ in self._threads:
                    self._queue.put(None)
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        raise NotImplementedError

    def _explain(self, job: _Job[Any], error: Exception) -> Exception:
        if isinstance(error, sqlite3.Error):
            explained = unavailable(self._path, job.call, error)
            explained.__cause__ = error
            return explained
        return error


class Writer(_Threads):
    """The one thread of this process that writes."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._connection = connection
        super().__init__(path, 1, "sqlite-writer")

    def _serve(self) -> None:
        more = True
        while more:
            batch, more = self._next_batch()
            self._commit(batch)
            _settle(batch)
        self._connection.close()

    def _next_batch(self) -> tuple[list[_Job[Any]], bool]:
        """What waits, at least one; and whether there can be more after it."""
        batch: list[_Job[Any]] = []
        job = self._queue.get()
        while job is not None:
            batch.append(job)
            if len(batch) == BATCH_MAX:
                return batch, True
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _commit(self, batch: list[_Job[Any]]) -> None:
        wanted = [job for job in batch if not job.future.cancelled()]
        if not wanted:
            return
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in wanted:
                self._attempt(job)
            self._connection.execute("COMMIT")
        except Exception as error:
            with suppress(sqlite3.Error):
                self._connection.rollback()
            for job in wanted:
                job.error = job.error or self._explain(job, error)

    def _attempt(self, job: _Job[Any]) -> None:
        self._connection.execute("SAVEPOINT job")
        try:
            job.result = job.work(self._connection)
        except Exception as error:
            job.error = self._explain(job, error)
            if not self._connection.in_transaction:
                raise  # SQLite itself gave up all of the batch, as it may when the disk is full
            self._connection.execute("ROLLBACK TO job")
        self._connection.execute("RELEASE job")


class Readers(_Threads):
    """A few threads that read, each on a connection of its own, opened when first needed."""

    def __init__(self, path: Path, count: int = 2) -> None:
        super().__init__(path, count, "sqlite-reader")

    def _serve(self) -> None:
        connection: sqlite3.Connection | None = None
        while (job := self._queue.get()) is not None:
            try:
                connection = connection or connect_reading(self._path)
                job.result = job.work(connection)
            except Exception as error:
                job.error = self._explain(job, error)
            _settle([job])
        if connection is not None:
            connection.close()


def open_database(path: Path, prepare: Callable[[sqlite3.Connection], None]) -> sqlite3.Connection:
    """The writing connection, after `prepare`. Raises Unavailable where the file cannot be had."""
    try:
        make_private(path)
        connection = connect(path)
        try:
            prepare(connection)
        except BaseException:
            connection.close()
            raise
    except (sqlite3.Error, OSError) as error:
        raise unavailable(path, "open", error) from error
    return connection


def _settle(jobs: Sequence[_Job[Any]]) -> None:
    """Wake each event loop once for all of its jobs: a wake-up costs a write to a pipe."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job[Any]]] = {}
    for job in jobs:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, own in by_loop.items():
        with suppress(RuntimeError):  # that loop is closed, so nobody waits there
            loop.call_soon_threadsafe(_settle_here, own)


def _settle_here(jobs: list[_Job[Any]]) -> None:
    for job in jobs:
        job.settle()


def _use_wal(connection: sqlite3.Connection) -> None:
    """SQLite does not wait for others when it changes the journal's mode: so wait here."""
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
            break
        except sqlite3.OperationalError as error:
            busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.02)
    if mode != "wal":
        raise BadSettings(
            "The database cannot use a write-ahead log where it is.",
            hint="Put it on a local file system: network file systems do not carry it.",
        )


def _casefold(text: object) -> str:
    return text.casefold() if isinstance(text, str) else ""
