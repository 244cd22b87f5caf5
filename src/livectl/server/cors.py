"""Which pages of other sites may call this server."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send


def with_cors(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Pages of the set origins may call the API. WHIP is for encoders on any page, which come with
    a key that no browser sends by itself."""
    whip = CORSMiddleware(
        app,
        allow_origins=["*"],
        allow_methods=["OPTIONS", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match"],
        expose_headers=["Location", "ETag", "Link", "Accept-Patch", "X-Request-Id"],
        max_age=600,
    )
    rest = _of_api(app, origins) if origins else app

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        is_whip = scope["type"] == "http" and scope["path"].startswith("/whip")
        await (whip if is_whip else rest)(scope, receive, send)

    return dispatch


def _of_api(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-None-Match",
            "Range",
        ],
        expose_headers=["Accept-Ranges", "Content-Range", "ETag", "Retry-After", "X-Request-Id"],
        max_age=600,
    )
