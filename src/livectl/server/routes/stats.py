"""How the numbers went."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from livectl.domain.sample import Sample
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route


class StatsQuery(Body):
    hours: Annotated[int, Meta(ge=1, le=48)] = 6


class Samples(Body):
    items: list[Sample]


async def stats(call: Call, query: StatsQuery) -> Samples:
    return Samples(items=await call.context.stats.last(query.hours))


routes = [
    Route(
        "GET",
        "/api/stats",
        stats,
        Allow.ADMINISTRATOR,
        "Viewers, messages and waiting webhooks over the last hours, a sample each 15 s",
    ),
]
