from __future__ import annotations

import itertools
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from livectl.domain.clock import iso
from livectl.domain.egress import read_egress
from livectl.domain.recording import Recording, Sign, advance
from tests.services.hooks import real_bodies

AT = datetime(2026, 11, 24, 12, tzinfo=UTC)


def real_infos() -> list[dict[str, Any]]:
    hooks = [json.loads(body) for body in real_bodies()]
    return [hook["egressInfo"] for hook in hooks if hook["event"].startswith("egress_")]


def signs() -> list[Sign]:
    return [read_egress(info, AT) for info in real_infos()]


def test_a_status_that_is_left_out_is_starting() -> None:
    first = real_infos()[0]
    assert "status" not in first
    sign = read_egress(first, AT)
    assert (sign.state, sign.started_at, sign.size) == ("starting", None, None)


def test_a_real_run_goes_through_the_states_of_a_recording() -> None:
    assert [sign.state for sign in signs()] == ["starting", "recording", "ending", "uploading"]


def test_the_end_of_a_real_run_tells_size_duration_and_path_from_the_name() -> None:
    end = signs()[-1]
    assert end.path == "rec/r3-2026-11-24T003101.mp4"
    assert end.size == 4_778_123
    assert end.duration == pytest.approx(11.853, abs=0.001)
    assert end.started_at is not None
    assert iso(end.started_at) == "2026-11-24T00:31:01.374Z"
    assert end.ended_at is not None
    assert iso(end.ended_at) == "2026-11-24T00:31:13.227Z"
    assert end.error is None


def test_the_time_of_a_sign_is_that_of_its_last_change() -> None:
    assert iso(signs()[1].at) == "2026-11-24T00:31:01.988Z"
    assert read_egress({}, AT).at == AT


def test_any_order_of_a_real_run_ends_the_same() -> None:
    recording = Recording(
        id="a" * 24,
        stream_id="b" * 24,
        owner_id="alice",
        room_name="r3",
        recorder="egress",
        requested_at=AT,
        updated_at=AT,
    )
    ends = set()
    for order in itertools.permutations(signs()):
        one = recording
        for sign in order:
            one = advance(one, sign)
        ends.add((one.state, one.started_at, one.ended_at, one.size, one.duration, one.path))
    assert len(ends) == 1


@pytest.mark.parametrize(
    ("status", "state"), [("EGRESS_LIMIT_REACHED", "uploading"), ("EGRESS_COMPLETE", "uploading")]
)
def test_one_that_ended_with_a_file_is_to_be_looked_for(status: str, state: str) -> None:
    assert read_egress({"status": status}, AT).state == state


@pytest.mark.parametrize("status", ["EGRESS_FAILED", "EGRESS_ABORTED"])
def test_one_that_failed_says_why(status: str) -> None:
    told = {"status": status, "error": "Start signal not received"}
    sign = read_egress(told, AT)
    assert (sign.state, sign.error) == ("failed", "Egress gave up: Start signal not received")
    details = read_egress({"status": status, "details": "End reason: Source closed"}, AT)
    assert details.error == "Egress gave up: End reason: Source closed"
    assert read_egress({"status": status}, AT).error == "Egress gave up: it does not say why"


@pytest.mark.parametrize("status", [99, "EGRESS_SOMETHING_NEW", None])
def test_a_status_that_we_do_not_know_says_nothing(status: Any) -> None:
    assert read_egress({"status": status}, AT).state == "starting"


def test_a_playlist_is_read_like_a_file() -> None:
    told = {
        "status": "EGRESS_COMPLETE",
        "segmentResults": [
            {"playlistName": "rec/1/index.m3u8", "duration": "8000000000", "size": "900"}
        ],
    }
    sign = read_egress(told, AT)
    assert (sign.path, sign.duration, sign.size) == ("rec/1/index.m3u8", 8.0, 900)


def test_an_older_egress_names_its_file_once() -> None:
    told = {"status": "EGRESS_COMPLETE", "file": {"filename": "rec/1.mp4", "size": "900"}}
    assert read_egress(told, AT).path == "rec/1.mp4"


def test_a_name_in_a_shared_directory_is_no_path_in_it() -> None:
    told = {"status": "EGRESS_COMPLETE", "fileResults": [{"filename": "/data/objects/rec/1.mp4"}]}
    assert read_egress(told, AT).path is None


@pytest.mark.parametrize(
    "nonsense",
    [
        {"fileResults": "none", "updatedAt": "soon"},
        {"fileResults": [None, 3], "updatedAt": 10**40},
        {"file": {"size": "many", "duration": None, "startedAt": "-1"}},
    ],
)
def test_nonsense_is_no_error(nonsense: dict[str, Any]) -> None:
    assert read_egress(nonsense, AT).state == "starting"
