"""Complaints about streams: filed with their evidence, worked through, resolved once."""

from __future__ import annotations

from livectl.domain.event import event
from livectl.domain.ids import is_object_id, new_id
from livectl.domain.people import Caller, Report
from livectl.errors import Conflict, NotFound
from livectl.ports.chat import ChatQuery
from livectl.ports.clock import Clock
from livectl.ports.moderation import ReportQuery
from livectl.ports.store import Store
from livectl.services.history import History

EVIDENCE_MAX = 20


class Reports:
    def __init__(self, store: Store, clock: Clock, history: History) -> None:
        self._store = store
        self._clock = clock
        self._history = history

    async def file(
        self,
        stream_id: str,
        *,
        type_: str,
        reason: str,
        description: str | None,
        evidence: list[str],
        by: Caller,
        request_id: str,
    ) -> Report:
        """Messages of the stream that `evidence` names by id are copied into the report, so that
        they outlast their deletion."""
        await self._history.flush()
        named = tuple(one.lower() for one in evidence[:EVIDENCE_MAX] if is_object_id(one.lower()))
        query = ChatQuery(stream_ids=(stream_id,), ids=named, hidden=True, oldest_first=True)
        report = Report(
            id=new_id(),
            stream_id=stream_id,
            reporter_id=by.user_id or by.name,
            type=type_,
            reason=reason,
            description=description,
            evidence=evidence[:EVIDENCE_MAX],
            messages=await self._store.entries(query) if named else [],
            at=self._clock.now(),
        )
        filed = event(
            "report.filed",
            report.at,
            by.name,
            stream_id=stream_id,
            request_id=request_id,
            report=report.id,
            kind=type_,
        )
        await self._store.add_report(report, filed)
        return report

    async def get(self, report_id: str) -> Report:
        if (found := await self._store.report(report_id)) is None:
            raise NotFound("report not found")
        return found

    async def find(self, query: ReportQuery) -> list[Report]:
        return await self._store.reports(query)

    async def resolve(
        self, report_id: str, *, resolution: str, by: Caller, request_id: str
    ) -> Report:
        """Raises NotFound, Conflict where somebody has resolved it."""
        report = await self.get(report_id)
        now = self._clock.now()
        resolved = event(
            "report.resolved",
            now,
            by.name,
            stream_id=report.stream_id,
            request_id=request_id,
            report=report_id,
            resolution=resolution,
        )
        if not await self._store.resolve_report(
            report_id, resolution=resolution, by=by.name, at=now, event=resolved
        ):
            report = await self.get(report_id)
            raise Conflict(f"{report.resolved_by} has resolved it: {report.resolution}")
        return await self.get(report_id)
