"""One embedded recording, beside ffmpeg encoding the same pictures from nowhere.

python bench/recording/run.py [SECONDS [WIDTHxHEIGHT]]
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import av
import msgspec
from livekit import api

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.adapters.recorder.clapper import Clapper, watch
from tests.adapters.recorder.test_embedded import pids_of, sign_of
from tests.parts.livekit import LiveKit

from livectl.adapters.recorder.embedded import EmbeddedRecorder
from livectl.domain.recording import Recording

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
SIZE = sys.argv[2] if len(sys.argv) > 2 else "1280x720"
WIDTH, HEIGHT = (int(length) for length in SIZE.split("x"))
RATE = 30
PATTERN = f"testsrc2=size={SIZE}:rate={RATE}"
ROOM, OWNER = "live_bench_1700000000000", "bench"
ENCODER = "preset=veryfast:crf=23:bframes=0:rc-lookahead=4:sync-lookahead=0:threads=2"
_TICKS = os.sysconf("SC_CLK_TCK")


class Host(Clapper):
    """Shows ffmpeg's test pattern, and white at each clap."""

    def __init__(self, livekit: LiveKit) -> None:
        super().__init__(livekit, ROOM, OWNER, width=WIDTH, height=HEIGHT)
        with av.open(PATTERN, format="lavfi") as pattern:
            frames = (frame.reformat(format="yuv420p") for frame in pattern.decode(video=0))
            self._pictures = [next(frames).to_ndarray().tobytes() for _ in range(2 * RATE)]
        self._number = 0

    def draw(self, width: int, height: int, light: int) -> bytes:
        self._number += 1
        if light > 200:
            return super().draw(width, height, light)
        return self._pictures[self._number % len(self._pictures)]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def peak_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


async def record(seconds: float, data_dir: Path) -> None:
    now = datetime.now(UTC)
    recording = Recording(
        id="bench",
        stream_id="bench",
        owner_id=OWNER,
        room_name=ROOM,
        recorder="embedded",
        spool_host="bench",
        requested_at=now,
        updated_at=now,
    )
    with LiveKit() as livekit:
        async with api.LiveKitAPI(livekit.url, livekit.key, livekit.secret) as client:
            await client.room.create_room(api.CreateRoomRequest(name=ROOM))
        recorder = EmbeddedRecorder(
            livekit.url, livekit.key, livekit.secret, data_dir=data_dir, host="bench"
        )
        async with Host(livekit) as host:
            await host.show()
            await host.speak()
            await recorder.start(recording)
            folder = data_dir / "spool" / "bench"
            (pid,) = pids_of(folder)
            await asyncio.sleep(5)  # the host's bandwidth grows at first, and so its picture
            began, spent = time.monotonic(), cpu_seconds(pid)
            await asyncio.sleep(seconds)
            share = (cpu_seconds(pid) - spent) / (time.monotonic() - began)
            peak = peak_mib(pid)
            await recorder.stop(recording)
            sign = await sign_of(recorder, recording, "uploading", within=60)
    status = msgspec.json.decode((folder / "status.json").read_bytes())
    tell(f"recorder: {share:.0%} of a core, {peak:.0f} MiB, {status['dropped']} pictures dropped")
    film = watch(Path(sign.local or ""))
    steps = [round(step * 1000) for step in film.steps]
    rate = len(film.pictures) / film.seconds[0]
    tell(
        f"film: {film.size}, {film.seconds[0]:.1f} s, {rate:.1f} pictures a second, "
        f"{share / rate * 1000:.1f} ms of a core for each"
    )
    early, late = steps[: len(steps) // 2][:30], steps[len(steps) // 2 :][-30:]
    tell(
        f"sound after picture, ms: {median(early):.0f} in the first {len(early)} claps, "
        f"{median(late):.0f} in the last {len(late)}; all from {min(steps)} to {max(steps)}"
    )


def encode(seconds: float, folder: Path) -> None:
    """The peer, which has no room, no decoding and no clock."""
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", PATTERN, "-f", "lavfi", "-i"]
    command += ["sine=1000:sample_rate=48000", "-t", str(seconds), "-pix_fmt", "yuv420p"]
    command += ["-c:v", "libx264", "-x264-params", ENCODER, "-preset", "veryfast", "-crf", "23"]
    command += [
        "-maxrate",
        str(WIDTH * HEIGHT * 5),
        "-bufsize",
        str(WIDTH * HEIGHT * 10),
        "-c:a",
        "aac",
        "-b:a",
        "128k",
    ]
    child = subprocess.Popen([*command, str(folder / "peer.mp4")])
    _, code, used = os.wait4(child.pid, 0)
    child.returncode = code
    share = (used.ru_utime + used.ru_stime) / seconds
    tell(
        f"ffmpeg: {share:.0%} of a core, {used.ru_maxrss / 1024:.0f} MiB, "
        f"{share / RATE * 1000:.1f} ms of a core for each picture"
    )


def tell(line: str) -> None:
    print(line, flush=True)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(record(SECONDS, Path(folder)))
        encode(SECONDS, Path(folder))
    tell("load: " + ", ".join(f"{load:.1f}" for load in os.getloadavg()))


if __name__ == "__main__":
    main()
