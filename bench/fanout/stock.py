"""The same room as one would write it with python-socketio: no authentication, limits or history.

python stock.py PORT
"""

from __future__ import annotations

import itertools
import sys
from datetime import UTC, datetime
from typing import Any

import orjson
import socketio
import uvicorn


class Json:
    """The faster JSON, as for livectl."""

    @staticmethod
    def dumps(value: Any, **_: Any) -> str:
        return orjson.dumps(value).decode()

    @staticmethod
    def loads(text: str, **_: Any) -> Any:
        return orjson.loads(text)


sio = socketio.AsyncServer(async_mode="asgi", namespaces="*", json=Json)
count = itertools.count(1)


@sio.on("connect", namespace="*")
async def connect(namespace: str, sid: str, _environ: Any, _auth: Any = None) -> None:
    await sio.enter_room(sid, "all", namespace=namespace)


@sio.on("live:message", namespace="*")
async def say(namespace: str, _sid: str, data: Any) -> None:
    message = {
        "id": str(next(count)),
        "userId": "user",
        "content": data["content"],
        "timestamp": datetime.now(UTC),
    }
    await sio.emit("live:message", message, room="all", namespace=namespace)


if __name__ == "__main__":
    uvicorn.run(
        socketio.ASGIApp(sio),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        log_level="warning",
    )
