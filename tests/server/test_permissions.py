"""Every call for every kind of caller, as one table. A new route without its line fails."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable
from typing import Any, get_args

import httpx
import jwt
import pytest

from livectl.adapters.files import FileObjects
from livectl.app import ROUTES
from livectl.domain.acts import AnyAct
from livectl.domain.ids import new_id
from livectl.server.auth import Allow
from livectl.server.http import Route
from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.server.api import JWT_SECRET, METRICS_TOKEN, ROOT, Api, as_operator
from tests.server.conftest import NewApi
from tests.services.films import film, hls

CALLERS = ("anonymous", "someone", "owner", "administrator", "operator", "monitor")

# A stream that is not one's own does not exist, where only its owner may act on it: 404.
# An operator at the shell is no user: going live in no user's name is bad input.
TABLE = {
    "POST /api/live/start": (401, 200, 200, 200, 400, 403),
    "GET /api/live/start": (401, 200, 200, 200, 200, 403),
    "POST /api/live/stop": (401, 404, 200, 404, 404, 403),
    "POST /api/live/{id}/token": (401, 404, 200, 404, 404, 403),
    "GET /api/live/active": (401, 200, 200, 200, 200, 403),
    "GET /api/live/{id}/watch": (401, 200, 200, 200, 200, 403),
    "GET /api/live/{id}/about": (401, 200, 200, 200, 200, 403),
    "GET /api/live/{id}/status": (401, 200, 200, 200, 200, 403),
    "GET /api/live/replays": (401, 200, 200, 200, 200, 403),
    "POST /api/live/{id}/end": (401, 403, 403, 200, 200, 403),
    "POST /api/live/{id}/report": (401, 200, 200, 200, 200, 403),
    "GET /api/live/{id}/messages": (401, 200, 200, 200, 200, 403),
    "POST /api/live/{id}/pin-message": (401, 403, 200, 403, 403, 403),
    "DELETE /api/live/{id}/pin-message/{message_id}": (401, 403, 200, 403, 403, 403),
    # In one stream; of other scopes, and for moderators, see the table of acts below.
    "POST /api/moderation": (401, 404, 200, 200, 200, 403),
    "GET /api/moderation/messages": (401, 404, 200, 200, 200, 403),
    "GET /api/moderation/restrictions": (401, 404, 200, 200, 200, 403),
    "GET /api/moderation/rules": (401, 404, 200, 200, 200, 403),
    "GET /api/moderation/audit": (401, 403, 403, 200, 200, 403),
    "GET /api/reports": (401, 403, 403, 200, 200, 403),
    "GET /api/reports/{id}": (401, 403, 403, 200, 200, 403),
    "POST /api/reports/{id}/resolve": (401, 403, 403, 200, 200, 403),
    "GET /api/streams": (401, 403, 403, 200, 200, 403),
    "POST /api/streams": (401, 403, 403, 200, 200, 403),
    "GET /api/streams/{id}": (401, 403, 403, 200, 200, 403),
    "GET /api/streams/{id}/timeline": (401, 403, 403, 200, 200, 403),
    # Nobody is on air, and so nothing records.
    "POST /api/live/{id}/recording/start": (401, 404, 409, 404, 404, 403),
    "POST /api/live/{id}/recording/stop": (401, 404, 400, 404, 404, 403),
    "POST /api/streams/{id}/recording/start": (401, 403, 403, 409, 409, 403),
    "POST /api/streams/{id}/recording/stop": (401, 403, 403, 400, 400, 403),
    "GET /api/recordings": (401, 403, 403, 200, 200, 403),
    "POST /api/recordings/sync": (401, 403, 403, 200, 200, 403),
    "GET /api/recordings/{id}": (401, 403, 403, 404, 404, 403),
    "POST /api/recordings/{id}/retry": (401, 403, 403, 404, 404, 403),
    "GET /api/bans": (401, 403, 403, 200, 200, 403),
    "POST /api/bans": (401, 403, 403, 200, 200, 403),
    "DELETE /api/bans/{user_id:path}": (401, 403, 403, 200, 200, 403),
    "POST /api/live/{id}/ingress": (401, 404, 200, 404, 404, 403),
    "POST /api/live/{id}/ingress/rotate": (401, 404, 200, 404, 404, 403),
    "DELETE /api/live/{id}/ingress": (401, 404, 200, 404, 404, 403),
    "GET /api/ingress": (401, 403, 403, 200, 200, 403),
    "POST /api/ingress": (401, 403, 403, 200, 200, 403),
    "GET /api/ingress/{id}": (401, 403, 403, 200, 200, 403),
    "POST /api/ingress/{id}/rotate": (401, 403, 403, 200, 200, 403),
    "POST /api/ingress/{id}/enable": (401, 403, 403, 200, 200, 403),
    "POST /api/ingress/{id}/disable": (401, 403, 403, 200, 200, 403),
    "POST /api/ingress/{id}/end": (401, 403, 403, 200, 200, 403),
    "DELETE /api/ingress/{id}": (401, 403, 403, 200, 200, 403),
    # Whoever has a stream key.
    "OPTIONS /whip": (200, 200, 200, 200, 200, 200),
    "POST /whip": (401, 401, 401, 401, 401, 401),
    "PATCH /whip/{session}": (401, 401, 401, 401, 401, 401),
    "DELETE /whip/{session}": (401, 401, 401, 401, 401, 401),
    "POST /api/webhooks/livekit": (401, 401, 401, 401, 401, 401),
    "GET /api/webhooks": (401, 403, 403, 200, 200, 403),
    "POST /api/webhooks/replay": (401, 403, 403, 200, 200, 403),
    "POST /api/webhooks/sample": (401, 403, 403, 200, 200, 403),
    "GET /api/webhooks/{webhook_id}": (401, 403, 403, 200, 200, 403),
    "POST /api/reconcile": (401, 403, 403, 200, 200, 403),
    "GET /api/events": (401, 403, 403, 200, 200, 403),
    "POST /api/tokens": (401, 403, 403, 200, 200, 403),
    "POST /api/session": (200, 200, 200, 200, 200, 200),
    "GET /api/session": (401, 200, 200, 200, 200, 403),
    "GET /api/session/ways": (200, 200, 200, 200, 200, 200),
    "POST /api/session/codes": (401, 200, 200, 200, 200, 403),
    "DELETE /api/session": (200, 200, 200, 200, 200, 200),
    "GET /api/doctor": (401, 403, 403, 200, 200, 403),
    "GET /api/stats": (401, 403, 403, 200, 200, 403),
    "GET /healthz": (200, 200, 200, 200, 200, 200),
    "GET /readyz": (200, 200, 200, 200, 200, 200),
    "GET /metrics": (401, 403, 403, 200, 200, 200),
    "GET /api/live/{id}/vod": (401, 200, 200, 200, 200, 403),
    "GET /api/vods": (401, 403, 403, 200, 200, 403),
    "GET /api/vods/{id}": (401, 403, 403, 200, 200, 403),
    "GET /api/vods/{id}/link": (401, 403, 403, 200, 200, 403),
    "POST /api/vods/{id}/thumbnails": (401, 403, 403, 200, 200, 403),
    "POST /api/vods/{id}/hold": (401, 403, 403, 200, 200, 403),
    "DELETE /api/vods/{id}/hold": (401, 403, 403, 200, 200, 403),
    # A directory has no storage classes.
    "POST /api/vods/{id}/archive": (401, 403, 403, 400, 400, 403),
    "DELETE /api/vods/{id}": (401, 403, 403, 200, 200, 403),
    "POST /api/vods/backfill": (401, 403, 403, 200, 200, 403),
    "DELETE /api/vods/backfill/{run}": (401, 403, 403, 200, 200, 403),
    "POST /api/vods/verify": (401, 403, 403, 200, 200, 403),
    "POST /api/vods/prune": (401, 403, 403, 200, 200, 403),
    # Whoever has a link that is signed.
    "GET /api/vods/{id}/hls/index.m3u8": (200, 200, 200, 200, 200, 200),
    "GET /api/vods/{id}/thumbnails.vtt": (200, 200, 200, 200, 200, 200),
    "GET /files/{path:path}": (200, 200, 200, 200, 200, 200),
    "GET /openapi.json": (200, 200, 200, 200, 200, 200),
    "GET /docs": (200, 200, 200, 200, 200, 200),
}

# Each act of moderation: may someone, a moderator of the stream, its owner, an administrator do it
# in the stream?
ACTS = {
    "delete": (False, True, True, True),
    "restore": (False, True, True, True),
    "clear": (False, True, True, True),
    "timeout": (False, True, True, True),
    "untimeout": (False, True, True, True),
    "block": (False, True, True, True),
    "unblock": (False, True, True, True),
    "kick": (False, True, True, True),
    "mute": (False, True, True, True),
    "rules": (False, True, True, True),
    "moderators": (False, False, True, True),
    "announce": (False, True, True, True),
    "warn": (False, True, True, True),
    "pin": (False, True, True, True),
    "unpin": (False, True, True, True),
}
ROLES = ("someone", "moderator", "owner", ROOT)
FIELDS: dict[str, dict[str, Any]] = {
    "delete": {"messageIds": ["m1"]},
    "restore": {"messageIds": ["m1"]},
    "timeout": {"userId": "bob", "seconds": 60},
    "rules": {"frozen": True},
    "moderators": {"add": ["mate"]},
    "announce": {"content": "hello"},
    "warn": {"userId": "bob", "content": "hello"},
    "pin": {"messageId": "m2", "content": "look"},
    "unpin": {"messageId": "m1"},
}
CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    409: "conflict",
}

BODIES: dict[str, dict[str, Any]] = {
    "POST /api/live/{id}/report": {"type": "spam", "reason": "it is"},
    "POST /api/live/{id}/pin-message": {"messageId": "m2", "content": "look"},
    "POST /api/moderation": {"act": "kick", "userId": "mallory"},
    "POST /api/reports/{id}/resolve": {"resolution": "looked at"},
    "POST /api/streams": {"ownerId": "carol"},
    "POST /api/live/{id}/ingress": {"type": "whip"},
    "POST /api/ingress": {"ownerId": "carol", "type": "whip"},
    "POST /api/bans": {"userId": "mallory", "seconds": 60},
    "POST /api/webhooks/replay": {"failed": True},
    "POST /api/webhooks/sample": {"event": "room_started"},
    "POST /api/tokens": {"userId": "carol"},
    "POST /api/vods/{id}/hold": {"reason": "evidence"},
    "POST /api/vods/{id}/archive": {"storageClass": "GLACIER"},
    "POST /api/vods/backfill": {"run": "this"},
    "POST /api/vods/prune": {"before": "2020-01-01T00:00:00Z"},
    "POST /api/session": {"token": jwt.encode({"userId": "carol", "aud": "livectl"}, JWT_SECRET)},
}


def name_of(route: Route) -> str:
    return f"{route.method} {route.path}"


by_name = pytest.mark.parametrize("route", ROUTES, ids=name_of)


def test_every_route_has_its_line_in_the_table_and_no_line_is_left_over() -> None:
    assert sorted(TABLE) == sorted(name_of(route) for route in ROUTES)


async def request_of(route: Route, api: Api) -> dict[str, Any]:
    """A good request about a fresh stream of `owner`, with `bob` banned, a message pinned and a
    report filed."""
    stream_id = (await api.start("owner"))["streamId"]
    await api.post("/api/bans", ROOT, json={"userId": "bob", "seconds": 60})
    pin = {"messageId": "m1", "content": "look"}
    await api.post(f"/api/live/{stream_id}/pin-message", "owner", json=pin)
    named = stream_id
    if route.path.startswith("/api/reports"):
        named = await reported(api, stream_id)
    if "/ingress" in route.path:
        key_id = await ingress_of(api, stream_id)
        named = key_id if route.path.startswith("/api/ingress") else stream_id
    vod: dict[str, Any] = {}
    if "vod" in route.path and not route.path.endswith("/backfill"):
        vod = await vod_of(api, stream_id, hls() if "hls" in route.path else {".mp4": film()})
        named = stream_id if route.path.startswith("/api/live") else vod["vodId"]
    request: dict[str, Any] = {
        "method": route.method,
        "url": route.path.replace("{id}", named)
        .replace("{message_id}", "m1")
        .replace("{user_id:path}", "bob")
        .replace("{webhook_id}", await kept_webhook(api))
        .replace("{session}", "PA_1")
        .replace("{run}", "this"),
    }
    if route.allow is Allow.ENCODER:
        request |= {"content": b"v=0", "headers": {"Content-Type": route.takes}}
    elif route.body is not None and route.allow is not Allow.LIVEKIT:
        request["json"] = BODIES.get(name_of(route), {})
    if name_of(route) in {"POST /api/live/stop", "POST /api/moderation"}:
        request["json"] = {**request["json"], "streamId": stream_id}
    if route.allow is Allow.MODERATOR and route.method == "GET":
        request["params"] = {"streamId": stream_id}
    if route.path == "/files/{path:path}":
        request["url"] = await link_to_a_film(api)
    if route.path.endswith((".m3u8", ".vtt")):
        request["url"] = vod["url" if route.path.endswith(".m3u8") else "thumbnailsUrl"]
    if name_of(route) == "DELETE /api/vods/{id}/hold":
        await api.post(request["url"], ROOT, json={"reason": "evidence"})
    return request


async def vod_of(api: Api, stream_id: str, files: dict[str, bytes]) -> dict[str, Any]:
    """A VOD of a stream, whose files a backfill finds in the bucket."""
    bucket = api.context.files
    assert isinstance(bucket, FileObjects)
    folder = f"recordings/2026/03/{stream_id}/{new_id()}"
    for name, content in files.items():
        path = folder + (name if name == ".mp4" else f"/{name}")
        await bucket.put(path, content, content_type="video/mp4")
    body = {"run": "found", "source": "bucket"}
    while (cursor := await filled(api, body)) is not None:
        body["cursor"] = cursor
    answer = await api.get(f"/api/live/{stream_id}/vod", ROOT)
    found: dict[str, Any] = answer.json()["vod"]
    return found


async def filled(api: Api, body: dict[str, str]) -> str | None:
    """Where to go on after a part of a backfill."""
    cursor: str | None = (
        (await api.post("/api/vods/backfill", ROOT, json=body)).json().get("nextCursor")
    )
    return cursor


async def link_to_a_film(api: Api) -> str:
    files = api.context.files
    assert isinstance(files, FileObjects)
    await files.put("recordings/a.mp4", b"film", content_type="video/mp4")
    return files.link("recordings/a.mp4", seconds=60)


async def ingress_of(api: Api, stream_id: str) -> str:
    """The id of the stream's key, which is made."""
    body = {"streamId": stream_id, "type": "whip"}
    return str((await api.post("/api/ingress", ROOT, json=body)).json()["keyId"])


