from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.ids import (
    is_object_id,
    is_our_room,
    new_id,
    room_name,
    user_of,
    viewer_identity,
)

users = st.text(min_size=1, max_size=40)


def test_a_new_id_is_an_object_id_of_now_that_no_other_is() -> None:
    ids = [new_id() for _ in range(1000)]
    assert len(set(ids)) == 1000
    assert all(map(is_object_id, ids))
    assert abs(int(ids[0][:8], 16) - time.time()) < 60


@pytest.mark.parametrize("text", ["", "a" * 23, "a" * 25, "A" * 24, "g" * 24, "a" * 24 + "\n"])
def test_what_is_not_24_small_hex_digits_is_no_object_id(text: str) -> None:
    assert not is_object_id(text)


@given(users)
def test_every_tab_of_a_user_leads_back_to_the_user(user: str) -> None:
    tabs = {viewer_identity(user) for _ in range(3)}
    assert len(tabs) == 3
    assert {user_of(tab) for tab in tabs} == {user}


@pytest.mark.parametrize(
    "identity", ["alice", "", "#0123abcd", "alice#0123abc", "alice#0123ABCD", "a#b#c"]
)
def test_an_identity_that_was_not_made_here_is_the_user_itself(identity: str) -> None:
    assert user_of(identity) == identity


@pytest.mark.parametrize("user", ["alice", "auth0|a/b", "a_b_c", "64b7f0c2a1d3e4f5a6b7c8d9"])
def test_a_room_that_is_named_here_is_known_as_ours(user: str) -> None:
    assert is_our_room(room_name(user, 1_700_000_000_000))


@pytest.mark.parametrize(
    "name",
    ["", "r3", "live_", "live_alice", "live_alice_12", "xlive_alice_1700000000000", "live__1"],
)
def test_no_other_room_is_taken_for_ours(name: str) -> None:
    assert not is_our_room(name)
