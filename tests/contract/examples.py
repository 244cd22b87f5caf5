"""Values for the contract tests: each valid, each different where it has to be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from livectl.domain.chat import ChatEntry, entry_id
from livectl.domain.event import Event, event
from livectl.domain.ids import new_id
from livectl.domain.ingress import IngressKey, Line
from livectl.domain.moderation import EVERYWHERE, Restriction
from livectl.domain.people import Report
from livectl.domain.presence import Sighting
from livectl.domain.recording import Recording, Storage, Vod
from livectl.domain.stream import Stream
from livectl.domain.webhook import InboxEntry
from livectl.ports.store import EventQuery, Record, Store

T = TypeVar("T")

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HEX_USER = "64b7f0c2a1d3e4f5a6b7c8d9"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def a_stream(**fields: Any) -> Stream:
    id_ = fields.pop("id", new_id())
    defaults: dict[str, Any] = {
        "owner_id": "alice",
        "room_name": f"live_alice_{id_}",
        "title": "A title",
        "is_live": True,
        "started_at": NOON,
        "created_at": NOON,
        "updated_at": NOON,
    }
    return Stream(id=id_, **{**defaults, **fields})


def an_event(type_: str = "test.happened", **fields: Any) -> Event:
    return event(type_, fields.pop("at", NOON), fields.pop("actor", "user:alice"), **fields)


def a_webhook(**fields: Any) -> InboxEntry:
    defaults: dict[str, Any] = {
        "id": f"EV_{new_id()}",
        "type": "room_started",
        "received_at": NOON,
        "created_at": NOON,
        "body": '{"event":"room_started"}',
        "room": "live_alice_1",
    }
    return InboxEntry(**{**defaults, **fields})


def a_message(stream_id: str, content: str = "hello", **fields: Any) -> ChatEntry:
    said_at = fields.pop("at", NOON)
    defaults: dict[str, Any] = {"id": entry_id(said_at), "kind": "message", "user_id": "bob"}
    return ChatEntry(stream_id=stream_id, content=content, at=said_at, **{**defaults, **fields})


def a_gift(stream_id: str, value: int = 10, **fields: Any) -> ChatEntry:
    defaults: dict[str, Any] = {"kind": "gift", "gift_type": "rose", "content": ""}
    return a_message(stream_id, value=value, **{**defaults, **fields})


def a_restriction(**fields: Any) -> Restriction:
    defaults: dict[str, Any] = {
        "scope": EVERYWHERE,
        "kind": "block",
        "subject": "mallory",
        "user_id": "mallory",
        "by": "operator:eve",
        "at": NOON,
    }
    return Restriction(**{**defaults, **fields})


def a_report(**fields: Any) -> Report:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "stream_id": new_id(),
        "reporter_id": "bob",
        "type": "abuse",
        "reason": "insults",
        "at": NOON,
    }
    return Report(**{**defaults, **fields})


def a_recording(stream_id: str, **fields: Any) -> Recording:
    defaults: dict[str, Any] = {
        "id": new_id(),
        "owner_id": "alice",
        "room_name": "live_alice_1",
        "recorder": "egress",
        "requested_at": NOON,
        "updated_at": NOON,
    }
    return Recording(stream_id=stream_id, **{**defaults, **fields})


def a_replay(stream_id: str, **fields: Any) -> Recording:
    """A recording that is over, with its file and its VOD."""
    defaults: dict[str, Any] = {
        "state": "completed",
        "storage": Storage(type="S3", path="a.mp4", bucket="b", url="s3://b/a.mp4"),
        "vod": Vod(status="available"),
    }
    return a_recording(stream_id, **{**defaults, **fields})


def a_line(**fields: Any) -> Line:
    defaults: dict[str, Any] = {
        "ingress_id": f"IN_{new_id()}",
        "stream_key": f"key-{new_id()}",
        "url": "rtmp://media.example.com/live",
        "made_at": NOON,
    }
    return Line(**{**defaults, **fields})


def a_key(**fields: Any) -> IngressKey:
    """A standing key, unless it is given a stream."""
    defaults: dict[str, Any] = {
        "id": new_id(),
        "owner_id": "alice",
        "protocol": "rtmp",
        "through": "ingress",
        "identity": "alice",
        "lines": [a_line()],
        "created_at": NOON,
        "by": "user:alice",
        "updated_at": NOON,
    }
    return IngressKey(**{**defaults, **fields})


def a_sighting(stream_id: str, sid: str, user_id: str = "bob", **times: datetime) -> Sighting:
    return Sighting(stream_id=stream_id, sid=sid, user_id=user_id, **times)


async def added(store: Store, **fields: Any) -> Stream:
    """A stream that is in the store."""
    stream = a_stream(**fields)
    await store.add_stream(stream, an_event("stream.started", stream_id=stream.id))
    return stream


async def read(store: Store, stream_id: str) -> Stream:
    stream = await store.stream(stream_id)
    assert stream is not None
    return stream


async def event_types(store: Store) -> list[str]:
    """What happened since the streams were added."""
    entries = await store.events(EventQuery(limit=10_000))
    return [entry.type for entry in entries if entry.type != "stream.started"]


async def dumped(store: Store) -> list[Record]:
    return [record async for record in store.dump()]


def as_bytes(records: Iterable[Record]) -> bytes:
    return b"\n".join(msgspec.json.encode(record, order="deterministic") for record in records)


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    return list(await asyncio.gather(*calls))
