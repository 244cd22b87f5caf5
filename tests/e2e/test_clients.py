"""What the real clients and livekit-server do by themselves: what livectl has to reckon with."""

from __future__ import annotations

import asyncio
import secrets
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from livekit import api

from tests.e2e.clients import ClientProcess, Tokens
from tests.parts.livekit import LiveKit

pytestmark = [pytest.mark.e2e, pytest.mark.alone]


@dataclass
class Stage:
    """One room of a real LiveKit, and the administrator's calls on it."""

    url: str
    tokens: Tokens
    calls: api.LiveKitAPI

    async def make(self) -> None:
        await self.calls.room.create_room(api.CreateRoomRequest(name=self.tokens.room))

    async def delete(self) -> None:
        await self.calls.room.delete_room(api.DeleteRoomRequest(room=self.tokens.room))

    async def remove(self, identity: str) -> None:
        person = api.RoomParticipantIdentity(room=self.tokens.room, identity=identity)
        await self.calls.room.remove_participant(person)

    async def present(self) -> dict[str, Any]:
        request = api.ListParticipantsRequest(room=self.tokens.room)
        listed = await self.calls.room.list_participants(request)
        return {info.identity: info for info in listed.participants}

    async def host(self, **options: Any) -> ClientProcess:
        return await ClientProcess.start("publish", self.url, self.tokens.host(), **options)

    async def viewer(self, **options: Any) -> ClientProcess:
        return await ClientProcess.start("view", self.url, self.tokens.viewer(), **options)


NewStage = Callable[[LiveKit], Awaitable[Stage]]


@pytest_asyncio.fixture
async def new_stage() -> AsyncIterator[NewStage]:
    opened: list[api.LiveKitAPI] = []

    async def on(livekit: LiveKit) -> Stage:
        calls = api.LiveKitAPI(livekit.url, livekit.key, livekit.secret)
        opened.append(calls)
        tokens = Tokens(livekit.key, livekit.secret, f"room-{secrets.token_hex(4)}")
        stage = Stage(livekit.url, tokens, calls)
        await stage.make()
        return stage

    yield on
    for calls in opened:
        await calls.aclose()


@pytest_asyncio.fixture
async def stage(new_stage: NewStage, livekit: LiveKit) -> Stage:
    return await new_stage(livekit)


async def empty(stage: Stage, within: float) -> float:
    """How many seconds it took until nobody was in the room; TimeoutError after `within`."""
    began = time.monotonic()
    async with asyncio.timeout(within):
        while await stage.present():  # noqa: ASYNC110 (LiveKit tells by webhook only)
            await asyncio.sleep(0.02)
    return time.monotonic() - began


async def test_a_viewer_sees_the_pictures_of_a_host_and_each_leaves_with_a_goodbye(
    stage: Stage,
) -> None:
    async with await stage.host() as host, await stage.viewer() as viewer:
        await viewer.says("first_frame")
        await host.leave()
        assert (await viewer.says("went", within=2))["who"] == "host"
        await viewer.leave()
        await empty(stage, within=2)
        assert viewer.process.returncode == host.process.returncode == 0


async def test_a_hidden_recorder_sees_the_room_and_only_the_administrator_sees_it(
    stage: Stage,
) -> None:
    hidden = stage.tokens.recorder()
    async with await ClientProcess.start("view", stage.url, hidden) as recorder:
        await recorder.says("connected")
        async with await stage.viewer() as viewer:
            await viewer.says("connected")
            assert (await recorder.says("came"))["who"] == "viewer"
            listed = await stage.present()
            assert listed["recorder"].permission.hidden
            assert listed["recorder"].permission.recorder
            assert not viewer.all("came")
            assert viewer.all("connected")[0]["others"] == []


async def test_a_client_killed_without_a_goodbye_is_put_out_by_livekit(stage: Stage) -> None:
    async with await stage.viewer() as viewer:
        await viewer.says("connected")
        await viewer.kill()
        took = await empty(stage, within=60)
    assert took > 1, "a kill that LiveKit notices at once would have been a goodbye"


async def test_a_removed_client_that_insists_is_back_with_its_old_token(stage: Stage) -> None:
    async with await stage.viewer(insist=True) as viewer:
        await viewer.says("connected")
        await stage.remove("viewer")
        assert (await viewer.says("disconnected", within=1))["reason"] == "PARTICIPANT_REMOVED"
        await viewer.says("connected", times=2, within=3)


async def test_where_joining_makes_rooms_one_that_insists_brings_back_a_deleted_room(
    new_stage: NewStage, new_livekit: Callable[..., LiveKit]
) -> None:
    stage = await new_stage(new_livekit(auto_create=True))
    async with await stage.host(insist=True) as host:
        await host.says("connected")
        await stage.delete()
        assert (await host.says("disconnected", within=1))["reason"] == "ROOM_DELETED"
        await host.says("connected", times=2, within=5)
        assert "host" in await stage.present()


async def test_where_rooms_are_made_explicitly_a_deleted_room_stays_away_until_it_is_made_anew(
    stage: Stage,
) -> None:
    async with await stage.host(insist=True) as host:
        await host.says("connected")
        await stage.delete()
        assert (await host.says("disconnected", within=1))["reason"] == "ROOM_DELETED"
        assert "404" in (await host.says("refused", times=2, within=5))["error"]
        assert len(host.all("connected")) == 1
        await stage.make()
        await host.says("connected", times=2, within=5)


GIVES_UP = """
import asyncio, sys
from livectl.dev.synthetic import SyntheticHost

async def main():
    host = SyntheticHost(sys.argv[1], sys.stdin.readline().strip(), audio=False)
    try:
        await asyncio.wait_for(host.connect(), 0.1)
    except TimeoutError:
        print("gave up", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


async def test_a_join_that_is_given_up_leaves_no_ghost(stage: Stage) -> None:
    # The SDK goes on with a join that is cancelled, and ends the process some seconds later.
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", GIVES_UP, stage.url),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(stage.tokens.host().encode() + b"\n")
        assert await process.stdout.readline() == b"gave up\n"
        await asyncio.sleep(1)  # a join takes a quarter of one
        await empty(stage, within=2)
        assert process.returncode is None
    finally:
        process.kill()
        await process.wait()
