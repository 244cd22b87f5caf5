from __future__ import annotations

from datetime import UTC, datetime

import pytest

from livectl.domain.ids import is_our_room, waiting_room
from livectl.domain.ingress import ingress_name, made_by_us, masked, without_password

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_an_ingress_of_ours_is_known_by_its_name_and_tells_when_it_was_made() -> None:
    assert made_by_us(ingress_name("6b04fa", NOON)) == NOON


@pytest.mark.parametrize("name", ["", "obs", "livectl", "livectl:", "livectl:6b04fa", "x:y:1"])
def test_an_ingress_of_another_name_is_somebody_elses(name: str) -> None:
    assert made_by_us(name) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://camera.test/a", "https://camera.test/a"),
        ("https://me:pass@camera.test:8/a", "https://********@camera.test:8/a"),
        ("https://me@camera.test/a?token=t#x", "https://********@camera.test/a?********#x"),
        ("https://[camera.test/a", "********"),
    ],
)
def test_a_source_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_a_secret_spares_its_end_only_where_it_is_long() -> None:
    assert masked("abcdefghijkl") == "********ijkl"
    assert masked("abcdefghijk") == "********"


def test_two_rooms_of_one_moment_are_two_and_ours() -> None:
    rooms = {waiting_room("alice", 1_772_366_400_000) for _ in range(20)}
    assert len(rooms) > 15
    assert all(is_our_room(one) for one in rooms)
