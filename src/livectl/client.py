"""The API as commands call it, in this process or over the network."""

from __future__ import annotations

import asyncio
import getpass
import json
import os
import shlex
import socket
from collections.abc import AsyncIterator, Awaitable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from livectl.config import Settings, mask_url
from livectl.errors import (
    BadSettings,
    LivectlError,
    TimedOutside,
    Unauthenticated,
    Unavailable,
    error_for,
)
from livectl.output import Shown

T = TypeVar("T")


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def target(self) -> str:
        return quote(self.path) + (f"?{urlencode(self.query)}" if self.query else "")


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes


class Transport(Protocol):
    base_url: str

    async def send(self, request: Request) -> Reply: ...

    def stream(self, request: Request) -> AsyncIterator[bytes]:
        """The body piece by piece. Raises the error of a refusal before the first piece."""
        ...

    async def close(self) -> None: ...


class Client:
    """Calls and gives back decoded JSON; raises the error that the server told of."""

    def __init__(self, transport: Transport, *, timeout: float, curl: bool = False) -> None:
        self._transport = transport
        self._timeout = timeout
        self._curl = curl
        self._runner = asyncio.Runner()

    def get(self, path: str, *, looking_up: bool = False, **query: Any) -> Any:
        """With `looking_up` it is made also where `--curl` only shows: another call needs it."""
        request = Request("GET", path, _query(query))
        return self._call(request, only_shown=self._curl and not looking_up)

    def post(
        self,
        path: str,
        body: Any = None,
        *,
        headers: dict[str, str] | None = None,
        patience: float = 0,
        **query: Any,
    ) -> Any:
        """`patience` is how many seconds it may take at least, whatever --timeout says."""
        raw = body if isinstance(body, bytes) else json.dumps(body or {}).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        request = Request("POST", path, _query(query), raw, sent)
        return self._call(request, only_shown=self._curl, patience=patience)

    def delete(self, path: str) -> Any:
        return self._call(Request("DELETE", path), only_shown=self._curl)

    def lines(self, path: str, **query: Any) -> Iterator[Any]:
        """An answer that is kept open: each line decoded, as it comes."""
        request = Request("GET", path, _query(query))
        if self._curl:
            raise Shown(self._as_curl(request))
        pieces = self._transport.stream(request)
        rest = b""
        # The server lets hear of it every few seconds, also when nothing happens.
        while (piece := self._run(self._within_time(request, anext(pieces, None)))) is not None:
            *whole, rest = (rest + piece).split(b"\n")
            yield from (_decoded(line) for line in whole if line)

    def pages(self, path: str, *, at_most: int | None, **query: Any) -> Iterator[Any]:
        """The items of a list, page after page."""
        left = at_most
        while True:
            page = self.get(path, limit=min(left or 500, 500), **query)
            yield from page["items"]
            left = left and left - len(page["items"])
            if not page.get("nextCursor") or left == 0:
                return
            query["cursor"] = page["nextCursor"]

    def piece(self, url: str, first: int, last: int) -> bytes:
        """These bytes, both included, of what a link leads to; all of it where it has no more. One
        to the server that this client has is asked for there, and nobody else gets its token."""
        headers = {"Range": f"bytes={first}-{last}"}
        if url.startswith(f"{self._transport.base_url}/"):
            parts = urlsplit(url)
            query = dict(parse_qsl(parts.query))
            request = Request("GET", unquote(parts.path), query, headers=headers)
            reply = self._run(self._within_time(request, self._transport.send(request)))
        else:
            request = Request("GET", urlsplit(url).path)
            reply = self._run(self._within_time(request, _get(url, headers)))
        if reply.status != 206 and not (reply.status == 200 and first == 0):
            raise (
                error_of(reply)
                if reply.status in {401, 403, 404}
                else Unavailable(
                    f"{mask_url(url.partition('?')[0])} answered {reply.status} to a part of it",
                    hint="it is kept as far as it came: try again",
                )
            )
        return reply.body

    def close(self) -> None:
        with suppress(LivectlError):
            self._run(self._transport.close())
        self._runner.close()

    def _call(self, request: Request, *, only_shown: bool, patience: float = 0) -> Any:
        if only_shown:
            raise Shown(self._as_curl(request))
        sent = self._transport.send(request)
        reply = self._run(self._within_time(request, sent, patience))
        if reply.status >= 300:
            raise error_of(reply)
        return _decoded(reply.body)

    async def _within_time(self, request: Request, answer: Awaitable[T], patience: float = 0) -> T:
        seconds = max(self._timeout, patience)
        try:
            # Not wait_for, which on Python 3.11 may swallow a Ctrl-C.
            async with asyncio.timeout(seconds):
                return await answer
        except TimeoutError as error:
            raise TimedOutside(
                f"no answer to {request.method} {request.path} within {seconds:g} s",
                hint="give it more with --timeout",
            ) from error

    def _run(self, awaitable: Awaitable[T]) -> T:
        async def wait() -> T:
            return await awaitable

        return self._runner.run(wait())

    def _as_curl(self, request: Request) -> str:
        words = ["curl", "-sS"]
        if request.method != "GET":
            words += ["-X", request.method]
        words += ["-H", "Authorization: Bearer ********"]
        if request.body is not None:
            words += ["-H", "Content-Type: application/json", "-d", request.body.decode()]
        return shlex.join([*words, mask_url(self._transport.base_url) + request.target])


