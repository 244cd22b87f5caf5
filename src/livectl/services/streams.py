"""Streams: going live, watching, the numbers, blocking, ending."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

import msgspec

from livectl.domain.clock import epoch_ms
from livectl.domain.event import Event, event
from livectl.domain.ids import new_id, room_name
from livectl.domain.people import Ban, Caller
from livectl.domain.stream import TAGS_MAX, TITLE_MAX, Stream
from livectl.domain.teardown import Step
from livectl.errors import (
    Banned,
    Conflict,
    FeatureDisabled,
    LivectlError,
    NotFound,
)
from livectl.ports.clock import Clock
from livectl.ports.livekit import Media
from livectl.ports.store import Store
from livectl.ports.streams import StreamQuery
from livectl.services.moderation import Moderation
from livectl.services.teardown import Teardown


class StartWish(msgspec.Struct, frozen=True, kw_only=True):
    """What a host asks for when going live."""

    title: str = ""
    tags: list[str] = []
    cover_url: str | None = None
    enable_recording: bool = True
    enable_replay: bool = True
    auto_record: bool | None = None


class Streams:
    def __init__(
        self,
        store: Store,
        media: Media,
        clock: Clock,
        teardown: Teardown,
        moderation: Moderation,
        *,
        open_to_hosts: bool,
    ) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._teardown = teardown
        self._moderation = moderation
        self._open_to_hosts = open_to_hosts

    async def start(
        self,
        owner_id: str,
        wish: StartWish,
        *,
        by: Caller,
        key: str | None = None,
        request_id: str | None = None,
    ) -> tuple[Stream, str]:
        """A live stream with its room made, and the host's token.

        With an idempotency `key`, a repeated start gives the same stream and a fresh token.
        Raises FeatureDisabled, Banned, Conflict (the key was used for another start, or its stream
        is over), Unavailable (LiveKit made no room: the stream is ended again, and says so).
        """
        await self.check_may_start(owner_id)
        stream = await self._begin(owner_id, wish, by=by, key=key, request_id=request_id)
        try:
            await self._media.create_room(stream.room_name)
            token = self._media.host_token(stream.room_name, owner_id)
        except LivectlError:
            await self._teardown.end(
                stream, reason="start_failed", by="livekit", request_id=request_id
            )
            if key is not None:  # so that the host's next try can succeed
                await self._store.forget_start(owner_id, key, stream_id=stream.id)
            raise
        return stream, token

    async def start_in_room(self, owner_id: str, wish: StartWish, room: str, *, by: str) -> Stream:
        """The live stream in a room that was named before, whose host is in it or on the way: the
        first call makes it, and the others find it.

        Raises FeatureDisabled, Banned, Conflict (what was live there is over).
        """
        await self.check_may_start(owner_id)
        now = self._clock.now()
        stream = _new_stream(new_id(), owner_id, wish, now, room)
        try:
            await self._store.add_stream(stream, _started(stream, now, by))
        except Conflict:
            twin = await self._store.stream_in_room(room)
            if twin is None or not twin.is_live:
                raise
            return twin
        return stream

    async def check_may_start(self, owner_id: str) -> None:
        """Raises FeatureDisabled, Banned."""
        if not self._open_to_hosts:
            raise FeatureDisabled("going live is switched off", hint="FEATURE_GO_LIVE is false")
        ban = await self._store.ban_of(owner_id)
        if ban is not None and ban.until > self._clock.now():
            raise Banned(f"{owner_id} may not go live until {ban.until:%Y-%m-%d %H:%M} UTC")

    async def _begin(
        self, owner_id: str, wish: StartWish, *, by: Caller, key: str | None, request_id: str | None
    ) -> Stream:
        now = self._clock.now()
        stream_id = new_id()
        if key is not None:
            stream_id = await self._reserve(owner_id, key, wish, stream_id, now)
            if known := await self._store.stream(stream_id):
                if not known.is_live:
                    raise Conflict("the stream of this Idempotency-Key has ended")
                return known
        return await self._add(stream_id, owner_id, wish, now, by=by, request_id=request_id)

    async def _reserve(
        self, owner_id: str, key: str, wish: StartWish, stream_id: str, now: datetime
    ) -> str:
        digest = hashlib.sha256(msgspec.json.encode(wish)).hexdigest()
        first_digest, first_id = await self._store.remember_start(
            owner_id, key, digest=digest, stream_id=stream_id, at=now
        )
        if first_digest != digest:
            raise Conflict("this Idempotency-Key was used for a start with other values")
        return first_id

    async def _add(
        self,
        stream_id: str,
        owner_id: str,
        wish: StartWish,
        now: datetime,
        *,
        by: Caller,
        request_id: str | None,
    ) -> Stream:
        for later in range(20):
            at = now + timedelta(milliseconds=later)
            stream = _new_stream(stream_id, owner_id, wish, at, room_name(owner_id, epoch_ms(at)))
            try:
                await self._store.add_stream(stream, _started(stream, now, by.name, request_id))
            except Conflict:
                # Either this owner started twice in one millisecond, or a repeated start with the
                # same key has just made this very stream.
                if (twin := await self._store.stream(stream_id)) is not None:
                    return twin
            else:
                return stream
        raise Conflict("too many starts at the same moment", hint="try again")

    def host_token(self, stream: Stream) -> str:
        """One more token for the host of a live stream. Raises NotFound where it is over."""
        if not stream.is_live:
            raise NotFound("stream not found, or not live")
        return self._media.host_token(stream.room_name, stream.owner_id)

    async def find_one(self, stream_id: str) -> Stream | None:
        return await self._store.stream(stream_id)

    async def get(self, stream_id: str) -> Stream:
        stream = await self._store.stream(stream_id)
        if stream is None:
            raise NotFound("stream not found")
        return stream

    async def find(self, query: StreamQuery) -> list[Stream]:
        return await self._store.find_streams(query)

    async def watch(self, stream_id: str, user_id: str, address: str) -> tuple[Stream, str]:
        """The live stream and a token that only subscribes. Raises NotFound, Blocked."""
        stream = await self._store.stream(stream_id)
        if stream is None or not stream.is_live:
            raise NotFound("stream not found, or not live")
        await self._moderation.check_watcher(stream, user_id, address)
        return stream, self._media.viewer_token(stream.room_name, user_id)

    async def end(
        self, stream: Stream, *, reason: str, by: Caller, request_id: str | None = None
    ) -> list[Step]:
        """Safe to repeat: an ended stream is enforced again. The first step tells which it was."""
        return await self._teardown.end(
            stream,
            reason=reason,
            by=by.name,
            request_id=request_id,
            willing=by.user_id == stream.owner_id,
        )

    async def plan_end(self, stream: Stream) -> list[str]:
        """Who would be put out, without doing it: the identities in the room."""
        return [person.identity for person in await self._media.participants(stream.room_name)]

    async def ban(
        self,
        user_id: str,
        *,
        seconds: int,
        reason: str | None,
        by: Caller,
        request_id: str | None = None,
    ) -> Ban:
        """The user starts no stream for `seconds`; what is live is not ended by this."""
        now = self._clock.now()
        ban = Ban(
            user_id=user_id,
            until=now + timedelta(seconds=seconds),
            by=by.name,
            at=now,
            reason=reason,
        )
        banned = event(
            "user.banned",
            now,
            by.name,
            request_id=request_id,
            user=user_id,
            seconds=seconds,
            reason=reason,
        )
        await self._store.ban(ban, banned)
        return ban

    async def bans(self) -> list[Ban]:
        """Those that have not run out."""
        now = self._clock.now()
        return [ban for ban in await self._store.bans() if ban.until > now]

    async def lift_ban(self, user_id: str, *, by: Caller, request_id: str) -> None:
        lifted = event(
            "user.unbanned", self._clock.now(), by.name, request_id=request_id, user=user_id
        )
        if not await self._store.lift_ban(user_id, lifted):
            raise NotFound(f"{user_id} is not banned")


def _started(stream: Stream, now: datetime, by: str, request_id: str | None = None) -> Event:
    return event(
        "stream.started",
        now,
        by,
        stream_id=stream.id,
        request_id=request_id,
        owner=stream.owner_id,
        title=stream.title or None,
    )


def _new_stream(
    stream_id: str, owner_id: str, wish: StartWish, started: datetime, room: str
) -> Stream:
    return Stream(
        id=stream_id,
        owner_id=owner_id,
        room_name=room,
        title=wish.title[:TITLE_MAX],
        tags=wish.tags[:TAGS_MAX],
        cover_url=wish.cover_url,
        is_live=True,
        started_at=started,
        enable_recording=wish.enable_recording,
        enable_replay=wish.enable_replay,
        auto_record=wish.auto_record,
        created_at=started,
        updated_at=started,
    )
