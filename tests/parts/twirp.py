"""LiveKit's API without LiveKit, for what its Egress and Ingress services answer: those cannot be
had here. It takes real requests over HTTP, keeps them as they came, and answers as it is told.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import jwt
import uvicorn
from google.protobuf.message import Message
from livekit import api
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from livectl.adapters.livekit_calls import LiveKitCalls
from livectl.adapters.no_meter import NoMeter

KEY = "testkey"
SECRET = "a-secret-that-only-these-tests-know-1234"

_REQUESTS: dict[str, type[Message]] = {
    "ListRooms": api.ListRoomsRequest,
    "ListParticipants": api.ListParticipantsRequest,
    "CreateIngress": api.CreateIngressRequest,
    "UpdateIngress": api.UpdateIngressRequest,
    "ListIngress": api.ListIngressRequest,
    "DeleteIngress": api.DeleteIngressRequest,
    "StartParticipantEgress": api.ParticipantEgressRequest,
    "StartRoomCompositeEgress": api.RoomCompositeEgressRequest,
    "ListEgress": api.ListEgressRequest,
    "StopEgress": api.StopEgressRequest,
}


@dataclass(frozen=True)
class Refusal:
    """An error as livekit-server sends it."""

    status: int
    code: str
    message: str


@dataclass(frozen=True)
class Asked:
    """A request: the method, what was in it, and what its token allows."""

    method: str
    request: Any
    grants: dict[str, Any]


@dataclass
class Twirp:
    """`answers` by method: one after the other, of which the last stays."""

    url: str = ""
    asked: list[Asked] = field(default_factory=list)
    answers: dict[str, list[Message | Refusal]] = field(default_factory=dict)

    def will(self, method: str, *answers: Message | Refusal) -> None:
        self.answers[method] = list(answers)

    def requests(self, method: str) -> list[Any]:
        return [one.request for one in self.asked if one.method == method]

    async def serve(self, request: Request) -> Response:
        method = request.path_params["method"]
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(token, SECRET, algorithms=["HS256"])
        body = _REQUESTS[method].FromString(await request.body())
        self.asked.append(Asked(method, body, claims["video"]))
        told = self.answers[method]
        answer = told.pop(0) if len(told) > 1 else told[0]
        if isinstance(answer, Refusal):
            said = {"code": answer.code, "msg": answer.message}
            return JSONResponse(said, status_code=answer.status)
        return Response(answer.SerializeToString(), media_type="application/protobuf")

    @asynccontextmanager
    async def calls(self) -> AsyncIterator[LiveKitCalls]:
        calls = LiveKitCalls(self.url, KEY, SECRET, meter=NoMeter())
        try:
            yield calls
        finally:
            await calls.close()


@asynccontextmanager
async def twirp() -> AsyncIterator[Twirp]:
    """One on a free port of loopback."""
    endpoint = Twirp()
    routes = [Route("/twirp/{service}/{method}", endpoint.serve, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), log_level="error", lifespan="off")
    server = uvicorn.Server(config)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()  # from here on requests wait for it
        endpoint.url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        task = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            yield endpoint
        finally:
            server.should_exit = True
            await task
