"""What is in the spool when somebody looks, whatever left it there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from livectl.adapters.recorder.embedded import EmbeddedRecorder
from livectl.adapters.recorder.spool import Spool, Status
from livectl.domain.ids import new_id
from livectl.domain.recording import Recording

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def recorder(tmp_path: Path) -> EmbeddedRecorder:
    return EmbeddedRecorder("ws://127.0.0.1:1", "key", "secret", data_dir=tmp_path, host="here")


def left(tmp_path: Path, status: Status | bytes) -> tuple[Recording, Spool]:
    recording = Recording(
        id=new_id(),
        stream_id=new_id(),
        owner_id="alice",
        room_name="live_alice_1700000000000",
        recorder="embedded",
        spool_host="here",
        requested_at=NOON,
        updated_at=NOON,
    )
    spool = Spool(tmp_path / "spool" / recording.id)
    spool.folder.mkdir(parents=True)
    if isinstance(status, Status):
        spool.write(status)
    else:
        (spool.folder / "status.json").write_bytes(status)
    return recording, spool


async def test_a_status_that_cannot_be_read_is_that_of_a_dead_recorder(
    recorder: EmbeddedRecorder, tmp_path: Path
) -> None:
    ended = Status(state="uploading", at=NOON, seconds=4)
    whole, _ = left(tmp_path, ended)
    unlucky = [left(tmp_path, torn)[0] for torn in (b"", b'{"state":"recor', b"[1]", b"\xff")]
    signs = await recorder.look([*unlucky, whole])
    assert [signs[one.id].state for one in unlucky] == ["ending"] * 4
    assert signs[whole.id].state == "uploading"


async def test_a_folder_that_cannot_be_read_hides_none_of_the_others(
    recorder: EmbeddedRecorder, tmp_path: Path
) -> None:
    broken, spool = left(tmp_path, b"")
    (spool.folder / "status.json").unlink()
    (spool.folder / "status.json").mkdir()
    whole, _ = left(tmp_path, Status(state="uploading", at=NOON))
    assert list(await recorder.look([broken, whole])) == [whole.id]


async def test_a_recorder_that_died_long_ago_is_finished_now(
    recorder: EmbeddedRecorder, tmp_path: Path
) -> None:
    recording, spool = left(tmp_path, Status(state="recording", at=NOON))
    sign = (await recorder.look([recording]))[recording.id]
    assert (sign.state, sign.ended_at) == ("ending", NOON)
    assert datetime.now(UTC) - sign.at < timedelta(minutes=1)
    assert spool.exists


async def test_a_film_that_was_given_up_is_kept_and_a_retry_finishes_it_anew(
    recorder: EmbeddedRecorder, tmp_path: Path
) -> None:
    recording, spool = left(tmp_path, Status(state="ending", at=NOON, finishings=3))
    for _ in range(2):
        failed = (await recorder.look([recording]))[recording.id]
        assert failed.state == "failed"
        assert failed.local == str(spool.media)
    await recorder.retry(recording)
    again = (await recorder.look([recording]))[recording.id]
    assert (again.state, again.error) == ("ending", None)


async def test_why_nothing_was_recorded_stays_whatever_is_tried(
    recorder: EmbeddedRecorder, tmp_path: Path
) -> None:
    why = "nothing was recorded: the host left"
    recording, _ = left(tmp_path, Status(state="failed", at=NOON, error=why))
    await recorder.retry(recording)
    sign = (await recorder.look([recording]))[recording.id]
    assert (sign.state, sign.error, sign.local) == ("failed", why, None)
