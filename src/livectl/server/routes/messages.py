"""What was said: a stream's history, what is pinned, and the search over everything."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from livectl.domain.acts import MessageId, Pin, Text, Unpin
from livectl.domain.chat import ChatEntry, EntryKind
from livectl.domain.clock import EPOCH, epoch_ms
from livectl.domain.stream import Stream, read_time
from livectl.errors import BadInput, Blocked, Forbidden, NotFound
from livectl.ports.chat import ChatQuery
from livectl.ports.streams import StreamQuery
from livectl.server.auth import Allow
from livectl.server.http import At, Body, Call, Done, Route, object_id

Cursor = Annotated[str, Meta(pattern="^[0-9a-f]{24}$", description="the nextCursor of an answer")]
Limit = Annotated[int, Meta(ge=1, le=500)]


class HistoryQuery(Body):
    """`order` is by time; `cursor` goes on where the last answer ended."""

    order: Literal["newest", "oldest"] = "newest"
    cursor: Cursor | None = None
    limit: Limit = 50


class MessageView(Body):
    """`offset_ms` counts from the stream's start, so that a replay can show it in step."""

    id: str
    stream_id: str
    kind: EntryKind
    user_id: str
    content: str
    timestamp: datetime
    offset_ms: int | UnsetType = UNSET
    gift_type: str | UnsetType = UNSET
    value: int | UnsetType = UNSET
    hidden: bool | UnsetType = UNSET


class Messages(Body):
    items: list[MessageView]
    next_cursor: str | UnsetType = UNSET


class SearchQuery(Body):
    """Of one stream, of an owner's streams, or of all."""

    stream_id: str | None = None
    owner_id: str | None = None
    user: str | None = None
    text: Annotated[str, Meta(min_length=1, max_length=200)] | None = None
    kind: EntryKind | None = None
    since: At | None = None
    until: At | None = None
    hidden: bool = False
    order: Literal["newest", "oldest"] = "newest"
    cursor: Cursor | None = None
    limit: Limit = 100


class PinMessage(Body):
    message_id: MessageId
    content: Text


class PinnedMessage(Body):
    message_id: str
    author_id: str
    content: str
    timestamp: datetime


class Pinned(Done, kw_only=True):
    pinned_messages: list[PinnedMessage]


async def history(call: Call, query: HistoryQuery) -> Messages:
    stream = await call.context.streams.get(call.stream_id)
    if not call.caller.is_administrator:
        await call.context.moderation.check_watcher(stream, call.caller.user_id, call.address)
    found = await call.context.history.read(_paged(ChatQuery(stream_ids=(stream.id,)), query))
    return _page(found, query.limit, stream)


async def search(call: Call, query: SearchQuery) -> Messages:
    wanted = ChatQuery(
        stream_ids=await _streams_of(call, query),
        user_id=query.user,
        text=query.text,
        kind=query.kind,
        since=query.since,
        until=query.until,
        hidden=query.hidden,
    )
    return _page(await call.context.history.read(_paged(wanted, query)), query.limit)


async def _streams_of(call: Call, query: SearchQuery) -> tuple[str, ...]:
    if query.stream_id is not None:
        return (object_id(query.stream_id, "streamId"),)
    if query.owner_id is None:
        return ()
    found = await call.context.streams.find(StreamQuery(owner_id=query.owner_id, limit=1000))
    if not found:
        raise NotFound(f"{query.owner_id} has no streams")
    return tuple(stream.id for stream in found)


def _paged(wanted: ChatQuery, query: HistoryQuery | SearchQuery) -> ChatQuery:
    oldest = query.order == "oldest"
    return msgspec.structs.replace(
        wanted,
        oldest_first=oldest,
        after=query.cursor if oldest else None,
        before=None if oldest else query.cursor,
        limit=query.limit + 1,
    )


def _page(found: list[ChatEntry], limit: int, stream: Stream | None = None) -> Messages:
    return Messages(
        items=[view(entry, stream) for entry in found[:limit]],
        next_cursor=found[limit - 1].id if len(found) > limit else UNSET,
    )


def view(entry: ChatEntry, stream: Stream | None = None) -> MessageView:
    return MessageView(
        id=entry.id,
        stream_id=entry.stream_id,
        kind=entry.kind,
        user_id=entry.user_id,
        content=entry.content,
        timestamp=entry.at,
        offset_ms=epoch_ms(entry.at) - epoch_ms(stream.started_at) if stream else UNSET,
        gift_type=entry.gift_type or UNSET,
        value=entry.value if entry.value is not None else UNSET,
        hidden=True if entry.hidden_by else UNSET,
    )


async def pin(call: Call, body: PinMessage) -> Pinned:
    act = Pin(stream_id=call.stream.id, message_id=body.message_id, content=body.content)
    await call.context.moderation.act(
        act, by=call.caller, stream=call.stream, request_id=call.request_id
    )
    return await _pinned(call)


async def unpin(call: Call) -> Pinned:
    message_id = call.request.path_params["message_id"]
    if not 1 <= len(message_id) <= 128:
        raise BadInput("messageId: expected 1 to 128 characters")
    await call.context.moderation.act(
        Unpin(stream_id=call.stream.id, message_id=message_id),
        by=call.caller,
        stream=call.stream,
        request_id=call.request_id,
    )
    return await _pinned(call)


async def _pinned(call: Call) -> Pinned:
    stream = await call.context.streams.get(call.stream.id)
    return Pinned(pinned_messages=[pinned_view(one) for one in stream.pinned_messages])


def pinned_view(one: dict[str, object]) -> PinnedMessage:
    """A pin of a document of any age."""
    return PinnedMessage(
        message_id=str(one.get("messageId", "")),
        author_id=str(one.get("authorId", "")),
        content=str(one.get("content", "")),
        timestamp=read_time(one.get("timestamp")) or EPOCH,
    )


routes = [
    Route(
        "GET",
        "/api/live/{id}/messages",
        history,
        Allow.USER,
        "The chat of a stream, live or over, page by page",
        errors=(NotFound, Blocked),
    ),
    Route(
        "POST",
        "/api/live/{id}/pin-message",
        pin,
        Allow.PIN,
        "Pin a message; a sixth pushes the oldest out",
        errors=(NotFound, Forbidden),
    ),
    Route(
        "DELETE",
        "/api/live/{id}/pin-message/{message_id}",
        unpin,
        Allow.PIN,
        "Let go of a pinned message",
        errors=(NotFound, Forbidden),
    ),
    Route(
        "GET",
        "/api/moderation/messages",
        search,
        Allow.MODERATOR,
        "Search what was said, hidden messages too",
        errors=(NotFound, Forbidden),
    ),
]
