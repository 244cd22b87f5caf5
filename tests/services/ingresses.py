"""LiveKit's Ingress as a model, and the services of ingress keys over it.

An encoder is in a room or not as the model of LiveKit says; what its Ingress says of it follows.
"""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any, Literal

import msgspec

from livectl.adapters.no_meter import NoMeter
from livectl.domain.ingress import IngressKey
from livectl.domain.people import Caller
from livectl.domain.stream import Stream
from livectl.domain.webhook import Notice, read_notice
from livectl.errors import BadInput, Conflict, NotFound, NotReady, TimedOutside, Unavailable
from livectl.ports.ingress import IngressSpec, MadeIngress
from livectl.ports.store import EventQuery, Store
from livectl.services.encoders import Encoders
from livectl.services.history import History
from livectl.services.ingress import Handed, IngressKeys, KeyWish
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_drift import IngressDrift
from livectl.services.ingress_lines import Lines
from livectl.services.ingress_off import IngressOff
from livectl.services.moderation import Moderation
from livectl.services.presence import Presence
from livectl.services.reconcile import Reconcile, Report
from livectl.services.streams import StartWish, Streams
from livectl.services.teardown import Teardown
from livectl.services.whip import Whip
from tests.services.conftest import TestClock
from tests.services.hooks import hook, participant
from tests.services.media import ModelOfLiveKit

ROOT = Caller(role="administrator", name="user:root")
WHIP_URL = "https://live.test/whip"
OFFER = b"v=0\r\n"
GRACE = timedelta(seconds=60)

_numbers = itertools.count(1)


