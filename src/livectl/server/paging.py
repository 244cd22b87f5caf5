"""Pages of a list that is sorted by time and id, newest first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime

from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.ids import is_object_id
from livectl.domain.stream import Stream
from livectl.errors import BadInput


def next_cursor(page: list[Stream], limit: int) -> str | None:
    """Where the next page of streams begins; None where this one is the last. `page` holds one
    more than `limit` when there is more."""
    return next_place([(stream.started_at, stream.id) for stream in page], limit)


def next_place(places: Sequence[tuple[datetime, str]], limit: int) -> str | None:
    """The same of anything that is sorted by a time and an id."""
    if len(places) <= limit:
        return None
    at, id_ = places[limit - 1]
    raw = f"{epoch_ms(at)}.{id_}"
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
        raise BadInput.of("cursor", "the nextCursor of an earlier answer")
    return place