async def reported(api: Api, stream_id: str) -> str:
    body = {"type": "spam", "reason": "it is"}
    answer = await api.post(f"/api/live/{stream_id}/report", "someone", json=body)
    return str(answer.json()["reportId"])


async def kept_webhook(api: Api) -> str:
    body, signature = api.context.inbox.sample("room_started", None)
    answer = await api.post(
        "/api/webhooks/livekit", content=body, headers={"Authorization": signature}
    )
    assert answer.status_code == 200
    return str(json.loads(body)["id"])


@by_name
async def test_each_caller_may_do_what_the_table_says(route: Route, new_api: NewApi) -> None:
    """Each about a stream of their own, so that nobody's call spoils the next."""
    api = await new_api(LIVECTL_PUBLIC_URL="https://live.test")
    asked = api
    if route.path == "/api/doctor":  # it would wait for a webhook
        asked = await new_api(LIVEKIT_URL=f"http://127.0.0.1:{free_port()}")
    for caller, expected in zip(CALLERS, TABLE[name_of(route)], strict=True):
        answer = await call_as(caller, asked, await request_of(route, api))
        assert answer.status_code == expected, (caller, answer.text)
        if expected >= 400:
            assert answer.json()["code"] == CODES[expected], caller


async def call_as(caller: str, api: Api, request: dict[str, Any]) -> httpx.Response:
    if caller == "operator":
        async with as_operator(api.app) as operator:
            return await operator.request(**request)
    headers = {
        "anonymous": dict,
        "someone": lambda: api.bearer("someone"),
        "owner": lambda: api.bearer("owner"),
        "administrator": lambda: api.bearer(ROOT),
        "monitor": lambda: {"Authorization": f"Bearer {METRICS_TOKEN}"},
    }[caller]()
    given = {**request.get("headers", {}), **headers}
    return await api.http.request(**{**request, "headers": given})


