"""What keeps VODs and the bucket of each other: backfill, verify, and the plan of a prune."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta

from livectl.errors import BadInput, Conflict, Unavailable
from livectl.server.auth import Allow
from livectl.server.http import At, Body, Call, Done, Route
from livectl.services import backfill, prune, verify

AtOnce = Annotated[int, Meta(ge=1, le=32)]
StreamId = Annotated[str, Meta(pattern="^[0-9a-f]{24}$")]
Cursor = Annotated[str, Meta(description="the nextCursor of an earlier answer")]
Run = Annotated[
    str, Meta(pattern=r"^[\w.@:-]{1,64}$", description="the same for all calls of one backfill")
]


class BackfillPart(Body):
    run: Run
    source: backfill.Source = "all"
    cursor: Cursor | None = None
    since: At | None = None
    until: At | None = None
    owner: str | None = None
    stream: StreamId | None = None
    limit: Annotated[int, Meta(ge=1, description="do at most so much in this call")] | None = None
    concurrency: AtOnce = 4
    dry_run: bool = False


class VerifyPart(Body):
    cursor: Cursor | None = None
    since: At | None = None
    until: At | None = None
    deep: bool = False
    concurrency: AtOnce = 4


class PlanPrune(Body):
    """`max_total` in bytes; `max_share` of all VODs is the most that may go."""

    before: At | None = None
    keep_tags: list[str] | None = None
    max_total: Annotated[int, Meta(ge=0)] | None = None
    archive_class: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    max_share: Annotated[float, Meta(ge=0, le=1)] = prune.SHARE_MAX


async def fill(call: Call, body: BackfillPart) -> backfill.Page:
    wish = backfill.Wish(
        run=body.run,
        source=body.source,
        cursor=body.cursor,
        since=body.since,
        until=body.until,
        owner_id=body.owner,
        stream_id=body.stream,
        limit=body.limit,
        at_once=body.concurrency,
        dry_run=body.dry_run,
    )
    return await call.context.backfill.page(wish, by=call.caller.name)


async def give_up(call: Call) -> Done:
    await call.context.backfill.give_up(call.request.path_params["run"])
    return Done()


async def compare(call: Call, body: VerifyPart) -> verify.Page:
    wish = verify.Wish(
        cursor=body.cursor,
        since=body.since,
        until=body.until,
        deep=body.deep,
        at_once=body.concurrency,
    )
    return await call.context.verify.page(wish)


async def plan(call: Call, body: PlanPrune) -> prune.Plan:
    policy = prune.Policy(
        before=body.before,
        keep_tags=tuple(body.keep_tags or ()),
        max_total=body.max_total,
        archive_class=body.archive_class,
        max_share=body.max_share,
    )
    return await call.context.prune.plan(policy)


routes = [
    Route(
        "POST",
        "/api/vods/backfill",
        fill,
        Allow.ADMINISTRATOR,
        "Make VODs of what should be one and is not, a part at a time",
        errors=(Conflict, Unavailable),
    ),
    Route(
        "DELETE",
        "/api/vods/backfill/{run}",
        give_up,
        Allow.ADMINISTRATOR,
        "End a backfill before its end, so that another may begin",
    ),
    Route(
        "POST",
        "/api/vods/verify",
        compare,
        Allow.ADMINISTRATOR,
        "Compare VODs with the bucket, a part at a time",
        errors=(Unavailable,),
    ),
    Route(
        "POST",
        "/api/vods/prune",
        plan,
        Allow.ADMINISTRATOR,
        "What a policy would take away; nothing is",
        errors=(BadInput, Conflict, Unavailable),
    ),
]
