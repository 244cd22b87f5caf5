"""The official JavaScript client, unmodified: every event, both transports, coming back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, suppress
from typing import Any, Self

import pytest

from tests.conftest import skipped_if_missing
from tests.parts import socketio_js
from tests.parts.livekit import LiveKit
from tests.server.live.client import Stage, bearer_of
from tests.server.live.conftest import NewStage, settings_for
from tests.server.process import Server


class JsUser:
    """A process of Node's; `heard` is every event, in order."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.heard: list[tuple[str, Any]] = []
        self._process = process
        self._acks: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def start(cls, stage: Stage, name: str, transports: str) -> Self:
        process = await asyncio.create_subprocess_exec(
            *socketio_js.command(stage.url, f"/live:{stage.room}", transports),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        user = cls(process)
        user._write(bearer_of(name) if name else "none")
        return user

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")

    async def _read(self) -> None:
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "ack" in told:
                self._acks.pop(told["ack"]).set_result(told["answer"])
            else:
                self.heard.append((told["event"], told.get("data")))

    async def send(self, event: str, **data: Any) -> Any:
        number = len(self.heard) * 1000 + len(self._acks)
        self._acks[number] = asyncio.get_running_loop().create_future()
        self._write(json.dumps({"n": number, "event": event, "data": data}))
        return await asyncio.wait_for(self._acks[number], 10)

    def all(self, event: str) -> list[Any]:
        return [data for name, data in self.heard if name == event]

    async def hears(self, event: str, count: int = 1, within: float = 10) -> list[Any]:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while len(self.all(event)) < count:  # noqa: ASYNC110 (lines of a process)
                    await asyncio.sleep(0.01)
        assert len(self.all(event)) >= count, f"no {event} x{count}: {self.heard}"
        return self.all(event)

    async def leave(self) -> None:
        self._write("leave")
        await self._process.wait()
        await self._reading


@pytest.fixture
async def enter() -> AsyncIterator[Callable[..., Any]]:
    with skipped_if_missing():
        socketio_js.find()
    async with AsyncExitStack() as stack:

        async def start(stage: Stage, name: str, transports: str) -> JsUser:
            user = await JsUser.start(stage, name, transports)
            stack.push_async_callback(user.leave)
            return user

        yield start


@pytest.mark.parametrize("transports", ["websocket", "polling", "polling,websocket"])
async def test_every_event(
    websocket_stage: Stage, enter: Callable[..., Any], transports: str
) -> None:
    stage = websocket_stage
    host = await enter(stage, stage.owner, transports)
    viewer = await enter(stage, f"vera-{transports}", transports)
    (state,) = await viewer.hears("live:state")
    assert (state["title"], state["isOwner"], state["isLive"]) == ("A stage", False, True)
    assert (await host.hears("live:state"))[0]["isOwner"] is True
    if transports == "polling,websocket" and "websocket" not in viewer.all("connect"):
        assert await viewer.hears("upgrade") == ["websocket"]

    answer = await viewer.send("live:message", content="from JavaScript")
    assert answer["ok"]
    assert (await host.hears("live:message"))[0]["content"] == "from JavaScript"
    assert (await viewer.send("live:reaction", emoji="🔥"))["ok"]
    await host.hears("live:reaction")
    assert (await viewer.send("live:gift", giftType="rose", value=100, clientId="tap"))["ok"]
    await host.hears("live:gift")
    await host.hears("live:gift:highlight")
    assert (await host.send("live:pin", messageId=answer["id"], content="look"))["ok"]
    assert (await viewer.hears("live:pinned:updated"))[0]["pinnedMessages"][0]["content"] == "look"
    assert (await viewer.send("live:message", content=""))["code"] == "bad_request"
    assert (await viewer.hears("error"))[0]["code"] == "bad_request"
    assert (await host.send("live:record:start"))["code"] == "conflict"
    await stage.act("delete", messageIds=[answer["id"]])
    assert await viewer.hears("live:message:deleted") == [{"ids": [answer["id"]]}]
    await stage.call("POST", "/api/live/stop", stage.owner, json={"streamId": stage.stream_id})
    assert await viewer.hears("disconnect") == ["io server disconnect"]
    assert viewer.all("live:state")[-1] == {"isLive": False, "reason": "stopped"}


@pytest.mark.parametrize("transports", ["websocket", "polling"])
async def test_who_is_refused_is_told_why(
    websocket_stage: Stage, enter: Callable[..., Any], transports: str
) -> None:
    nobody = await enter(websocket_stage, "", transports)
    assert (await nobody.hears("connect_error"))[0] == "Authentication failed"


@pytest.mark.parametrize("transports", ["websocket", "polling,websocket"])
async def test_a_client_comes_back_by_itself_when_the_server_does(
    livekit: LiveKit, new_stage: NewStage, enter: Callable[..., Any], transports: str
) -> None:
    with Server(settings_for(livekit)) as server:
        stage = await new_stage(server.url)
        viewer = await enter(stage, "vera", transports)
        await viewer.hears("live:state")
        await viewer.send("live:message", content="before")
        await asyncio.sleep(0.3)  # it is in the store by then

        await asyncio.to_thread(server.kill)
        await viewer.hears("disconnect")
        await asyncio.to_thread(server.start)

        await viewer.hears("connect", 2, within=15)
        states = await viewer.hears("live:state", 2)
        assert [one["content"] for one in states[-1]["recentMessages"]] == ["before"]
        assert (await viewer.send("live:message", content="after"))["ok"]
        await viewer.leave()
