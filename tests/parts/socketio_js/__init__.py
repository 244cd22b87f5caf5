"""The official JavaScript client of Socket.IO, in Node."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from functools import cache
from pathlib import Path

from tests.parts import PartMissing

NAME = "socket.io-client"
_HERE = Path(__file__).parent


@cache
def find() -> str:
    """The directory of the client, installed once: `client.js` with its modules."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        raise PartMissing(NAME, "it runs in Node: install nodejs and npm")
    files = ("package.json", "package-lock.json", "client.js")
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in files)).hexdigest()
    home = Path.home() / ".cache" / "livectl-tests" / f"socketio-js-{digest[:16]}"
    if not (home / "node_modules" / NAME).is_dir():
        home.mkdir(parents=True, exist_ok=True)
        for name in files:
            shutil.copy(_HERE / name, home / name)
        done = subprocess.run(
            [npm, "ci", "--no-audit", "--no-fund"],
            cwd=home,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise PartMissing(NAME, f"npm ci failed: {done.stderr[-300:]}")
    return str(home)


def command(url: str, namespace: str, transports: str) -> list[str]:
    node = shutil.which("node")
    assert node, "find() has seen it"
    return [node, f"{find()}/client.js", url, namespace, transports]
