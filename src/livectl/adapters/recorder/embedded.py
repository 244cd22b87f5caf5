"""The `Recorder` port on child processes of this host."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import msgspec

from livectl.adapters.recorder.spool import Job, Spool, Status
from livectl.domain.clock import to_millis
from livectl.domain.recording import RecorderKind, Recording, Sign
from livectl.errors import Conflict, LivectlError, NotFound, NotReady, Unavailable

log = logging.getLogger(__name__)

JOIN_S: Final = 10.0
_LOOK_S: Final = 0.05
# It never leaves this host's memory, and must still open the door after an outage late in a day.
_TOKEN_TTL: Final = timedelta(hours=24)
_FINISHINGS: Final = 3
# What the child may know of this process: nothing that is secret.
_ENVIRONMENT: Final = ("HOME", "LANG", "PATH", "PYTHONPATH", "SSL_CERT_DIR", "SSL_CERT_FILE", "TZ")


class EmbeddedRecorder:
    """Records on this host, `host`, into folders under `data_dir`/spool.

    A child is in a session of its own and goes on when its server, or the shell that started it,
    is gone. `url` is where LiveKit is reached from here.
    """

    kind: RecorderKind = "embedded"

    def __init__(self, url: str, key: str, secret: str, *, data_dir: Path, host: str) -> None:
        self._url = url
        self._key = key
        self._secret = secret
        self._spool = data_dir / "spool"
        self._host = host

    async def start(self, recording: Recording) -> str:
        """Comes back when the recorder is in the room, 10 s at the most. Raises NotReady without
        the media extra, NotFound where the room is not there, Unavailable, Conflict where this
        one was started before."""
        _require_media()
        spool = self._folder(recording)
        try:
            await asyncio.to_thread(self._launch, spool, recording)
            await _joined(spool)
        except FileExistsError:
            raise Conflict(f"recording {recording.id} was started before") from None
        except (OSError, subprocess.SubprocessError) as error:
            spool.remove()
            raise Unavailable(
                f"the recorder could not be started: {error}",
                hint="LIVECTL_DATA_DIR must be writable, with room for recordings",
            ) from error
        except (LivectlError, asyncio.CancelledError):
            spool.remove()  # it has nothing yet, and its recorder ends when it sees that
            raise
        return f"EM_{recording.id}"

    async def stop(self, recording: Recording) -> None:
        if self._is_here(recording):
            await asyncio.to_thread(self._folder(recording).ask_stop)

    async def look(self, recordings: Sequence[Recording]) -> dict[str, Sign]:
        return await asyncio.to_thread(self._look, recordings)

    async def retry(self, recording: Recording) -> None:
        if self._is_here(recording):
            with suppress(OSError):  # then the next look says what it said
                await asyncio.to_thread(_finish_anew, self._folder(recording))

    async def discard(self, recording: Recording) -> None:
        if self._is_here(recording):
            await asyncio.to_thread(self._folder(recording).remove)

    def _folder(self, recording: Recording) -> Spool:
        return Spool(self._spool / recording.id)

    def _is_here(self, recording: Recording) -> bool:
        return recording.recorder == self.kind and recording.spool_host == self._host

    def _launch(self, spool: Spool, recording: Recording) -> None:
        lock = spool.make()
        try:
            job = Job(url=self._url, token=self._token(recording), owner_id=recording.owner_id)
            _spawn("record", spool, lock, msgspec.json.encode(job))
        finally:
            os.close(lock)

    def _token(self, recording: Recording) -> str:
        from livekit import api

        grants = api.VideoGrants(
            room_join=True,
            room=recording.room_name,
            can_publish=False,
            can_publish_data=False,
            can_subscribe=True,
            hidden=True,
            recorder=True,
        )
        token = api.AccessToken(self._key, self._secret)
        token = token.with_identity(f"livectl-recorder-{recording.id}").with_grants(grants)
        return token.with_ttl(_TOKEN_TTL).to_jwt()

    def _look(self, recordings: Sequence[Recording]) -> dict[str, Sign]:
        signs = {}
        for recording in recordings:
            spool = self._folder(recording)
            if self._is_here(recording) and spool.exists:
                try:
                    signs[recording.id] = _sign(spool)
                except FileNotFoundError:
                    continue  # discarded just now
                except OSError as error:
                    log.warning("%s cannot be looked at: %s", spool.folder, error)
        return signs


def _sign(spool: Spool) -> Sign:
    status = spool.read()
    if status is None or not status.final:
        lock = spool.claim()
        # It may have ended, and said so, between the one and the other.
        status = spool.read() or Status(state="starting", at=datetime.now(UTC))
        if lock is not None:
            status = status if status.final else _finish(spool, lock, status)
            os.close(lock)
    return Sign(
        state=status.state,
        at=status.at,
        started_at=status.started_at,
        ended_at=status.ended_at,
        size=status.bytes,
        duration=status.seconds or None,
        local=str(spool.media) if status.state == "uploading" or _gave_up(status) else None,
        error=status.error,
    )


def _finish(spool: Spool, lock: int, status: Status) -> Status:
    """The recorder is dead: a new child makes a whole file of what it left, unless that was tried
    often enough."""
    if status.finishings < _FINISHINGS:
        status = msgspec.structs.replace(
            status,
            state="ending",
            ended_at=status.ended_at or status.at,
            at=to_millis(datetime.now(UTC)),
            finishings=status.finishings + 1,
        )
        with suppress(OSError, subprocess.SubprocessError):  # the next look tries again
            spool.write(status)
            _spawn("finish", spool, lock, b"")
        return status
    failed = msgspec.structs.replace(
        status,
        state="failed",
        error=f"its recorder ended, and the file could not be finished; it is kept: {spool.media}",
    )
    with suppress(OSError):
        spool.write(failed)
    return failed


def _gave_up(status: Status) -> bool:
    return status.state == "failed" and status.finishings >= _FINISHINGS


def _finish_anew(spool: Spool) -> None:
    """As if nobody had tried to finish it yet. Raises OSError."""
    status = spool.read()
    if status is not None and _gave_up(status):
        spool.write(msgspec.structs.replace(status, state="ending", error=None, finishings=0))


def _spawn(task: str, spool: Spool, lock: int, told: bytes) -> None:
    """Returns when the child is on its own, with the lock: what is run here ends at once."""
    command = [sys.executable, "-P", "-m", "livectl.adapters.recorder", task, str(spool.folder)]
    with spool.log.open("ab") as log:
        subprocess.run(  # noqa: S603 (a command of our own)
            command,
            input=told,
            stdout=subprocess.DEVNULL,
            stderr=log,
            pass_fds=(lock,),
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            check=True,
        )


async def _joined(spool: Spool) -> None:
    deadline = time.monotonic() + JOIN_S
    while not await asyncio.to_thread(_has_joined, spool):
        if time.monotonic() > deadline:
            raise Unavailable(f"the recorder did not join within {JOIN_S:g} s", hint=_DOCTOR)
        await asyncio.sleep(_LOOK_S)


def _has_joined(spool: Spool) -> bool:
    lock = spool.claim()
    if lock is not None:
        os.close(lock)
    status = spool.read()
    if status is not None and status.room_missing:
        raise NotFound("the recorder found no such room", hint="is the stream still live?")
    if status is not None and status.joined:
        return True
    if lock is not None:  # nobody works on it: it has ended
        said = (status and status.error) or spool.last_words()
        raise Unavailable(f"the recorder could not join the room: {said}", hint=_DOCTOR)
    return False


_DOCTOR: Final = "check LIVEKIT_URL and that livekit-server runs: `livectl doctor`"


def _require_media() -> None:
    if not all(find_spec(name) for name in ("av", "numpy", "livekit.rtc")):
        raise NotReady(
            "recording needs the media extra, or LiveKit's Egress service",
            hint="pip install 'livectl[media]', or set LIVECTL_RECORDER=egress",
        )
