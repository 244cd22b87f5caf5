"""The whole application as a client meets it: real, on a store of its own, entered over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from livectl.app import App

ROOT = "root"
"""The one user of these tests who is an administrator."""

JWT_SECRET = "0123456789-abcdefghijklmnopqrstuvwxyz"
METRICS_TOKEN = "zyxwvutsrqponmlkjihgfedcba-9876543210"
NO_STREAM = "0" * 24


class Api:
    """`http` is a client without credentials; `call` makes a call as somebody."""

    def __init__(self, app: App, http: httpx.AsyncClient) -> None:
        self.app = app
        self.context = app.context
        self.http = http

    def bearer(self, user: str) -> dict[str, str]:
        token = self.context.sign_user_token(user, user == ROOT, 3600)
        return {"Authorization": f"Bearer {token}"}

    async def call(
        self, method: str, path: str, by: str | None = None, **request: Any
    ) -> httpx.Response:
        headers = {**(self.bearer(by) if by else {}), **request.pop("headers", {})}
        return await self.http.request(method, path, headers=headers, **request)

    async def get(self, path: str, by: str | None = None, **request: Any) -> httpx.Response:
        return await self.call("GET", path, by, **request)

    async def post(self, path: str, by: str | None = None, **request: Any) -> httpx.Response:
        return await self.call("POST", path, by, **request)

    async def delete(self, path: str, by: str | None = None, **request: Any) -> httpx.Response:
        return await self.call("DELETE", path, by, **request)

    async def start(self, by: str = "alice", **wish: Any) -> dict[str, Any]:
        """A stream that is live."""
        return good(await self.post("/api/live/start", by, json=wish))

    async def shown(self, stream_id: str) -> dict[str, Any]:
        """A stream as administrators see it."""
        return good(await self.get(f"/api/streams/{stream_id}", ROOT))


async def block(api: Api, stream_id: str, by: str, user: str) -> None:
    body = {"act": "block", "streamId": stream_id, "userId": user}
    good(await api.post("/api/moderation", by, json=body))


def good(answer: httpx.Response) -> dict[str, Any]:
    """The JSON of an answer that has to be a success."""
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The JSON of an error, in the one form that all errors have."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    found: dict[str, Any] = answer.json()
    assert found["code"] == code
    assert found["error"]
    assert found["requestId"] == answer.headers["x-request-id"]
    assert "Traceback" not in answer.text
    return found


def wrong_fields(answer: httpx.Response) -> list[str]:
    """Which fields a 400 names."""
    return [one["field"] for one in refused(answer, 400, "bad_request")["details"]]


@asynccontextmanager
async def entered(app: App) -> AsyncIterator[Api]:
    """Within the application's lifespan."""
    async with _lifespan(app), _client(app) as http:
        yield Api(app, http)


def _client(app: ASGIApp) -> httpx.AsyncClient:
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://livectl.test", timeout=60
    )


def as_operator(app: App) -> httpx.AsyncClient:
    """A client inside the process: the one that a command uses without a server."""

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        await app({**scope, "livectl.operator": "tester@here"}, receive, send)

    return _client(marked)


@asynccontextmanager
async def _lifespan(app: App) -> AsyncIterator[None]:
    asked: asyncio.Queue[Message] = asyncio.Queue()
    told: asyncio.Queue[Message] = asyncio.Queue()
    scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
    running = asyncio.create_task(app(scope, asked.get, told.put))
    await asked.put({"type": "lifespan.startup"})
    begun = await told.get()
    if begun["type"] != "lifespan.startup.complete":
        await running  # raises what went wrong
    try:
        yield
    finally:
        await asked.put({"type": "lifespan.shutdown"})
        await running
