"""What is said in a room: messages, gifts, announcements, and how they are cleaned and kept."""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from datetime import datetime
from typing import Literal

import msgspec

from livectl.domain.clock import epoch_ms
from livectl.domain.words import UNSEEN, UNSEEN_BLANKS

MESSAGE_MAX = 1000
GIFT_TYPE_MAX = 64
CLIENT_ID_MAX = 64
EMOJI_MAX = 16
HIGHLIGHT_FROM = 100
SYSTEM = "system"
"""Who speaks in announcements."""

EntryKind = Literal["message", "gift", "system"]


class ChatEntry(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One line of a room's history. Ids sort by time, and those of one process in its order.

    `content` is a message's text, or what came with a gift. `hidden_by` is the id of the event
    that took it off the screens; it stays in the store, so that this can be undone.
    """

    id: str
    stream_id: str
    kind: EntryKind
    user_id: str
    content: str
    at: datetime
    gift_type: str | None = None
    value: int | None = None
    client_id: str | None = None
    hidden_by: str | None = None


_process = os.urandom(4).hex()
_last = 0


def entry_id(at: datetime) -> str:
    """24 hex digits that sort by time: 12 of milliseconds, 4 of a counter, 8 of this process. Each
    is above the one before, also when the clock goes back or a millisecond has more than 65,536.
    """
    global _last
    _last = max(_last + 1, epoch_ms(at) << 16)
    return f"{_last:016x}{_process}"


def entry_id_of(at: datetime, *parts: str) -> str:
    """An id that sorts by time as well, and is the same wherever it is made of the same parts."""
    digest = hashlib.blake2b("/".join(parts).encode(), digest_size=6)
    return f"{epoch_ms(at):012x}{digest.hexdigest()}"


# Control characters (U+0000-9F, less the line end), lone surrogates, and what turns or isolates
# a direction; the marks U+200E, U+200F and U+061C reach no further than their neighbours.
_GARBLING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SEEN = re.compile(rf"[^\s{UNSEEN}{UNSEEN_BLANKS}]")
_MARKS_MAX = 4  # on one letter; Burmese has words with four


def cleaned(text: str) -> str:
    """Without outer blanks and without what garbles other people's lines: control characters (but
    line ends), lone surrogates, characters that turn the direction of what follows, and marks
    piled up on a letter. Empty when nothing of it is to be seen."""
    if text.isascii() and text.isprintable():
        return text.strip()
    said = _GARBLING.sub("", text)
    if not _SEEN.search(said):
        return ""
    return (said if said.isascii() else _with_few_marks(said)).strip()


def _with_few_marks(text: str) -> str:
    kept = []
    marks = 0
    for char in text:
        match unicodedata.category(char):
            case "Mn" | "Me":
                marks += 1
                if marks > _MARKS_MAX:
                    continue
            case "Cf":  # not seen, so the marks after it stand where those before it do
                pass
            case _:
                marks = 0
        kept.append(char)
    return "".join(kept)
