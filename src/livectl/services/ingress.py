"""Ingress keys, as people handle them: made, rotated, switched off and on, deleted."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec

from livectl.domain.clock import epoch_ms
from livectl.domain.ids import new_id, viewer_identity, waiting_room
from livectl.domain.ingress import GRACE_S, IngressKey, Line, Protocol, Through
from livectl.domain.people import Caller
from livectl.domain.stream import TAGS_MAX, TITLE_MAX, Stream
from livectl.errors import BadInput, Conflict, LivectlError, NotFound, NotReady, Unavailable
from livectl.ports.clock import Clock
from livectl.ports.ingress import IngressQuery, MadeIngress
from livectl.ports.livekit import Media, PublishedTrack
from livectl.ports.store import Store
from livectl.services.encoders import WARNED_BEFORE, Encoders
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_lines import Lines
from livectl.services.ingress_off import PULL_ENDED, IngressOff
from livectl.services.teardown import Teardown


class KeyWish(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for who wants a key. `source` is what a `url` key pulls; `through` None
    is livekit-server's own WHIP for `whip`, the Ingress service for the others; `expires_s` None
    is never. What a stream is to be like is for standing keys."""

    protocol: Protocol = "rtmp"
    through: Through | None = None
    source: str | None = None
    title: str = ""
    tags: list[str] = []
    cover_url: str | None = None
    enable_recording: bool = True
    enable_replay: bool = True
    auto_record: bool = False
    grace_s: int = GRACE_S
    expires_s: int | None = None


