"""`livectl reconcile`."""

from __future__ import annotations

from tests.commands.test_streams import go_live
from tests.parts import free_port
from tests.shell import Shell


def test_where_nothing_differs_nothing_is_done(alone: Shell) -> None:
    stream = go_live(alone)
    report = alone.json("reconcile")
    assert report["corrections"] == []
    assert (report["checkedStreams"], report["checkedRooms"]) == (1, 1)
    assert alone.json("streams", "show", stream)["isLive"] is True
    assert "1 streams and 1 rooms compared, 0 differ" in alone.good("reconcile").err


def test_a_dry_run_prints_the_plan_and_the_run_carries_it_out(alone: Shell) -> None:
    stream = go_live(alone)
    away = alone.having(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    assert away("streams", "kill", stream, "--yes").code == 6
    room = alone.json("streams", "show", stream)["roomName"]
    (planned,) = alone.json("reconcile", "--dry-run")["corrections"]
    assert planned["roomName"] == room
    assert not planned.get("result") or planned["result"] == "planned"
    assert alone.json("streams", "show", stream)["teardownOwed"] is True
    table = alone.good("reconcile", "--dry-run").out
    assert table.startswith("WHAT ")
    assert room in table
    (done,) = alone.json("reconcile")["corrections"]
    assert (done["roomName"], done["result"]) == (room, "done")
    assert alone.json("reconcile")["corrections"] == []
    assert "reconcile" in str(alone.json("streams", "explain", stream))


def test_while_livekit_is_away_it_ends_with_6_and_ends_no_stream(shell: Shell, away: Shell) -> None:
    stream = go_live(shell)
    ran = away("reconcile", "-o", "json")
    assert (ran.code, ran.out, ran.error["code"]) == (6, "", "unavailable")
    assert shell.json("streams", "show", stream)["isLive"] is True
