"""Pages of a list that is sorted by time and id, newest first."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime

from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.ids import is_object_id
from livectl.domain.stream import Stream
from livectl.errors import BadInput


def next_cursor(page: list[Stream], limit: int) -> str | None:
    """Where the next page begins; None where this one is the last. `page` holds one more than
    `limit` when there is more."""
    if len(page) <= limit:
        return None
    last = page[limit - 1]
    raw = f"{epoch_ms(last.started_at)}.{last.id}"
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> tuple[datetime, str] | None:
    """Raises BadInput for one that was not given out here."""
    if cursor is None:
        return None
    try:
        raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
        millis, _, stream_id = raw.partition(".")
        place = from_epoch_ms(int(millis)), stream_id
    except (ValueError, OverflowError, binascii.Error):
        place = None
    if place is None or not is_object_id(place[1]):
        expected = "the nextCursor of an earlier answer"
        raise BadInput(
            f"cursor: expected {expected}", details=[{"field": "cursor", "expected": expected}]
        )
    return place