class InProcess:
    """Speaks ASGI to the application in this very process: no server, no socket, no token.

    Whoever may read the database is let in as an administrator, under the operating system's name.
    """

    base_url = "http://127.0.0.1:8080"

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app: Any = None
        self._lifespan: asyncio.Task[None] | None = None
        self._end = asyncio.Event()

    async def send(self, request: Request) -> Reply:
        app = await self._started()
        start: dict[str, Any] = {}
        body = bytearray()

        async def take(message: dict[str, Any]) -> None:
            if message["type"] == "http.response.start":
                start.update(message)
            else:
                body.extend(message.get("body", b""))

        await app(self._scope(request), _receive(request), take)
        return Reply(start["status"], _headers(start), bytes(body))

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        app = await self._started()
        messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue(maxsize=16)
        serving = asyncio.create_task(app(self._scope(request), _receive(request), messages.put))
        try:
            start = await _next_of(messages, serving)
            if start["status"] >= 400:
                refused = await messages.get()
                raise error_of(Reply(start["status"], _headers(start), refused["body"]))
            while (message := await _next_of(messages, serving)).get("more_body"):
                yield message.get("body", b"")
            yield message.get("body", b"")
        finally:
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)

    async def close(self) -> None:
        if self._lifespan is not None:
            self._end.set()
            await self._lifespan

    async def _started(self) -> Any:
        if self._app is None:
            from livectl.app import create_app

            app: Any = create_app(self._settings)
            up = asyncio.Event()

            async def receive() -> dict[str, str]:
                if up.is_set():
                    await self._end.wait()
                    return {"type": "lifespan.shutdown"}
                return {"type": "lifespan.startup"}

            async def send(message: dict[str, Any]) -> None:
                if message["type"] == "lifespan.startup.complete":
                    up.set()

            scope: dict[str, Any] = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": {}}
            self._lifespan = asyncio.create_task(app(scope, receive, send))
            waiting = asyncio.create_task(up.wait())
            await asyncio.wait([self._lifespan, waiting], return_when=asyncio.FIRST_COMPLETED)
            if not up.is_set():
                waiting.cancel()
                failed, self._lifespan = self._lifespan, None
                await failed  # raises what stopped it
            self._app = app
        return self._app

    def _scope(self, request: Request) -> dict[str, Any]:
        headers = {"host": urlsplit(self.base_url).netloc, **request.headers}
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": request.method,
            "scheme": "http",
            "path": request.path,
            "raw_path": quote(request.path).encode(),
            "query_string": urlencode(request.query).encode(),
            "root_path": "",
            "headers": [(k.lower().encode(), v.encode()) for k, v in headers.items()],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
            "livectl.operator": operator_name(),
        }