class ModelOfIngress:
    """`made` by id. With `without` set there is no Ingress; `answering` is what takes
    connections. With `crashed` set a worker did with its connections, of which LiveKit goes on to
    tell."""

    def __init__(self, media: ModelOfLiveKit) -> None:
        self.made: dict[str, MadeIngress] = {}
        self.without = False
        self.crashed = False
        self.answering = True
        self._media = media

    async def create(self, spec: IngressSpec) -> MadeIngress:
        self._reach("CreateIngress")
        if self.without:
            raise NotReady("LiveKit has no Ingress")
        number = next(_numbers)
        made = MadeIngress(
            ingress_id=f"IN_{number}",
            name=spec.name,
            stream_key="" if spec.protocol == "url" else f"secret-of-ingress-{number}",
            url=spec.source or f"{spec.protocol}://ingress.test/live",
            room=spec.room,
            identity=spec.identity,
            reusable=spec.protocol != "url",
        )
        self.made[made.ingress_id] = made
        return made

    async def move(self, ingress_id: str, room: str, *, connected: bool = False) -> None:
        self._reach("UpdateIngress")
        if self._changeable(ingress_id).status == "publishing" and not connected:
            raise Conflict("an encoder is connected")
        self._change(ingress_id, room=room)

    async def enable(
        self, ingress_id: str, *, enabled: bool, within_s: float | None = None
    ) -> None:
        self._reach("UpdateIngress")
        self._changeable(ingress_id)
        if self.crashed and within_s is not None:
            raise TimedOutside("LiveKit did not answer UpdateIngress")
        self._change(ingress_id, enabled=enabled)

    async def delete(self, ingress_id: str) -> bool:
        self._reach("DeleteIngress")
        made = self.made.pop(ingress_id, None)
        if made is not None and made.status == "publishing":
            await self._media.remove_participant(made.room, made.identity)
        return made is not None

    async def ingresses(
        self, *, ingress_id: str | None = None, room: str | None = None
    ) -> list[MadeIngress]:
        self._reach("ListIngress")
        if self.without:
            raise NotReady("LiveKit has no Ingress")
        return [
            one
            for one in self.made.values()
            if ingress_id in {None, one.ingress_id} and room in {None, one.room}
        ]

    async def answers(self, url: str) -> bool:
        return self.answering

    async def whip_offer(
        self, room: str, identity: str, offer: bytes
    ) -> tuple[bytes, str, dict[str, str]]:
        self._reach("WHIP")
        if offer != OFFER:
            raise BadInput("LiveKit refused the encoder's offer")
        if room not in self._media.people:
            raise NotFound("requested room does not exist")
        return b"v=0\r\nanswer", self._media.enter(room, identity), {"ETag": "ice"}

    async def whip_change(
        self,
        method: Literal["PATCH", "DELETE"],
        room: str,
        identity: str,
        session: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        self._reach("WHIP")
        if self._media.people.get(room, {}).pop(session, None) is None:
            return 404, {}, b""
        return 200, {}, b""

    def connect(self, stream_key: str) -> str | None:
        """What an encoder does that has this key, by RTMP: the sid of who is then in the room;
        None where it is not let in."""
        for made in self.made.values():
            if made.stream_key == stream_key and made.enabled and made.room in self._media.people:
                self._change(made.ingress_id, status="publishing", error=None)
                return self._media.enter(made.room, made.identity)
        return None

    def disconnect(self, stream_key: str, *, error: str | None = None) -> None:
        for made in list(self.made.values()):
            if made.stream_key == stream_key:
                self._change(made.ingress_id, status="error" if error else "inactive", error=error)
                self._media.put_out(made.room, made.identity)

    def _changeable(self, ingress_id: str) -> MadeIngress:
        made = self._found(ingress_id)
        if not made.reusable:
            raise Unavailable("LiveKit refused UpdateIngress: ingress is not reusable")
        return made

    def _found(self, ingress_id: str) -> MadeIngress:
        if ingress_id not in self.made:
            raise NotFound("ingress not found")
        made = self.made[ingress_id]
        if self.crashed:
            return made
        if made.status == "publishing" and not self._media.is_in(made.room, made.identity):
            made = self._change(ingress_id, status="inactive")  # it was put out of its room
        return made

    def _change(self, ingress_id: str, **fields: Any) -> MadeIngress:
        self.made[ingress_id] = msgspec.structs.replace(self.made[ingress_id], **fields)
        return self.made[ingress_id]

    def _reach(self, call: str) -> None:
        self._media.reach(call)


async def no_recordings(stream: Stream) -> int:
    return 0


class Venue:
    """All that ingress keys take, on a store and on the models."""

    def __init__(self, store: Store, *, open_to_hosts: bool = True) -> None:
        self.store = store
        self.clock = TestClock()
        self.media = ModelOfLiveKit()
        self.ingresses = ModelOfIngress(self.media)
        self.book = IngressBook(store, self.clock)
        lines = Lines(self.ingresses, self.media, self.clock)
        self.off = IngressOff(store, self.book, lines, self.clock)
        self.teardown = Teardown(
            store, self.media, self.clock, self.off, end_recordings=no_recordings
        )
        moderation = Moderation(store, self.media, self.clock, History(store, self.clock))
        self.streams = Streams(
            store,
            self.media,
            self.clock,
            self.teardown,
            moderation,
            open_to_hosts=open_to_hosts,
        )
        self.encoders = Encoders(
            store,
            self.clock,
            self.book,
            lines,
            self.off,
            self.streams,
            self.teardown,
        )
        self.keys = IngressKeys(
            store,
            self.media,
            self.clock,
            self.book,
            lines,
            self.off,
            self.encoders,
            self.teardown,
        )
        self.whip = Whip(self.ingresses, self.clock, self.book, lines, self.encoders, self.streams)
        self.mending = Reconcile(
            store,
            self.media,
            self.clock,
            NoMeter(),
            moderation,
            Presence(store, self.clock),
            self.teardown,
            IngressDrift(
                self.ingresses,
                self.clock,
                self.book,
                lines,
                self.off,
                self.encoders,
                start_grace=GRACE,
            ),
            start_grace=GRACE,
        )

    async def reconcile(self, *, dry_run: bool = False) -> Report:
        return await self.mending.run(dry_run=dry_run)

    async def key(self, owner: str = "alice", **wish: Any) -> IngressKey:
        """A standing key, by RTMP."""
        return (await self.handed(owner, **wish)).key

    async def handed(self, owner: str = "alice", **wish: Any) -> Handed:
        return await self.keys.create(
            owner, KeyWish(**wish), whip_url=WHIP_URL, by=ROOT, request_id="r"
        )

    async def key_of(self, stream: Stream, **wish: Any) -> IngressKey:
        handed = await self.keys.create_for(
            stream,
            KeyWish(**wish),
            any_protocol=not wish,
            whip_url=WHIP_URL,
            by=ROOT,
            request_id="r",
        )
        return handed.key

    async def live(self, owner: str = "alice") -> Stream:
        """A stream that its host started."""
        stream, _ = await self.streams.start(owner, StartWish(), by=ROOT)
        return stream

    async def again(self, key: IngressKey) -> IngressKey:
        return await self.book.get(key.id)

    async def stream_of(self, key: IngressKey) -> Stream | None:
        """What it is live as."""
        live = (await self.again(key)).live_stream_id
        return await self.store.stream(live) if live else None

    async def tell(self, key: IngressKey, *types: str) -> None:
        """Webhooks about the encoder of a key, as of its room now."""
        await self.encoders.hear(key.room, [self.notice(key, one) for one in types])

    def notice(self, key: IngressKey, type_: str) -> Notice:
        if type_.startswith("ingress_"):
            info = {"ingressId": key.line.ingress_id, "roomName": key.room}
            return read_notice(hook(type_, key.room, self.clock.now(), ingressInfo=info))
        person = participant("PA_x", key.identity, self.clock.now(), kind="INGRESS")
        return read_notice(hook(type_, key.room, self.clock.now(), participant=person))

    async def events(self, key: IngressKey) -> list[str]:
        found = await self.store.events(EventQuery(limit=1000))
        return [one.type.removeprefix("ingress.") for one in found if one.data.get("key") == key.id]
