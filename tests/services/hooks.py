"""Webhooks as LiveKit sends them: their JSON, and its signature."""

from __future__ import annotations

import itertools
import json
from datetime import datetime
from pathlib import Path
from typing import Any

from livectl.adapters.livekit import LiveKit
from livectl.adapters.livekit_calls import LiveKitCalls
from livectl.adapters.no_meter import NoMeter
from livectl.domain.clock import epoch_ms

FIXTURE = Path(__file__).parents[1] / "fixtures" / "livekit-webhooks.jsonl"
KEY = "testkey"
SECRET = "a-secret-that-only-these-tests-know-1234"

_numbers = itertools.count(1)


def real_bodies() -> list[bytes]:
    """What a LiveKit sent in one run with an ingress and a recording, in that order."""
    return FIXTURE.read_bytes().splitlines()


def sign(body: bytes, key: str = KEY, secret: str = SECRET) -> str:
    """The Authorization that LiveKit would send with this body."""
    calls = LiveKitCalls("", key, secret, meter=NoMeter())
    return LiveKit(calls, public_url="").sign_webhook(body)


def participant(sid: str, identity: str, joined: datetime, **more: Any) -> dict[str, Any]:
    millis = epoch_ms(joined)
    times = {"joinedAt": str(millis // 1000), "joinedAtMs": str(millis)}
    return {"sid": sid, "identity": identity, **times, **more}


def hook(event: str, room: str, at: datetime, **more: Any) -> bytes:
    """A webhook's body, with an id that no other has."""
    content = {
        "event": event,
        "room": {"sid": f"RM_{room[-6:]}", "name": room},
        "id": f"EV_{next(_numbers):08d}",
        "createdAt": str(epoch_ms(at) // 1000),
        **more,
    }
    return json.dumps(content).encode()


def id_of(body: bytes) -> str:
    return str(json.loads(body)["id"])
