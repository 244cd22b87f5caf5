"""Signing in to the console and out of it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.responses import Response

from livectl.domain.clock import EPOCH
from livectl.errors import Forbidden, Unauthenticated
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Done, Route, json_response
from livectl.server.session import forget, refuse_other_sites


class SignIn(Body):
    token: str


class SignedIn(Body):
    """`csrf` is sent as X-CSRF-Token with every change; it is empty where a bearer was used."""

    user_id: str
    administrator: bool
    csrf: str
    expires_at: datetime | None


async def sign_in(call: Call, body: SignIn) -> SignedIn | Response:
    refuse_other_sites(call.request)
    authenticator = call.context.authenticator
    caller = await authenticator.caller({}, f"Bearer {body.token}")
    if not caller.user_id:
        raise Unauthenticated("this token is no user's")
    session = authenticator.sessions.start(caller)
    response = json_response(msgspec.convert(session, SignedIn, from_attributes=True))
    secure = call.request.url.scheme == "https"
    authenticator.sessions.keep(response, session, secure=secure)
    return response


async def show(call: Call) -> SignedIn:
    session = call.context.authenticator.sessions.find(call.request)
    by_bearer = "authorization" in call.request.headers
    expires_s = call.caller.expires_s
    return SignedIn(
        user_id=call.caller.user_id,
        administrator=call.caller.is_administrator,
        csrf=session.csrf if session and not by_bearer else "",
        expires_at=datetime.fromtimestamp(expires_s, EPOCH.tzinfo) if expires_s else None,
    )


async def sign_out(call: Call) -> Done | Response:
    response = json_response(Done())
    forget(response)
    return response


routes = [
    Route(
        "POST",
        "/api/session",
        sign_in,
        Allow.SIGN_IN,
        "Sign in to the console: a token for a cookie, which no script can read",
        errors=(Forbidden,),
    ),
    Route("GET", "/api/session", show, Allow.USER, "Who is signed in"),
    Route("DELETE", "/api/session", sign_out, Allow.USER, "Sign out of the console"),
]
