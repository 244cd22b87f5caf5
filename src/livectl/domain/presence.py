"""Who watches, from facts that come late, doubled and out of order.

A fact is that a LiveKit session (its sid) of a user joined at a time or left at a time. Facts of
one session merge the same way in any order: the earliest join and the earliest leave are kept. A
session is there while it has no leave, so a join that is heard of after its leave changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

import msgspec

_NOT_PEOPLE = frozenset({"INGRESS", "EGRESS", "AGENT", "SIP"})


class Sighting(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one session in a stream's room: `joined_at`, `left_at` or both."""

    stream_id: str
    sid: str
    user_id: str
    joined_at: datetime | None = None
    left_at: datetime | None = None


def is_viewer(user_id: str, owner_id: str, *, kind: str, hidden: bool, recorder: bool) -> bool:
    """Whether a participant counts as watching (contract, Webhooks): people, but not the owner,
    not services, and nobody who is hidden or records."""
    return user_id != owner_id and kind not in _NOT_PEOPLE and not hidden and not recorder


def merge(known: Sighting | None, fact: Sighting) -> Sighting:
    """Both together; the same for any order and any repetition of facts."""
    if known is None:
        return fact
    return msgspec.structs.replace(
        known,
        joined_at=_earliest(known.joined_at, fact.joined_at),
        left_at=_earliest(known.left_at, fact.left_at),
    )


def left_time(created_at: datetime, received_at: datetime) -> datetime:
    """When someone left, from a webhook whose own time has whole seconds only.

    The true time lies in that second; a delivery inside it narrows it down.
    """
    end_of_second = created_at + timedelta(milliseconds=999)
    return min(max(received_at, created_at), end_of_second)


def peak(sightings: Iterable[Sighting], now: datetime) -> int:
    """The most people who watched at one moment; a person in several tabs is one.

    Sessions of which only the leave is known have no length and do not count.
    """
    turns: list[tuple[datetime, int, str]] = []
    for seen in sightings:
        if seen.joined_at is None:
            continue
        left = seen.left_at or now
        if left > seen.joined_at:
            turns.append((seen.joined_at, 1, seen.user_id))
            turns.append((left, -1, seen.user_id))
    # At the same moment leaves come first: a change of seats is not two people.
    turns.sort(key=lambda turn: (turn[0], turn[1]))
    tabs: dict[str, int] = {}
    most = 0
    for _, step, user in turns:
        tabs[user] = tabs.get(user, 0) + step
        if not tabs[user]:
            del tabs[user]
        most = max(most, len(tabs))
    return most


def _earliest(one: datetime | None, other: datetime | None) -> datetime | None:
    if one is None or other is None:
        return one or other
    return min(one, other)
