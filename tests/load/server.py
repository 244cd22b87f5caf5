"""The chat of the contract, small: python-socketio on uvicorn, with faults that a test asks for."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import socketio
import uvicorn
from socketio.exceptions import ConnectionRefusedError as Refused

from tests.parts import free_port

ROOM = "live_anna_1700000000000"
GOOD = "good-token"
Fault = Literal["", "lose", "double", "swap", "refuse", "refuse all", "silent", "put out", "end"]


class ChatServer:
    """Each tenth delivery of the first viewer meets the fault; `faults` counts how often.

    `refuse` is for every other message, `refuse all` for all; `silent` acknowledges none; at the
    fifth message `put out` disconnects the last viewer, and `end` ends the stream."""

    def __init__(self) -> None:
        self.port = free_port()
        self.fault: Fault = ""
        self.faults = 0
        self.messages = 0
        self.users: list[str] = []
        self._sids: list[str] = []
        self._deliveries = itertools.count(1)
        self._in_turn = asyncio.Lock()
        self.held: dict[str, Any] | None = None
        self._sio = socketio.AsyncServer(async_mode="asgi", namespaces="*")
        for event, handler in (
            ("connect", self._connect),
            ("disconnect", self._left),
            ("live:message", self._message),
        ):
            self._sio.on(event, handler, namespace="*")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def viewers(self) -> int:
        return len(self._sids)

    def fresh(self, fault: Fault = "") -> None:
        self.fault, self.faults, self.messages, self.held = fault, 0, 0, None
        self._deliveries = itertools.count(1)
        self.users.clear()

    @contextmanager
    def running(self) -> Iterator[ChatServer]:
        config = uvicorn.Config(
            socketio.ASGIApp(self._sio),
            port=self.port,
            ws="websockets-sansio",
            log_level="error",
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        try:
            yield self
        finally:
            server.should_exit = True
            thread.join()

    async def _connect(self, namespace: str, sid: str, _environ: Any, auth: Any) -> None:
        if namespace != f"/live:{ROOM}":
            raise Refused("Stream not found")
        if not auth["token"].startswith(GOOD):
            raise Refused("Authentication failed", {"code": "unauthenticated"})
        self.users.append(auth["token"])
        self._sids.append(sid)
        await self._sio.emit("live:state", {"viewers": len(self._sids)}, namespace=namespace)

    async def _left(self, _namespace: str, sid: str, _reason: str) -> None:
        self._sids.remove(sid)

    async def _message(self, namespace: str, sid: str, data: Any) -> Any:
        self.messages += 1
        number = self.messages
        if self.fault == "refuse all" or (self.fault == "refuse" and number % 2):
            told = {"message": "too many", "code": "too_many_requests", "retryAfter": 1}
            await self._sio.emit("error", told, to=sid, namespace=namespace)
            return {"ok": False, **told}
        said = {"id": f"m{number}", "userId": "u", "timestamp": "2026-01-01T00:00:00Z", **data}
        async with self._in_turn:  # nobody is put out in the middle of a delivery
            # As a server may that tells the whole state again: these are no deliveries.
            state = {"isLive": True, "recentMessages": [said]}
            await self._sio.emit("live:state", state, namespace=namespace)
            for one in list(self._sids):
                await self._deliver(one, said, namespace)
            if number == 5:
                await self._fifth(namespace)
        if self.fault == "silent":
            await asyncio.sleep(3600)
        return {"ok": True, "id": said["id"]}

    async def _deliver(self, sid: str, said: Any, namespace: str) -> None:
        copies = [said]
        if sid == self._sids[0]:
            if self.fault == "swap" and self.held is not None:
                copies, self.held = [said, self.held], None
            elif next(self._deliveries) % 10 == 0:
                copies = self._copies(said)
        for one in copies:
            await self._sio.emit("live:message", one, to=sid, namespace=namespace)

    def _copies(self, said: Any) -> list[Any]:
        if self.fault not in {"lose", "double", "swap"}:
            return [said]
        self.faults += 1
        if self.fault == "double":
            return [said, said]
        if self.fault == "swap":
            self.held = said
        return []

    async def _fifth(self, namespace: str) -> None:
        if self.fault == "put out":
            told = {"message": "you were kicked", "code": "kicked"}
            await self._sio.emit("error", told, to=self._sids[-1], namespace=namespace)
            await self._sio.disconnect(self._sids[-1], namespace=namespace)
        elif self.fault == "end":
            ended = {"isLive": False, "reason": "killed"}
            await self._sio.emit("live:state", ended, namespace=namespace)
            for sid in list(self._sids):
                await self._sio.disconnect(sid, namespace=namespace)
