"""Chat and media of one stream together: real participants, and users on the live socket."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest

from tests.e2e.conftest import JWT_SECRET, Api, Server, until
from tests.server.live.client import User

pytestmark = pytest.mark.e2e


def bearer(user: str) -> str:
    return jwt.encode({"userId": user, "exp": int(time.time()) + 600}, JWT_SECRET, "HS256")


async def test_the_room_sees_its_viewers_come_and_go_and_a_block_ends_chat_and_media(
    api: Api, join: Callable[..., Any], server: Server
) -> None:
    started = await api.call("POST", "/api/live/start", "host", {"title": "both"})
    stream_id, room = started["streamId"], started["roomName"]
    publisher = await join("publish", started["token"])
    await publisher.says("connected")
    host = await User(server.url, room, "host", transports=["websocket"]).enter(bearer("host"))
    chatter = await User(server.url, room, "troll", transports=["websocket"]).enter(bearer("troll"))
    watching = await api.call("GET", f"/api/live/{stream_id}/watch", "troll")
    viewer = await join("view", watching["token"])
    await viewer.says("connected")

    await host.comes_true(lambda: host.state["viewers"] == 1, what="a viewer")

    block = {"act": "block", "streamId": stream_id, "userId": "troll"}
    outcome = await api.call("POST", "/api/moderation", "host", block)
    assert outcome["count"] == 1
    await viewer.says("disconnected", within=2)
    await chatter.is_gone()
    await host.comes_true(lambda: host.state["viewers"] == 0, what="no viewer")
    await api.call("POST", f"/api/live/{stream_id}/end", "admin", {"reason": "done"})
    await host.is_gone(within=2)
    assert host.all("live:state")[-1] == {"isLive": False, "reason": "done"}
    for user in (host, chatter):
        await user.leave()


async def test_a_track_is_muted_at_livekit(api: Api, join: Callable[..., Any]) -> None:
    started = await api.call("POST", "/api/live/start", "host", {})
    publisher = await join("publish", started["token"])
    await publisher.says("connected")
    mute = {"act": "mute", "streamId": started["streamId"], "userId": "host"}

    async def is_muted() -> bool:  # a host is in the room before its tracks are
        reply = await api.send("POST", "/api/moderation", "admin", mute)
        return reply.status_code == 200 and reply.json()["count"] >= 1

    await until(is_muted)
