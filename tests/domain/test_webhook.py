from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.clock import EPOCH
from livectl.domain.webhook import Notice, read_notice
from tests.services.hooks import real_bodies

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
PARTS = ["createdAt", "numDropped", "room", "participant", "egressInfo", "ingressInfo"]
FIELDS = ["name", "sid", "identity", "kind", "joinedAtMs", "joinedAt", "permission", "roomName"]


def read(**content: object) -> Notice:
    return read_notice(json.dumps({"event": "room_started", "id": "EV_1", **content}))


def test_every_webhook_of_a_real_run_is_understood() -> None:
    notices = [read_notice(body) for body in real_bodies()]
    assert [notice.type for notice in notices] == [
        "room_started",
        "ingress_started",
        "participant_joined",
        "track_published",
        "track_published",
        "egress_started",
        "participant_joined",
        "egress_updated",
        "egress_updated",
        "participant_left",
        "egress_ended",
        "track_unpublished",
        "track_unpublished",
        "participant_left",
        "room_finished",
        "ingress_ended",
    ]
    assert {notice.room for notice in notices} == {"r3"}
    assert all(notice.at > datetime(2026, 1, 1, tzinfo=UTC) for notice in notices)
    joined = notices[6].participant
    assert joined is not None
    assert (joined.kind, joined.hidden, joined.recorder) == ("EGRESS", True, True)
    assert joined.joined_at == datetime.fromtimestamp(1795480261.187, UTC)


@given(
    st.dictionaries(
        st.sampled_from(PARTS), values | st.dictionaries(st.sampled_from(FIELDS), values)
    )
)
def test_whatever_else_a_webhook_holds_it_is_understood_or_passed_over(
    content: dict[str, object],
) -> None:
    notice = read(**content)
    assert (notice.id, notice.type) == ("EV_1", "room_started")


@given(st.binary(max_size=200))
def test_what_is_no_webhook_is_a_value_error_and_nothing_else(body: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        read_notice(body)


@pytest.mark.parametrize("number", [1795480259, "1795480259", 1795480259.0])
def test_a_64_bit_number_may_be_text(number: object) -> None:
    assert read(createdAt=number).at == datetime.fromtimestamp(1795480259, UTC)


def test_a_time_that_cannot_be_is_the_epoch() -> None:
    for strange in ("99999999999999999999", "soon", None, [], 10**400):
        assert read(createdAt=strange).at == EPOCH


@pytest.mark.parametrize(
    ("event", "status"),
    [("egress_finished", "EGRESS_COMPLETE"), ("egress_failed", "EGRESS_FAILED")],
)
def test_names_of_older_documents_are_taken_for_what_they_mean(event: str, status: str) -> None:
    notice = read(event=event, egressInfo={"egressId": "EG_1", "roomName": "r1"})
    assert notice.type == "egress_ended"
    assert notice.egress == {"egressId": "EG_1", "roomName": "r1", "status": status}
    assert notice.room == "r1"
