"""Viewers and peak are true: with real participants, after every way of leaving."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from livekit import api as livekit_api

from tests.e2e.conftest import Api, Server, until

pytestmark = pytest.mark.e2e

Join = Callable[..., Any]


async def watch(api: Api, join: Join, stream_id: str, user: str) -> Any:
    watching = await api.call("GET", f"/api/live/{stream_id}/watch", user)
    client = await join("view", watching["token"])
    await client.says("connected")
    return client


async def counts(api: Api, stream_id: str, viewers: int, peak: int, within: float = 10) -> None:
    seen: list[Any] = []

    async def so() -> bool:
        status = await api.status(stream_id)
        seen[:] = [status["viewers"], status["peakViewers"]]
        return seen == [viewers, peak]

    try:
        await until(so, within)
    except AssertionError:
        raise AssertionError(f"viewers and peak are {seen}, not {[viewers, peak]}") from None


def recorder_token(server: Server, room: str) -> str:
    grants = livekit_api.VideoGrants(room_join=True, room=room, hidden=True, recorder=True)
    token = livekit_api.AccessToken(server.livekit.key, server.livekit.secret)
    token = token.with_identity("recorder").with_grants(grants)
    return token.with_ttl(datetime.timedelta(minutes=5)).to_jwt()


async def test_only_people_who_watch_count_and_each_once(
    api: Api, join: Join, server: Server
) -> None:
    started = await api.call("POST", "/api/live/start", "host", {})
    stream_id = started["streamId"]
    host = await join("publish", started["token"])
    await host.says("connected")
    await watch(api, join, stream_id, "host")  # the owner looks at the own stream
    hidden = await join("view", recorder_token(server, started["roomName"]))
    await hidden.says("connected")
    await counts(api, stream_id, 0, 0)

    first_tab = await watch(api, join, stream_id, "anna")
    await watch(api, join, stream_id, "anna")
    await counts(api, stream_id, 1, 1)
    assert not first_tab.all("disconnected")
    ben = await watch(api, join, stream_id, "ben")
    await counts(api, stream_id, 2, 2)

    await first_tab.leave()
    await ben.leave()
    await counts(api, stream_id, 1, 2, within=30)
    cleo = await watch(api, join, stream_id, "cleo")
    await counts(api, stream_id, 2, 2)

    await cleo.kill()  # without goodbye: LiveKit notices after a while
    await counts(api, stream_id, 1, 2, within=40)

    await api.call("POST", "/api/live/stop", "host", {"streamId": stream_id})
    await counts(api, stream_id, 0, 2)


async def test_the_numbers_are_right_after_the_server_was_down_meanwhile(
    api: Api, join: Join, server: Server
) -> None:
    started = await api.call("POST", "/api/live/start", "host", {})
    stream_id = started["streamId"]
    host = await join("publish", started["token"])
    await host.says("connected")
    gone = [await watch(api, join, stream_id, name) for name in ("anna", "ben")]
    await counts(api, stream_id, 2, 2)
    tokens = [
        (await api.call("GET", f"/api/live/{stream_id}/watch", name))["token"]
        for name in ("cleo", "dora", "emil")
    ]

    server.kill()
    for client in gone:
        await client.leave()
    for token in tokens:
        late = await join("view", token)
        await late.says("connected")
    server.start()

    await counts(api, stream_id, 3, 3, within=30)
