"""Running the application under uvicorn, in production and in development."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import tempfile
import threading
import time
from typing import Any

import uvicorn

from livectl.app import App, asgi
from livectl.backends import open_store
from livectl.config import Settings, require_for_serving
from livectl.errors import BadSettings, NotReady

# What was accepted is finished within this time after SIGTERM.
GRACE_S = 20

_PARENT = "LIVECTL_SERVE_PID"
_PARENT_EVERY_S = 0.5


class Server(uvicorn.Server):
    """uvicorn waits for answers that are under way: here the application first answers those that
    only wait for news."""

    def __init__(self, app: App, **options: Any) -> None:
        super().__init__(uvicorn.Config(app, **options))
        self._app = app

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.let_go()
        await super().shutdown(sockets)


def serve(settings: Settings, *, host: str, port: int, workers: int, log_level: str) -> None:
    """Serve until SIGTERM or SIGINT, then finish what was accepted (20 s at most).

    Raises BadSettings for missing or weak secrets and for several workers without Redis,
    Unavailable when the store cannot be reached, NotReady when it cannot start otherwise.
    """
    require_for_serving(settings)
    if workers > 1 and not settings.redis_url:
        raise BadSettings(
            f"--workers {workers}: the chat of several processes needs REDIS_URL, it is missing",
            hint="set REDIS_URL, or use one worker",
        )
    asyncio.run(_set_up_store(settings))
    # Workers are processes of their own: they read what this one was told from the environment.
    os.environ.update(settings.environment(), LIVECTL_LOG_LEVEL=log_level)
    options = {**server_options(settings), "host": host, "port": port}
    if workers == 1:
        run(options)
        return
    # Whose poll comes to another worker than the one that knows them would be unknown there.
    os.environ["LIVECTL_LIVE_TRANSPORTS"] = "websocket"
    os.environ[_PARENT] = str(os.getpid())
    with tempfile.TemporaryDirectory(prefix="livectl-metrics-") as shared_metrics:
        # Read by prometheus-client when it is imported, which is in the workers.
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = shared_metrics
        uvicorn.run("livectl.runner:worker", factory=True, workers=workers, **options)


def worker() -> App:
    """The application of one of several processes. It ends when the one that began it was killed:
    left alone it would keep the port, and nobody would look after it."""
    threading.Thread(target=_end_with, args=(int(os.environ[_PARENT]),), daemon=True).start()
    return asgi()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_PARENT_EVERY_S)
    os.kill(os.getpid(), signal.SIGTERM)


async def _set_up_store(settings: Settings) -> None:
    """Once, before any worker: a store that is away is told in a sentence, and ends it."""
    async with open_store(settings):
        pass  # opening it made what it needs


def run(options: dict[str, Any]) -> None:
    """Run one process to its end. Raises NotReady when it could not start."""
    server = Server(asgi(), **options)
    try:
        server.run()
    except SystemExit as error:  # the address is taken, for one
        raise NotReady("the server could not start", hint="the log above says why") from error
    if not server.started:
        raise NotReady("the server could not start", hint="the log above says why")


def server_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn is set up, wherever it runs."""
    return {
        "loop": "uvloop",
        "http": "httptools",
        "ws": "livectl.server.live.wire:Protocol",
        "ws_per_message_deflate": False,
        "ws_max_size": 64 * 1024,
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(settings.trusted_proxies),
        "forwarded_allow_ips": settings.trusted_proxies,
        "timeout_graceful_shutdown": GRACE_S,
    }