@by_name
async def test_public_browsing_opens_active_status_and_vod_and_nothing_else(
    route: Route, new_api: NewApi
) -> None:
    api = await new_api(LIVECTL_PUBLIC_BROWSE="true")
    answer = await call_as("anonymous", api, await request_of(route, api))
    opened = {
        "GET /api/live/active",
        "GET /api/live/replays",
        "GET /api/live/{id}/about",
        "GET /api/live/{id}/status",
        "GET /api/live/{id}/vod",
    }
    expected = 200 if name_of(route) in opened else TABLE[name_of(route)][0]
    assert answer.status_code == expected, answer.text


def test_every_act_has_its_line_in_the_table() -> None:
    assert sorted(ACTS) == sorted(one.__struct_config__.tag for one in get_args(AnyAct))


@pytest.mark.parametrize("act", ACTS)
async def test_each_role_may_do_in_a_scope_what_the_table_says(act: str, new_api: NewApi) -> None:
    api = await new_api()
    stream_id = (await api.start("owner"))["streamId"]
    named = {"act": "moderators", "streamId": stream_id, "add": ["moderator"]}
    assert (await api.post("/api/moderation", "owner", json=named)).status_code == 200
    scopes: dict[str, tuple[dict[str, Any], tuple[bool, ...]]] = {
        "stream": ({"streamId": stream_id}, ACTS[act]),
        "owner": ({"ownerId": "owner"}, (False, False, True, True)),
        "everywhere": ({}, (False, False, False, True)),
    }
    for scope, (where, table) in scopes.items():
        for role, may in zip(ROLES, table, strict=True):
            body = {"act": act, **FIELDS.get(act, {"userId": "bob"}), **where}
            answer = await api.post("/api/moderation?dryRun=true", role, json=body)
            refused = answer.status_code in {401, 403} or "stream not found" in answer.text
            assert refused is not may, (scope, role, answer.text)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    return {
        "userId": "owner",
        "role": "administrator",
        "iat": now,
        "exp": now + 3600,
        "aud": "livectl",
        **changed,
    }


