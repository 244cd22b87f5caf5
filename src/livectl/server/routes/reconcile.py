"""Comparing the store with LiveKit."""

from __future__ import annotations

from livectl.errors import Unavailable
from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route
from livectl.services.reconcile import Report


class ReconcileQuery(Body):
    dry_run: bool = False


async def reconcile(call: Call, query: ReconcileQuery) -> Report:
    return await call.context.reconcile.run(dry_run=query.dry_run, by=call.caller.name)


routes = [
    Route(
        "POST",
        "/api/reconcile",
        reconcile,
        Allow.ADMINISTRATOR,
        "Compare the store with LiveKit, and mend what differs",
        errors=(Unavailable,),
    ),
]
