"""Complaints: the queue that administrators work through."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta

from livectl.domain.people import Report
from livectl.errors import Conflict, NotFound
from livectl.ports.moderation import ReportQuery
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route
from livectl.server.paging import Page, read_cursor
from livectl.server.routes.messages import MessageView, view


class FindReports(Body):
    status: Literal["open", "resolved"] | None = None
    stream_id: Annotated[str, Meta(pattern="^[0-9a-f]{24}$")] | None = None
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=500)] = 100


class ReportView(Body):
    report_id: str
    stream_id: str
    reporter_id: str
    type: str
    reason: str
    description: str | None
    evidence: list[str]
    messages: list[MessageView]
    status: str
    at: datetime
    resolution: str | None
    resolved_by: str | None
    resolved_at: datetime | None


class ReportPage(Page[ReportView]):
    pass


class Resolve(Body):
    resolution: Annotated[str, Meta(min_length=1, max_length=500)]


async def find(call: Call, query: FindReports) -> ReportPage:
    found = await call.context.reports.find(
        ReportQuery(
            status=query.status,
            stream_id=query.stream_id,
            before=read_cursor(query.cursor),
            limit=query.limit + 1,
        )
    )
    return ReportPage.of(found, query.limit, at=lambda one: one.at, view=_view)


async def show(call: Call) -> ReportView:
    return _view(await call.context.reports.get(call.stream_id))


async def resolve(call: Call, body: Resolve) -> ReportView:
    return _view(
        await call.context.reports.resolve(
            call.stream_id,
            resolution=body.resolution,
            by=call.caller,
            request_id=call.request_id,
        )
    )


def _view(report: Report) -> ReportView:
    return ReportView(
        report_id=report.id,
        stream_id=report.stream_id,
        reporter_id=report.reporter_id,
        type=report.type,
        reason=report.reason,
        description=report.description,
        evidence=report.evidence,
        messages=[view(one) for one in report.messages],
        status=report.status,
        at=report.at,
        resolution=report.resolution,
        resolved_by=report.resolved_by,
        resolved_at=report.resolved_at,
    )


routes = [
    Route("GET", "/api/reports", find, Allow.ADMINISTRATOR, "The queue of reports, newest first"),
    Route(
        "GET",
        "/api/reports/{id}",
        show,
        Allow.ADMINISTRATOR,
        "One report with its evidence",
        errors=(NotFound,),
    ),
    Route(
        "POST",
        "/api/reports/{id}/resolve",
        resolve,
        Allow.ADMINISTRATOR,
        "Say what became of a report, once",
        errors=(NotFound, Conflict),
    ),
]
