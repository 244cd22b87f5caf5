from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.clock import epoch_ms, from_epoch_ms, iso, to_millis

moments = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


@given(moments)
def test_a_time_survives_as_milliseconds_and_as_text(moment: datetime) -> None:
    kept = to_millis(moment)
    assert from_epoch_ms(epoch_ms(kept)) == kept
    assert datetime.fromisoformat(iso(kept)) == kept


def test_text_is_in_utc_with_milliseconds_and_a_z() -> None:
    at = datetime(2026, 3, 1, 14, 0, 0, 5000, tzinfo=timezone(timedelta(hours=2)))
    assert iso(at) == "2026-03-01T12:00:00.005Z"


def test_a_time_without_a_zone_is_taken_as_utc() -> None:
    naive = datetime(2026, 3, 1, 12)  # noqa: DTZ001
    assert to_millis(naive) == datetime(2026, 3, 1, 12, tzinfo=UTC)
