from __future__ import annotations

from tests.parts import free_port
from tests.server.api import ROOT, good
from tests.server.conftest import NewApi


async def test_a_doctor_names_what_is_wrong_and_what_to_do(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    checks = {one["name"]: one for one in good(await api.get("/api/doctor", ROOT))["checks"]}
    assert checks["store"]["status"] == "pass"
    assert checks["indexes"]["status"] == "pass"
    assert checks["inbox"]["status"] == "pass"
    assert checks["livekit"]["status"] == "fail"
    assert checks["livekit"]["code"] == "unavailable"
    assert "LIVEKIT_URL" in checks["livekit"]["remedy"]
    assert checks["webhooks"]["status"] == "fail"


async def test_a_quick_look_makes_no_room(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    checks = {
        one["name"]: one for one in good(await api.get("/api/doctor?quick=true", ROOT))["checks"]
    }
    assert checks["files"]["status"] == "pass"
    assert "webhooks" not in checks
