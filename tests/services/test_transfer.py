"""Export and import: whole, checked by count and digest, and nothing in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from inline_snapshot import snapshot

from livectl.adapters.sqlite.store import SqliteStore
from livectl.errors import BadInput, Conflict, LivectlError
from livectl.ports.store import EventQuery, Store
from livectl.services import transfer
from livectl.services.transfer import export, import_checked, seal_of, verify
from tests.contract.examples import a_webhook, added, dumped
from tests.services.conftest import new_store


def quiet(_: int) -> None:
    """No progress."""


async def lines_of(store: Store) -> list[bytes]:
    return [line async for line in export(store, quiet)]


@pytest.fixture
async def other(request: pytest.FixtureRequest, store: Store) -> Store:
    """A second store, empty, of the other kind."""
    kind = "mongo" if isinstance(store, SqliteStore) else "sqlite"
    return new_store(kind, request)


async def filled(store: Store, streams: int = 3) -> list[bytes]:
    for number in range(streams):
        await added(store, title=f"№ {number}")
    await store.add_webhook(a_webhook())
    return await lines_of(store)


async def test_a_copy_in_the_other_kind_of_store_has_the_same_bytes(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "_BATCH", 3)
    exported = await filled(store, streams=10)
    await other.open()
    try:
        seal = await import_checked(other, lambda: iter(exported), merge=False, progress=quiet)
        assert await lines_of(other) == exported
        assert seal == await seal_of(store)
        # Safe to repeat.
        await import_checked(other, lambda: iter(exported), merge=False, progress=quiet)
        assert await lines_of(other) == exported
    finally:
        await other.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> Iterator[Store]:
    store = SqliteStore(tmp_path / "one.db")
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def empty(tmp_path: Path) -> Iterator[Store]:
    store = SqliteStore(tmp_path / "two.db")
    await store.open()
    yield store
    await store.close()


async def test_the_last_line_is_a_seal_of_the_others(sqlite: Store) -> None:
    *records, seal = await filled(sqlite)
    told = json.loads(seal)
    assert told["kind"] == "end"
    assert sum(told["counts"].values()) == len(records)
    assert list(told) == sorted(told)


async def test_an_empty_store_is_exported_as_a_seal_alone(sqlite: Store, empty: Store) -> None:
    lines = await lines_of(sqlite)
    assert len(lines) == 1
    await import_checked(empty, lambda: iter(lines), merge=False, progress=quiet)
    assert await dumped(empty) == []


async def test_progress_is_told(sqlite: Store) -> None:
    await filled(sqlite)
    told: list[int] = []
    records = [line async for line in export(sqlite, told.append)][:-1]
    assert told == list(range(1, len(records) + 1))


async def test_whatever_byte_was_lost_or_changed_nothing_is_written(
    sqlite: Store, empty: Store
) -> None:
    lines = await filled(sqlite)
    damaged = {
        "a line is missing": lines[1:],
        "the end is missing": lines[:-1],
        "nothing is there": [],
        "two lines changed places": [lines[1], lines[0], *lines[2:]],
        "a word was changed": [lines[0].replace("№".encode(), b"No"), *lines[1:]],
        "it was cut within a line": [*lines[:1], lines[1][:20]],
        "it is something else": [b"hello\n"],
        "a line is no record": [b"{}\n", *lines],
        "a line is no object": [b"[]\n", *lines],
    }
    for what, content in damaged.items():
        with pytest.raises(BadInput):
            await import_checked(empty, lambda c=content: iter(c), merge=False, progress=quiet)
        assert await dumped(empty) == [], what


def test_the_message_names_the_line() -> None:
    with pytest.raises(BadInput) as found:
        verify([b'{"kind": "stream"}\n'])
    assert found.value.message == snapshot("line 1: no record: Object missing required field `key`")
    with pytest.raises(BadInput) as found:
        verify([])
    assert found.value.message == snapshot(
        "the export is cut off after line 0: its last line is missing"
    )


async def test_a_store_with_other_records_is_left_alone_unless_told(
    sqlite: Store, empty: Store
) -> None:
    lines = await filled(sqlite)
    await added(empty, owner_id="zoe", room_name="live_zoe_1")
    before = await dumped(empty)
    with pytest.raises(Conflict, match="2 records"):
        await import_checked(empty, lambda: iter(lines), merge=False, progress=quiet)
    assert await dumped(empty) == before


async def test_merged_records_are_beside_those_that_were_there_and_no_event_is_lost(
    sqlite: Store, empty: Store
) -> None:
    lines = await filled(sqlite)
    own = await added(empty, owner_id="zoe", room_name="live_zoe_1")
    for _ in range(2):  # safe to repeat
        await import_checked(empty, lambda: iter(lines), merge=True, progress=quiet)
        events = await empty.events(EventQuery(limit=100))
        assert events[0].stream_id == own.id
        theirs = await sqlite.events(EventQuery(limit=100))
        assert [one.id for one in events[1:]] == [one.id for one in theirs]
        streams = [one for one in await dumped(empty) if one.kind == "stream"]
        assert len(streams) == 4


async def test_a_copy_that_differs_is_told_of(
    sqlite: Store, empty: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = await filled(sqlite)
    load = empty.load

    async def and_somebody_writes(batch: object) -> None:
        await load(batch)
        await added(empty, owner_id="zoe", room_name="live_zoe_1")

    monkeypatch.setattr(empty, "load", and_somebody_writes)
    with pytest.raises(LivectlError, match="the copy differs"):
        await import_checked(empty, lambda: iter(lines), merge=False, progress=quiet)
