"""Bearer tokens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Meta

from livectl.server.auth import Allow, clean_user_id
from livectl.server.http import Body, Call, Route


class IssueToken(Body):
    user_id: str
    administrator: bool = False
    ttl_seconds: Annotated[int, Meta(ge=1, le=366 * 86_400)] = 3600


class IssuedToken(Body):
    token: str
    user_id: str
    administrator: bool
    expires_at: datetime


async def issue(call: Call, body: IssueToken) -> IssuedToken:
    user_id = clean_user_id(body.user_id)
    token = call.context.sign_user_token(user_id, body.administrator, body.ttl_seconds)
    return IssuedToken(
        token=token,
        user_id=user_id,
        administrator=body.administrator,
        expires_at=call.context.clock.now() + timedelta(seconds=body.ttl_seconds),
    )


routes = [
    Route("POST", "/api/tokens", issue, Allow.ADMINISTRATOR, "A bearer token for a user"),
]
