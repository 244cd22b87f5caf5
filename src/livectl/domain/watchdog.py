"""When a recording's recorder is not to be waited for any longer."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import msgspec

from livectl.domain.recording import RUNNING, Recording, Sign

# Egress begins within some seconds, and never where nobody publishes (egress#796).
STARTED_WITHIN = timedelta(seconds=30)
# A start whose answer was lost, or that a crash cut off, shows by then or was never made.
KNOWN_WITHIN = timedelta(seconds=30)
# LiveKit sends nothing new of an egress that records as it should, and lists nobody in a room that
# it deletes at this moment: neither is enough alone, nor is one look.
STANDING_FOR = timedelta(seconds=60)
MISSED_FOR = timedelta(seconds=60)
# Sending a recording of many hours takes Egress a while, and it tells nothing meanwhile.
ENDED_WITHIN = timedelta(hours=1)
# A host that records says so each second or so.
HOST_SILENT_FOR = timedelta(minutes=3)
# Between the end that Egress tells and its object in the bucket.
OBJECT_WITHIN = timedelta(minutes=2)
GROWS_WITHIN = timedelta(seconds=20)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5, 600


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """`gone`: nothing more will come of its recorder; what is in the bucket decides. `stuck`: it
    never began, and is to be stopped."""

    is_: Literal["gone", "stuck"]
    why: str


def verdict(recording: Recording, sign: Sign | None, *, host: str, now: datetime) -> Verdict | None:
    """None while there is something to wait for. `sign` is what its recorder says of it now, if
    anything; `host` is this host's name."""
    if not recording.running:
        return None
    heard = recording.seen_at or recording.requested_at
    if recording.spool_host not in {None, host}:
        if now - heard > HOST_SILENT_FOR:
            return _gone(f"nothing was heard of {recording.spool_host}, which records it")
    elif sign is None:
        if _is_missed(recording, now) and now - heard > KNOWN_WITHIN:
            return _gone(_UNKNOWN.get(recording.recorder, "nothing knows of it"))
    elif sign.state == "starting":
        if now - recording.requested_at > STARTED_WITHIN:
            seconds = STARTED_WITHIN.total_seconds()
            return Verdict(is_="stuck", why=f"it did not begin within {seconds:.0f} s")
    elif sign.state == "ending":
        if now - sign.at > ENDED_WITHIN:
            return _gone(_UNFINISHED.get(recording.recorder, "it was not finished"))
    elif sign.state == "recording":
        if recording.recorder == "embedded" and now - sign.at > HOST_SILENT_FOR:
            return _gone("its recorder hangs")
        standing = recording.recorder == "egress" and now - sign.at > STANDING_FOR
        if standing and _is_missed(recording, now):
            return _gone("its Egress worker is gone (livekit#1717)")
    return None


def is_sending(sign: Sign, now: datetime) -> bool:
    """Whether its recorder still works on a film that nobody records to any more."""
    return sign.state in RUNNING and now - sign.at <= ENDED_WITHIN


def silent_since(recording: Recording, now: datetime) -> datetime | None:
    """Since when the host that has its film to send should have done something about it."""
    due = max(filter(None, (recording.requested_at, recording.seen_at, recording.retry_at)))
    return due if now - due > HOST_SILENT_FOR else None


def pause_after(tries: int) -> timedelta:
    """Before the next try: 5 s, then twice as long each time up to ten minutes."""
    doubled = _FIRST_PAUSE_S * 2 ** min(max(tries - 1, 0), 10)
    return timedelta(seconds=min(doubled, _LONGEST_PAUSE_S))


def may_begin(latest: Recording | None, *, auto: bool, now: datetime) -> bool:
    """Whether a recording should begin by itself, given the stream's latest: with `auto` unless
    somebody stopped it, after failures with growing pauses; else once more, where one that had
    begun broke off."""
    if latest is None:
        return auto
    if latest.running or latest.stop_asked:
        return False
    if auto:
        failed = latest.state == "failed"
        return not failed or now - latest.updated_at > pause_after(latest.restarts + 1)
    lately = now - latest.updated_at < timedelta(seconds=_LONGEST_PAUSE_S)
    return latest.started_at is not None and latest.restarts == 0 and lately


_UNKNOWN = {
    "egress": "LiveKit knows nothing of its egress",
    "embedded": "nothing of it is on this host's disk",
}
_UNFINISHED = {
    "egress": "Egress has not finished it",
    "embedded": "its recorder has not finished it",
}


def _is_missed(recording: Recording, now: datetime) -> bool:
    """Whether Egress was out of the room in two looks; nobody else has to be in it."""
    if recording.recorder != "egress":
        return True
    return recording.missed_at is not None and now - recording.missed_at >= MISSED_FOR


def _gone(why: str) -> Verdict:
    return Verdict(is_="gone", why=why)
