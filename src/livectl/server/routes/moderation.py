"""Keeping order: one call for every act, and what is in force."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import UNSET, Meta, UnsetType

from livectl.domain.acts import AnyAct
from livectl.domain.moderation import (
    EVERYWHERE,
    Restriction,
    RestrictionKind,
    scope_of_owner,
    scope_of_stream,
)
from livectl.errors import Conflict, Forbidden, NotFound, Unavailable
from livectl.server.auth import Allow, clean_user_id
from livectl.server.http import At, Body, Call, Route
from livectl.services.audit import AuditEntry, AuditQuery
from livectl.services.moderation import Outcome


class ActQuery(Body):
    dry_run: bool = False


class ScopeQuery(Body):
    """Of one stream, of an owner's streams, or everywhere."""

    stream_id: str | None = None
    owner_id: str | None = None

    @property
    def scope(self) -> str:
        if self.stream_id is not None:
            return scope_of_stream(self.stream_id.lower())
        return EVERYWHERE if self.owner_id is None else scope_of_owner(self.owner_id)


class RestrictionsQuery(ScopeQuery):
    """With `all` those of every scope."""

    kind: RestrictionKind = "block"
    all: bool = False


class RestrictionView(Body):
    """`address` is a keyed hash, from which no address can be worked out."""

    scope: str
    kind: RestrictionKind
    user_id: str
    by: str
    at: datetime
    until: datetime | None
    reason: str | None
    address: str | UnsetType = UNSET


class Restrictions(Body):
    items: list[RestrictionView]


class RulesView(Body):
    scope: str
    slow_seconds: int
    frozen: bool
    links_off: bool
    allowed_only: bool
    allowed: list[str]
    words: list[str]
    moderators: list[str]


class FindAudit(Body):
    after: Annotated[int, Meta(ge=0)] = 0
    since: At | None = None
    act: str | None = None
    actor: str | None = None
    user: str | None = None
    stream_id: Annotated[str, Meta(pattern="^[0-9a-f]{24}$")] | None = None
    limit: Annotated[int, Meta(ge=1, le=1000)] = 100


class AuditPage(Body):
    """`next_after` is where the next page begins, while there is one."""

    items: list[AuditEntry]
    next_after: int | UnsetType = UNSET


async def act(call: Call, body: AnyAct, query: ActQuery) -> Outcome:
    if body.owner_id is not None:
        clean_user_id(body.owner_id, "ownerId")
    if (user_id := getattr(body, "user_id", None)) is not None:
        clean_user_id(user_id)
    return await call.context.moderation.act(
        body,
        by=call.caller,
        stream=call.owned,
        dry_run=query.dry_run,
        request_id=call.request_id,
    )


async def restrictions(call: Call, query: RestrictionsQuery) -> Restrictions:
    if query.all and not call.caller.is_administrator:
        raise Forbidden("all scopes are for administrators")
    found = await call.context.moderation.restrictions(
        None if query.all else query.scope, query.kind, call.owned
    )
    return Restrictions(items=[_view(one) for one in found])


def _view(one: Restriction) -> RestrictionView:
    return RestrictionView(
        scope=one.scope,
        kind=one.kind,
        user_id=one.user_id,
        by=one.by,
        at=one.at,
        until=one.until,
        reason=one.reason,
        address=one.subject if one.kind == "address" else UNSET,
    )


async def rules(call: Call, query: ScopeQuery) -> RulesView:
    found = await call.context.moderation.rules(query.scope)
    return RulesView(
        scope=query.scope,
        slow_seconds=found.slow_seconds,
        frozen=found.frozen,
        links_off=found.links_off,
        allowed_only=found.allowed_only,
        allowed=found.allowed,
        words=found.words,
        moderators=found.moderators,
    )


async def audit(call: Call, query: FindAudit) -> AuditPage:
    found = await call.context.audit.read(
        AuditQuery(
            after=query.after,
            since=query.since,
            act=query.act,
            actor=query.actor,
            user=query.user,
            stream_id=query.stream_id,
            limit=query.limit,
        )
    )
    return AuditPage(items=found, next_after=found[-1].seq if len(found) == query.limit else UNSET)


_SCOPED: Any = (NotFound, Forbidden)
routes = [
    Route(
        "POST",
        "/api/moderation",
        act,
        Allow.MODERATOR,
        "Do one act of moderation, or see what it would do",
        errors=(*_SCOPED, Conflict, Unavailable),
    ),
    Route(
        "GET",
        "/api/moderation/restrictions",
        restrictions,
        Allow.MODERATOR,
        "Who is blocked or timed out",
        errors=_SCOPED,
    ),
    Route(
        "GET",
        "/api/moderation/rules",
        rules,
        Allow.MODERATOR,
        "The rules of a scope",
        errors=_SCOPED,
    ),
    Route(
        "GET",
        "/api/moderation/audit",
        audit,
        Allow.ADMINISTRATOR,
        "Who did what to whom, and why; with the command that takes it back",
    ),
]
