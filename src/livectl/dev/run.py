"""`livectl dev`: livekit-server, the store, the server and perhaps two streams, until Ctrl-C."""

from __future__ import annotations

import asyncio
import shutil
import signal
import socket
import sys
import sysconfig
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from livectl.app import App, create_app
from livectl.config import Settings, load
from livectl.dev import livekit_server, secrets_file
from livectl.dev.synthetic import SyntheticHost
from livectl.domain.people import Caller, Role
from livectl.domain.stream import Stream
from livectl.errors import LivectlError, NotReady, Unavailable
from livectl.runner import Server, server_options
from livectl.services.streams import StartWish

Say = Callable[[str], None]

_TOKEN_S = 24 * 3600
_LINK_LASTS = timedelta(hours=1)
_LIVEKIT_PORT = 7880
_DEMO = (
    ("demo-anna", "Anna paints the harbour", ["art", "demo"], 0),
    ("demo-ben", "Ben plays requests", ["music", "demo"], 120),
)
_NOBODY = Caller(role="administrator", name="livectl dev")


def run(settings: Settings, *, host: str, port: int, demo: bool, log_level: str, say: Say) -> None:
    """Everything, until SIGINT or SIGTERM. Raises NotReady where the address is taken."""
    from livectl.server.logs import configure

    configure(level=log_level, as_json=False)
    _refuse_taken(host, port)
    asyncio.run(_run(settings, host=host, port=port, demo=demo, say=say))


async def _run(settings: Settings, *, host: str, port: int, demo: bool, say: Say) -> None:
    url = f"http://{_shown(host)}:{port}"
    async with _with_livekit(settings, _own_url(settings, url), port, say) as ready:
        app = create_app(ready, background=True)
        server = _Server(app, host=host, port=port, **server_options(ready))
        async with server.running(), _demo(app, say) if demo else nullcontext():
            _welcome(app, ready, url, say)
            await server.told_to_stop.wait()
    say("stopped")


class _Server(Server):
    """uvicorn stops by itself on a signal, and raises it again after that, which would cut our
    own ending short: here a signal only tells, and what was started last is ended first."""

    def __init__(self, app: App, **options: Any) -> None:
        super().__init__(app, **options)
        self.told_to_stop = asyncio.Event()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.told_to_stop.set)
        yield

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        serving = asyncio.create_task(self.serve())
        while not self.started and not serving.done():  # noqa: ASYNC110 (uvicorn has no event)
            await asyncio.sleep(0.02)
        if not self.started:
            await serving
            raise NotReady("the server could not start", hint="the log above says why")
        try:
            yield
        finally:
            self.should_exit = True
            await serving


def _own_url(settings: Settings, url: str) -> dict[str, str]:
    """Where this server is reached, as somebody set it, else its address: for every shell here."""
    source = settings.sources["LIVECTL_PUBLIC_URL"]
    is_set = source != "default" and not source.startswith("dev ")
    return {"LIVECTL_PUBLIC_URL": settings.own_public_url if is_set else url}


@asynccontextmanager
async def _with_livekit(
    settings: Settings, own_url: dict[str, str], port: int, say: Say
) -> AsyncIterator[Settings]:
    """The settings with a LiveKit that runs: the one that is set, or a child of ours, or, where
    none can be had, none."""
    if settings.livekit_url and not settings.sources["LIVEKIT_URL"].startswith("dev "):
        kept = secrets_file.keep(settings.data_dir, own_url)
        yield load({"JWT_SECRET": kept["JWT_SECRET"], **settings.environment(), **own_url})
        return
    ports = _free_ports()
    livekit_url = f"http://127.0.0.1:{ports.http}"
    kept = secrets_file.keep(settings.data_dir, {"LIVEKIT_URL": livekit_url, **own_url})
    ready = load({**settings.environment(), **kept})
    try:
        child = await _start_livekit(ready, ports, port, say)
    except Unavailable as problem:
        say(f"no media: {problem.message}")
        say(f"  {problem.hint}" if problem.hint else "  everything else works")
        yield ready
        return
    try:
        yield ready
    finally:
        await child.stop()


