from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from livectl.domain.presence import Sighting, is_viewer, left_time, merge, peak

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)

times = st.none() | st.integers(0, 20).map(lambda seconds: NOON + timedelta(seconds=seconds))
facts = st.builds(
    Sighting,
    stream_id=st.just("s"),
    sid=st.just("PA_1"),
    user_id=st.just("bob"),
    joined_at=times,
    left_at=times,
)


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def seen(sid: str, user: str, joined: float | None, left: float | None = None) -> Sighting:
    return Sighting(
        stream_id="s",
        sid=sid,
        user_id=user,
        joined_at=None if joined is None else at(joined),
        left_at=None if left is None else at(left),
    )


def merged(told: list[Sighting]) -> Sighting | None:
    known = None
    for fact in told:
        known = merge(known, fact)
    return known


@given(st.lists(facts, min_size=1, max_size=6), st.randoms(use_true_random=False))
def test_facts_of_a_session_end_the_same_in_any_order_and_any_repetition(
    told: list[Sighting], chance: random.Random
) -> None:
    again = [*told, *chance.choices(told, k=3)]
    chance.shuffle(again)
    assert merged(again) == merged(told)


def test_a_join_that_is_heard_of_after_its_leave_brings_nobody_back() -> None:
    known = merged([seen("PA_1", "bob", None, 5), seen("PA_1", "bob", 1)])
    assert known == seen("PA_1", "bob", 1, 5)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 9), st.integers(1, 9))))
def test_the_peak_is_the_most_people_of_any_moment(sessions: list[tuple[str, int, int]]) -> None:
    sightings = [
        seen(f"PA_{number}", user, joined, joined + length)
        for number, (user, joined, length) in enumerate(sessions)
    ]
    crowds = [
        len({user for user, joined, length in sessions if joined <= moment < joined + length})
        for moment in range(20)
    ]
    assert peak(sightings, at(100)) == max(crowds)


def test_one_person_in_two_tabs_is_one() -> None:
    assert peak([seen("PA_1", "bob", 0), seen("PA_2", "bob", 1)], at(9)) == 1


def test_a_change_of_seats_is_not_two_people() -> None:
    assert peak([seen("PA_1", "bob", 0, 5), seen("PA_2", "carol", 5, 9)], at(9)) == 1


def test_a_session_of_which_only_the_leave_is_known_does_not_count() -> None:
    assert peak([seen("PA_1", "bob", None, 5)], at(9)) == 0


def test_a_session_that_has_not_left_counts_until_now_and_not_before_it_began() -> None:
    assert peak([seen("PA_1", "bob", 3)], at(9)) == 1
    assert peak([seen("PA_1", "bob", 3)], at(2)) == 0


@given(st.integers(0, 10_000))
def test_a_leave_is_in_the_second_that_livekit_says_whenever_it_is_heard_of(late_ms: int) -> None:
    left = left_time(NOON, NOON + timedelta(milliseconds=late_ms))
    assert NOON <= left < NOON + timedelta(seconds=1)
    assert left <= NOON + timedelta(milliseconds=late_ms)


def test_a_clock_that_is_behind_livekits_makes_no_leave_too_early() -> None:
    assert left_time(NOON, at(-30)) == NOON


def test_only_people_who_watch_are_viewers() -> None:
    def counts(user: str = "bob", kind: str = "STANDARD", **flags: bool) -> bool:
        return is_viewer(user, "alice", kind=kind, **{"hidden": False, "recorder": False, **flags})

    assert counts()
    assert counts(kind="SOMETHING_NEW")
    assert not counts("alice")
    assert not any(counts(kind=kind) for kind in ("INGRESS", "EGRESS", "AGENT", "SIP"))
    assert not counts(hidden=True)
    assert not counts(recorder=True)
