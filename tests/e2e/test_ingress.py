"""Encoders with keys made in a shell: real WHIP into a real livekit-server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import pytest

from livectl.errors import Forbidden, LivectlError, Unauthenticated
from livectl.load.encoder import WhipEncoder
from tests.e2e.conftest import Api, Server, until

pytestmark = pytest.mark.e2e

# Long enough for some dozen tries of an encoder that insists.
WATCHED_S = 5


async def shell(server: Server, *words: str) -> Any:
    """What `livectl …` answers at the server's host."""
    ran = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "livectl", "-o", "json", *words],
        env={**server.environment, "LIVECTL_PUBLIC_URL": server.url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


async def venue_key(server: Server, *options: str) -> Any:
    return await shell(
        server, "ingress", "create", "--owner", "anna", "--whip", "--title", "Hall 2", *options
    )


async def live(api: Api) -> list[Any]:
    items: list[Any] = (await api.call("GET", "/api/live/active", "someone"))["items"]
    return items


async def shown(api: Api, key: Any) -> Any:
    return await api.call("GET", f"/api/ingress/{key['keyId']}", "admin")


async def is_live(api: Api, key: Any) -> bool:
    return bool((await shown(api, key))["live"])


@pytest.mark.parametrize("told", [True, False], indirect=True, ids=["webhooks", "no webhooks"])
async def test_an_encoder_goes_live_with_a_key_made_in_a_shell_and_a_drop_is_the_same_stream(
    api: Api, server: Server, told: bool
) -> None:
    key = await venue_key(server)
    async with WhipEncoder(key["url"], key["streamKey"]) as encoder:
        await encoder.connected()
        (stream,) = await live(api)
        assert (stream["title"], stream["ownerId"]) == ("Hall 2", "anna")
        await until(lambda: is_live(api, key))
        found = await api.call("GET", f"/api/ingress/{key['keyId']}?look=true", "admin")
        assert found["seen"]["status"] == "publishing"
        assert found["seen"]["videoCodec"]
        assert found["cameFrom"] == "127.0.0.1"
    await until(lambda: _is_gone(api, key))
    async with WhipEncoder(key["url"], key["streamKey"]) as encoder:
        await encoder.connected()
        (again,) = await live(api)
        assert again["streamId"] == stream["streamId"]
        assert again["viewers"] == again["peakViewers"] == 0
        await until(lambda: is_live(api, key))


async def _is_gone(api: Api, key: Any) -> bool:
    return (await shown(api, key))["goneSince"] is not None


async def test_after_the_grace_time_the_stream_ends_and_the_next_is_a_new_one(
    api: Api, server: Server
) -> None:
    key = await venue_key(server, "--grace", "1s")
    async with WhipEncoder(key["url"], key["streamKey"]) as encoder:
        await encoder.connected()
        (first,) = await live(api)
    await until(lambda: _nothing_is_live(api))
    async with WhipEncoder(key["url"], key["streamKey"]) as encoder:
        await encoder.connected()
        (second,) = await live(api)
    assert second["streamId"] != first["streamId"]
    assert second["roomName"] != first["roomName"]


async def _nothing_is_live(api: Api) -> bool:
    return not await live(api)


async def test_a_rotation_drops_the_encoder_and_its_key_opens_nothing_more(
    api: Api, server: Server
) -> None:
    key = await venue_key(server)
    async with WhipEncoder(key["url"], key["streamKey"]) as encoder:
        await encoder.connected()
        (stream,) = await live(api)
        await until(lambda: is_live(api, key))
        new = await shell(server, "ingress", "rotate", key["keyId"][:20], "--yes")
        await until(lambda: _is_gone(api, key))
    with pytest.raises(Unauthenticated):
        async with WhipEncoder(key["url"], key["streamKey"]):
            pass
    async with WhipEncoder(new["url"], new["streamKey"]) as encoder:
        await encoder.connected()
        (again,) = await live(api)
        assert again["streamId"] == stream["streamId"]


async def test_a_kill_holds_against_an_encoder_that_insists(api: Api, server: Server) -> None:
    key = await venue_key(server)
    async with WhipEncoder(key["url"], key["streamKey"]) as encoder:
        await encoder.connected()
        (stream,) = await live(api)
        killed = await shell(
            server, "streams", "kill", stream["streamId"], "--reason", "rules", "--yes"
        )
        assert killed[0]["held"]
        refusals = await _insist(key, WATCHED_S)
    assert len(refusals) > 5
    assert all(isinstance(one, Forbidden) for one in refusals)
    assert await live(api) == []
    off = await shown(api, key)
    assert (off["enabled"], off["offReason"]) == (False, "killed: rules")
    on = await shell(server, "ingress", "enable", key["keyId"])
    assert on["enabled"]
    with pytest.raises(Unauthenticated):
        async with WhipEncoder(key["url"], key["streamKey"]):
            pass
    async with WhipEncoder(on["url"], on["streamKey"]) as encoder:
        await encoder.connected()
        (next_one,) = await live(api)
        assert next_one["streamId"] != stream["streamId"]


async def _insist(key: Any, seconds: float) -> list[LivectlError | None]:
    """What an encoder was told each time that it tried."""
    told: list[LivectlError | None] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            async with WhipEncoder(key["url"], key["streamKey"]):
                told.append(None)
        except LivectlError as error:
            told.append(error)
        await asyncio.sleep(0.2)
    return told


async def test_the_test_of_a_key_goes_live_tells_what_livekit_saw_and_leaves_the_key_at_work(
    api: Api, server: Server
) -> None:
    key = await venue_key(server)
    seen = await shell(server, "ingress", "test", key["keyId"], "--yes")
    assert seen["status"] == "publishing"
    assert seen["videoCodec"]
    assert seen["audioCodec"].lower() == "opus"
    assert await live(api) == []
    assert (await shown(api, key))["enabled"]
