"""A kill that holds, shown with real clients whose tokens are still valid."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from tests.e2e.conftest import Api, Server, assert_put_out_within_a_second, stays_of, until

pytestmark = [pytest.mark.e2e, pytest.mark.alone]

Join = Callable[..., Any]


# Long enough for some dozen returns, and for one that the SDK makes by itself after 15 s.
WATCHED_S = 18


async def go_live(api: Api, join: Join, *, insist: bool) -> tuple[str, str, Any, Any]:
    started = await api.call("POST", "/api/live/start", "host", {"title": "to be killed"})
    host = await join("publish", started["token"], insist=insist)
    await host.says("connected")
    watching = await api.call("GET", f"/api/live/{started['streamId']}/watch", "viewer")
    viewer = await join("view", watching["token"], insist=insist)
    await viewer.says("first_frame")
    return started["streamId"], started["roomName"], host, viewer


async def stays_dark(api: Api, server: Server, stream_id: str, room: str) -> None:
    """From the moment that its end was stored, for as long as clients insist whose tokens LiveKit
    still accepts."""
    await asyncio.sleep(WATCHED_S)
    status = await api.status(stream_id)
    assert not status["isLive"]
    ended = datetime.fromisoformat(status["endedAt"]).timestamp()
    stays = stays_of(server.livekit, room, since=ended)
    for user in ("host", "viewer"):
        assert_put_out_within_a_second(stays[user])


@pytest.mark.parametrize("told", [True, False], indirect=True, ids=["webhooks", "no webhooks"])
async def test_a_killed_stream_is_dark_within_a_second_and_again_whenever_they_return(
    api: Api, join: Join, server: Server, told: bool
) -> None:
    stream_id, room, host, viewer = await go_live(api, join, insist=True)

    killed = await api.call("POST", f"/api/live/{stream_id}/end", "admin", {"reason": "a test"})

    assert killed["held"], killed
    assert [step["step"] for step in killed["steps"]] == [
        "stream_ended",
        "ingress_off",
        "recording_stopped",
        "room_deleted",
        "room_gone",
    ]
    for client in (host, viewer):
        await client.says("disconnected", within=1)
    await stays_dark(api, server, stream_id, room)


async def test_a_kill_from_a_shell_with_only_the_database_holds(
    api: Api, join: Join, server: Server
) -> None:
    stream_id, room, *_ = await go_live(api, join, insist=True)

    shell = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "livectl", "streams", "kill", stream_id[:23], "--yes"],
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert shell.returncode == 0, shell.stderr
    await stays_dark(api, server, stream_id, room)


@pytest.mark.parametrize("told", [True, False], indirect=True, ids=["webhooks", "no webhooks"])
async def test_a_blocked_viewer_is_put_out_and_kept_out_while_others_watch_on(
    api: Api, join: Join, server: Server, told: bool
) -> None:
    stream_id, room, host, viewer = await go_live(api, join, insist=False)
    watching = await api.call("GET", f"/api/live/{stream_id}/watch", "troll")
    troll = await join("view", watching["token"], insist=True)
    await troll.says("connected")

    block = {"act": "block", "streamId": stream_id, "userId": "troll"}
    began = time.time()
    blocked = await api.call("POST", "/api/moderation", "host", block)

    assert blocked["count"] == 1
    await troll.says("disconnected", within=1)
    await asyncio.sleep(WATCHED_S)
    assert_put_out_within_a_second(stays_of(server.livekit, room, since=began)["troll"])
    assert not host.all("disconnected")
    assert not viewer.all("disconnected")


async def test_a_kill_while_livekit_is_away_is_recorded_and_enforced_when_it_is_back(
    api: Api, server: Server
) -> None:
    started = await api.call("POST", "/api/live/start", "host", {})
    await asyncio.to_thread(server.livekit.stop)

    killed = await api.call("POST", f"/api/live/{started['streamId']}/end", "admin", {})
    assert killed["success"]
    assert not killed["held"]
    assert killed["steps"][0] == {**killed["steps"][0], "step": "stream_ended", "result": "done"}

    await asyncio.to_thread(server.livekit.start)

    async def settled() -> bool:
        shown = await api.call("GET", f"/api/streams/{started['streamId']}", "admin")
        return not shown["teardownOwed"]

    await until(settled, 20)
