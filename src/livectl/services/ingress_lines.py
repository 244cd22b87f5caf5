"""The lines of ingress keys at LiveKit: made, moved, switched, ended."""

from __future__ import annotations

import secrets
from contextlib import suppress

from livectl.domain.ids import new_id
from livectl.domain.ingress import IngressKey, Line, ingress_name, without_password
from livectl.errors import NotFound, NotReady, TimedOutside, Unavailable
from livectl.ports.clock import Clock
from livectl.ports.ingress import Ingresses, IngressSpec, MadeIngress
from livectl.ports.livekit import Media

# A room that waits for an encoder closes after this; the reconcile makes it again.
_WAITS_S = 30 * 86_400
# A room outlives the grace time of its encoder, so that it is never LiveKit who ends the stream.
_MARGIN_S = 30
# A worker that runs answers at once. One that crashed never does, and the deletion waits for it.
_REFUSED_WITHIN_S = 0.5


class Lines:
    def __init__(self, ingresses: Ingresses, media: Media, clock: Clock) -> None:
        self._ingresses = ingresses
        self._media = media
        self._clock = clock

    async def make(self, key: IngressKey, whip_url: str) -> Line:
        """A new secret of a key, and what takes it. `whip_url` is where this server takes WHIP.

        Raises NotReady where nothing can take it, with the remedy.
        """
        now = self._clock.now()
        if key.through == "livekit":
            return Line(
                ingress_id=f"WH_{new_id()}",
                stream_key=secrets.token_urlsafe(32),
                url=whip_url,
                made_at=now,
            )
        await self.keep_room(key)
        spec = IngressSpec(
            protocol=key.protocol,
            name=ingress_name(key.id, now),
            room=key.room,
            identity=key.identity,
            source=key.source,
        )
        made = await self._ingresses.create(spec)
        return Line(
            ingress_id=made.ingress_id,
            stream_key=made.stream_key,
            url=without_password(made.url) if key.protocol == "url" else made.url,
            made_at=now,
        )

    async def keep_room(self, key: IngressKey) -> None:
        """Have the room that an encoder of a standing key joins: a LiveKit that makes none by
        joining would refuse it."""
        if key.standing:
            await self._media.create_room(
                key.room, empty_s=_WAITS_S, departure_s=key.grace_s + _MARGIN_S
            )

    async def warning(self, key: IngressKey) -> str | None:
        """What an encoder would run into at the address of a key."""
        url = key.line.url
        if key.through == "livekit" or key.protocol == "url" or await self._ingresses.answers(url):
            return None
        return (
            f"nothing answers at {url}: start LiveKit's Ingress service (deploy/ingress.yaml), or "
            "use a WHIP key, which needs none"
        )

    async def made(self, key: IngressKey) -> list[MadeIngress]:
        """What LiveKit has of a key's lines, in their order."""
        if key.through == "livekit":
            return []
        return [
            made for line in key.lines for made in await self.listed(ingress_id=line.ingress_id)
        ]

    async def listed(
        self, *, ingress_id: str | None = None, room: str | None = None
    ) -> list[MadeIngress]:
        """What LiveKit has; nothing where it has no Ingress."""
        try:
            return await self._ingresses.ingresses(ingress_id=ingress_id, room=room)
        except NotReady:
            return []

    async def refuse(self, key: IngressKey) -> None:
        """Its lines take no connections, and an encoder that is connected is put out. What is
        pulled is deleted: LiveKit lets nothing of it be changed."""
        if key.protocol == "url":
            await self.end_all(key)
        else:
            await self.switch(key, enabled=False)
        await self.drop(key)

    async def switch(self, key: IngressKey, *, enabled: bool) -> None:
        """Whether its lines take connections."""
        for made in await self.made(key):
            if made.reusable and made.enabled is not enabled:
                with suppress(NotFound):
                    await self._ingresses.enable(made.ingress_id, enabled=enabled)

    async def move(self, key: IngressKey, made: MadeIngress) -> None:
        """The next connection of an ingress joins the room of its key. Raises Conflict while an
        encoder is connected by it."""
        await self.keep_room(key)
        people = await self._media.participants(made.room)
        # Of a worker that crashed LiveKit goes on to say that an encoder is connected.
        crashed = all(one.identity != made.identity for one in people)
        with suppress(NotFound):
            await self._ingresses.move(made.ingress_id, key.room, connected=crashed)

    async def end(self, ingress_id: str) -> bool:
        """Refuse new connections first, since an encoder reconnects by itself; then delete it,
        which drops one that is connected. False where it was not there."""
        try:
            for made in await self._ingresses.ingresses(ingress_id=ingress_id):
                if made.reusable:
                    await self._refuse_new(ingress_id)
            return await self._ingresses.delete(ingress_id)
        except (NotFound, NotReady):
            return False

    async def _refuse_new(self, ingress_id: str) -> None:
        with suppress(TimedOutside):
            await self._ingresses.enable(ingress_id, enabled=False, within_s=_REFUSED_WITHIN_S)

    async def end_all(self, key: IngressKey) -> None:
        if key.through == "ingress":
            for line in key.lines:
                await self.end(line.ingress_id)

    async def is_here(self, key: IngressKey) -> bool:
        """Whether its encoder is in its room."""
        people = await self._media.participants(key.room)
        return any(one.identity == key.identity for one in people)

    async def drop(self, key: IngressKey) -> None:
        """Put an encoder out that is connected."""
        try:
            await self._media.remove_participant(key.room, key.identity)
        except Unavailable:
            # Of one who leaves at this moment LiveKit tells late, or never.
            if await self.is_here(key):
                raise
