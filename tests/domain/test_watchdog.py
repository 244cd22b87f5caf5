from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from livectl.domain.recording import Recording, Sign
from livectl.domain.watchdog import may_begin, pause_after, verdict

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_recording(**fields: Any) -> Recording:
    defaults: dict[str, Any] = {
        "id": "a" * 24,
        "stream_id": "b" * 24,
        "owner_id": "alice",
        "room_name": "live_alice_1700000000000",
        "recorder": "egress",
        "requested_at": NOON,
        "updated_at": NOON,
    }
    return Recording(**{**defaults, **fields})


def said(state: Any, seconds: float = 0) -> Sign:
    return Sign(state=state, at=NOON + timedelta(seconds=seconds))


def judged(recording: Recording, sign: Sign | None, after_s: float) -> str:
    now = NOON + timedelta(seconds=after_s)
    found = verdict(recording, sign, host="here", now=now)
    return found.is_ if found else "wait"


@pytest.mark.parametrize(
    ("sign", "after_s", "missed_s", "is_"),
    [
        (said("recording"), 61, 61, "gone"),
        (said("recording"), 3600, None, "wait"),
        (said("recording"), 3600, 0, "wait"),
        (said("recording"), 3600, 59, "wait"),
        (said("recording", 10), 69, 61, "wait"),
        (said("starting"), 31, None, "stuck"),
        (said("starting"), 29, None, "wait"),
        (said("ending"), 1800, 1800, "wait"),
        (said("ending"), 3601, None, "gone"),
        (None, 29, 29, "wait"),
        (None, 3600, 59, "wait"),
        (None, 3600, 60, "gone"),
        (None, 3600, None, "wait"),
        (said("uploading"), 3600, 3600, "wait"),
    ],
)
def test_an_egress_is_waited_for_as_long_as_there_is_something_to_wait_for(
    sign: Sign | None, after_s: float, missed_s: float | None, is_: str
) -> None:
    missed_at = None if missed_s is None else NOON + timedelta(seconds=after_s - missed_s)
    assert judged(a_recording(missed_at=missed_at), sign, after_s) == is_


@pytest.mark.parametrize(
    ("sign", "after_s", "is_"),
    [
        (said("recording"), 179, "wait"),
        (said("recording"), 181, "gone"),
        (said("ending"), 3599, "wait"),
        (said("ending"), 3601, "gone"),
    ],
)
def test_a_recorder_of_this_host_that_hangs_is_given_up(
    sign: Sign, after_s: float, is_: str
) -> None:
    recording = a_recording(recorder="embedded", spool_host="here")
    assert judged(recording, sign, after_s) == is_


@pytest.mark.parametrize(
    ("host", "after_s", "is_"),
    [("here", 29, "wait"), ("here", 31, "gone"), ("there", 179, "wait"), ("there", 181, "gone")],
)
def test_a_host_that_records_is_given_up_when_it_is_silent(
    host: str, after_s: float, is_: str
) -> None:
    recording = a_recording(recorder="embedded", spool_host=host)
    assert judged(recording, None, after_s) == is_


def test_what_has_ended_is_not_judged() -> None:
    for state in ("uploading", "completed", "failed"):
        assert judged(a_recording(state=state), None, 100_000) == "wait"


def test_pauses_double_up_to_ten_minutes() -> None:
    pauses = [pause_after(tries).total_seconds() for tries in (1, 2, 3, 7, 8, 1000)]
    assert pauses == [5, 10, 20, 320, 600, 600]


@pytest.mark.parametrize(
    ("latest", "auto", "may"),
    [
        (None, True, True),
        (None, False, False),
        ({"state": "recording"}, True, False),
        ({"state": "completed", "stop_asked": True}, True, False),
        ({"state": "completed"}, True, True),
        ({"state": "uploading"}, True, True),
        ({"state": "failed"}, True, True),
        ({"state": "failed", "restarts": 7}, True, False),
        # Somebody asked for it, and it broke off: once more.
        ({"state": "uploading", "started_at": NOON}, False, True),
        ({"state": "uploading", "started_at": NOON, "restarts": 1}, False, False),
        ({"state": "failed"}, False, False),
    ],
)
def test_a_recording_begins_by_itself_where_it_should_and_nobody_stopped_it(
    latest: dict[str, Any] | None, auto: bool, may: bool
) -> None:
    known = a_recording(**latest) if latest is not None else None
    assert may_begin(known, auto=auto, now=NOON + timedelta(seconds=60)) is may
