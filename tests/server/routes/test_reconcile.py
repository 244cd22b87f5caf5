from __future__ import annotations

from livectl.adapters.livekit import LiveKit as LiveKitClient
from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.server.api import ROOT, Api, good, refused, wrong_fields
from tests.server.conftest import NewApi


async def test_reconcile_shows_its_plan_before_it_acts(api: Api, livekit: LiveKit) -> None:
    started = await api.start("alice")
    stray = f"live_stray_{started['roomName'].rpartition('_')[2]}"
    async with livekit.calls() as calls:
        client = LiveKitClient(calls, public_url="")
        await client.create_room(stray)
        try:
            found = good(await api.post("/api/reconcile?dryRun=true", ROOT))
        finally:
            await client.delete_room(stray)
    assert found["dryRun"]
    assert found["checkedStreams"] == 1
    assert found["checkedRooms"] >= 2
    # The stray one is young: its stream may be about to be stored.
    assert stray not in [one["roomName"] for one in found["corrections"]]


async def test_reconcile_without_livekit_says_so(new_api: NewApi) -> None:
    api = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    said = refused(await api.post("/api/reconcile", ROOT), 502, "unavailable")
    assert "ListRooms" in said["error"]


async def test_reconcile_refuses_a_dry_run_that_is_neither_true_nor_false(api: Api) -> None:
    assert wrong_fields(await api.post("/api/reconcile?dryRun=maybe", ROOT)) == ["dryRun"]
