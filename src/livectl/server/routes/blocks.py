"""Who is kept out of a stream."""

from __future__ import annotations

from livectl.errors import NotFound, Unavailable
from livectl.server.auth import Allow, clean_user_id
from livectl.server.http import Body, Call, Done, Route
from livectl.server.routes.live import Reason


class Block(Body):
    user_id: str
    reason: Reason | None = None


class BlockDone(Done, kw_only=True):
    """`removed` counts the tabs of the user that were put out."""

    removed: int


class BlockedUser(Body):
    user_id: str


class BlockedUsers(Body):
    items: list[BlockedUser]


async def block(call: Call, body: Block) -> BlockDone:
    removed = await call.context.streams.block(
        call.stream,
        clean_user_id(body.user_id),
        by=call.caller,
        reason=body.reason,
        request_id=call.request_id,
    )
    return BlockDone(removed=removed)


async def unblock(call: Call) -> Done:
    await call.context.streams.unblock(
        call.stream,
        call.request.path_params["user_id"],
        by=call.caller,
        request_id=call.request_id,
    )
    return Done()


async def blocked(call: Call) -> BlockedUsers:
    return BlockedUsers(items=[BlockedUser(user_id=one) for one in call.stream.blocked_user_ids])


routes = [
    Route(
        "GET",
        "/api/live/{id}/blocks",
        blocked,
        Allow.OWNER_OR_ADMINISTRATOR,
        "Who is blocked from a stream",
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/api/live/{id}/blocks",
        block,
        Allow.OWNER_OR_ADMINISTRATOR,
        "Block a user from a stream, and put them out",
        errors=(NotFound, Unavailable),
    ),
    Route(
        "DELETE",
        "/api/live/{id}/blocks/{user_id:path}",
        unblock,
        Allow.OWNER_OR_ADMINISTRATOR,
        "Let a blocked user in again",
        errors=(NotFound,),
    ),
]