def unsigned(header: dict[str, str]) -> str:
    parts = (json.dumps(part).encode() for part in (header, claims()))
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."


BAD_TOKENS: dict[str, Callable[[], str]] = {
    "forged": lambda: jwt.encode(claims(), "f" * 40, algorithm="HS256"),
    "expired": lambda: jwt.encode(claims(exp=int(time.time()) - 1), JWT_SECRET),
    "not yet valid": lambda: jwt.encode(claims(nbf=int(time.time()) + 60), JWT_SECRET),
    "alg none": lambda: unsigned({"alg": "none", "typ": "JWT"}),
    "alg NONE": lambda: unsigned({"alg": "NoNe"}),
    "another HMAC": lambda: jwt.encode(claims(), JWT_SECRET + "x" * 40, algorithm="HS512"),
    "wrong audience": lambda: jwt.encode(claims(aud="other"), JWT_SECRET),
    "no audience": lambda: jwt.encode(
        {name: value for name, value in claims().items() if name != "aud"}, JWT_SECRET
    ),
    "no user": lambda: jwt.encode(claims(userId=None), JWT_SECRET),
    "garbage": lambda: "a.b.c",
    "not ASCII": lambda: "tök.en.é",
}


@by_name
async def test_a_token_that_is_not_good_is_refused_wherever_a_token_counts(
    route: Route, new_api: NewApi, livekit: LiveKit
) -> None:
    api = await new_api(JWT_AUDIENCE="livectl")
    request = await request_of(route, api)
    _, signature = api.context.inbox.sample("room_started", None)
    headers = {name: f"Bearer {make()}" for name, make in BAD_TOKENS.items()}
    headers |= {"another scheme": "Basic YTpi", "no token": "Bearer ", "a webhook's": signature}
    for name, header in headers.items():
        given = {**request.get("headers", {}), "Authorization": header.encode()}
        answer = await api.http.request(**{**request, "headers": given})
        expected = 200 if route.allow in {Allow.EVERYONE, Allow.SIGN_IN} else 401
        assert answer.status_code == expected, (name, answer.text)


async def test_a_good_token_counts_with_the_right_audience(new_api: NewApi) -> None:
    api = await new_api(JWT_AUDIENCE="livectl")
    token = jwt.encode(claims(), JWT_SECRET)
    answer = await api.get("/api/streams", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
