from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from msgspec import UNSET

from livectl.domain.stream import Stream
from livectl.errors import BadInput
from livectl.server.paging import Page, read_cursor

AT = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)


def page(found: int, limit: int) -> Page[str]:
    streams = [
        Stream(id=f"{n:024x}", owner_id="a", room_name=f"r{n}", started_at=AT) for n in range(found)
    ]
    return Page.of(streams, limit, at=lambda one: one.started_at, view=lambda one: one.room_name)


def test_a_cursor_leads_to_after_the_last_one_that_was_shown() -> None:
    first = page(3, 2)
    assert first.items == ["r0", "r1"]
    assert first.next_cursor is not UNSET
    assert read_cursor(first.next_cursor) == (AT, f"{1:024x}")


def test_there_is_no_cursor_after_the_last_page() -> None:
    assert page(2, 2).next_cursor is UNSET
    assert page(0, 2).next_cursor is UNSET


def test_no_cursor_is_the_beginning() -> None:
    assert read_cursor(None) is None


@pytest.mark.parametrize(
    "inside", ["", ".", "1", "x." + "0" * 24, "1.xyz", "9" * 30 + "." + "0" * 24, "1." + "0" * 25]
)
def test_a_cursor_that_was_never_given_out_is_refused(inside: str) -> None:
    with pytest.raises(BadInput):
        read_cursor(base64.urlsafe_b64encode(inside.encode()).decode())


@pytest.mark.parametrize("cursor", ["", "é", "====", "a", "\x00", "ab cd"])
def test_a_cursor_that_is_no_base64_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput):
        read_cursor(cursor)
