from __future__ import annotations

from livectl.domain.event import event
from livectl.domain.ids import new_id
from livectl.domain.stream import Stream
from livectl.domain.teardown import STEPS, Step, holds
from livectl.domain.webhook import Participant
from livectl.errors import Unavailable
from livectl.ports.store import Store
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines
from livectl.services.ingress_off import IngressOff
from livectl.services.teardown import Teardown
from tests.services.conftest import NOON, TestClock
from tests.services.ingresses import ModelOfIngress, no_recordings
from tests.services.media import ModelOfLiveKit

BOB = Participant(sid="PA_1", identity="bob")


class LateAnswer(ModelOfLiveKit):
    """Deletes the room, and says what LiveKit says to one of two who delete it at once."""

    async def delete_room(self, room: str) -> bool:
        await super().delete_room(room)
        raise Unavailable("LiveKit refused DeleteRoom: no response from servers (unavailable)")


class Stubborn(ModelOfLiveKit):
    """Removes nobody and deletes no room."""

    async def remove_participant(self, room: str, identity: str) -> bool:
        raise Unavailable("LiveKit refused RemoveParticipant: no response from servers")

    async def delete_room(self, room: str) -> bool:
        raise Unavailable("LiveKit refused DeleteRoom: no response from servers (unavailable)")


class Watched(ModelOfLiveKit):
    """Keeps how many were in a room when it was deleted."""

    def __init__(self) -> None:
        super().__init__()
        self.deleted_with: list[int] = []

    async def delete_room(self, room: str) -> bool:
        self.deleted_with.append(len(self.people.get(room, {})))
        return await super().delete_room(room)


class Insisted(Watched):
    """Whoever is removed is back at once."""

    async def remove_participant(self, room: str, identity: str) -> bool:
        return True


async def live(store: Store, media: ModelOfLiveKit, **people: Participant) -> Stream:
    stream_id = new_id()
    stream = Stream(
        id=stream_id,
        owner_id="alice",
        room_name=f"live_alice_17{stream_id[-11:]}",
        is_live=True,
        started_at=NOON,
    )
    await store.add_stream(stream, event("stream.started", NOON, "test"))
    media.make(stream.room_name, NOON)
    media.people[stream.room_name] = dict(people)
    return stream


async def ended(
    store: Store, media: ModelOfLiveKit, stream: Stream, *, willing: bool = False
) -> tuple[list[Step], Stream]:
    clock = TestClock()
    ingresses = ModelOfIngress(media)
    lines = Lines(ingresses, media, clock)
    off = IngressOff(store, IngressBook(store, clock), lines, clock)
    teardown = Teardown(store, media, clock, off, end_recordings=no_recordings)
    steps = await teardown.end(stream, reason="rules", by="user:root", willing=willing)
    found = await store.stream(stream.id)
    assert found is not None
    return steps, found


async def test_an_end_goes_through_every_step_in_order_and_owes_nothing(store: Store) -> None:
    media = ModelOfLiveKit()
    stream = await live(store, media, PA_1=BOB)
    steps, after = await ended(store, media, stream)
    assert tuple(step.step for step in steps) == STEPS
    assert holds(steps)
    assert (after.is_live, after.teardown_owed, after.end_reason) == (False, False, "rules")
    assert media.people == {}


async def test_an_end_while_livekit_is_away_is_stored_and_owed_until_it_is_enforced(
    store: Store,
) -> None:
    media = ModelOfLiveKit()
    stream = await live(store, media, PA_1=BOB)
    media.away = True
    steps, after = await ended(store, media, stream)
    assert [step.result for step in steps] == ["done", *["failed"] * 4]
    assert (after.is_live, after.teardown_owed) == (False, True)
    media.away = False
    steps, after = await ended(store, media, stream)
    assert steps[0].result == "nothing_to_do"
    assert holds(steps)
    assert not after.teardown_owed
    assert media.people == {}


async def test_what_was_settled_is_owed_again_where_another_end_fails(store: Store) -> None:
    media = ModelOfLiveKit()
    stream = await live(store, media, PA_1=BOB)
    _, after = await ended(store, media, stream)
    assert not after.teardown_owed
    media.away = True
    steps, after = await ended(store, media, stream)
    assert not holds(steps)
    assert after.teardown_owed


async def test_a_room_that_was_seen_gone_is_deleted_whatever_the_deletion_answered(
    store: Store,
) -> None:
    media = LateAnswer()
    stream = await live(store, media, PA_1=BOB)
    steps, after = await ended(store, media, stream)
    assert holds(steps)
    assert not after.teardown_owed
    deleted = next(step for step in steps if step.step == "room_deleted")
    assert "no response from servers" in deleted.detail


async def test_a_room_with_people_that_stays_is_owed(store: Store) -> None:
    media = Stubborn()
    stream = await live(store, media, PA_1=BOB)
    steps, after = await ended(store, media, stream)
    assert [step.step for step in steps if step.result == "failed"] == ["room_deleted", "room_gone"]
    assert after.teardown_owed


async def test_people_are_out_before_the_room_goes(store: Store) -> None:
    media = Watched()
    stream = await live(store, media, PA_1=BOB)
    await ended(store, media, stream)
    assert media.deleted_with == [0]


async def test_where_the_host_is_willing_people_go_with_the_room(store: Store) -> None:
    media = Watched()
    stream = await live(store, media, PA_1=BOB)
    steps, _ = await ended(store, media, stream, willing=True)
    assert media.deleted_with == [1]
    assert holds(steps)


async def test_whoever_is_in_after_the_end_insists_however_willing_the_host_is(
    store: Store,
) -> None:
    media = Watched()
    stream = await live(store, media, PA_1=BOB)
    await ended(store, media, stream)
    media.people[stream.room_name] = {BOB.sid: BOB}
    await ended(store, media, stream, willing=True)
    assert media.deleted_with == [0, 0]


async def test_the_room_of_people_who_keep_coming_back_is_owed_and_not_deleted_around_them(
    store: Store,
) -> None:
    media = Insisted()
    stream = await live(store, media, PA_1=BOB)
    steps, after = await ended(store, media, stream)
    assert media.deleted_with == []
    assert [step.detail for step in steps if step.result == "failed"] == [
        "someone keeps coming back; the server goes on removing them"
    ] * 2
    assert after.teardown_owed
