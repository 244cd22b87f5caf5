"""Is everything in order?"""

from __future__ import annotations

from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route
from livectl.services.doctor import Finding


class DoctorQuery(Body):
    """`quick` asks only what may be asked again and again: no room is made, no webhook awaited."""

    quick: bool = False


class Findings(Body):
    checks: list[Finding]


async def doctor(call: Call, query: DoctorQuery) -> Findings:
    examine = call.context.doctor.probe if query.quick else call.context.doctor.examine
    return Findings(checks=await examine())


routes = [
    Route("GET", "/api/doctor", doctor, Allow.ADMINISTRATOR, "Is everything in order?"),
]
