"""The composition root: settings -> adapters -> services -> the ASGI application.

The only module that knows the adapters.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from livectl.adapters.livekit import LiveKit, NoLiveKit
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.system_clock import SystemClock
from livectl.adapters.tcp import reach
from livectl.config import Settings, load, require_for_serving
from livectl.errors import BadSettings
from livectl.ports import Bus, Clock, IdentityProvider, Limiter, Media, Meter, Rate, Store
from livectl.server.auth import Authenticator, user_token
from livectl.server.codes import Codes
from livectl.server.console import login, pages
from livectl.server.context import Context
from livectl.server.edge import Edge
from livectl.server.login import Login
from livectl.server.openapi import reference
from livectl.server.reading_page import reading_page
from livectl.server.rounds import Rounds
from livectl.server.routes import (
    bans,
    doctor,
    events,
    health,
    live,
    messages,
    moderation,
    reconcile,
    replays,
    reports,
    session,
    streams,
    tokens,
    webhooks,
)
from livectl.server.session import Sessions
from livectl.services.audit import Audit
from livectl.services.caretaker import Caretaker, Guard, Watch, call_reconcile
from livectl.services.doctor import Doctor, Probe
from livectl.services.events import EventLog
from livectl.services.feed import Feed
from livectl.services.health import Ask, Health
from livectl.services.history import History
from livectl.services.inbox import Inbox
from livectl.services.moderation import Moderation
from livectl.services.notices import Notices
from livectl.services.presence import Presence
from livectl.services.reconcile import Reconcile
from livectl.services.reports import Reports
from livectl.services.streams import Streams
from livectl.services.teardown import Teardown
from livectl.services.timeline import Timeline

if TYPE_CHECKING:
    from livectl.server.live.socket import LiveSocket
    from livectl.services.chat import Rates

_API = [
    *live.routes,
    *replays.routes,
    *messages.routes,
    *moderation.routes,
    *reports.routes,
    *streams.routes,
    *bans.routes,
    *webhooks.routes,
    *reconcile.routes,
    *events.routes,
    *tokens.routes,
    *session.routes,
    *doctor.routes,
    *health.routes,
]
ROUTES = [*_API, reference([*_API, reading_page]), reading_page]


@dataclass(frozen=True)
class App:
    """The ASGI application with what it is made of, for those who run it; `let_go` is to be called
    when it begins to stop."""

    asgi: ASGIApp
    context: Context
    let_go: Callable[[], None]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.asgi(scope, receive, send)


def create_app(settings: Settings, *, background: bool = False, polling: bool = True) -> App:
    """Nothing is opened before the lifespan starts. With `background` it also has live sockets,
    works through the inbox, guards and reconciles: that is a server; without, it is a command's
    own use of it. Without `polling` live sockets are WebSockets only.
    """
    clock = SystemClock()
    meter = _meter(background)
    store = make_store(settings)
    media = _media(settings, meter)
    bus = _bus(settings if background else None, meter)
    context, watch = _services(settings, store, media, clock, meter, bus)
    live_socket = None
    if background:
        live_socket = _live_socket(settings, context, store, bus, meter, polling=polling)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await store.open()
            stack.push_async_callback(store.close)
            stack.push_async_callback(media.close)
            if live_socket is not None:
                await stack.enter_async_context(_live(live_socket, bus, context))
                caretaker = Caretaker(
                    store, clock, context.inbox, watch, context.tell_log_has_grown
                )
                await caretaker.start()
                stack.push_async_callback(caretaker.stop)
            yield

    router = Router(
        [route.mounted() for route in [*ROUTES, *pages.routes, *login.routes]],
        redirect_slashes=False,
        lifespan=lifespan,
    )
    edge = _with_cors(Edge(router, context, meter), settings)
    if live_socket is None:
        return App(edge, context, let_go=lambda: None)
    return App(_beside(live_socket.asgi, edge), context, live_socket.let_go)


def _services(
    settings: Settings, store: Store, media: Media, clock: Clock, meter: Meter, bus: Bus
) -> tuple[Context, Watch]:
    """All that the product does, for the routes; and what a server does by itself."""
    teardown = Teardown(store, media, clock)
    presence = Presence(store, clock)
    history = History(store, clock)
    moderation = Moderation(store, media, clock, history)
    feed = Feed(store)
    inbox = Inbox(
        store,
        media,
        clock,
        Notices(store, moderation, presence, teardown),
        meter,
        tries=settings.webhook_tries,
        call_reconcile=lambda why: call_reconcile(store, clock, why),
    )
    reconcile = Reconcile(
        store,
        media,
        clock,
        meter,
        moderation,
        presence,
        teardown,
        start_grace=timedelta(seconds=settings.start_grace_seconds),
    )
    watch = Watch(
        store,
        clock,
        Guard(store, media, moderation, teardown, clock),
        reconcile,
        inbox,
        moderation,
        history,
        every=timedelta(seconds=settings.reconcile_seconds),
        keep_webhooks=timedelta(days=settings.webhook_keep_days),
        keep_chat=timedelta(days=settings.chat_keep_days),
    )

    async def metrics() -> bytes:
        depth = await store.inbox_depth()
        return meter.render(live=await store.live_totals(), depth=depth, now=clock.now())

    def tell_log_has_grown() -> None:
        feed.nudge()
        bus.nudge()

    authenticator = _authenticator(settings)
    context = Context(
        clock=clock,
        authenticator=authenticator,
        codes=Codes(_own_secret(settings), store, clock),
        login=Login(
            _own_secret(settings),
            _identity_provider(settings),
            settings.oidc_client_id,
            authenticator,
            clock.now,
        ),
        streams=Streams(
            store, media, clock, teardown, moderation, open_to_hosts=settings.feature_go_live
        ),
        history=history,
        feed=feed,
        moderation=moderation,
        reports=Reports(store, clock, history),
        audit=Audit(store),
        timeline=Timeline(store),
        inbox=inbox,
        reconcile=reconcile,
        events=EventLog(store),
        doctor=Doctor(store, media, clock, inbox, _probes(settings)),
        health=_health(settings, store, media, bus),
        active_rounds=Rounds(),
        metrics=metrics,
        sign_user_token=_signer(settings),
        public_url=media.public_url,
        page_policy=pages.policy(media.public_url, _places_of_recordings(settings)),
        tell_log_has_grown=tell_log_has_grown,
        hash_address=_address_hash(settings),
        own_public_url=settings.own_public_url,
    )
    return context, watch


@asynccontextmanager
async def _live(live_socket: LiveSocket, bus: Bus, context: Context) -> AsyncIterator[None]:
    """What keeps the live sockets going; when it ends, all that was said is stored."""
    rooms = live_socket.rooms
    await bus.start(rooms.deliver, context.feed.nudge)
    tasks = [
        asyncio.create_task(context.feed.run(rooms.hear), name="feed"),
        asyncio.create_task(rooms.run(), name="live rooms"),
        asyncio.create_task(context.history.run(), name="history"),
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await context.history.stop()
        await live_socket.stop()
        await bus.stop()


def _beside(live: ASGIApp, rest: ASGIApp) -> ASGIApp:
    """Socket.IO at its path, and everything else."""

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        is_live = scope["type"] in {"http", "websocket"} and scope["path"].startswith("/socket.io/")
        await (live if is_live else rest)(scope, receive, send)

    return dispatch


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
    polling = os.environ.get("LIVECTL_LIVE_TRANSPORTS") != "websocket"
    return create_app(settings, background=True, polling=polling)


def _meter(background: bool) -> Meter:
    if not background:
        return NoMeter()
    from livectl.adapters.prometheus import PrometheusMeter  # costs a command its start

    return PrometheusMeter()


def _bus(settings: Settings | None, meter: Meter) -> Bus:
    """How a server's processes hear of each other. A command (None) needs no such thing: what it
    changes is in the event log, which they all follow."""
    if settings is not None and settings.redis_url:
        try:
            from livectl.adapters.redis_bus import RedisBus
        except ImportError as error:
            raise BadSettings(
                "REDIS_URL is set, and the redis extra is not installed",
                hint="pip install 'livectl[redis]'",
            ) from error
        return RedisBus(settings.redis_url, meter=meter)
    from livectl.adapters.memory_bus import MemoryBus

    return MemoryBus()


def _limiter(settings: Settings, meter: Meter) -> Limiter:
    if settings.redis_url:
        from livectl.adapters.redis_limiter import RedisLimiter

        return RedisLimiter(settings.redis_url, meter=meter)
    from livectl.adapters.memory_limiter import MemoryLimiter

    return MemoryLimiter()


def _rates(settings: Settings) -> Rates:
    from livectl.services.chat import Rates

    def rate(given: tuple[int, int]) -> Rate:
        return Rate(count=given[0], seconds=given[1])

    return Rates(
        message=rate(settings.chat_limit),
        reaction=rate(settings.reaction_limit),
        gift=rate(settings.gift_limit),
        connect=rate(settings.connect_limit),
        connect_address=rate(settings.address_limit),
    )


def _live_socket(
    settings: Settings, context: Context, store: Store, bus: Bus, meter: Meter, *, polling: bool
) -> LiveSocket:
    # Only a server has live sockets, and a command need not wait for their library.
    from livectl.server.live.socket import LiveSocket
    from livectl.services.chat import Chat

    chat = Chat(
        store,
        context.clock,
        _limiter(settings, meter),
        context.history,
        rates=_rates(settings),
        gift_max=settings.gift_max,
    )
    return LiveSocket(
        chat,
        context.moderation,
        context.authenticator,
        bus,
        context.clock,
        meter,
        hash_address=context.hash_address,
        tell_log_has_grown=context.tell_log_has_grown,
        origins=settings.cors_origins,
        transports=["polling", "websocket"] if polling else ["websocket"],
    )


def _own_secret(settings: Settings) -> str:
    """What keys of our own are made from: every process and host has the same."""
    return settings.livekit_api_secret.reveal() or settings.jwt_secret.reveal()


def _address_hash(settings: Settings) -> Callable[[str], str]:
    """Addresses are kept only as this: keyed, so that nobody who has the database can try all."""
    key = _own_secret(settings)

    def hashed(address: str) -> str:
        return hmac.new(key.encode(), f"address {address}".encode(), "sha256").hexdigest()[:32]

    return hashed


def _health(settings: Settings, store: Store, media: Media, bus: Bus) -> Health:
    """Without Redis each process goes on by itself: that is told, and no reason to take all of
    them out of a balancer."""
    needed: dict[str, Ask] = {"store": store.ping, "livekit": lambda: media.ping()}
    return Health(needed, {"redis": bus.ping} if settings.redis_url else {})


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
        sessions=Sessions(_own_secret(settings), SystemClock().now),
    )


def _identity_provider(settings: Settings) -> IdentityProvider | None:
    if not settings.oidc_client_id:
        return None
    from livectl.adapters.oidc import OidcProvider

    return OidcProvider(
        settings.jwt_issuer, settings.oidc_client_id, settings.oidc_client_secret.reveal()
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


def _places_of_recordings(settings: Settings) -> list[str]:
    """Where the console's pages may load recordings from: the CDN and the bucket."""
    amazon = "https://*.amazonaws.com" if settings.s3_bucket else ""
    bucket = settings.s3_endpoint_url or amazon
    return [url for url in (settings.vod_public_base_url, bucket) if url]


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
