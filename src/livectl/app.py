"""The composition root: settings -> backends -> services -> the ASGI application."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from livectl.backends import Backends, identity_provider, limiter, probes
from livectl.config import Settings, load, require_for_serving
from livectl.domain.recording import RecorderKind
from livectl.domain.signature import Signer
from livectl.ports.bus import Bus
from livectl.ports.clock import Clock
from livectl.ports.limiter import Rate
from livectl.ports.store import Store
from livectl.server.auth import Authenticator, user_token
from livectl.server.codes import Codes
from livectl.server.console import login, pages
from livectl.server.context import Context
from livectl.server.cors import with_cors
from livectl.server.edge import Edge
from livectl.server.login import Login
from livectl.server.openapi import reference
from livectl.server.reading_page import reading_page
from livectl.server.rounds import Rounds
from livectl.server.routes import (
    bans,
    doctor,
    events,
    files,
    health,
    ingress,
    live,
    messages,
    moderation,
    reconcile,
    recordings,
    replays,
    reports,
    session,
    stats,
    streams,
    tokens,
    vod_upkeep,
    vods,
    webhooks,
    whip,
)
from livectl.server.session import Sessions
from livectl.services.audit import Audit
from livectl.services.backfill import Backfill
from livectl.services.caretaker import Caretaker, Guard, Watch, call_reconcile
from livectl.services.doctor import Doctor
from livectl.services.encoders import Encoders
from livectl.services.events import EventLog
from livectl.services.feed import Feed
from livectl.services.health import Ask, Health
from livectl.services.history import History
from livectl.services.inbox import Inbox
from livectl.services.ingress import IngressKeys
from livectl.services.ingress_book import IngressBook
from livectl.services.ingress_drift import IngressDrift
from livectl.services.ingress_lines import Lines
from livectl.services.ingress_off import IngressOff
from livectl.services.moderation import Moderation
from livectl.services.notices import Notices
from livectl.services.presence import Presence
from livectl.services.prune import Prune
from livectl.services.reconcile import Reconcile
from livectl.services.recording_book import RecordingBook
from livectl.services.recording_delivery import Delivery
from livectl.services.recording_watch import RecordingWatch
from livectl.services.recordings import Policy, Recordings
from livectl.services.replays import Replays
from livectl.services.reports import Reports
from livectl.services.stats import Stats
from livectl.services.streams import Streams
from livectl.services.teardown import Teardown
from livectl.services.timeline import Timeline
from livectl.services.verify import Verify
from livectl.services.vods import Vods
from livectl.services.whip import Whip

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
    *ingress.routes,
    *whip.routes,
    *bans.routes,
    *webhooks.routes,
    *reconcile.routes,
    *recordings.routes,
    *events.routes,
    *stats.routes,
    *tokens.routes,
    *session.routes,
    *doctor.routes,
    *health.routes,
    *files.routes,
    *vods.routes,
    *vod_upkeep.routes,
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
    backends = Backends.chosen(settings, serving=background)
    context, watch = _services(settings, backends)
    live_socket = None
    if background:
        live_socket = _live_socket(settings, context, backends, polling=polling)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(backends.open())
            # A server that comes next goes on with what is cut off; a command has none after it.
            stack.push_async_callback(context.recording_watch.close, finish=not background)
            if live_socket is not None:
                await stack.enter_async_context(_live(live_socket, backends.bus, context))
                caretaker = Caretaker(
                    backends.store,
                    backends.clock,
                    context.inbox,
                    watch,
                    context.recording_watch,
                    context.tell_log_has_grown,
                )
                await caretaker.start()
                stack.push_async_callback(caretaker.stop)
            yield

    router = Router(
        [route.mounted() for route in [*ROUTES, *pages.routes, *login.routes]],
        redirect_slashes=False,
        lifespan=lifespan,
    )
    edge = with_cors(Edge(router, context, backends.meter), settings.cors_origins)
    if live_socket is None:
        return App(edge, context, let_go=lambda: None)
    return App(_beside(live_socket.asgi, edge), context, live_socket.let_go)


def asgi() -> App:
    """The application of one worker process, with the settings of its environment."""
    from livectl.server.logs import configure

    configure(level=os.environ.get("LIVECTL_LOG_LEVEL", "info"), as_json=True)
    settings = load()
    require_for_serving(settings)
    polling = os.environ.get("LIVECTL_LIVE_TRANSPORTS") != "websocket"
    return create_app(settings, background=True, polling=polling)


def _services(settings: Settings, backends: Backends) -> tuple[Context, Watch]:
    """All that the product does, for the routes; and what a server does by itself."""
    store, media, clock, meter = backends.store, backends.media, backends.clock, backends.meter
    objects, prober, recorders = backends.objects, backends.prober, backends.recorders
    start_grace = timedelta(seconds=settings.start_grace_seconds)
    book = IngressBook(store, clock)
    lines = Lines(backends.ingresses, media, clock)
    off = IngressOff(store, book, lines, clock)
    vods = Vods(store, objects, prober, clock)
    policy = _policy(settings)
    recording_book = RecordingBook(store, clock, meter)
    delivery = Delivery(store, objects, recorders, clock, recording_book, vods.publish)
    recordings = Recordings(store, media, recorders, clock, recording_book, delivery, policy)
    recording_watch = RecordingWatch(
        store,
        media,
        recorders,
        clock,
        meter,
        recording_book,
        delivery,
        recordings,
        host=policy.host,
    )
    teardown = Teardown(store, media, clock, off, end_recordings=recordings.end_of)
    presence = Presence(store, clock)
    history = History(store, clock)
    moderation = Moderation(store, media, clock, history)
    feed = Feed(store)
    streams = Streams(
        store, media, clock, teardown, moderation, open_to_hosts=settings.feature_go_live
    )
    encoders = Encoders(store, clock, book, lines, off, streams, teardown)
    inbox = Inbox(
        store,
        media,
        clock,
        Notices(store, moderation, presence, teardown, recordings, encoders),
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
        IngressDrift(
            backends.ingresses, clock, book, lines, off, encoders, start_grace=start_grace
        ),
        start_grace=start_grace,
    )
    numbers = Stats(store, clock)
    watch = Watch(
        store,
        clock,
        Guard(store, media, moderation, teardown, clock),
        reconcile,
        inbox,
        moderation,
        history,
        encoders,
        recording_watch,
        numbers,
        every=timedelta(seconds=settings.reconcile_seconds),
        keep_webhooks=timedelta(days=settings.webhook_keep_days),
        keep_chat=timedelta(days=settings.chat_keep_days),
    )

    async def metrics() -> bytes:
        depth = await store.inbox_depth()
        return meter.render(live=await store.live_totals(), depth=depth, now=clock.now())

    def tell_log_has_grown() -> None:
        feed.nudge()
        backends.bus.nudge()

    authenticator = _authenticator(settings, store, clock)
    context = Context(
        clock=clock,
        authenticator=authenticator,
        codes=Codes(settings.key_for("console code"), store, clock),
        login=Login(
            settings.key_for("console login"),
            identity_provider(settings),
            settings.oidc_client_id,
            authenticator,
            clock.now,
        ),
        streams=streams,
        ingress=IngressKeys(store, media, clock, book, lines, off, encoders, teardown),
        whip=Whip(backends.ingresses, clock, book, lines, encoders, streams),
        history=history,
        feed=feed,
        moderation=moderation,
        reports=Reports(store, clock, history),
        audit=Audit(store),
        timeline=Timeline(store),
        inbox=inbox,
        reconcile=reconcile,
        recordings=recordings,
        recording_watch=recording_watch,
        events=EventLog(store),
        stats=numbers,
        doctor=Doctor(store, media, clock, inbox, probes(settings, objects)),
        health=_health(settings, backends),
        active_rounds=Rounds(),
        metrics=metrics,
        sign_user_token=_signer(settings),
        public_url=media.public_url,
        page_policy=pages.policy(media.public_url, _places_of_recordings(settings)),
        tell_log_has_grown=tell_log_has_grown,
        # Addresses are kept only as this: keyed, so that nobody who has the database can try all.
        hash_address=lambda address: settings.key_for(f"address {address}").hex()[:32],
        files=backends.files,
        vods=vods,
        replays=Replays(
            store,
            objects,
            clock,
            Signer(settings.key_for("vod links")),
            cdn=settings.vod_public_base_url,
            seconds=settings.link_seconds,
        ),
        backfill=Backfill(store, objects, vods, clock, prefix=settings.recording_prefix),
        verify=Verify(store, objects, prober, prefix=settings.recording_prefix),
        prune=Prune(store, objects, prefix=settings.recording_prefix),
        own_public_url=settings.own_public_url,
    )
    return context, watch


def _live_socket(
    settings: Settings, context: Context, backends: Backends, *, polling: bool
) -> LiveSocket:
    # Only a server has live sockets, and a command need not wait for their library.
    from livectl.server.live.socket import LiveSocket
    from livectl.services.chat import Chat

    chat = Chat(
        backends.store,
        context.clock,
        limiter(settings, backends.meter),
        context.history,
        rates=_rates(settings),
        gift_max=settings.gift_max,
    )
    return LiveSocket(
        chat,
        context.moderation,
        context.recordings,
        context.authenticator,
        backends.bus,
        context.clock,
        backends.meter,
        hash_address=context.hash_address,
        tell_log_has_grown=context.tell_log_has_grown,
        origins=settings.cors_origins,
        transports=["polling", "websocket"] if polling else ["websocket"],
    )


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


def _health(settings: Settings, backends: Backends) -> Health:
    """Without Redis each process goes on by itself: that is told, and no reason to take all of
    them out of a balancer."""
    needed: dict[str, Ask] = {"store": backends.store.ping, "livekit": backends.media.ping}
    return Health(needed, {"redis": backends.bus.ping} if settings.redis_url else {})


def _policy(settings: Settings) -> Policy:
    names: dict[str, RecorderKind] = {"embedded": "embedded", "egress": "egress"}
    return Policy(
        recorder=names.get(settings.recorder),
        layout="room" if settings.recording_layout == "room" else "host",
        format="hls" if settings.recording_format == "hls" else "mp4",
        prefix=settings.recording_prefix,
        auto=settings.auto_record,
        host=socket.gethostname(),
    )


def _authenticator(settings: Settings, store: Store, clock: Clock) -> Authenticator:
    return Authenticator(
        secret=settings.jwt_secret.reveal(),
        jwks_url=settings.jwt_jwks_url,
        issuer=settings.jwt_issuer,
        audience=settings.jwt_audience,
        metrics_token=settings.metrics_token.reveal(),
        public_browse=settings.public_browse,
        sessions=Sessions(settings.key_for("console session"), store, clock),
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


def _places_of_recordings(settings: Settings) -> list[str]:
    """Where the console's pages may load recordings from: the CDN, the bucket, and this server
    where its links lead, which need not be where the page was opened."""
    amazon = "https://*.amazonaws.com" if settings.s3_bucket else ""
    bucket = settings.s3_endpoint_url or amazon
    places = (settings.vod_public_base_url, bucket, settings.own_public_url)
    return [url for url in places if url]
