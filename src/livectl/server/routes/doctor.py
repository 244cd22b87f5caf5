"""Is everything in order?"""

from __future__ import annotations

from livectl.server.auth import Allow
from livectl.server.http import Body, Call, Route
from livectl.services.doctor import Finding


class Findings(Body):
    checks: list[Finding]


async def doctor(call: Call) -> Findings:
    return Findings(checks=await call.context.doctor.examine())


routes = [
    Route("GET", "/api/doctor", doctor, Allow.ADMINISTRATOR, "Is everything in order?"),
]
