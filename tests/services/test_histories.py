"""Whatever becomes of the webhooks, the next reconcile ends in what LiveKit itself reports.

A history is what happened in one room. Its webhooks are permuted, doubled and lost, and come in
batches of any size; then the reconcile runs. `ModelOfLiveKit` holds the state the history ended
in, and is the truth that everything is compared with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from livectl.adapters.no_meter import NoMeter
from livectl.domain.event import event
from livectl.domain.ids import new_id, room_name
from livectl.domain.stream import Stream
from livectl.domain.webhook import Participant
from livectl.ports.store import Store
from livectl.services.history import History as ChatHistory
from livectl.services.inbox import Inbox
from livectl.services.moderation import Moderation
from livectl.services.notices import Notices
from livectl.services.presence import Presence
from livectl.services.reconcile import Report
from tests.services.conftest import NOON, Stage
from tests.services.hooks import hook, participant, sign
from tests.services.ingresses import Venue
from tests.services.media import ModelOfLiveKit
from tests.services.recordings import records_nothing

OWNER = "alice"
EXAMPLES = {"sqlite": 200, "mongo": 15}

# Who may be in the room: an identity, what LiveKit says of it, and which viewer it is, if any.
PEOPLE: list[tuple[str, dict[str, Any], str | None]] = [
    ("bob#00000001", {}, "bob"),
    ("bob#00000002", {}, "bob"),
    ("bob", {}, "bob"),
    ("carol#0000000a", {}, "carol"),
    ("dave", {"kind": "STANDARD"}, "dave"),
    (OWNER, {}, None),
    (f"{OWNER}#00000001", {}, None),
    ("tape", {"permission": {"hidden": True, "recorder": True}}, None),
    ("EG_1", {"kind": "EGRESS", "permission": {"hidden": True, "recorder": True}}, None),
    ("obs", {"kind": "INGRESS"}, None),
    ("helper", {"kind": "AGENT"}, None),
]


@dataclass
class Session:
    sid: str
    person: int
    joined: datetime

    def as_hook(self) -> dict[str, Any]:
        identity, more, _ = PEOPLE[self.person]
        return participant(self.sid, identity, self.joined, **more)

    def as_seen(self) -> Participant:
        identity, more, _ = PEOPLE[self.person]
        permission = more.get("permission", {})
        return Participant(
            sid=self.sid,
            identity=identity,
            kind=more.get("kind", "STANDARD"),
            hidden=permission.get("hidden", False),
            recorder=permission.get("recorder", False),
            joined_at=self.joined,
        )


@dataclass
class History:
    """One turn a second from the start of the stream on; `finished` when the room is closed."""

    room: str
    start: datetime
    here: dict[str, Session] = field(default_factory=dict)
    hooks: list[bytes] = field(default_factory=list)
    peak: int = 0
    finished: datetime | None = None
    turns: int = 0

    @property
    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.turns)

    def watching(self) -> int:
        users = {PEOPLE[one.person][2] for one in self.here.values()}
        return len(users - {None})

    def turn(self, person: int, leave: bool) -> None:
        self.turns += 1
        there = [one for one in self.here.values() if one.person == person]
        # LiveKit puts out whoever holds an identity when it joins again: that is a leave as well.
        for one in there:
            del self.here[one.sid]
            self._tell("participant_left", participant=one.as_hook())
        if not leave:
            joined = Session(f"PA_{self.room[-4:]}_{self.turns}", person, self.now)
            self.here[joined.sid] = joined
            self._tell("participant_joined", participant=joined.as_hook())
        self.peak = max(self.peak, self.watching())

    def finish(self) -> None:
        self.turns += 1
        for one in list(self.here.values()):
            del self.here[one.sid]
            self._tell("participant_left", participant=one.as_hook())
        self.finished = self.now
        self._tell("room_finished")

    def _tell(self, type_: str, **more: Any) -> None:
        self.hooks.append(hook(type_, self.room, self.now, **more))


@dataclass(frozen=True)
class Delivery:
    """What became of the webhooks: indices of them, in batches; after which batch a reconcile ran
    in between; how late the first came."""

    batches: list[list[int]]
    reconcile_after: int | None
    late_s: float


# Half of the turns are of the viewers, and two of three are joins, so that a crowd comes together.
people = st.integers(0, 4) | st.integers(0, len(PEOPLE) - 1)
turns = st.lists(st.tuples(people, st.sampled_from([False, False, True])), max_size=14)


@st.composite
def deliveries(draw: st.DrawFn, count: int, *, lossy: bool) -> Delivery:
    kept = list(range(count))
    if lossy:
        kept = [one for one in kept if draw(st.integers(0, 3))]
    doubled = draw(st.lists(st.sampled_from(kept), max_size=6)) if kept else []
    order = draw(st.permutations(kept + doubled))
    batches: list[list[int]] = []
    while order:
        size = draw(st.integers(1, len(order)))
        batches.append(list(order[:size]))
        order = order[size:]
    after = draw(st.none() | st.integers(0, len(batches)))
    return Delivery(batches, after, draw(st.sampled_from([0, 0.4, 3, 60])))


class House:
    """The services on a store and on the model, at a time that the test sets."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._venue = venue = Venue(store)
        self.clock = venue.clock
        self.media = venue.media
        presence = Presence(store, self.clock)
        moderation = Moderation(store, self.media, self.clock, ChatHistory(store, self.clock))
        recordings = records_nothing(store, self.media, self.clock)
        self.inbox = Inbox(
            store,
            self.media,
            self.clock,
            Notices(store, moderation, presence, venue.teardown, recordings, venue.encoders),
            NoMeter(),
            tries=8,
            call_reconcile=self._heard_of_losses,
        )

    async def _heard_of_losses(self, why: str) -> None:
        raise AssertionError(why)

    async def live_stream(self) -> Stream:
        stream_id = new_id()
        millis = 1_700_000_000_000 + int(stream_id[-8:], 16)
        stream = Stream(
            id=stream_id,
            owner_id=OWNER,
            room_name=room_name(OWNER, millis),
            is_live=True,
            started_at=NOON,
        )
        await self.store.add_stream(stream, event("stream.started", NOON, "test"))
        return stream

    async def deliver(self, bodies: list[bytes]) -> None:
        for body in bodies:
            await self.inbox.take_in(body, sign(body))
        while await self.inbox.work():
            self.clock.advance(0.01)

    async def reconcile(self) -> Report:
        return await self._venue.reconcile()

    async def read(self, stream: Stream) -> Stream:
        found = await self.store.stream(stream.id)
        assert found is not None
        return found

    async def clean_up(self, stream: Stream) -> None:
        self.media.people.clear()
        await self._venue.teardown.end(stream, reason="test over", by="test")


