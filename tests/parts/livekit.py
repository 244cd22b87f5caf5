"""A real livekit-server on loopback, of the pinned version."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from livectl.adapters.livekit_calls import LiveKitCalls
from livectl.adapters.no_meter import NoMeter
from livectl.dev.livekit_server import MODULE, PINNED, Ports, config
from tests.parts import VENV_BIN, Part, PartMissing, free_port, is_ok

NAME = "livekit-server"


@cache
def find() -> str:
    """The first of the places it may be at that has the pinned version."""
    for candidate in _candidates():
        if candidate and _says(candidate, "--version") == f"{NAME} version {PINNED}":
            return candidate
    raise PartMissing(f"{NAME} {PINNED}", f"run `go install {MODULE}`, or .ci/run")


def _candidates() -> Iterator[str | None]:
    yield shutil.which(NAME)
    yield shutil.which(NAME, path=VENV_BIN)
    for directory in _go_bins():
        yield shutil.which("server", path=str(directory))  # go names it after its folder


def _go_bins() -> Iterator[Path]:
    yield Path.home() / "go" / "bin"
    if go := shutil.which("go"):
        gobin, gopath = (_says(go, "env", name) for name in ("GOBIN", "GOPATH"))
        if gobin:
            yield Path(gobin)
        yield from (Path(each) / "bin" for each in gopath.split(os.pathsep) if each)


def _says(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


class LiveKit(Part):
    """One livekit-server. With `redis` (host:port) it keeps ingress too, and its rooms."""

    name = NAME
    patience = 0.5  # it would wait for participants to leave

    def __init__(
        self,
        *,
        key: str = "testkey",
        secret: str | None = None,
        webhook_urls: Sequence[str] = (),
        auto_create: bool = False,
        redis: str | None = None,
        rtmp_base_url: str = "rtmp://ingress.test/live",
        whip_base_url: str = "https://ingress.test/whip",
        empty_timeout: int = 300,
        departure_timeout: int = 20,
    ) -> None:
        self.binary = find()
        super().__init__()
        self.key = key
        self.secret = secret or secrets.token_urlsafe(32)
        ports = Ports(http=self.port, tcp=free_port(), udp=free_port())
        self.settings: dict[str, Any] = config(ports, {key: self.secret}, "", key)
        self.settings["webhook"]["urls"] = list(webhook_urls)
        self.settings["logging"]["level"] = "info"  # it tells who came and went, and when
        self.settings["room"] = {
            "auto_create": auto_create,
            "empty_timeout": empty_timeout,
            "departure_timeout": departure_timeout,
        }
        # Clients would be told to ask public STUN servers, and tests stay on this machine.
        self.settings["rtc"]["stun_servers"] = [f"127.0.0.1:{ports.udp}"]
        if redis:
            self.settings["redis"] = {"address": redis}
            self.settings["ingress"] = {
                "rtmp_base_url": rtmp_base_url,
                "whip_base_url": whip_base_url,
            }

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def calls(self) -> AsyncIterator[LiveKitCalls]:
        """A connection to it, as livectl has one."""
        calls = LiveKitCalls(self.url, self.key, self.secret, meter=NoMeter())
        try:
            yield calls
        finally:
            await calls.close()

    def command(self) -> list[str]:
        file = self.dir / "config.yaml"
        file.write_text(yaml.safe_dump(self.settings))
        return [self.binary, "--config", str(file)]

    def answers(self) -> bool:
        return is_ok(self.port, "/")
