"""`stage` is a live stream on `livectl serve`, a process of its own, with the session's LiveKit."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack

import httpx
import pytest

from tests.parts.livekit import LiveKit
from tests.server.live.client import Stage, bearer_of
from tests.server.process import Server

NewStage = Callable[..., Awaitable[Stage]]


def settings_for(livekit: LiveKit, **more: str) -> dict[str, str]:
    return {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.key,
        "LIVEKIT_API_SECRET": livekit.secret,
        "LIVECTL_START_GRACE_SECONDS": "3600",
        **more,
    }


@pytest.fixture(scope="module")
def live_server(livekit: LiveKit) -> Iterator[Server]:
    """One server for the tests of a module; each has a stream and users of its own."""
    # Those who come to one test after the other are the same few.
    with Server(settings_for(livekit, LIVECTL_CONNECT_LIMIT="100000/60")) as server:
        yield server


@pytest.fixture
async def new_stage() -> AsyncIterator[NewStage]:
    async with AsyncExitStack() as stack:

        async def start(url: str, transports: list[str] | None = None) -> Stage:
            owner = f"owner-{secrets.token_hex(4)}"
            async with httpx.AsyncClient(base_url=url, timeout=30) as http:
                answer = await http.post(
                    "/api/live/start",
                    json={"title": "A stage"},
                    headers={"Authorization": f"Bearer {bearer_of(owner)}"},
                )
            assert answer.status_code == 200, answer.text
            begun = answer.json()
            stage = Stage(
                url, begun["streamId"], begun["roomName"], owner, [], transports or ["websocket"]
            )
            stack.push_async_callback(_all_leave, stage)
            return stage

        yield start


async def _all_leave(stage: Stage) -> None:
    for user in stage.users:
        await user.leave()


@pytest.fixture(params=["websocket", "polling"])
async def stage(live_server: Server, new_stage: NewStage, request: pytest.FixtureRequest) -> Stage:
    return await new_stage(live_server.url, [request.param])


@pytest.fixture
async def websocket_stage(live_server: Server, new_stage: NewStage) -> Stage:
    """For what does not depend on the transport."""
    return await new_stage(live_server.url)