class Network:
    """A running server, over HTTP."""

    def __init__(self, settings: Settings) -> None:
        if not settings.token:
            raise BadSettings(
                "LIVECTL_TOKEN: expected an administrator's bearer token for LIVECTL_SERVER",
                hint="make one on the server's host: `livectl tokens issue --user you --admin`",
            )
        self.base_url = settings.server
        self._token = settings.token
        self._opened: Any = None

    async def send(self, request: Request) -> Reply:
        client, httpx = self._http()
        try:
            reply = await client.request(**self._parts(request))
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error
        return Reply(reply.status_code, dict(reply.headers), reply.content)

    async def stream(self, request: Request) -> AsyncIterator[bytes]:
        client, httpx = self._http()
        try:
            async with client.stream(**self._parts(request)) as reply:
                if reply.status_code >= 400:
                    raise error_of(
                        Reply(reply.status_code, dict(reply.headers), await reply.aread())
                    )
                async for piece in reply.aiter_raw():
                    yield piece
        except httpx.HTTPError as error:
            raise self._unreachable(error) from error

    async def close(self) -> None:
        if self._opened is not None:
            await self._opened.aclose()

    def _http(self) -> tuple[Any, Any]:
        import httpx

        if self._opened is None:
            # The whole call has a time limit of its own; a stream may be silent for long.
            self._opened = httpx.AsyncClient(base_url=self.base_url, timeout=None)  # noqa: S113
        return self._opened, httpx

    def _parts(self, request: Request) -> dict[str, Any]:
        # A sample webhook brings an Authorization of its own.
        bearer = {"Authorization": f"Bearer {self._token.reveal()}"}
        return {
            "method": request.method,
            "url": request.target,
            "content": request.body,
            "headers": {**bearer, **request.headers},
        }

    def _unreachable(self, error: Exception) -> Unavailable:
        return Unavailable(
            f"{mask_url(self.base_url)} could not be reached: {str(error) or type(error).__name__}",
            hint="check LIVECTL_SERVER, and that `livectl serve` runs there",
        )


def connect(settings: Settings, *, timeout: float, curl: bool) -> Client:
    """Over the network where LIVECTL_SERVER is set, in this process otherwise."""
    transport: Transport = Network(settings) if settings.server else InProcess(settings)
    return Client(transport, timeout=timeout, curl=curl)


def error_of(reply: Reply) -> LivectlError:
    """The error that a reply tells of, as the class that it was on the server."""
    try:
        told = json.loads(reply.body)
        message, code = str(told["error"]), str(told["code"])
    except (ValueError, KeyError, TypeError):
        told, code = {}, ""
        message = f"the server answered {reply.status} and not as livectl does"
    cls = error_for(code, reply.status)
    hint = told.get("hint")
    if cls is Unauthenticated and hint is None:
        hint = "check LIVECTL_TOKEN"
    retry_after = reply.headers.get("retry-after", "")
    return cls(
        message,
        hint=hint,
        details=told.get("details"),
        retry_after=int(retry_after) if retry_after.isdigit() else None,
    )


async def _get(url: str, headers: dict[str, str]) -> Reply:
    """From somewhere that is no server of ours: its URL as it stands, for it may be signed."""
    import httpx

    try:
        async with httpx.AsyncClient(timeout=None) as client:  # noqa: S113 (the call has a limit)
            reply = await client.get(url, headers=headers)
    except httpx.HTTPError as error:
        raise Unavailable(
            f"{mask_url(url.partition('?')[0])} could not be reached: "
            f"{str(error) or type(error).__name__}"
        ) from error
    return Reply(reply.status_code, dict(reply.headers), reply.content)


def _decoded(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError as error:
        raise Unavailable(
            "what answered does not speak as livectl does", hint="check LIVECTL_SERVER"
        ) from error


def operator_name() -> str:
    """Who sits at this shell, for the log: user@host."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container with a user id that has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


async def _next_of(
    messages: asyncio.Queue[dict[str, Any]], serving: asyncio.Task[None]
) -> dict[str, Any]:
    """The application's next message; what broke it, when it will send none."""
    waiting = asyncio.create_task(messages.get())
    try:
        await asyncio.wait([waiting, serving], return_when=asyncio.FIRST_COMPLETED)
        if not waiting.done() and messages.empty():
            await serving
            raise Unavailable("the answer broke off")
        return await waiting
    finally:
        waiting.cancel()


def _receive(request: Request) -> Any:
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()  # we never hang up by ourselves
        sent = True
        return {"type": "http.request", "body": request.body or b"", "more_body": False}

    return receive


def _headers(start: dict[str, Any]) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in start["headers"]}


def _query(given: dict[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in given.items()
        if value is not None
    }
