"""A Redis server without persistence: what it held is gone when it ends."""

from __future__ import annotations

import shutil
import socket

from tests.parts import Part, PartMissing

NAME = "redis-server"


def find() -> str:
    found = shutil.which(NAME)
    if not found:
        raise PartMissing(NAME, "install Debian's redis-server, or your system's")
    return found


class Redis(Part):
    name = NAME

    def __init__(self) -> None:
        self.binary = find()
        super().__init__()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"redis://{self.address}/0"

    def command(self) -> list[str]:
        settings = {
            "bind": "127.0.0.1",
            "port": str(self.port),
            "dir": str(self.dir),
            "save": "",
            "appendonly": "no",
        }
        options = [word for name, value in settings.items() for word in (f"--{name}", value)]
        return [self.binary, *options]

    def answers(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
