"""WHIP (RFC 9725): encoders publish with their stream key as bearer token, without LiveKit's
Ingress service."""

from __future__ import annotations

import re
from typing import Literal

from starlette.responses import Response

from livectl.errors import (
    BadInput,
    Conflict,
    Forbidden,
    NotFound,
    Unauthenticated,
    Unavailable,
    WrongMediaType,
)
from livectl.server.auth import Allow
from livectl.server.http import Call, Route

_SDP = "application/sdp"
_FRAGMENT = "application/trickle-ice-sdpfrag"
# Of a change: what LiveKit needs to know, and what the encoder does.
_TO_LIVEKIT = ("content-type", "if-match")
_TO_ENCODER = {"content-type", "etag", "link"}


async def options(call: Call) -> Response:
    return Response(headers={"Accept-Post": _SDP, "Allow": "OPTIONS, POST"})


async def offer(call: Call, body: bytes) -> Response:
    key, client = _stream_key(call), call.request.client
    _check_type(call, _SDP)
    accepted = await call.context.whip.offer(key, body, client.host if client else "")
    headers = {**_kept(accepted.headers), "Location": accepted.location, "Accept-Patch": _FRAGMENT}
    return Response(accepted.answer, 201, headers, media_type=_SDP)


async def patch(call: Call, body: bytes) -> Response:
    _stream_key(call)  # who has none is not told what else is wrong
    _check_type(call, _FRAGMENT)
    return await _change(call, "PATCH", body)


async def end(call: Call) -> Response:
    return await _change(call, "DELETE", b"")


async def _change(call: Call, method: Literal["PATCH", "DELETE"], body: bytes) -> Response:
    session = call.request.path_params["session"]
    if not re.fullmatch(r"[\w-]{1,64}", session):
        raise NotFound("there is no such session")
    given = call.request.headers
    headers = {name: given[name] for name in _TO_LIVEKIT if name in given}
    status, told, content = await call.context.whip.change(
        method, session, _stream_key(call), headers, body
    )
    return Response(content, status, _kept(told))


def _kept(headers: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() in _TO_ENCODER}


def _check_type(call: Call, media_type: str) -> None:
    given = call.request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != media_type:
        raise WrongMediaType(f"Content-Type: expected {media_type}")


def _stream_key(call: Call) -> str:
    scheme, _, key = call.request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        raise Unauthenticated("Authorization: expected `Bearer <stream key>`")
    return key.strip()


routes = [
    Route("OPTIONS", "/whip", options, Allow.EVERYONE, "What WHIP takes here"),
    Route(
        "POST",
        "/whip",
        offer,
        Allow.ENCODER,
        "Publish by WHIP; a standing key goes live",
        takes=_SDP,
        status=201,
        errors=(Unauthenticated, Forbidden, Conflict, NotFound, Unavailable),
    ),
    Route(
        "PATCH",
        "/whip/{session}",
        patch,
        Allow.ENCODER,
        "Change a WHIP session: ICE candidates, an ICE restart",
        takes=_FRAGMENT,
        errors=(Unauthenticated, Conflict, NotFound, Unavailable),
    ),
    Route(
        "DELETE",
        "/whip/{session}",
        end,
        Allow.ENCODER,
        "End a WHIP session",
        errors=(BadInput, Unauthenticated, Conflict, NotFound, Unavailable),
    ),
]
