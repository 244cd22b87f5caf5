"""Users who may not go live for a time."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from livectl.domain.people import Ban
from livectl.errors import NotFound
from livectl.server.auth import Allow, clean_user_id
from livectl.server.http import Body, Call, Done, Route
from livectl.server.routes.live import Reason


class BanUser(Body):
    user_id: str
    seconds: Annotated[int, Meta(ge=1, le=10 * 366 * 86_400)]
    reason: Reason | None = None


class Bans(Body):
    items: list[Ban]


async def find(call: Call) -> Bans:
    return Bans(items=await call.context.streams.bans())


async def ban(call: Call, body: BanUser) -> Ban:
    return await call.context.streams.ban(
        clean_user_id(body.user_id),
        seconds=body.seconds,
        reason=body.reason,
        by=call.caller,
        request_id=call.request_id,
    )


async def lift(call: Call) -> Done:
    await call.context.streams.lift_ban(
        call.request.path_params["user_id"], by=call.caller, request_id=call.request_id
    )
    return Done()


routes = [
    Route("GET", "/api/bans", find, Allow.ADMINISTRATOR, "Bans that have not run out"),
    Route("POST", "/api/bans", ban, Allow.ADMINISTRATOR, "Ban a user from going live"),
    Route(
        "DELETE",
        "/api/bans/{user_id:path}",
        lift,
        Allow.ADMINISTRATOR,
        "Lift a ban",
        errors=(NotFound,),
    ),
]
