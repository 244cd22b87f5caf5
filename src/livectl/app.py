"""The composition root: settings -> adapters -> services -> the ASGI application.

The only module that knows the adapters.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from livectl.adapters.livekit import LiveKit, NoLiveKit
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.system_clock import SystemClock
from livectl.adapters.tcp import reach
from livectl.config import Settings, load, require_for_serving
from livectl.ports import Media, Meter, Store
from livectl.server.auth import Authenticator, user_token
from livectl.server.context import Context
from livectl.server.edge import Edge
from livectl.server.openapi import reference
from livectl.server.reading_page import reading_page
from livectl.server.rounds import Rounds
from livectl.server.routes import (
    bans,
    blocks,
    doctor,
    events,
    health,
    live,
    reconcile,
    streams,
    tokens,
    webhooks,
)
from livectl.services.caretaker import Caretaker, Guard, Watch, call_reconcile
from livectl.services.doctor import Doctor, Probe
from livectl.services.events import EventLog
from livectl.services.health import Health
from livectl.services.inbox import Inbox
from livectl.services.notices import Notices
from livectl.services.presence import Presence
from livectl.services.reconcile import Reconcile
from livectl.services.streams import Streams
from livectl.services.teardown import Teardown
from livectl.services.timeline import Timeline

_API = [
    *live.routes,
    *blocks.routes,
    *streams.routes,
    *bans.routes,
    *webhooks.routes,
    *reconcile.routes,
    *events.routes,
    *tokens.routes,
    *doctor.routes,
    *health.routes,
]
ROUTES = [*_API, reference([*_API, reading_page]), reading_page]


@dataclass(frozen=True)
class App:
    """The ASGI application with what it is made of, for those who run it."""

    asgi: ASGIApp
    context: Context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.asgi(scope, receive, send)


def create_app(settings: Settings, *, background: bool = False) -> App:
    """Nothing is opened before the lifespan starts. With `background` it also works through the
    inbox, guards and reconciles: that is a server; without, it is a command's own use of it.
    """
    clock = SystemClock()
    meter = _meter(background)
    store = make_store(settings)
    media = _media(settings, meter)
    teardown = Teardown(store, media, clock)
    presence = Presence(store, clock)
    live_streams = Streams(store, media, clock, teardown, open_to_hosts=settings.feature_go_live)
    reconciler = Reconcile(
        store,
        media,
        clock,
        meter,
        live_streams,
        presence,
        teardown,
        start_grace=timedelta(seconds=settings.start_grace_seconds),
    )
    inbox = Inbox(
        store,
        media,
        clock,
        Notices(store, live_streams, presence, teardown),
        meter,
        tries=settings.webhook_tries,
        call_reconcile=lambda why: call_reconcile(store, clock, why),
    )
    watch = Watch(
        store,
        clock,
        Guard(store, media, live_streams, teardown, clock),
        reconciler,
        inbox,
        every=timedelta(seconds=settings.reconcile_seconds),
        keep_webhooks=timedelta(days=settings.webhook_keep_days),
    )

    async def metrics() -> bytes:
        depth = await store.inbox_depth()
        return meter.render(live=await store.live_totals(), depth=depth, now=clock.now())

    context = Context(
        clock=clock,
        authenticator=_authenticator(settings),
        streams=live_streams,
        timeline=Timeline(store),
        inbox=inbox,
        reconcile=reconciler,
        events=EventLog(store),
        doctor=Doctor(store, media, clock, inbox, _probes(settings)),
        health=Health({"store": store.ping, "livekit": lambda: media.ping()}),
        active_rounds=Rounds(),
        metrics=metrics,
        sign_user_token=_signer(settings),
        public_url=media.public_url,
    )

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        await store.open()
        caretaker = Caretaker(store, clock, inbox, watch)
        if background:
            await caretaker.start()
        try:
            yield
        finally:
            if background:
                await caretaker.stop()
            await media.close()
            await store.close()

    router = Router(
        [route.mounted() for route in ROUTES], redirect_slashes=False, lifespan=lifespan
    )
    return App(_with_cors(Edge(router, context, meter), settings), context)


def make_store(settings: Settings) -> Store:
    """The store that the settings name, not yet opened."""
    path = settings.sqlite_path
    if path is not None:
        from livectl.adapters.sqlite.store import SqliteStore

        return SqliteStore(path)
    from livectl.adapters.mongo.store import MongoStore

    return MongoStore(settings.database_url)


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[Store]:
    """The store, open, for the commands that move it as a whole."""
    store = make_store(settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


def asgi() -> App:
    """The application of one worker process, with the settings of its environment."""
    from livectl.server.logs import configure

    configure(level=os.environ.get("LIVECTL_LOG_LEVEL", "info"), as_json=True)
    settings = load()
    require_for_serving(settings)
    return create_app(settings, background=True)


def _meter(background: bool) -> Meter:
    if not background:
        return NoMeter()
    from livectl.adapters.prometheus import PrometheusMeter  # costs a command its start

    return PrometheusMeter()


def _media(settings: Settings, meter: Meter) -> Media:
    if not settings.has_livekit:
        return NoLiveKit()
    return LiveKit(
        settings.livekit_url,
        settings.livekit_api_key,
        settings.livekit_api_secret.reveal(),
        public_url=settings.livekit_public_url,
        meter=meter,
    )


def _authenticator(settings: Settings) -> Authenticator:
    return Authenticator(
        secret=settings.jwt_secret.reveal(),
        jwks_url=settings.jwt_jwks_url,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        metrics_token=settings.metrics_token.reveal(),
        public_browse=settings.public_browse,
    )


def _signer(settings: Settings) -> Callable[[str, bool, int], str]:
    def sign(user_id: str, administrator: bool, expires_s: int) -> str:
        return user_token(
            settings.jwt_secret.reveal(),
            user_id,
            administrator=administrator,
            expires_s=expires_s,
            now_s=int(time.time()),
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
        )

    return sign


def _probes(settings: Settings) -> dict[str, Probe]:
    """Checks of outside parts that are only there when they are set up."""
    probes: dict[str, Probe] = {}
    urls = {
        "LIVEKIT_URL": settings.livekit_url,
        "LIVEKIT_PUBLIC_URL": settings.livekit_public_url,
        "REDIS_URL": settings.redis_url,
    }
    if there := {name: url for name, url in urls.items() if url}:
        probes["ports"] = lambda: reach(there)
    if settings.redis_url:
        from livectl.adapters.redis import ping_redis

        probes["redis"] = lambda: ping_redis(settings.redis_url)
    if settings.s3_bucket:
        from livectl.adapters.s3 import look_at_bucket

        probes["s3"] = lambda: look_at_bucket(
            settings.s3_bucket,
            region=settings.aws_region,
            endpoint_url=settings.s3_endpoint_url,
            key_id=settings.aws_access_key_id.reveal(),
            secret_key=settings.aws_secret_access_key.reveal(),
        )
    return probes


def _with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    if not settings.cors_origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "Idempotency-Key", "If-None-Match"],
        expose_headers=["ETag", "Retry-After", "X-Request-Id"],
        max_age=600,
    )
