"""Ingress keys: of a host's own live stream, and, for administrators, all of them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta

from livectl.domain.ingress import GRACE_S, IngressKey, Protocol, Through
from livectl.errors import BadInput, Conflict, NotFound, NotReady, Unavailable
from livectl.ports.ingress import IngressQuery
from livectl.server.auth import Allow, clean_user_id
from livectl.server.http import Body, Call, Done, Route, object_id
from livectl.server.paging import PageQuery, read_cursor
from livectl.server.routes.ingress_views import (
    IngressKeyPage,
    IngressKeyView,
    IngressOfStream,
    handed_view,
    of_stream_view,
    seen_view,
    view,
)
from livectl.server.routes.live import CoverUrl, Reason, printable
from livectl.services.ingress import KeyWish

Source = Annotated[
    str,
    Meta(
        pattern=r"^(https?|srt)://[^\s/]",
        max_length=2048,
        description="what LiveKit's Ingress pulls: http, https or srt",
    ),
]
_YEARS_S = 10 * 366 * 86_400
Overlap = Annotated[int, Meta(ge=0, le=7 * 86_400, description="both keys work for so long")]
Expiry = Annotated[int, Meta(ge=1, le=_YEARS_S, description="from now on")]


class WantIngress(Body):
    type: Protocol | None = None
    url: Source | None = None


class Rotate(Body):
    overlap_seconds: Overlap = 0


class FindIngress(PageQuery):
    """`ref` is the start of an id, `standing` whether it is of no one stream."""

    owner: str | None = None
    stream: str | None = None
    standing: bool | None = None
    enabled: bool | None = None
    ref: str | None = None


class LookQuery(Body):
    """`reveal` shows the secret, which is logged; `look` asks LiveKit."""

    reveal: bool = False
    look: bool = False


class NewIngress(Body):
    """A standing key of `ownerId`, or the key of the live stream `streamId`."""

    owner_id: str | None = None
    stream_id: str | None = None
    type: Protocol = "rtmp"
    through: Through | None = None
    url: Source | None = None
    title: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    cover_url: CoverUrl | None = None
    enable_recording: bool = True
    enable_replay: bool = True
    auto_record: bool = False
    grace_seconds: Annotated[int, Meta(ge=1, le=86_400)] = GRACE_S
    expires_seconds: Expiry | None = None

    def wish(self) -> KeyWish:
        return KeyWish(
            protocol=self.type,
            through=self.through,
            source=self.url,
            title=printable(self.title),
            tags=[tag for one in self.tags if (tag := printable(one))],
            cover_url=self.cover_url,
            enable_recording=self.enable_recording,
            enable_replay=self.enable_replay,
            auto_record=self.auto_record,
            grace_s=self.grace_seconds,
            expires_s=self.expires_seconds,
        )


class Enable(Body):
    expires_seconds: Expiry | None = None


class Disable(Body):
    reason: Reason | None = None


async def want(call: Call, body: WantIngress) -> IngressOfStream:
    type_ = body.type or ("url" if body.url else "rtmp")
    handed = await call.context.ingress.create_for(
        call.stream,
        KeyWish(protocol=type_, source=body.url),
        any_protocol=body.type is None,
        whip_url=_whip_url(call),
        by=call.caller,
        request_id=call.request_id,
    )
    return of_stream_view(handed)


async def rotate_own(call: Call, body: Rotate) -> IngressOfStream:
    key = await call.context.ingress.of_stream(call.stream)
    handed = await call.context.ingress.rotate(
        key, overlap_s=body.overlap_seconds, by=call.caller, request_id=call.request_id
    )
    return of_stream_view(handed)


async def delete_own(call: Call) -> Done:
    key = await call.context.ingress.of_stream(call.stream)
    await call.context.ingress.delete(key, by=call.caller, request_id=call.request_id)
    return Done()


async def find(call: Call, query: FindIngress) -> IngressKeyPage:
    found = await call.context.ingress.find(
        IngressQuery(
            owner_id=query.owner,
            stream_id=query.stream,
            standing=query.standing,
            enabled=query.enabled,
            ref=query.ref,
            before=read_cursor(query.cursor),
            limit=query.limit + 1,
        )
    )
    return IngressKeyPage.of(found, query.limit, at=lambda one: one.created_at, view=view)


async def create(call: Call, body: NewIngress) -> IngressKeyView:
    if (body.owner_id is None) is (body.stream_id is None):
        raise BadInput("ownerId, streamId: expected one of them")
    if body.stream_id is not None:
        stream = await call.context.streams.get(object_id(body.stream_id, "streamId"))
        handed = await call.context.ingress.create_for(
            stream,
            body.wish(),
            any_protocol=False,
            whip_url=_whip_url(call),
            by=call.caller,
            request_id=call.request_id,
        )
    else:
        handed = await call.context.ingress.create(
            clean_user_id(body.owner_id or "", "ownerId"),
            body.wish(),
            whip_url=_whip_url(call),
            by=call.caller,
            request_id=call.request_id,
        )
    return handed_view(handed)


async def show(call: Call, query: LookQuery) -> IngressKeyView:
    key = await _key(call)
    if query.reveal:
        await call.context.ingress.reveal(key, by=call.caller, request_id=call.request_id)
    seen = seen_view(key, await call.context.ingress.seen(key)) if query.look else UNSET
    return view(key, reveal=query.reveal, seen=seen)


async def rotate(call: Call, body: Rotate) -> IngressKeyView:
    handed = await call.context.ingress.rotate(
        await _key(call),
        overlap_s=body.overlap_seconds,
        by=call.caller,
        request_id=call.request_id,
    )
    return handed_view(handed)


async def enable(call: Call, body: Enable) -> IngressKeyView:
    handed = await call.context.ingress.enable(
        await _key(call),
        expires_s=body.expires_seconds,
        by=call.caller,
        request_id=call.request_id,
    )
    return handed_view(handed)


async def disable(call: Call, body: Disable) -> IngressKeyView:
    key = await call.context.ingress.disable(
        await _key(call), reason=body.reason, by=call.caller, request_id=call.request_id
    )
    return view(key)


async def end(call: Call) -> Done:
    await call.context.ingress.end(await _key(call), by=call.caller, request_id=call.request_id)
    return Done()


async def delete(call: Call) -> Done:
    await call.context.ingress.delete(await _key(call), by=call.caller, request_id=call.request_id)
    return Done()


async def _key(call: Call) -> IngressKey:
    return await call.context.ingress.get(object_id(call.request.path_params["id"]))


def _whip_url(call: Call) -> str:
    """Where encoders reach this server; "" where only a command in this process calls."""
    if call.context.own_public_url:
        return f"{call.context.own_public_url}/whip"
    return "" if "livectl.operator" in call.request.scope else f"{call.request.base_url}whip"


_LIVEKIT = (NotReady, Unavailable)
routes = [
    Route(
        "POST",
        "/api/live/{id}/ingress",
        want,
        Allow.OWNER,
        "What an encoder needs to publish in one's own live stream; asked again, the same",
        errors=(NotFound, Conflict, *_LIVEKIT),
    ),
    Route(
        "POST",
        "/api/live/{id}/ingress/rotate",
        rotate_own,
        Allow.OWNER,
        "A new stream key; the old one ends at once, or after a time",
        errors=(NotFound, Conflict, *_LIVEKIT),
    ),
    Route(
        "DELETE",
        "/api/live/{id}/ingress",
        delete_own,
        Allow.OWNER,
        "Put the encoder out, and end its key",
        errors=(NotFound, *_LIVEKIT),
    ),
    Route("GET", "/api/ingress", find, Allow.ADMINISTRATOR, "Ingress keys, newest first"),
    Route(
        "POST",
        "/api/ingress",
        create,
        Allow.ADMINISTRATOR,
        "Make a standing key, or the key of a live stream",
        errors=(NotFound, Conflict, *_LIVEKIT),
    ),
    Route(
        "GET",
        "/api/ingress/{id}",
        show,
        Allow.ADMINISTRATOR,
        "One ingress key; its secret where that is asked for, which is logged",
        errors=(NotFound, *_LIVEKIT),
    ),
    Route(
        "POST",
        "/api/ingress/{id}/rotate",
        rotate,
        Allow.ADMINISTRATOR,
        "A new stream key; the old one ends at once, or after a time",
        errors=(NotFound, Conflict, *_LIVEKIT),
    ),
    Route(
        "POST",
        "/api/ingress/{id}/enable",
        enable,
        Allow.ADMINISTRATOR,
        "Switch a key on; with a new secret after a kill, or where LiveKit has the old one no more",
        errors=(NotFound, Conflict, *_LIVEKIT),
    ),
    Route(
        "POST",
        "/api/ingress/{id}/disable",
        disable,
        Allow.ADMINISTRATOR,
        "Switch a key off, and put its encoder out",
        errors=(NotFound, *_LIVEKIT),
    ),
    Route(
        "POST",
        "/api/ingress/{id}/end",
        end,
        Allow.ADMINISTRATOR,
        "End what a standing key is live as; the key works on",
        errors=(NotFound, *_LIVEKIT),
    ),
    Route(
        "DELETE",
        "/api/ingress/{id}",
        delete,
        Allow.ADMINISTRATOR,
        "Delete a key; its encoder is put out, and what it is live as ends",
        errors=(NotFound, *_LIVEKIT),
    ),
]