async def _play(
    store: Store, moves: list[tuple[int, bool]], closes: bool, data: st.DataObject, lossy: bool
) -> None:
    house = House(store)
    stream = await house.live_stream()
    try:
        history = _lived(stream, moves, closes)
        _put_into(house.media, history)
        delivery = data.draw(deliveries(len(history.hooks), lossy=lossy))
        await _deliver(house, history, delivery)
        house.clock.advance(120)
        await house.reconcile()
        await _check(house, stream, history, lossy=lossy)
    finally:
        await house.clean_up(stream)


def _lived(stream: Stream, moves: list[tuple[int, bool]], closes: bool) -> History:
    history = History(stream.room_name, stream.started_at)
    for person, leave in moves:
        history.turn(person, leave)
    if closes:
        history.finish()
    return history


def _put_into(media: ModelOfLiveKit, history: History) -> None:
    if history.finished is None:
        media.make(history.room, history.start)
        media.people[history.room] = {
            sid: session.as_seen() for sid, session in history.here.items()
        }


async def _deliver(house: House, history: History, delivery: Delivery) -> None:
    house.clock.at = history.now + timedelta(seconds=delivery.late_s)
    for number, batch in enumerate(delivery.batches):
        if delivery.reconcile_after == number:
            await house.reconcile()
        await house.deliver([history.hooks[one] for one in batch])
        house.clock.advance(0.3)


async def _check(house: House, stream: Stream, history: History, *, lossy: bool) -> None:
    found = await house.read(stream)
    assert found.is_live == (history.finished is None)
    assert found.viewers == history.watching()
    assert not found.teardown_owed
    assert found.peak_viewers >= found.viewers
    assert found.peak_viewers <= len({user for _, _, user in PEOPLE if user})
    if not lossy:
        assert found.peak_viewers == history.peak
        if history.finished:
            assert found.ended_at is not None
    again = await house.reconcile()
    assert [one for one in again.corrections if one.stream_id == stream.id] == []
    assert (await house.inbox.depth()).pending == 0
    assert (await house.inbox.depth()).parked == 0


def test_any_order_and_doubling_of_webhooks_ends_in_the_truth_with_the_exact_peak(
    stage: Stage,
) -> None:
    @stage.examples(**EXAMPLES)
    @given(moves=turns, closes=st.booleans(), data=st.data())
    def play(moves: list[tuple[int, bool]], closes: bool, data: st.DataObject) -> None:
        stage.runner.run(_play(stage.store, moves, closes, data, lossy=False))

    play()


def test_any_order_doubling_and_loss_of_webhooks_ends_in_the_truth(stage: Stage) -> None:
    @stage.examples(**EXAMPLES)
    @given(moves=turns, closes=st.booleans(), data=st.data())
    def play(moves: list[tuple[int, bool]], closes: bool, data: st.DataObject) -> None:
        stage.runner.run(_play(stage.store, moves, closes, data, lossy=True))

    play()


def test_no_webhook_at_all_ends_in_the_truth(stage: Stage) -> None:
    @settings(stage.examples(**EXAMPLES), max_examples=10)
    @given(moves=turns, closes=st.booleans())
    def play(moves: list[tuple[int, bool]], closes: bool) -> None:
        async def silent() -> None:
            house = House(stage.store)
            stream = await house.live_stream()
            try:
                history = _lived(stream, moves, closes)
                _put_into(house.media, history)
                house.clock.at = history.now + timedelta(seconds=120)
                await house.reconcile()
                await _check(house, stream, history, lossy=True)
            finally:
                await house.clean_up(stream)

        stage.runner.run(silent())

    play()
