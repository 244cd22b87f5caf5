from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.clock import EPOCH
from livectl.domain.stream import (
    document_from_stream,
    read_time,
    renewed,
    stream_from_document,
)

NAMED = {"id": "0" * 24, "ownerId": "alice", "roomName": "r1"}
KEYS = ["title", "isLive", "startedAt", "viewers", "tags", "recording", "ingress", "vod", "rev"]

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def test_a_document_that_has_only_names_is_read_with_defaults() -> None:
    stream = stream_from_document(NAMED)
    assert (stream.title, stream.is_live, stream.tags, stream.viewers) == ("", False, [], 0)
    assert stream.enable_recording
    assert stream.enable_replay
    assert (stream.recording_status, stream.vod_status) == ("none", "none")


def test_fields_that_nobody_knows_are_kept() -> None:
    document = {**NAMED, "legacy": {"a": [1, None]}, "__v": 3}
    stream = stream_from_document(document)
    assert stream.extra == {"legacy": {"a": [1, None]}, "__v": 3}
    assert document_from_stream(stream).items() >= document.items()


@given(st.dictionaries(st.sampled_from(KEYS), anything))
def test_a_document_of_any_age_is_read_and_written_back_the_same(content: dict[str, Any]) -> None:
    stream = stream_from_document({**NAMED, **content})
    assert stream_from_document(document_from_stream(stream)) == stream


@pytest.mark.parametrize(
    ("part", "status"),
    [
        ({"status": "recording"}, "recording"),
        ({"status": ""}, "none"),
        ({"status": 5}, "none"),
        ({"egressId": "EG_1"}, "none"),
        ({}, "none"),
        (None, "none"),
        ("broken", "none"),
    ],
)
def test_the_status_of_a_recording_is_a_word_or_none(part: Any, status: str) -> None:
    assert stream_from_document({**NAMED, "recording": part}).recording_status == status


def test_times_are_read_from_every_form_that_documents_have() -> None:
    noon = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
    for form in (
        noon,
        noon.replace(tzinfo=None),
        noon.astimezone(timezone(timedelta(hours=2))),
        noon.replace(microsecond=123999),
        "2026-03-01T12:00:00.123Z",
        "2026-03-01T14:00:00.123+02:00",
        1772366400123,
    ):
        assert read_time(form) == noon
    assert read_time(0) == EPOCH


@pytest.mark.parametrize("form", ["soon", "", None, True, [], {}])
def test_what_is_no_time_is_none(form: Any) -> None:
    assert read_time(form) is None


def test_a_number_that_no_calendar_has_is_no_time() -> None:
    assert read_time(10**18) is None
    assert read_time(float("inf")) is None
    assert read_time(float("nan")) is None


def test_a_count_that_is_no_number_is_zero() -> None:
    for strange in (float("inf"), float("nan"), "many", -3, None):
        assert stream_from_document({**NAMED, "viewers": strange}).viewers == 0


def test_a_part_is_renewed_in_our_fields_alone() -> None:
    before = {"status": "failed", "error": "old", "codec": "h264", "note": None}
    fields = {"status": "completed", "error": None}
    assert renewed(before, fields) == {"status": "completed", "codec": "h264", "note": None}
    for nothing in (None, "none", []):
        assert renewed(nothing, fields) == {"status": "completed"}
