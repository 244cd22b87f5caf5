"""What each webhook means here (contract, Webhooks). Webhooks are hints: each of these may come
late, twice or never, and in any order."""

from __future__ import annotations

from collections.abc import Sequence

from livectl.domain.event import event
from livectl.domain.ids import is_our_room, user_of
from livectl.domain.stream import Stream
from livectl.domain.webhook import Notice
from livectl.ports.store import Store
from livectl.services.encoders import Encoders
from livectl.services.moderation import Moderation
from livectl.services.presence import Presence
from livectl.services.recordings import Recordings
from livectl.services.teardown import Teardown

# Any of these shows that somebody is in a room or on the way into it.
_SIGNS_OF_LIFE = frozenset({"room_started", "participant_joined", "track_published"})
_COMINGS_AND_GOINGS = frozenset(
    {"participant_joined", "participant_left", "participant_connection_aborted"}
)


class Notices:
    def __init__(
        self,
        store: Store,
        moderation: Moderation,
        presence: Presence,
        teardown: Teardown,
        recordings: Recordings,
        encoders: Encoders,
    ) -> None:
        self._store = store
        self._moderation = moderation
        self._presence = presence
        self._teardown = teardown
        self._recordings = recordings
        self._encoders = encoders

    async def handle(self, room: str, notices: Sequence[Notice]) -> None:
        """Act on the webhooks of one room. Doing it again changes nothing more.

        A room of ours without a stream is left to the reconcile: its stream may be about to be
        stored, and only time tells.
        """
        if not is_our_room(room):
            return
        await self._encoders.hear(room, notices)  # one that came may have begun a stream
        stream = await self._store.stream_in_room(room)
        if stream is None:
            return
        await self._presence.hear(
            stream, [notice for notice in notices if notice.type in _COMINGS_AND_GOINGS]
        )
        for notice in notices:
            if notice.type == "room_finished" and stream.is_live:
                stream = await self._finish(stream, notice)
            if notice.egress is not None:
                await self._recordings.hear(stream, notice)
        if not stream.is_live:
            await self._keep_ended(stream, {notice.type for notice in notices})
            await self._presence.recount(stream.id, exact_peak=True)
        else:
            await self._keep_blocked_out(stream, notices)
            if any(notice.type == "track_published" for notice in notices):
                self._recordings.consider_soon(stream, on_air=True)

    async def _finish(self, stream: Stream, notice: Notice) -> Stream:
        at = max(notice.at, stream.started_at)
        ended = await self._store.end_stream(
            stream.id,
            at=at,
            reason="room_finished",
            by="livekit",
            event=event(
                "stream.ended",
                at,
                "livekit",
                stream_id=stream.id,
                reason="room_finished",
                webhook=notice.id,
                room=stream.room_name,
            ),
        )
        if ended is None:  # someone else ended it meanwhile
            return await self._store.stream(stream.id) or stream
        # Its ingress and recordings end as well; the room should be gone, and is seen to be.
        await self._teardown.enforce(ended, by="livekit")
        return ended

    async def _keep_ended(self, stream: Stream, types: set[str]) -> None:
        if "ingress_started" in types:
            await self._teardown.enforce(stream, by="livekit")
        elif types & _SIGNS_OF_LIFE:
            # The room stays while they insist; the guard deletes it when it is quiet.
            await self._moderation.keep_out(stream, by="livekit")

    async def _keep_blocked_out(self, stream: Stream, notices: Sequence[Notice]) -> None:
        came = {
            user_of(notice.participant.identity)
            for notice in notices
            if notice.type == "participant_joined" and notice.participant
        }
        if came & await self._moderation.kept_out(stream):
            await self._moderation.keep_out(stream, by="livekit")
