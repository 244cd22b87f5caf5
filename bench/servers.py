"""Starting what is measured, on core 0, and ending it again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

KEY, SECRET = "bench", "a-secret-that-is-only-for-this-bench-0123456789"
JWT_SECRET = "another-secret-that-is-only-for-this-bench-01234"


@contextmanager
def pinned(command: list[str], port: int, env: dict[str, str], log: Path) -> Iterator[int]:
    """A child on core 0 that listens on `port`; its process id."""
    with log.open("wb") as out:
        child = subprocess.Popen(
            ["taskset", "-c", "0", *command], env={**os.environ, **env}, stdout=out, stderr=out
        )
    try:
        _wait_for(port, child, log)
        yield child.pid
    finally:
        child.terminate()
        child.wait(30)


def livectl(
    port: int, data_dir: Path, livekit_url: str, **more: str
) -> tuple[list[str], int, dict[str, str]]:
    """`livectl serve` as production runs it, but for the level of its log."""
    env = {
        "LIVEKIT_URL": livekit_url,
        "LIVEKIT_API_KEY": KEY,
        "LIVEKIT_API_SECRET": SECRET,
        "JWT_SECRET": JWT_SECRET,
        "LIVECTL_DATA_DIR": str(data_dir),
        **more,
    }
    command = [sys.executable, "-m", "livectl", "serve", "--port", str(port)]
    return [*command, "--log-level", "warning"], port, env


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and child.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                time.sleep(1)  # its first work of its own is done then
                return
        time.sleep(0.1)
    raise SystemExit(f"it did not start:\n{log.read_text()[-2000:]}")
