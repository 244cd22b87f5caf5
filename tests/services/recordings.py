"""Recordings on a store and on models: what Egress would say is what the test sets."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from livectl.adapters.files import FileObjects
from livectl.adapters.no_meter import NoMeter
from livectl.domain.event import event
from livectl.domain.ids import new_id, room_name
from livectl.domain.recording import RecorderKind, Recording, Sign, Vod
from livectl.domain.stream import Stream
from livectl.domain.webhook import Participant, read_notice
from livectl.errors import LivectlError, Unavailable
from livectl.ports.store import EventQuery, Store
from livectl.services.recording_book import RecordingBook
from livectl.services.recording_delivery import Delivery
from livectl.services.recording_watch import RecordingWatch
from livectl.services.recordings import Policy, Recordings
from tests.services.conftest import NOON, TestClock
from tests.services.hooks import hook
from tests.services.media import ModelOfLiveKit

HOST = "here"
HOST_ON_AIR = Participant(sid="PA_host", identity="alice", tracks=["TR_1"], publisher=True)


class CountedMeter(NoMeter):
    def __init__(self) -> None:
        self.counted: list[str] = []

    def recording(self, what: str) -> None:
        self.counted.append(what)


class ModelOfRecorder:
    """`signs` is what it says, by recording; with `fails` every call of it does so."""

    def __init__(self, kind: RecorderKind) -> None:
        self.kind = kind
        self.signs: dict[str, Sign] = {}
        self.stopped: list[str] = []
        self.retried: list[str] = []
        self.discarded: list[str] = []
        self.fails: LivectlError | None = None

    async def start(self, recording: Recording) -> str:
        self._reach()
        self.says(recording, "starting", recording.requested_at)
        return f"EG_{recording.id}"

    async def stop(self, recording: Recording) -> None:
        self._reach()
        self.stopped.append(recording.id)

    async def look(self, recordings: Sequence[Recording]) -> dict[str, Sign]:
        self._reach()
        return {one.id: self.signs[one.id] for one in recordings if one.id in self.signs}

    async def retry(self, recording: Recording) -> None:
        self.retried.append(recording.id)

    async def discard(self, recording: Recording) -> None:
        self.discarded.append(recording.id)
        self.signs.pop(recording.id, None)

    def says(self, recording: Recording, state: str, at: object, **more: object) -> Sign:
        sign = msgspec.convert({"state": state, "at": at, **more}, Sign)
        self.signs[recording.id] = sign
        return sign

    def _reach(self) -> None:
        if self.fails:
            raise self.fails


class Studio:
    """The services of recordings; `published` are those whose replay was to be made."""

    def __init__(
        self,
        store: Store,
        directory: Path,
        *,
        recorder: RecorderKind | None = "embedded",
        auto: bool = False,
        host: str = HOST,
    ) -> None:
        self.store = store
        self.clock = TestClock()
        self.media = ModelOfLiveKit()
        self.meter = CountedMeter()
        self.embedded = ModelOfRecorder("embedded")
        self.egress = ModelOfRecorder("egress")
        self.objects = FileObjects(directory / "objects", key=b"k" * 32, clock=self.clock)
        self.spool = directory / "spool"
        self.published: list[str] = []
        recorders = {"embedded": self.embedded, "egress": self.egress}
        self.book = RecordingBook(store, self.clock, self.meter)
        self.delivery = Delivery(
            store, self.objects, recorders, self.clock, self.book, self._publish
        )
        policy = Policy(
            recorder=recorder,
            layout="host",
            format="mp4",
            prefix="recordings",
            auto=auto,
            host=host,
        )
        self.recordings = Recordings(
            store, self.media, recorders, self.clock, self.book, self.delivery, policy
        )
        self.watch = RecordingWatch(
            store,
            self.media,
            recorders,
            self.clock,
            self.meter,
            self.book,
            self.delivery,
            self.recordings,
            host=host,
        )

    async def _publish(self, recording: Recording) -> None:
        made = msgspec.structs.replace(recording, vod=Vod(status="available"))
        if await self.store.save_recording(made, None):
            self.published.append(recording.id)

    async def stream(self, *, on_air: bool = True, **fields: object) -> Stream:
        """One that is live; its host is on air."""
        stream_id = new_id()
        stream = Stream(
            id=stream_id,
            owner_id="alice",
            room_name=room_name("alice", 1_700_000_000_000 + int(stream_id[-8:], 16)),
            **{"is_live": True, "started_at": NOON, **fields},  # type: ignore[arg-type]
        )
        await self.store.add_stream(stream, event("stream.started", NOON, "test"))
        if on_air:
            self.host_comes(stream)
        return stream

    def host_comes(self, stream: Stream) -> None:
        self.media.make(stream.room_name, NOON)
        self.media.people[stream.room_name][HOST_ON_AIR.sid] = HOST_ON_AIR

    def host_leaves(self, stream: Stream) -> None:
        del self.media.people[stream.room_name][HOST_ON_AIR.sid]

    def worker_comes(self, stream: Stream, recording: Recording) -> None:
        worker = Participant(sid="PA_eg", identity=f"EG_{recording.id}", kind="EGRESS")
        self.media.people[stream.room_name][worker.sid] = worker

    async def recorded(self, stream: Stream) -> Recording:
        """One that was begun."""
        return await self.recordings.start(stream, by="user:alice")

    def file(self, recording: Recording, content: bytes = b"a film") -> str:
        """What its recorder left on this host's disk."""
        self.spool.mkdir(exist_ok=True)
        path = self.spool / recording.id
        path.write_bytes(content)
        return str(path)

    async def put(self, recording: Recording, content: bytes = b"a film") -> None:
        """What Egress sent to the bucket."""
        await self.objects.put(recording.path, content, content_type="video/mp4")

    async def tick(self) -> None:
        await self.watch.tick()
        await self.delivery.idle()

    async def sync(self) -> None:
        await self.watch.sync(dry_run=False, by="test", within_s=10)

    async def hears(self, stream: Stream, recording: Recording, **info: object) -> None:
        """A webhook of Egress about it."""
        told = {"egressId": recording.egress_id, "roomName": stream.room_name, **info}
        body = hook("egress_updated", stream.room_name, self.clock.now(), egressInfo=told)
        await self.recordings.hear(stream, read_notice(body))

    async def now(self, recording: Recording) -> Recording:
        return await self.book.again(recording.id)

    async def shown(self, stream: Stream) -> str:
        found = await self.store.stream(stream.id)
        assert found is not None
        return found.recording_status

    async def told(self, stream: Stream) -> list[str]:
        """What the log says of its recordings."""
        entries = await self.store.events(EventQuery(stream_id=stream.id, limit=1000))
        return [one.type for one in entries if one.type.startswith("recording.")]


AWAY = Unavailable("LiveKit could not be reached for ListEgress")


def records_nothing(store: Store, media: ModelOfLiveKit, clock: TestClock) -> Recordings:
    """Where this is about something else."""
    book = RecordingBook(store, clock, NoMeter())
    objects = FileObjects(Path("/nowhere"), key=b"k" * 32, clock=clock)

    async def publish(recording: Recording) -> None:
        raise AssertionError(recording.id)

    delivery = Delivery(store, objects, {}, clock, book, publish)
    policy = Policy(recorder=None, layout="host", format="mp4", prefix="", auto=False, host=HOST)
    return Recordings(store, media, {}, clock, book, delivery, policy)
