"""Time as this product keeps it: UTC, to the millisecond (what MongoDB can hold)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_millis(at: datetime) -> datetime:
    """`at` in UTC, cut to whole milliseconds; a time without a zone is taken as UTC."""
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return aware.replace(microsecond=aware.microsecond // 1000 * 1000)


def epoch_ms(at: datetime) -> int:
    """Milliseconds since 1970."""
    return (at - EPOCH) // timedelta(milliseconds=1)


def from_epoch_ms(millis: int) -> datetime:
    return EPOCH + timedelta(milliseconds=millis)


def iso(at: datetime) -> str:
    """ISO 8601 in UTC with `Z` and milliseconds, the one form that answers and files carry."""
    return to_millis(at).strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"
