"""Ingress keys as answers show them, with the secret masked or not."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, UnsetType

from livectl.domain.ingress import (
    ConnectionStatus,
    IngressKey,
    Protocol,
    Through,
    masked,
    without_password,
)
from livectl.server.http import Body
from livectl.server.paging import Page
from livectl.services.ingress import Handed, Seen


class IngressOfStream(Body):
    """What an encoder of the stream needs. `warning` says what it would run into."""

    ingress_id: str
    stream_key: str
    rtmp_url: str | UnsetType = UNSET
    whip_url: str | UnsetType = UNSET
    warning: str | UnsetType = UNSET


class SeenView(Body):
    """What LiveKit has at this moment: sizes in pixels, bitrates in bits a second, as far as it
    knows them."""

    status: ConnectionStatus
    error: str | None
    video_codec: str | None
    audio_codec: str | None
    width: int | None
    height: int | None
    video_bitrate: int | None
    audio_bitrate: int | None


class IngressKeyView(Body):
    """`streamKey` is masked, unless it is new or was asked for. `live` is whether an encoder is
    connected; `oldKeyUntil` until when the key before the last rotation works as well."""

    key_id: str
    owner_id: str
    stream_id: str | None
    live_stream_id: str | None
    live: bool
    type: Protocol
    through: Through
    ingress_id: str
    url: str
    stream_key: str
    source: str | None
    title: str
    tags: list[str]
    cover_url: str | None
    enable_recording: bool
    enable_replay: bool
    auto_record: bool
    grace_seconds: int
    enabled: bool
    off_reason: str | None
    expires_at: datetime | None
    old_key_until: datetime | None
    status: ConnectionStatus
    status_since: datetime | None
    error: str | None
    gone_since: datetime | None
    last_used_at: datetime | None
    came_from: str | None
    created_at: datetime
    created_by: str
    updated_at: datetime
    warning: str | UnsetType = UNSET
    seen: SeenView | UnsetType = UNSET


class IngressKeyPage(Page[IngressKeyView]):
    pass


def of_stream_view(handed: Handed) -> IngressOfStream:
    key = handed.key
    where: dict[str, Any] = {"rtmp": "rtmp_url", "whip": "whip_url"}
    found = IngressOfStream(
        ingress_id=key.line.ingress_id,
        stream_key=key.line.stream_key,
        warning=handed.warning or UNSET,
    )
    if key.protocol in where:
        setattr(found, where[key.protocol], key.line.url)
    return found


def handed_view(handed: Handed) -> IngressKeyView:
    return view(handed.key, reveal=handed.fresh, warning=handed.warning or UNSET)


def view(
    key: IngressKey,
    *,
    reveal: bool = False,
    warning: str | UnsetType = UNSET,
    seen: SeenView | UnsetType = UNSET,
) -> IngressKeyView:
    connection, secret = key.connection, key.line.stream_key
    return IngressKeyView(
        key_id=key.id,
        owner_id=key.owner_id,
        stream_id=key.stream_id,
        live_stream_id=key.live_stream_id,
        live=connection.status == "publishing",
        type=key.protocol,
        through=key.through,
        ingress_id=key.line.ingress_id,
        url=key.line.url,
        stream_key=secret if reveal else masked(secret),
        source=key.source and (key.source if reveal else without_password(key.source)),
        title=key.title,
        tags=key.tags,
        cover_url=key.cover_url,
        enable_recording=key.enable_recording,
        enable_replay=key.enable_replay,
        auto_record=key.auto_record,
        grace_seconds=key.grace_s,
        enabled=key.enabled,
        off_reason=key.off_reason,
        expires_at=key.expires_at,
        old_key_until=max((one.ends_at for one in key.lines if one.ends_at), default=None),
        status=connection.status,
        status_since=connection.since,
        error=connection.error,
        gone_since=key.gone_since,
        last_used_at=key.last_used_at,
        came_from=connection.came_from,
        created_at=key.created_at,
        created_by=key.by,
        updated_at=key.updated_at,
        warning=warning,
        seen=seen,
    )


def seen_view(key: IngressKey, seen: Seen) -> SeenView:
    """What the Ingress service says, else what LiveKit lists of the tracks."""
    made = next((one for one in seen.made if one.status != "inactive"), None)
    video = next((one for one in seen.tracks if one.kind == "video"), None)
    audio = next((one for one in seen.tracks if one.kind == "audio"), None)
    return SeenView(
        status="publishing" if seen.tracks else made.status if made else "inactive",
        error=made.error if made else key.connection.error,
        video_codec=(made and made.video_codec) or (video and video.codec) or None,
        audio_codec=(made and made.audio_codec) or (audio and audio.codec) or None,
        width=(made and made.width) or (video and video.width) or None,
        height=(made and made.height) or (video and video.height) or None,
        video_bitrate=made.video_bitrate if made else None,
        audio_bitrate=made.audio_bitrate if made else None,
    )
