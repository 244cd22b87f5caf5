"""Signing in to the console and out of it."""

from __future__ import annotations

from datetime import datetime

import msgspec
from starlette.responses import Response

from livectl.domain.clock import EPOCH
from livectl.domain.people import Caller
from livectl.errors import BadInput, Forbidden, Unauthenticated
from livectl.server.auth import Allow, clean_user_id
from livectl.server.codes import Code
from livectl.server.http import Body, Call, Done, Route, json_response
from livectl.server.session import forget, refuse_other_sites


class SignIn(Body):
    """Either a bearer token, or a code of a link."""

    token: str | None = None
    code: str | None = None


class Ways(Body):
    """How one may sign in, beside a token or a link: `provider` is the host of the identity
    provider whose page `/auth/login` leads to, null where none is set up."""

    provider: str | None


class AskCode(Body):
    """Without `user_id` for oneself. Only an operator at the shell of the server's own host asks
    for somebody else, who is an administrator where `administrator` says so."""

    user_id: str | None = None
    administrator: bool = False


class SignedIn(Body):
    """`csrf` is sent as X-CSRF-Token with every change; it is empty where a bearer was used."""

    user_id: str
    administrator: bool
    csrf: str
    expires_at: datetime | None


async def sign_in(call: Call, body: SignIn) -> SignedIn | Response:
    refuse_other_sites(call.request)
    sessions = call.context.authenticator.sessions
    session = sessions.start(await _brought(call, body))
    response = json_response(msgspec.convert(session, SignedIn, from_attributes=True))
    sessions.keep(response, session, secure=call.request.url.scheme == "https")
    return response


async def _brought(call: Call, body: SignIn) -> Caller:
    if (body.token is None) == (body.code is None):
        expected = "one of token and code"
        raise BadInput(f"expected {expected}", details=[{"field": "token", "expected": expected}])
    if body.code is not None:
        return await call.context.codes.redeem(body.code)
    caller = await call.context.authenticator.caller({}, f"Bearer {body.token}")
    if not caller.user_id:
        raise Unauthenticated("this token is no user's")
    return caller


async def ways(call: Call) -> Ways:
    return Ways(provider=call.context.login.provider)


async def ask_code(call: Call, body: AskCode) -> Code:
    return call.context.codes.issue(_for_whom(call.caller, body))


def _for_whom(caller: Caller, body: AskCode) -> Caller:
    if not caller.is_operator:
        if body.user_id not in {None, caller.user_id}:
            raise Forbidden("a code for somebody else is made at the server's own shell")
        return caller
    if body.user_id is None:
        # The login name of `operator:name@host`, who has an administrator's rights at the shell.
        user_id = clean_user_id(caller.name.removeprefix("operator:").partition("@")[0])
        return Caller(role="administrator", user_id=user_id)
    return Caller(
        role="administrator" if body.administrator else "user", user_id=clean_user_id(body.user_id)
    )


async def show(call: Call) -> SignedIn:
    session = None
    if "authorization" not in call.request.headers:
        session = await call.context.authenticator.sessions.find(call.request)
    expires_s = call.caller.expires_s
    return SignedIn(
        user_id=call.caller.user_id,
        administrator=call.caller.is_administrator,
        csrf=session.csrf if session else "",
        expires_at=datetime.fromtimestamp(expires_s, EPOCH.tzinfo) if expires_s else None,
    )


async def sign_out(call: Call) -> Done | Response:
    await call.context.authenticator.sessions.end(call.request)
    response = json_response(Done())
    forget(response)
    return response


routes = [
    Route(
        "POST",
        "/api/session",
        sign_in,
        Allow.SIGN_IN,
        "Sign in to the console: a token or a code for a cookie, which no script can read",
        errors=(BadInput, Forbidden),
    ),
    Route("GET", "/api/session", show, Allow.USER, "Who is signed in"),
    Route(
        "DELETE",
        "/api/session",
        sign_out,
        Allow.EVERYONE,
        "Sign out of the console: the session is over, and so is every copy of its cookie",
        errors=(Forbidden,),
    ),
    Route("GET", "/api/session/ways", ways, Allow.EVERYONE, "How one may sign in to the console"),
    Route(
        "POST",
        "/api/session/codes",
        ask_code,
        Allow.USER,
        "A code that signs in to the console once, within a minute: for a link",
        errors=(Forbidden,),
    ),
]
