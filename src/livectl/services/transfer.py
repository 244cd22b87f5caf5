"""Moving everything from one store to another as JSON lines, checked by count and digest.

A line is a record: {"kind", "key", "document"}. The last one is the seal: {"kind": "end", "counts",
"sha256"}, the digest being of all lines before it. Both stores write the same bytes for the same
records, so that a copy can be compared with what it was made from.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from typing import Any

import msgspec

from livectl.errors import BadInput, Conflict, LivectlError
from livectl.ports.store import Record, Store

_BATCH = 500

Progress = Callable[[int], None]


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """What a whole export holds."""

    counts: dict[str, int]
    sha256: str


class _Tally:
    """Counts and digests lines as they pass."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._digest = hashlib.sha256()

    def add(self, kind: str, line: bytes) -> None:
        self._counts[kind] += 1
        self._digest.update(line)

    def seal(self) -> Seal:
        return Seal(counts=dict(sorted(self._counts.items())), sha256=self._digest.hexdigest())


async def export(store: Store, progress: Progress) -> AsyncIterator[bytes]:
    """The lines of a store, sealed."""
    tally = _Tally()
    number = 0
    async for record in store.dump():
        line = _line(record)
        tally.add(record.kind, line)
        yield line
        number += 1
        progress(number)
    seal = tally.seal()
    yield _encode({"kind": "end", "counts": seal.counts, "sha256": seal.sha256})


def verify(lines: Iterable[bytes]) -> Seal:
    """Read an export to its end. Raises BadInput, naming the line, unless it is whole."""
    tally = _Tally()
    number = 0
    for number, line in enumerate(lines, 1):
        content = _decode(line, number)
        if content.get("kind") == "end":
            return _check_seal(content, tally.seal(), number)
        _record(content, number)
        tally.add(content["kind"], line)
    raise BadInput(f"the export is cut off after line {number}: its last line is missing")


async def load(store: Store, records: Iterator[Record], progress: Progress) -> None:
    """Put the records of a verified export into a store. Safe to repeat: the same records stay
    one."""
    number = 0
    for batch in _batches(records):
        await store.load(batch)
        number += len(batch)
        progress(number)


async def others_than(store: Store, lines: Iterable[bytes]) -> int:
    """How many records a store holds that an export does not."""
    given = {_identity(record) for record in _records(lines)}
    return sum([1 async for record in store.dump() if _identity(record) not in given])


def _identity(record: Record) -> tuple[str, str]:
    """Two logs count from 1: an event is the same where its id is, not its place."""
    key = record.document["id"] if record.kind == "event" else record.key
    return record.kind, str(key)


async def _after_the_log(store: Store, records: Iterator[Record]) -> Iterator[Record]:
    """For a store with a log of its own: the events that it does not have take the places after
    its last, so that none of its own is lost."""
    known = {_identity(record) async for record in store.dump() if record.kind == "event"}
    last = await store.last_event_seq()

    def placed() -> Iterator[Record]:
        for record in records:
            if record.kind != "event":
                yield record
            elif _identity(record) not in known:
                seq = last + record.document["seq"]
                document = {**record.document, "seq": seq}
                yield Record(kind="event", key=f"{seq:020d}", document=document)

    return placed()


async def import_checked(
    store: Store, read: Callable[[], Iterable[bytes]], *, merge: bool, progress: Progress
) -> Seal:
    """Verify, load, and compare what the store holds then with what it was given.

    `read` opens the export anew each time. Nothing is written unless the export is whole. Raises
    BadInput, Conflict where the store holds other records (unless `merge`), LivectlError where
    the copy differs from the original.
    """
    seal = verify(read())
    if not merge and (others := await others_than(store, read())):
        raise Conflict(
            f"the store holds {others} records that the export does not",
            hint="import into an empty store, or add --merge to put it in beside them",
        )
    records = _records(read())
    await load(store, await _after_the_log(store, records) if merge else records, progress)
    if not merge:
        copied = await seal_of(store)
        if copied != seal:
            raise LivectlError(
                f"the copy differs: {copied.counts} with {copied.sha256[:12]}, expected "
                f"{seal.counts} with {seal.sha256[:12]}",
                hint="was something else writing to the store? Stop the servers, import again",
            )
    return seal


async def seal_of(store: Store) -> Seal:
    """The seal that an export of this store would have now."""
    tally = _Tally()
    async for record in store.dump():
        tally.add(record.kind, _line(record))
    return tally.seal()


def _records(lines: Iterable[bytes]) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        content = _decode(line, number)
        if content.get("kind") == "end":
            return
        yield _record(content, number)


def _batches(records: Iterator[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    for record in records:
        batch.append(record)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _check_seal(content: dict[str, Any], found: Seal, number: int) -> Seal:
    if content.get("counts") != found.counts or content.get("sha256") != found.sha256:
        raise BadInput(
            f"line {number}: the export was changed or damaged: its lines do not have the counts "
            "and the digest that it was sealed with"
        )
    return found


def _decode(line: bytes, number: int) -> dict[str, Any]:
    try:
        content = json.loads(line)
    except ValueError as error:
        raise BadInput(f"line {number}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise BadInput(f"line {number}: expected a JSON object")
    return content


def _record(content: dict[str, Any], number: int) -> Record:
    try:
        return msgspec.convert(content, Record)
    except msgspec.ValidationError as error:
        raise BadInput(f"line {number}: no record: {error}") from error


def _line(record: Record) -> bytes:
    return _encode({"kind": record.kind, "key": record.key, "document": record.document})


def _encode(content: dict[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False, sort_keys=True).encode() + b"\n"
