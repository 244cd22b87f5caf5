"""The outermost layer of every request: its id, its log line, its headers, its errors."""

from __future__ import annotations

import logging
import re
import secrets
import time
from contextvars import ContextVar

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.routing import Match, Route, Router
from starlette.types import Message, Receive, Scope, Send

from livectl.errors import LivectlError, NotFound, WrongMethod
from livectl.ports.meter import Meter
from livectl.server.context import Context
from livectl.server.http import answer_error

log = logging.getLogger("livectl.http")

request_id_var: ContextVar[str] = ContextVar("request_id", default="")

_USABLE_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_QUIET = {"/healthz", "/readyz", "/metrics"}


class Edge:
    """Nothing leaves it but JSON with the right status; a fault of ours is logged with its
    traceback and told as `failed`, never more."""

    def __init__(self, app: Router, context: Context, meter: Meter) -> None:
        self._app = app
        self._context = context
        self._meter = meter

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        request_id_var.set(request_id)
        # With an "app" in the scope Starlette raises for 404 and 405, and the answer is ours.
        scope.update(
            {"livectl.request_id": request_id, "livectl.context": self._context, "app": self}
        )
        began = time.perf_counter()
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-Id"] = request_id
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            status = 499  # it went away before it had sent everything; nothing was done
        except Exception as error:
            response = self._answer(error, scope, request_id)
            if status:  # the answer had begun: only breaking it off tells the client
                raise
            await response(scope, receive, send_with_headers)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _answer(self, error: Exception, scope: Scope, request_id: str) -> Response:
        if isinstance(error, LivectlError):
            return answer_error(error, request_id)
        if isinstance(error, HTTPException) and error.status_code == 404:
            return answer_error(NotFound("there is nothing at this address"), request_id)
        if isinstance(error, HTTPException) and error.status_code == 405:
            response = answer_error(WrongMethod("this address takes another method"), request_id)
            response.headers["Allow"] = ", ".join(sorted(self._methods(scope)))
            return response
        log.error("a request failed", exc_info=error)
        fault = LivectlError(
            "something went wrong here", hint="see the server's log for this request"
        )
        return answer_error(fault, request_id)

    def _methods(self, scope: Scope) -> set[str]:
        """All that this address takes: Starlette names those of the first route only."""
        found: set[str] = set()
        for route in self._app.routes:
            if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE:
                found |= route.methods or set()
        return found

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = scope.get("livectl.route", "none")
        self._meter.request(scope["method"], route, status, seconds)
        level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
        facts = {
            "method": scope["method"],
            "route": route,
            "path": scope["path"],
            "status": status,
            "ms": round(seconds * 1000, 1),
            "caller": scope.get("livectl.caller", "anonymous"),
            "client": (scope.get("client") or ("",))[0],
        }
        log.log(level, "%s %s %s", scope["method"], route, status, extra=facts)


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _USABLE_ID.fullmatch(value):
            return str(value.decode())
    return secrets.token_hex(8)