class Handed(msgspec.Struct, frozen=True, kw_only=True):
    """A key with a secret that is to be handed out (`fresh`), and what its encoder would run
    into."""

    key: IngressKey
    fresh: bool = True
    warning: str | None = None


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What LiveKit has of a key now."""

    made: list[MadeIngress]
    tracks: list[PublishedTrack]


class IngressKeys:
    def __init__(
        self,
        store: Store,
        media: Media,
        clock: Clock,
        book: IngressBook,
        lines: Lines,
        off: IngressOff,
        encoders: Encoders,
        teardown: Teardown,
    ) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._book = book
        self._lines = lines
        self._off = off
        self._encoders = encoders
        self._teardown = teardown

    async def create(
        self, owner_id: str, wish: KeyWish, *, whip_url: str, by: Caller, request_id: str
    ) -> Handed:
        """A standing key. `whip_url` is where this server takes WHIP, "" where that is not known.

        Raises BadInput, NotReady (nothing can take it), Unavailable.
        """
        now = self._clock.now()
        room = waiting_room(owner_id, epoch_ms(now))
        draft = _draft(owner_id, room, wish, by, now)
        return await self._add(draft, whip_url, by, request_id)

    async def create_for(
        self,
        stream: Stream,
        wish: KeyWish,
        *,
        any_protocol: bool,
        whip_url: str,
        by: Caller,
        request_id: str,
    ) -> Handed:
        """The key of a live stream: the one that it has, or a new one. With `any_protocol` the one
        it has may be of another than was wished for.

        Raises BadInput (not live), Conflict (it has one of another protocol), NotReady,
        Unavailable.
        """
        if not stream.is_live:
            raise BadInput("the stream is not live")
        if known := await self._book.one(IngressQuery(stream_id=stream.id)):
            return await self._known(known, wish, any_protocol)
        draft = _draft(stream.owner_id, stream.room_name, wish, by, self._clock.now())
        draft = msgspec.structs.replace(draft, stream_id=stream.id)
        try:
            return await self._add(draft, whip_url, by, request_id)
        except Conflict:  # somebody asked at the same moment
            return await self._known(await self.of_stream(stream), wish, any_protocol)

    async def _known(self, key: IngressKey, wish: KeyWish, any_protocol: bool) -> Handed:
        if key.protocol != wish.protocol and not any_protocol:
            raise Conflict(
                f"the stream has an ingress of type {key.protocol}",
                hint="delete it first, to have one of another type",
            )
        off = None if key.works_at(self._clock.now()) else f"the key is off: {key.why_off}"
        return Handed(key=key, fresh=False, warning=off or await self._lines.warning(key))

    async def _add(self, draft: IngressKey, whip_url: str, by: Caller, request_id: str) -> Handed:
        if draft.through == "livekit" and not whip_url:
            raise NotReady(
                "nobody knows where encoders reach this server",
                hint="set LIVECTL_PUBLIC_URL, or work through LIVECTL_SERVER",
            )
        line = await self._lines.make(draft, whip_url)
        key = msgspec.structs.replace(draft, lines=[line])
        try:
            await self._book.add(key, by=by.name, request_id=request_id)
        except LivectlError:
            await self._lines.end_all(key)
            raise
        return Handed(key=key, warning=await self._lines.warning(key))

    async def get(self, key_id: str) -> IngressKey:
        return await self._book.get(key_id)

    async def of_stream(self, stream: Stream) -> IngressKey:
        """The key of a stream of its own. Raises NotFound."""
        key = await self._book.one(IngressQuery(stream_id=stream.id))
        if key is None:
            raise NotFound("the stream has no ingress")
        return key

    async def find(self, query: IngressQuery) -> list[IngressKey]:
        return await self._book.find(query)

    async def reveal(self, key: IngressKey, *, by: Caller, request_id: str) -> None:
        """Have it known that somebody was shown the secret."""
        await self._book.tell("revealed", key, by=by.name, request_id=request_id)

    async def seen(self, key: IngressKey) -> Seen:
        """What LiveKit says of it at this moment."""
        return Seen(
            made=await self._lines.made(key),
            tracks=await self._media.published(key.room, key.identity),
        )

    async def rotate(
        self, key: IngressKey, *, overlap_s: int, by: Caller, request_id: str
    ) -> Handed:
        """A new secret. The old one ends at once, also for an encoder that is connected, or works
        beside it for `overlap_s` seconds.

        Raises BadInput (there is no secret), Conflict (the key is off), NotReady, Unavailable.
        """
        if key.protocol == "url":
            raise BadInput("what LiveKit pulls has no secret that could be rotated")
        if not key.works_at(self._clock.now()):
            raise Conflict("the key is off", hint="switch it on first")
        line = await self._lines.make(key, key.line.url)
        return await self._replace_line(key, line, overlap_s, by, request_id)

    async def _replace_line(
        self, key: IngressKey, line: Line, overlap_s: int, by: Caller, request_id: str
    ) -> Handed:
        ends_at = self._clock.now() + timedelta(seconds=overlap_s)
        old: list[Line] = []

        def rotated(key: IngressKey) -> IngressKey:
            old[:] = [one for one in key.lines if one.ingress_id != line.ingress_id]
            kept = [_ending(one, ends_at) for one in old] if overlap_s else []
            return msgspec.structs.replace(key, lines=[*kept, line])

        after = await self._book.change(
            key, rotated, by=by.name, tell="rotated", request_id=request_id, overlap=overlap_s
        )
        warning = await self._lines.warning(after)
        if not overlap_s:
            try:
                await self._lines.end_all(msgspec.structs.replace(key, lines=old))
                await self._lines.drop(key)
            except Unavailable as error:
                # The new secret is told all the same: nobody could ask for the answer again.
                warning = f"an encoder may go on with the old key for now: {error.message}"
        return Handed(key=after, warning=warning)

    async def disable(
        self, key: IngressKey, *, reason: str | None, by: Caller, request_id: str
    ) -> IngressKey:
        """No encoder gets in, and one that is in is put out: its stream ends after the grace time.
        Safe to repeat."""
        why = reason or "switched off"
        off = await self._off.switch_off(key, why, by=by.name, request_id=request_id)
        return await self._encoders.look(off)  # no webhook may tell that its encoder left

    async def enable(
        self, key: IngressKey, *, expires_s: int | None, by: Caller, request_id: str
    ) -> Handed:
        """It works again: with the secret that it has, or with a new one where it was killed or
        LiveKit has the old one no more. Safe to repeat.

        Raises Conflict (its stream is over, or its time is), NotReady, Unavailable.
        """
        now = self._clock.now()
        await self._check_may_work(key, expires_s)
        made = await self._lines.made(key)
        there = {one.ingress_id for one in made}
        lost = key.through == "ingress" and key.line.ingress_id not in there
        fresh = key.spent or lost
        new = [await self._lines.make(key, key.line.url)] if fresh else []
        # A rotation at the same moment may have added another, which stays.
        over = {one.ingress_id for one in key.lines} if fresh else set()

        def on(key: IngressKey) -> IngressKey:
            return msgspec.structs.replace(
                key,
                enabled=True,
                off_reason=None,
                spent=False,
                last_stream_id=None,  # a kill of that one, said again, is not of this key any more
                lines=[*(one for one in key.lines if one.ingress_id not in over), *new],
                expires_at=now + timedelta(seconds=expires_s) if expires_s else key.expires_at,
                warned=key.warned and not expires_s,
            )

        after = await self._book.change(
            key, on, by=by.name, tell="enabled", request_id=request_id, new_secret=fresh
        )
        for one in made:
            if one.ingress_id in over:
                await self._lines.end(one.ingress_id)
            elif one.room != after.room:
                await self._lines.move(after, one)
        await self._lines.switch(after, enabled=True)
        return Handed(key=after, fresh=fresh, warning=await self._lines.warning(after))

    async def _check_may_work(self, key: IngressKey, expires_s: int | None) -> None:
        if key.stream_id is not None:
            stream = await self._store.stream(key.stream_id)
            if stream is None or not stream.is_live:
                raise Conflict("the stream of this key is over")
        over = key.expires_at is not None and key.expires_at <= self._clock.now()
        if over and not expires_s:
            raise Conflict("the key has expired", hint="say how long it is to work from now on")

    async def delete(self, key: IngressKey, *, by: Caller, request_id: str) -> None:
        """Its secret ends, an encoder that is connected is put out, and what it is live as ends.

        Raises Unavailable: the key is off then, and to be deleted again.
        """
        why = "ingress key deleted"
        off = await self._off.forbid(key, why, by=by.name, request_id=request_id)
        if off.live_stream_id and (stream := await self._store.stream(off.live_stream_id)):
            await self._teardown.end(stream, reason=why, by=by.name, request_id=request_id)
        await self._lines.end_all(off)
        await self._lines.drop(off)
        await self._book.remove(off, by=by.name, request_id=request_id)

    async def end(self, key: IngressKey, *, by: Caller, request_id: str) -> None:
        """End what a standing key is live as; the key works on, and its next encoder is live as
        another stream. Does nothing where it is not live."""
        if key.live_stream_id and (stream := await self._store.stream(key.live_stream_id)):
            await self._lines.drop(key)
            why = PULL_ENDED if key.protocol == "url" else None
            await self._off.part(key, stream, why)
            await self._teardown.end(
                stream, reason="encoder_gone", by=by.name, request_id=request_id
            )


def _draft(owner_id: str, room: str, wish: KeyWish, by: Caller, now: datetime) -> IngressKey:
    """A key without a line."""
    if (wish.protocol == "url") is not (wish.source is not None):
        raise BadInput.of("url", "what is to be pulled, with the type url and no other")
    through = wish.through or ("livekit" if wish.protocol == "whip" else "ingress")
    if through == "livekit" and wish.protocol != "whip":
        raise BadInput.of("through", "ingress: livekit-server itself takes WHIP only")
    return IngressKey(
        id=new_id(),
        owner_id=owner_id,
        protocol=wish.protocol,
        through=through,
        identity=viewer_identity(owner_id),
        lines=[],
        created_at=now,
        by=by.name,
        updated_at=now,
        source=wish.source,
        title=wish.title[:TITLE_MAX],
        tags=wish.tags[:TAGS_MAX],
        cover_url=wish.cover_url,
        enable_recording=wish.enable_recording,
        enable_replay=wish.enable_replay,
        auto_record=wish.auto_record,
        grace_s=wish.grace_s,
        expires_at=now + timedelta(seconds=wish.expires_s) if wish.expires_s else None,
        warned=wish.expires_s is not None and wish.expires_s <= WARNED_BEFORE.total_seconds(),
        next_room=room,
    )


def _ending(line: Line, at: datetime) -> Line:
    """At that time, or earlier where that was said before."""
    return msgspec.structs.replace(line, ends_at=min(filter(None, (line.ends_at, at))))
