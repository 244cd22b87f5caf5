"""Pages of a list that is sorted by time and id, newest first."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Generic, Protocol, Self, TypeVar

from msgspec import UNSET, Meta, UnsetType

from livectl.domain.clock import epoch_ms, from_epoch_ms
from livectl.domain.ids import is_object_id
from livectl.errors import BadInput
from livectl.server.http import Body


class _Found(Protocol):
    @property
    def id(self) -> str: ...


Found = TypeVar("Found", bound=_Found)
View = TypeVar("View")


class PageQuery(Body):
    """`cursor` is the `nextCursor` of the page before."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    cursor: str | None = None


class Page(Body, Generic[View]):
    """`nextCursor` is missing from the last one."""

    items: list[View]
    next_cursor: str | UnsetType = UNSET

    @classmethod
    def of(
        cls,
        found: Sequence[Found],
        limit: int,
        *,
        at: Callable[[Found], datetime],
        view: Callable[[Found], View],
    ) -> Self:
        """`found` holds one more than `limit` when there is more; `at` is the time of each that
        they are sorted by."""
        shown = found[:limit]
        more = len(found) > limit
        return cls(
            items=[view(one) for one in shown],
            next_cursor=_cursor(at(shown[-1]), shown[-1].id) if more else UNSET,
        )


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


def _cursor(at: datetime, id_: str) -> str:
    raw = f"{epoch_ms(at)}.{id_}"
    return base64.urlsafe_b64encode(raw.encode()).decode().rstrip("=")
