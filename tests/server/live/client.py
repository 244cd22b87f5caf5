"""A user in a live room, through the official Python client; and the room they are in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self

import httpx
import socketio
from socketio.exceptions import ConnectionError as Refused

from livectl.server.auth import user_token
from tests.server.api import JWT_SECRET, ROOT


def bearer_of(user: str, seconds: float = 3600) -> str:
    return user_token(
        JWT_SECRET,
        user,
        administrator=user == ROOT,
        expires_s=int(seconds),
        now_s=int(time.time()),
    )


class User:
    """`heard` is every event of the room, in order: (name, data)."""

    def __init__(self, url: str, room: str, user: str, *, transports: list[str]) -> None:
        self.url = url
        self.namespace = f"/live:{room}"
        self.user = user
        self.transports = transports
        self.heard: list[tuple[str, Any]] = []
        self.gone = asyncio.Event()
        self._sio = socketio.AsyncClient(reconnection=False)
        self._sio.on("*", self._hear, namespace=self.namespace)
        self._sio.on("disconnect", self._leave, namespace=self.namespace)

    async def enter(self, token: str | None = None, **headers: str) -> Self:
        auth = {"token": token if token is not None else bearer_of(self.user)}
        await self._sio.connect(
            self.url,
            headers=headers,
            auth=auth,
            transports=self.transports,
            namespaces=[self.namespace],
            wait_timeout=10,
        )
        await self.hears("live:state")
        return self

    async def leave(self) -> None:
        await self._sio.disconnect()

    async def send(self, event: str, **data: Any) -> dict[str, Any]:
        """Send, and wait for the acknowledgement."""
        return await self.send_raw(event, data)

    async def send_raw(self, event: str, data: Any) -> dict[str, Any]:
        answer: dict[str, Any] = await self._sio.call(
            event, data, namespace=self.namespace, timeout=10
        )
        return answer

    async def say(self, content: str) -> dict[str, Any]:
        return await self.send("live:message", content=content)

    def all(self, event: str) -> list[Any]:
        return [data for name, data in self.heard if name == event]

    def contents(self) -> list[str]:
        return [data["content"] for data in self.all("live:message")]

    @property
    def state(self) -> dict[str, Any]:
        """All that the room's states said, the later over the earlier."""
        known: dict[str, Any] = {}
        for data in self.all("live:state"):
            known |= data
        return known

    async def hears(self, event: str, count: int = 1, within: float = 5) -> list[Any]:
        await self.comes_true(lambda: len(self.all(event)) >= count, within, f"{event} x{count}")
        return self.all(event)

    async def comes_true(self, so: Callable[[], bool], within: float = 5, what: str = "it") -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(within):
                while not so():  # noqa: ASYNC110 (the client has no event for it)
                    await asyncio.sleep(0.01)
        assert so(), f"{self.user}: {what} did not come: {self.heard}"

    async def is_gone(self, within: float = 5) -> None:
        async with asyncio.timeout(within):
            await self.gone.wait()

    async def _hear(self, event: str, *data: Any) -> None:
        self.heard.append((event, data[0] if data else None))

    async def _leave(self, *_: Any) -> None:
        self.gone.set()


async def refusal(user: User, token: str | None = None, **headers: str) -> dict[str, Any]:
    """What a connection is refused with."""
    told: list[Any] = []
    user._sio.on("connect_error", told.append, namespace=user.namespace)
    try:
        await user.enter(token, **headers)
    except Refused:
        await user.leave()
    else:
        raise AssertionError("it was let in")
    assert told, "no reason was given"
    found: dict[str, Any] = told[0]
    return found


@dataclass
class Stage:
    """A live stream on a running server, and those who come to it."""

    url: str
    stream_id: str
    room: str
    owner: str
    users: list[User]
    transports: list[str]

    def user(self, name: str, url: str | None = None) -> User:
        one = User(url or self.url, self.room, name, transports=self.transports)
        self.users.append(one)
        return one

    async def enter(self, name: str, url: str | None = None) -> User:
        return await self.user(name, url).enter()

    async def call(
        self, method: str, path: str, by: str = ROOT, url: str | None = None, **request: Any
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {bearer_of(by)}"}
        async with httpx.AsyncClient(base_url=url or self.url, timeout=30) as http:
            return await http.request(method, path, headers=headers, **request)

    async def act(self, name: str, by: str = ROOT, **fields: Any) -> dict[str, Any]:
        """An act of moderation in this stream."""
        body = {"act": name, "streamId": self.stream_id, **fields}
        answer = await self.call("POST", "/api/moderation", by, json=body)
        assert answer.status_code == 200, answer.text
        outcome: dict[str, Any] = answer.json()
        return outcome

    async def messages(self, by: str = "reader", **query: Any) -> list[dict[str, Any]]:
        path = f"/api/live/{self.stream_id}/messages"
        answer = await self.call("GET", path, by, params=query)
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items
