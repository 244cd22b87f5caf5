"""LiveKit's webhooks, and the inbox that keeps them."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from livectl.domain.ingress import without_password
from livectl.domain.webhook import InboxEntry
from livectl.errors import BadInput, NotFound, Unauthenticated
from livectl.ports.inbox import InboxQuery
from livectl.server.auth import Allow
from livectl.server.http import KIB, At, Body, Call, Route


class Received(Body):
    received: Literal[True] = True


class FindWebhooks(Body):
    status: Literal["pending", "done", "parked"] | None = None
    room: str | None = None
    type: str | None = None
    since: At | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class WebhookView(Body):
    id: str
    type: str
    room: str | None
    status: str
    received_at: datetime
    created_at: datetime
    handled_at: datetime | None
    attempts: int
    next_at: datetime | None
    error: str | None


class WebhookWithBody(WebhookView, kw_only=True):
    """`body` as LiveKit sent it, stream keys and passwords masked."""

    body: Any


class WebhookPage(Body):
    items: list[WebhookView]
    pending: int
    parked: int
    oldest: datetime | None


class ReplayWebhooks(Body):
    ids: list[str] = msgspec.field(default_factory=list)
    failed: bool = False
    since: At | None = None


class Replayed(Body):
    queued: int


class Sample(Body):
    event: Annotated[str, Meta(pattern="^[a-z_]{1,64}$")]
    room: Annotated[str, Meta(max_length=256)] | None = None


class SignedSample(Body):
    """To be posted to /api/webhooks/livekit as it is."""

    authorization: str
    content_type: str
    body: str


async def receive(call: Call, body: bytes) -> Received:
    authorization = call.request.headers.get("authorization", "")
    if not authorization:
        raise Unauthenticated("the webhook is not signed")
    await call.context.inbox.take_in(body, authorization)
    return Received()


async def find(call: Call, query: FindWebhooks) -> WebhookPage:
    found = await call.context.inbox.list(
        InboxQuery(
            status=query.status,
            room=query.room,
            type=query.type,
            since=query.since,
            limit=query.limit,
        )
    )
    depth = await call.context.inbox.depth()
    return WebhookPage(
        items=[WebhookView(**_view(entry)) for entry in found],
        pending=depth.pending,
        parked=depth.parked,
        oldest=depth.oldest,
    )


async def show(call: Call) -> WebhookWithBody:
    entry = await call.context.inbox.get(call.request.path_params["webhook_id"])
    return WebhookWithBody(**_view(entry), body=_masked(msgspec.json.decode(entry.body)))


async def replay(call: Call, body: ReplayWebhooks) -> Replayed:
    if not (body.ids or body.failed or body.since):
        raise BadInput.of("ids", "ids, or failed: true, or since")
    queued = await call.context.inbox.replay(
        body.ids, failed=body.failed, since=body.since, by=call.caller.name
    )
    return Replayed(queued=queued)


async def sample(call: Call, body: Sample) -> SignedSample:
    raw, authorization = call.context.inbox.sample(body.event, body.room)
    return SignedSample(
        authorization=authorization, content_type="application/webhook+json", body=raw.decode()
    )


def _view(entry: InboxEntry) -> dict[str, Any]:
    return {
        "id": entry.id,
        "type": entry.type,
        "room": entry.room,
        "status": entry.status,
        "received_at": entry.received_at,
        "created_at": entry.created_at,
        "handled_at": entry.handled_at,
        "attempts": entry.attempts,
        "next_at": entry.next_at if entry.status == "pending" else None,
        "error": entry.error,
    }


_SECRET_NAME = re.compile(r"key|secret|password|token|credential", re.IGNORECASE)
# What an ingress pulls may hold a password, also where an error repeats it.
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)


def _masked(content: Any) -> Any:
    if isinstance(content, dict):
        return {
            name: "********"
            if isinstance(value, str) and _SECRET_NAME.search(name)
            else _masked(value)
            for name, value in content.items()
        }
    if isinstance(content, list):
        return [_masked(one) for one in content]
    if isinstance(content, str):
        return _URL.sub(lambda found: without_password(found[0]), content)
    return content


routes = [
    Route(
        "POST",
        "/api/webhooks/livekit",
        receive,
        Allow.LIVEKIT,
        "LiveKit's webhooks: stored before they are answered",
        max_body=1024 * KIB,
        takes="application/webhook+json",
        errors=(Unauthenticated,),
    ),
    Route("GET", "/api/webhooks", find, Allow.ADMINISTRATOR, "The inbox, newest first"),
    Route(
        "POST",
        "/api/webhooks/replay",
        replay,
        Allow.ADMINISTRATOR,
        "Have webhooks handled again",
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/api/webhooks/sample",
        sample,
        Allow.ADMINISTRATOR,
        "A signed sample webhook, to try a deployment with",
    ),
    Route(
        "GET",
        "/api/webhooks/{webhook_id}",
        show,
        Allow.ADMINISTRATOR,
        "One webhook with its body",
        errors=(NotFound,),
    ),
]
