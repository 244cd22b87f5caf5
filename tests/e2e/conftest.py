"""A server process of its own, a real livekit-server that tells it, and real participants."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import pytest_asyncio

from livectl.domain.ids import user_of
from tests.e2e.clients import ClientProcess
from tests.parts.livekit import LiveKit

JWT_SECRET = secrets.token_hex(32)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Server:
    """`livectl serve` on SQLite."""

    port: int
    data_dir: Path
    livekit: LiveKit
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            **{name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ},
            "LIVEKIT_URL": self.livekit.url,
            "LIVEKIT_API_KEY": self.livekit.key,
            "LIVEKIT_API_SECRET": self.livekit.secret,
            "JWT_SECRET": JWT_SECRET,
            "LIVECTL_DATA_DIR": str(self.data_dir),
            "LIVECTL_RECONCILE_SECONDS": "2",
            "LIVECTL_START_GRACE_SECONDS": "5",
        }

    def start(self) -> None:
        command = [sys.executable, "-m", "livectl", "serve", "--port", str(self.port)]
        log = (self.data_dir / "serve.log").open("ab")
        self.process = subprocess.Popen(command, env=self.environment, stderr=log)
        log.close()
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz").status_code == 200:
                    return
            time.sleep(0.05)
        raise AssertionError((self.data_dir / "serve.log").read_text()[-2000:])

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(30)
            self.process = None


@dataclass
class Api:
    """The REST of a server, as users of the product and as an administrator."""

    client: httpx.AsyncClient

    async def call(self, method: str, path: str, user: str, body: Any = None) -> Any:
        reply = await self.send(method, path, user, body)
        assert reply.status_code == 200, reply.text
        return reply.json()

    async def send(self, method: str, path: str, user: str, body: Any = None) -> httpx.Response:
        claims: dict[str, Any] = {"userId": user, "exp": int(time.time()) + 600}
        if user == "admin":
            claims["role"] = "administrator"
        token = jwt.encode(claims, JWT_SECRET, algorithm="HS256")
        return await self.client.request(
            method, path, json=body, headers={"Authorization": f"Bearer {token}"}
        )

    async def status(self, stream_id: str) -> Any:
        return await self.call("GET", f"/api/live/{stream_id}/status", "someone")


async def until(
    so: Callable[[], Any], within: float = 10, otherwise: str = "it never came true"
) -> None:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        result = so()
        if asyncio.iscoroutine(result):
            result = await result
        if result:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(otherwise)


@pytest.fixture(params=[True], ids=["webhooks"])
def told(request: pytest.FixtureRequest) -> bool:
    """Whether LiveKit's webhooks reach the server."""
    return bool(request.param)


@pytest.fixture
def server(tmp_path: Path, new_livekit: Callable[..., LiveKit], told: bool) -> Iterator[Server]:
    # Rooms are made by joining here: the harder case, where an old token brings back a dead room.
    port = free_port()
    hooks = [f"http://127.0.0.1:{port}/api/webhooks/livekit"] if told else []
    running = Server(port, tmp_path, new_livekit(webhook_urls=hooks, auto_create=True))
    running.start()
    yield running
    running.stop()


@pytest_asyncio.fixture
async def api(server: Server) -> AsyncIterator[Api]:
    async with httpx.AsyncClient(base_url=server.url, timeout=20) as client:
        yield Api(client)


@pytest_asyncio.fixture
async def join(server: Server) -> AsyncIterator[Callable[..., Any]]:
    """`await join("publish" or "view", token, insist=False)`: a participant, on its way in."""
    async with AsyncExitStack() as clients:

        async def start(role: str, token: str, *, insist: bool = False) -> ClientProcess:
            client = await ClientProcess.start(role, server.livekit.url, token, insist=insist)
            return await clients.enter_async_context(client)

        yield start


def stays_of(livekit: LiveKit, room: str, *, since: float) -> dict[str, list[float]]:
    """How long each user was in a room each time, in seconds: from when LiveKit let them in, or
    `since` (seconds since 1970), until it put them out, or now where it has not.

    LiveKit's own log tells. The clients' word is not enough, since one that is put out while it
    joins may not be told; and who came in while a room was closed is in none of LiveKit's lists.
    """
    came: dict[str, tuple[str, float]] = {}
    went: dict[str, float] = {}
    for line in livekit.log.read_text().splitlines():
        said = json.loads(line)
        if said.get("room") == room and said["msg"] == "starting RTC session":
            came[said["participantID"]] = user_of(said["participant"]), said["ts"]
        elif said.get("room") == room and said["msg"] == "participant closing":
            went[said["participantID"]] = said["ts"]
    stays: dict[str, list[float]] = {}
    for session, (user, at) in came.items():
        end = went.get(session, time.time())
        if end > since:
            stays.setdefault(user, []).append(end - max(at, since))
    return stays


def assert_put_out_within_a_second(stays: list[float]) -> None:
    """When it was put out first, and each time that it was back."""
    assert len(stays) > 3, f"it did not insist: {stays}"
    assert max(stays) < 1, f"it stayed too long: {stays}"
