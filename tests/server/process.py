"""The server as a process of its own, as production runs it: to be killed, stopped, doubled."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from livectl.server.auth import user_token
from tests.parts import Part, is_ok
from tests.server.api import JWT_SECRET, ROOT

# In a directory of its own: a `.env` where the tests are run from must not count.
_SERVE = """
import os, sys
os.chdir(sys.argv[1])
serve = [sys.executable, "-m", "livectl", "serve", "--port", sys.argv[2]]
os.execv(sys.executable, serve)
"""


class Server(Part):
    """`livectl serve` with these settings, which it reads from a profile in its home."""

    name = "livectl"

    def __init__(self, settings: dict[str, str]) -> None:
        super().__init__()
        self.settings = {"LIVECTL_DATA_DIR": str(self.dir), "JWT_SECRET": JWT_SECRET, **settings}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        config = self.dir / ".config" / "livectl" / "config.toml"
        config.parent.mkdir(parents=True, exist_ok=True)
        lines = [f"{name} = {json.dumps(value)}" for name, value in self.settings.items()]
        config.write_text('default = "test"\n[profiles.test]\n' + "\n".join(lines) + "\n")
        return [sys.executable, "-c", _SERVE, str(self.dir), str(self.port)]

    def answers(self) -> bool:
        return is_ok(self.port, "/healthz")

    def client(self, by: str | None = None, **more: Any) -> httpx.AsyncClient:
        """A client of this server, as a user where one is given."""
        headers = bearer(by) if by else {}
        return httpx.AsyncClient(base_url=self.url, headers=headers, **{"timeout": 60, **more})


def bearer(user: str) -> dict[str, str]:
    token = user_token(
        JWT_SECRET, user, administrator=user == ROOT, expires_s=3600, now_s=int(time.time())
    )
    return {"Authorization": f"Bearer {token}"}


def sqlite_url(directory: Path) -> str:
    return f"sqlite:///{directory / 'livectl.db'}"