async def _start_livekit(
    settings: Settings, ports: livekit_server.Ports, port: int, say: Say
) -> livekit_server.LiveKitServer:
    bin_dir = Path(sysconfig.get_path("scripts"))
    binary = livekit_server.find(bin_dir)
    if binary is None:
        say("livekit-server is not on the PATH: building it, once; this takes a few minutes")
        binary = await livekit_server.install(bin_dir, say)
    key, secret = settings.livekit_api_key, settings.livekit_api_secret.reveal()
    webhook = f"http://127.0.0.1:{port}/api/webhooks/livekit"
    config = livekit_server.config(ports, {key: secret}, webhook, key)
    child = livekit_server.LiveKitServer(binary, settings.data_dir, config)
    await child.start()
    return child


@asynccontextmanager
async def _demo(app: App, say: Say) -> AsyncIterator[None]:
    """Two synthetic hosts who are live, through the same LiveKit as everyone."""
    running: list[tuple[Stream, SyntheticHost]] = []
    try:
        for owner, title, tags, hue in _DEMO:
            wish = StartWish(title=title, tags=tags)
            stream, token = await app.context.streams.start(owner, wish, by=_NOBODY)
            host = SyntheticHost(app.context.public_url, token, hue=hue)
            running.append((stream, host))
            await host.connect()
        say(f"{len(running)} synthetic streams are live")
    except LivectlError as problem:
        say(f"no demo: {problem.message}")
        say(f"  {problem.hint or 'the rest works'}")
    try:
        yield
    finally:
        for stream, host in running:
            await host.close()
            await app.context.streams.end(stream, reason="the demo is over", by=_NOBODY)


def _welcome(app: App, settings: Settings, url: str, say: Say) -> None:
    def token(user: str, administrator: bool = False) -> str:
        return app.context.sign_user_token(user, administrator, _TOKEN_S)

    def link(user: str, role: Role = "user") -> str:
        code = app.context.codes.issue(Caller(role=role, user_id=user), _LINK_LASTS)
        return f"{url}/#code={code.code}"

    # By the README it is in an environment that no shell has activated.
    command = "livectl" if shutil.which("livectl") else sys.argv[0]
    say(f"""
livectl is up.

  console    {url}
  API        {url}   (to read: {url}/docs)
  LiveKit    {app.context.public_url or "none"}
  data       {settings.data_dir}

Links into the console, each good once and for an hour:
  administrator  {link("dev-admin", "administrator")}
  host           {link("dev-host")}
  viewer         {link("dev-viewer")}

Bearer tokens, good for a day:
  administrator  {token("dev-admin", True)}
  host           {token("dev-host")}
  viewer         {token("dev-viewer")}

Try, in another shell:
  {command} streams start --owner dev-host --title "First light"
  {command} streams list --live
  {command} console open --url {url}
  {command} doctor

Ctrl-C ends all of it.
""")


def _free_ports() -> livekit_server.Ports:
    """LiveKit's usual ports, or the next ones that are free."""
    for first in range(_LIVEKIT_PORT, _LIVEKIT_PORT + 300, 3):
        ports = livekit_server.Ports(http=first, tcp=first + 1, udp=first + 2)
        if all(
            _is_free("0.0.0.0", number, kind)  # noqa: S104 (LiveKit's TCP port is on all addresses)
            for number, kind in (
                (ports.http, socket.SOCK_STREAM),
                (ports.tcp, socket.SOCK_STREAM),
                (ports.udp, socket.SOCK_DGRAM),
            )
        ):
            return ports
    raise NotReady("no free ports for livekit-server", hint="another 100 of them seem to run")


def _refuse_taken(host: str, port: int) -> None:
    if not _is_free(host, port, socket.SOCK_STREAM):
        raise NotReady(
            f"{host}:{port} is taken", hint="end what runs there, or choose another with --port"
        )


def _is_free(host: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _shown(host: str) -> str:
    return "127.0.0.1" if host in {"0.0.0.0", ""} else host  # noqa: S104
