"""How many people watch each stream, now and at most."""

from __future__ import annotations

from collections.abc import Sequence

from livectl.domain import presence
from livectl.domain.event import Event
from livectl.domain.ids import user_of
from livectl.domain.presence import Sighting
from livectl.domain.stream import Stream
from livectl.domain.webhook import Notice, Participant
from livectl.ports.clock import Clock
from livectl.ports.store import Store


class Presence:
    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def hear(self, stream: Stream, notices: Sequence[Notice]) -> None:
        """Take in who joined and left by webhooks of one stream, in any order, any of them twice.

        The sightings are durable before the counts that follow from them, so that a crash between
        the two is mended when the webhook is tried again.
        """
        seen = [seen for notice in notices if (seen := self._sighting(stream, notice))]
        if seen:
            await self._store.add_sightings(seen)
            await self.recount(stream.id)

    async def recount(
        self, stream_id: str, *, exact_peak: bool = False, event: Event | None = None
    ) -> Stream | None:
        """Set viewers (0 once it has ended) and peakViewers from the sightings.

        While a stream runs, the peak is the most that was ever counted. `exact_peak` works it out
        of all joins and leaves instead, which no order of webhooks can change; it reads them all,
        and so is for the reconcile and the end.
        """
        while (stream := await self._store.stream(stream_id)) is not None:
            viewers = await self._store.present_viewers(stream_id) if stream.is_live else 0
            if exact_peak:
                peak = await self._exact_peak(stream)
            else:
                peak = max(stream.peak_viewers, viewers)
            # Whoever else counts at this moment wins or loses on `rev`; the loser counts again. A
            # count that changes nothing is written too: one that is older must lose against it.
            if await self._store.set_audience(
                stream_id, rev=stream.rev, viewers=viewers, peak=peak, event=event
            ):
                return await self._store.stream(stream_id)
        return None

    async def _exact_peak(self, stream: Stream) -> int:
        sightings = await self._store.sightings(stream.id)
        if not sightings:
            return stream.peak_viewers  # written before sightings were kept
        return presence.peak(sightings, stream.ended_at or self._clock.now())

    def _sighting(self, stream: Stream, notice: Notice) -> Sighting | None:
        person = notice.participant
        if person is None or not counts(stream, person):
            return None
        if notice.type == "participant_joined":
            return sighting(stream, person)
        left = presence.left_time(notice.at, self._clock.now())
        return Sighting(
            stream_id=stream.id,
            sid=person.sid,
            user_id=user_of(person.identity),
            joined_at=person.joined_at,
            left_at=max(left, person.joined_at or left),
        )


def counts(stream: Stream, person: Participant) -> bool:
    """Whether a participant is one of the stream's viewers."""
    return presence.is_viewer(
        user_of(person.identity),
        stream.owner_id,
        kind=person.kind,
        hidden=person.hidden,
        recorder=person.recorder,
    )


def sighting(stream: Stream, person: Participant) -> Sighting:
    """That a participant is in the stream's room."""
    return Sighting(
        stream_id=stream.id,
        sid=person.sid,
        user_id=user_of(person.identity),
        joined_at=person.joined_at,
    )
