"""Which adapter serves each port, as the settings have it.

The only module that knows the adapters.
"""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from livectl.adapters.files import FileObjects
from livectl.adapters.ingress import Ingress
from livectl.adapters.livekit import LiveKit
from livectl.adapters.livekit_calls import LiveKitCalls, NoLiveKit
from livectl.adapters.no_meter import NoMeter
from livectl.adapters.prober import AvProber
from livectl.adapters.system_clock import SystemClock
from livectl.adapters.tcp import reach
from livectl.config import Settings
from livectl.domain.recording import RecorderKind
from livectl.errors import BadSettings
from livectl.ports.bus import Bus
from livectl.ports.clock import Clock
from livectl.ports.identity import IdentityProvider
from livectl.ports.ingress import Ingresses
from livectl.ports.limiter import Limiter
from livectl.ports.livekit import Media
from livectl.ports.meter import Meter
from livectl.ports.prober import Prober
from livectl.ports.recordings import Recorder
from livectl.ports.store import Store
from livectl.services.doctor import Probe

if TYPE_CHECKING:
    from livectl.adapters.egress import BucketAccess
    from livectl.adapters.s3 import S3Objects


@dataclass(frozen=True)
class Backends:
    """One of each, and nothing of them is opened yet. `livekit` is the connection that the last
    three share, None where no LiveKit is set."""

    clock: Clock
    meter: Meter
    store: Store
    bus: Bus
    objects: FileObjects | S3Objects
    prober: Prober
    livekit: LiveKitCalls | None
    media: Media
    ingresses: Ingresses
    recorders: Mapping[RecorderKind, Recorder]

    @classmethod
    def chosen(cls, settings: Settings, *, serving: bool) -> Self:
        """For a server (`serving`), or for a command's own use."""
        clock = SystemClock()
        meter = _meter(serving)
        livekit = _livekit(settings, meter)
        media = _media(settings, livekit)
        return cls(
            clock=clock,
            meter=meter,
            store=make_store(settings),
            bus=_bus(settings if serving else None, meter),
            objects=_objects(settings, clock, meter),
            prober=AvProber(),
            livekit=livekit,
            media=media,
            ingresses=_ingresses(livekit),
            recorders=_recorders(settings, media, livekit),
        )

    @property
    def files(self) -> FileObjects | None:
        """The objects, where they are files that this server gives out itself."""
        return self.objects if isinstance(self.objects, FileObjects) else None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        await self.store.open()
        try:
            yield
        finally:
            if self.livekit is not None:
                await self.livekit.close()
            await self.objects.close()
            await self.store.close()


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


def limiter(settings: Settings, meter: Meter) -> Limiter:
    if settings.redis_url:
        from livectl.adapters.redis_limiter import RedisLimiter

        return RedisLimiter(settings.redis_url, meter=meter)
    from livectl.adapters.memory_limiter import MemoryLimiter

    return MemoryLimiter()


def identity_provider(settings: Settings) -> IdentityProvider | None:
    if not settings.oidc_client_id:
        return None
    from livectl.adapters.oidc import OidcProvider

    return OidcProvider(
        settings.jwt_issuer, settings.oidc_client_id, settings.oidc_client_secret.reveal()
    )


def probes(settings: Settings, objects: FileObjects | S3Objects) -> dict[str, Probe]:
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


def _meter(serving: bool) -> Meter:
    if not serving:
        return NoMeter()
    from livectl.adapters.prometheus import PrometheusMeter  # costs a command its start

    return PrometheusMeter()


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


def _objects(settings: Settings, clock: Clock, meter: Meter) -> FileObjects | S3Objects:
    if not settings.s3_bucket:
        return FileObjects(
            settings.data_dir / "objects", key=settings.key_for("file links"), clock=clock
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


def _ingresses(livekit: LiveKitCalls | None) -> Ingresses:
    return NoLiveKit() if livekit is None else Ingress(livekit)


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
