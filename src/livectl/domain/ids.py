"""Identifiers: 24-hex object ids, room names, and the LiveKit identities of people."""

from __future__ import annotations

import os
import re
import secrets
import time

_OBJECT_ID = re.compile(r"[0-9a-f]{24}")
_VIEWER_SUFFIX = re.compile(r"#[0-9a-f]{8}")
ROOM_PREFIX = "live_"


def new_id() -> str:
    """A fresh ObjectId as 24 lower-case hex digits: 4 bytes of seconds, 8 of randomness."""
    return int(time.time()).to_bytes(4, "big").hex() + os.urandom(8).hex()


def is_object_id(text: str) -> bool:
    return _OBJECT_ID.fullmatch(text) is not None


def room_name(owner_id: str, started_ms: int) -> str:
    """`live_<userId>_<ms>`, the form that clients know (contract, REST)."""
    return f"{ROOM_PREFIX}{owner_id}_{started_ms}"


def waiting_room(owner_id: str, made_ms: int) -> str:
    """The name of a room that waits for an encoder. It has six digits more than the room of a
    stream, so that two keys of one moment wait in two rooms."""
    return room_name(owner_id, made_ms * 1_000_000 + secrets.randbelow(1_000_000))


def is_our_room(name: str) -> bool:
    """Whether a LiveKit room is named as this product names rooms; no other is ever touched."""
    return re.fullmatch(r"live_.+_\d{10,}", name) is not None


def viewer_identity(user_id: str) -> str:
    """A LiveKit identity for one more tab of a viewer.

    LiveKit puts out whoever holds an identity when it joins again, so two tabs of a person need
    two identities; `user_of` leads both back to the one person.
    """
    return f"{user_id}#{secrets.token_hex(4)}"


def user_of(identity: str) -> str:
    """The user behind a LiveKit identity."""
    head, suffix = identity[:-9], identity[-9:]
    return head if head and _VIEWER_SUFFIX.fullmatch(suffix) else identity
