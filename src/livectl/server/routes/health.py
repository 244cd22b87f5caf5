"""For balancers and monitoring."""

from __future__ import annotations

from typing import Literal

from starlette.responses import Response

from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route, json_response
from livectl.services.health import Check


class Alive(Body):
    ok: Literal[True] = True


class Readiness(Body):
    ready: bool
    checks: dict[str, Check]


async def healthz(call: Call) -> Alive:
    return Alive()


async def readyz(call: Call) -> Readiness | Response:
    checks = await call.context.health.checks()
    ready = all(check.ok for check in checks.values() if check.needed)
    return json_response(Readiness(ready=ready, checks=checks), 200 if ready else 503)


async def metrics(call: Call) -> Response:
    body = await call.context.metrics()
    return Response(body, media_type="text/plain; version=0.0.4; charset=utf-8")


routes = [
    Route("GET", "/healthz", healthz, Allow.EVERYONE, "The process answers"),
    Route(
        "GET",
        "/readyz",
        readyz,
        Allow.EVERYONE,
        "Store, LiveKit and Redis, each with its time; 503 without the first two",
    ),
    Route("GET", "/metrics", metrics, Allow.MONITOR, "Prometheus metrics"),
]
