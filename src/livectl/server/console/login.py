"""To the identity provider's page, and back from it."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import RedirectResponse

from livectl.errors import LivectlError, Unauthenticated
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route
from livectl.server.login import COOKIE, LASTS, TicketLost

_CALLBACK = "/auth/callback"


class Wanted(Body):
    """`next` is the page to go on with."""

    next: str = "/"


class Returned(Body):
    """As the provider sends people back: with a code, or with an error (RFC 6749, 4.1.2)."""

    code: str = ""
    state: str = ""
    error: str = ""


async def begin(call: Call, query: Wanted) -> RedirectResponse:
    try:
        begun = await call.context.login.begin(f"{call.base}{_CALLBACK}", _page(query.next))
    except LivectlError as error:
        return _failed(_why(error))
    response = _to(begun.address)
    response.set_cookie(
        COOKIE,
        begun.ticket,
        max_age=int(LASTS.total_seconds()),
        path="/auth",
        httponly=True,
        secure=call.request.url.scheme == "https",
        samesite="lax",  # the provider's page leads back here, from another site
    )
    return response


async def finish(call: Call, query: Returned) -> RedirectResponse:
    if query.error:
        return _failed("refused")
    try:
        caller, then = await call.context.login.finish(
            call.request.cookies.get(COOKIE, ""),
            state=query.state,
            code=query.code,
            redirect_uri=f"{call.base}{_CALLBACK}",
        )
    except LivectlError as error:
        return _failed(_why(error))
    response = _to(then)
    sessions = call.context.authenticator.sessions
    secure = call.request.url.scheme == "https"
    sessions.keep(response, sessions.start(caller), secure=secure)
    response.delete_cookie(COOKIE, path="/auth")
    return response


def _why(error: LivectlError) -> str:
    """A word that the sign-in page has a sentence for."""
    if isinstance(error, TicketLost):
        return "late"
    return "refused" if isinstance(error, Unauthenticated) else "away"


def _failed(why: str) -> RedirectResponse:
    return _to(f"/sign-in#failed={quote(why)}")


def _to(address: str) -> RedirectResponse:
    return RedirectResponse(address, 303, {"Cache-Control": "no-store"})


def _page(wanted: str) -> str:
    """A page of ours: what browsers would read as another host is none."""
    ours = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted
    return wanted if ours and wanted.isprintable() else "/"


routes = [
    Route("GET", "/auth/login", begin, Allow.EVERYONE, "To the identity provider"),
    Route("GET", _CALLBACK, finish, Allow.EVERYONE, "Back from the identity provider"),
]
