from __future__ import annotations

import asyncio

import pytest

from livectl.domain.webhook import Participant
from livectl.errors import TimedOutside, Unavailable
from livectl.services.removal import put_out
from tests.services.conftest import NOON
from tests.services.media import ModelOfLiveKit

ROOM = "live_alice_1700000000000"
ALICE = Participant(sid="PA_1", identity="alice", publisher=True)
BOB = Participant(sid="PA_2", identity="bob")
CAROL = Participant(sid="PA_3", identity="carol")


class Recorded(ModelOfLiveKit):
    """Keeps who was asked to be removed; fails or hangs for some."""

    def __init__(self, *people: Participant) -> None:
        super().__init__()
        self.make(ROOM, NOON)
        self.people[ROOM] = {one.sid: one for one in people}
        self.asked: list[str] = []
        self.failing: set[str] = set()
        self.hanging: set[str] = set()

    async def remove_participant(self, room: str, identity: str) -> bool:
        self.asked.append(identity)
        if identity in self.hanging:
            await asyncio.sleep(60)
        if identity in self.failing:
            raise Unavailable("LiveKit refused RemoveParticipant: no response from servers")
        return await super().remove_participant(room, identity)


async def test_everyone_is_removed_and_whoever_publishes_goes_first() -> None:
    media = Recorded(BOB, ALICE, CAROL)
    assert sorted(await put_out(media, ROOM)) == ["alice", "bob", "carol"]
    assert media.asked[0] == "alice"
    assert await media.participants(ROOM) == []
    assert await media.rooms([ROOM])


async def test_only_the_unwanted_are_removed() -> None:
    media = Recorded(ALICE, BOB, CAROL)
    assert await put_out(media, ROOM, lambda one: one.identity == "bob") == ["bob"]
    assert await media.participants(ROOM) == [ALICE, CAROL]


async def test_one_who_left_meanwhile_was_not_removed() -> None:
    media = Recorded(BOB)
    media.people[ROOM]["PA_4"] = Participant(sid="PA_4", identity="bob")  # the same person twice
    assert await put_out(media, ROOM) == ["bob"]


async def test_one_who_cannot_be_removed_keeps_nobody_else_in() -> None:
    media = Recorded(ALICE, BOB, CAROL)
    media.failing, media.hanging = {"alice"}, {"bob"}
    assert await put_out(media, ROOM) == ["carol"]


async def test_a_failure_is_raised_where_nobody_could_be_removed() -> None:
    media = Recorded(BOB)
    media.hanging = {"bob"}
    with pytest.raises(TimedOutside, match="did not remove bob within"):
        await put_out(media, ROOM)
