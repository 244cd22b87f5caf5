"""The composition root: settings -> adapters -> services -> the ASGI application.

The only module that knows the adapters.
"""

from __future__ import annotations

import asyncio
import hmac
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from livectl.adapters.files import FileObjects
from livectl.adapters.ingress import Ingress
from livectl.adapters.livekit import LiveKit
from livectl.adapters.livekit_calls import LiveKitCalls, NoLiveKit
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.prober import AvProber
from livectl.adapters.system_clock import SystemClock
from livectl.adapters.tcp import reach
from livectl.config import Settings, load, require_for_serving
from livectl.domain.recording import RecorderKind
from livectl.domain.signature import Signer
from livectl.errors import BadSettings
from livectl.ports import (
    Bus,
    Clock,
    IdentityProvider,
    Ingresses,
    Limiter,
    Media,
    Meter,
    Objects,
    Rate,
    Recorder,
    Store,
)
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
from livectl.services.doctor import Doctor, Probe
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
    from livectl.adapters.egress import BucketAccess
    from livectl.adapters.s3 import S3Objects
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
    clock = SystemClock()
    meter = _meter(background)
    store = make_store(settings)
    livekit = _livekit(settings, meter)
    media = _media(settings, livekit)
    bus = _bus(settings if background else None, meter)
    objects = _objects(settings, clock, meter)
    ingresses = _ingresses(livekit)
    recorders = _recorders(settings, media, livekit)
    context, watch = _services(
        settings, store, media, clock, meter, bus, objects, ingresses, recorders
    )
    live_socket = None
    if background:
        live_socket = _live_socket(settings, context, store, bus, meter, polling=polling)

    @asynccontextmanager
    async def lifespan(_: object) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await store.open()
            stack.push_async_callback(store.close)
            stack.push_async_callback(objects.close)
            if livekit is not None:
                stack.push_async_callback(livekit.close)
            # A server that comes next goes on with what is cut off; a command has none after it.
            stack.push_async_callback(context.recording_watch.close, finish=not background)
            if live_socket is not None:
                await stack.enter_async_context(_live(live_socket, bus, context))
                caretaker = Caretaker(
                    store,
                    clock,
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
    edge = _with_cors(Edge(router, context, meter), settings)
    if live_socket is None:
        return App(edge, context, let_go=lambda: None)
    return App(_beside(live_socket.asgi, edge), context, live_socket.let_go)


def _services(
    settings: Settings,
    store: Store,
    media: Media,
    clock: Clock,
    meter: Meter,
    bus: Bus,
    objects: FileObjects | S3Objects,
    ingresses: Ingresses,
    recorders: Mapping[RecorderKind, Recorder],
) -> tuple[Context, Watch]:
    """All that the product does, for the routes; and what a server does by itself."""
    start_grace = timedelta(seconds=settings.start_grace_seconds)
    book = IngressBook(store, clock)
    lines = Lines(ingresses, media, clock)
    off = IngressOff(store, book, lines, clock)
    prober = AvProber()
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
        IngressDrift(ingresses, clock, book, lines, off, encoders, start_grace=start_grace),
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
        streams=streams,
        ingress=IngressKeys(store, media, clock, book, lines, off, encoders, teardown),
        whip=Whip(ingresses, clock, book, lines, encoders, streams),
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
        doctor=Doctor(store, media, clock, inbox, _probes(settings, objects)),
        health=_health(settings, store, media, bus),
        active_rounds=Rounds(),
        metrics=metrics,
        sign_user_token=_signer(settings),
        public_url=media.public_url,
        page_policy=pages.policy(media.public_url, _places_of_recordings(settings)),
        tell_log_has_grown=tell_log_has_grown,
        hash_address=_address_hash(settings),
        files=objects if isinstance(objects, FileObjects) else None,
        vods=vods,
        replays=Replays(
            store,
            objects,
            clock,
            Signer(_key_for(settings, "vod links")),
            cdn=settings.vod_public_base_url,
            seconds=settings.link_seconds,
        ),
        backfill=Backfill(store, objects, vods, clock, prefix=settings.recording_prefix),
        verify=Verify(store, objects, prober, prefix=settings.recording_prefix),
        prune=Prune(store, objects, prefix=settings.recording_prefix),
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
        context.recordings,
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


def _livekit(settings: Settings, meter: Meter) -> LiveKitCalls | None:
    if not settings.has_livekit:
        return None
    return LiveKitCalls(
        settings.livekit_url,
        settings.livekit_api_key,
        settings.livekit_api_secret.reveal(),
        meter=meter,
    )


def _media(settings: Settings, livekit: LiveKitCalls | None) -> Media:
    if livekit is None:
        return NoLiveKit()
    return LiveKit(livekit, public_url=settings.livekit_public_url)


def _ingresses(livekit: LiveKitCalls | None) -> Ingresses:
    return NoLiveKit() if livekit is None else Ingress(livekit)


def _objects(settings: Settings, clock: Clock, meter: Meter) -> FileObjects | S3Objects:
    if not settings.s3_bucket:
        return FileObjects(
            settings.data_dir / "objects", key=_key_for(settings, "file links"), clock=clock
        )
    from livectl.adapters.s3 import S3Objects

    key_id, secret_key = _aws_keys(settings)
    return S3Objects(
        settings.s3_bucket,
        region=settings.aws_region,
        endpoint_url=settings.s3_endpoint_url,
        key_id=key_id,
        secret_key=secret_key,
        encryption=settings.s3_encryption,
        probe=f"{settings.recording_prefix}/.livectl-probe",
        meter=meter,
    )


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


def _recorders(
    settings: Settings, media: Media, livekit: LiveKitCalls | None
) -> dict[RecorderKind, Recorder]:
    """All of them, whichever is used for new ones: what another one began is seen to as well."""
    if livekit is None:
        return {}
    from livectl.adapters.egress import Egress
    from livectl.adapters.recorder.embedded import EmbeddedRecorder

    embedded = EmbeddedRecorder(
        settings.livekit_url,
        settings.livekit_api_key,
        settings.livekit_api_secret.reveal(),
        data_dir=settings.data_dir,
        host=socket.gethostname(),
    )
    if settings.s3_bucket:
        egress = Egress(livekit, media, access=lambda: _bucket_access(settings))
    else:
        egress = Egress(livekit, media, directory=settings.data_dir / "objects")
    return {"embedded": embedded, "egress": egress}


def _bucket_access(settings: Settings) -> BucketAccess:
    """As the AWS chain has it at this moment; it may ask the machine's role, so not in the event
    loop. Without any, Egress is left to its own."""
    import boto3

    from livectl.adapters.egress import BucketAccess

    key_id, secret, token = *_aws_keys(settings), None
    if not key_id and (found := boto3.Session().get_credentials()):
        key_id, secret, token = found.get_frozen_credentials()
    return BucketAccess(
        bucket=settings.s3_bucket,
        region=settings.aws_region,
        endpoint=settings.s3_endpoint_url,
        path_style=bool(settings.s3_endpoint_url),
        access_key=key_id,
        secret_key=secret,
        session_token=token or "",
    )


def _aws_keys(settings: Settings) -> tuple[str, str]:
    """Those that are given. A key of the environment is left to the AWS chain: a session token may
    belong to it."""
    if settings.sources["AWS_ACCESS_KEY_ID"] in {"environment", "default"}:
        return "", ""
    return settings.aws_access_key_id.reveal(), settings.aws_secret_access_key.reveal()


def _key_for(settings: Settings, purpose: str) -> bytes:
    """A key of its own for one purpose, the same in all servers of a deployment."""
    return hmac.new(_own_secret(settings).encode(), purpose.encode(), "sha256").digest()


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


def _probes(settings: Settings, objects: Objects) -> dict[str, Probe]:
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
    probes["s3" if objects.type == "S3" else "files"] = objects.ping
    return probes


def _places_of_recordings(settings: Settings) -> list[str]:
    """Where the console's pages may load recordings from: the CDN and the bucket."""
    amazon = "https://*.amazonaws.com" if settings.s3_bucket else ""
    bucket = settings.s3_endpoint_url or amazon
    return [url for url in (settings.vod_public_base_url, bucket) if url]


def _with_cors(app: ASGIApp, settings: Settings) -> ASGIApp:
    """Pages of the set origins may call the API. WHIP is for encoders on any page, which come with
    a key that no browser sends by itself."""
    whip = CORSMiddleware(
        app,
        allow_origins=["*"],
        allow_methods=["OPTIONS", "POST", "PATCH", "DELETE"],
        allow_headers=["Authorization", "Content-Type", "If-Match"],
        expose_headers=["Location", "ETag", "Link", "Accept-Patch", "X-Request-Id"],
        max_age=600,
    )
    rest = _with_cors_of_api(app, settings) if settings.cors_origins else app

    async def dispatch(scope: Scope, receive: Receive, send: Send) -> None:
        is_whip = scope["type"] == "http" and scope["path"].startswith("/whip")
        await (whip if is_whip else rest)(scope, receive, send)

    return dispatch


def _with_cors_of_api(app: ASGIApp, settings: Settings) -> ASGIApp:
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=[
            "Authorization",
            "Content-Type",
            "Idempotency-Key",
            "If-None-Match",
            "Range",
        ],
        expose_headers=["Accept-Ranges", "Content-Range", "ETag", "Retry-After", "X-Request-Id"],
        max_age=600,
    )
