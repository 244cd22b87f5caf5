"""What keeps order: each thing that a host, a moderator or an administrator can do, as data.

An act is for one stream (`stream_id`), for all streams of an owner (`owner_id`), or for all
(neither). It is decoded from a request, authorised, done, and kept in the event log as
`moderation.<act>`; the log's entry knows the command that takes it back.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, NamedTuple

import msgspec
from msgspec import Meta

from livectl.domain.chat import MESSAGE_MAX
from livectl.domain.moderation import (
    EVERYWHERE,
    PEOPLE_MAX,
    SLOW_MAX_S,
    TIMEOUT_MAX_S,
    TIMEOUT_MIN_S,
    WORDS_MAX,
    scope_of_owner,
    scope_of_stream,
)

EVENT_PREFIX = "moderation."
BULK_MAX = 500

UserId = Annotated[str, Meta(min_length=1, max_length=128)]
MessageId = Annotated[str, Meta(min_length=1, max_length=128)]
Text = Annotated[str, Meta(min_length=1, max_length=MESSAGE_MAX)]
Reason = Annotated[str, Meta(max_length=500)]
People = Annotated[list[UserId], Meta(max_length=PEOPLE_MAX)]
Words = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=200)]], Meta(max_length=WORDS_MAX)
]


class Act(
    msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True, tag_field="act"
):
    """Base of all. `reason` is kept with it."""

    for_owner_only: ClassVar[bool] = False
    """Whether moderators may not do it."""

    stream_id: Annotated[str, Meta(pattern="^[0-9a-fA-F]{24}$", max_length=24)] | None = None
    owner_id: UserId | None = None
    reason: Reason | None = None

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)

    @property
    def scope(self) -> str:
        if self.stream_id is not None:
            return scope_of_stream(self.stream_id.lower())
        return EVERYWHERE if self.owner_id is None else scope_of_owner(self.owner_id)


class Delete(Act, frozen=True, kw_only=True, tag="delete"):
    """Take messages off the screens and out of the history."""

    message_ids: Annotated[list[MessageId], Meta(min_length=1, max_length=BULK_MAX)]


class Restore(Act, frozen=True, kw_only=True, tag="restore"):
    """Put messages back: these, or all that one act (its event's id) took away."""

    message_ids: Annotated[list[MessageId], Meta(max_length=BULK_MAX)] = []
    event_id: str | None = None


class Clear(Act, frozen=True, kw_only=True, tag="clear"):
    """Take everything away that a user said."""

    user_id: UserId


class Timeout(Act, frozen=True, kw_only=True, tag="timeout"):
    """A user says nothing for a time: 10 s to 14 days."""

    user_id: UserId
    seconds: Annotated[int, Meta(ge=TIMEOUT_MIN_S, le=TIMEOUT_MAX_S)]


class Untimeout(Act, frozen=True, kw_only=True, tag="untimeout"):
    """A user may speak again."""

    user_id: UserId


class Block(Act, frozen=True, kw_only=True, tag="block"):
    """A user is put out and kept out, for `seconds` or for good; with `address` whoever comes from
    where that user was last seen, too, which always has an end (a week unless said)."""

    user_id: UserId
    seconds: Annotated[int, Meta(ge=1, le=10 * 366 * 86_400)] | None = None
    address: bool = False


class Unblock(Act, frozen=True, kw_only=True, tag="unblock"):
    """A user may come in again, and so may those from the same addresses."""

    user_id: UserId


class Kick(Act, frozen=True, kw_only=True, tag="kick"):
    """A user is put out, and may come back."""

    user_id: UserId


class Mute(Act, frozen=True, kw_only=True, tag="mute"):
    """A publisher's tracks, or one of them, are muted at LiveKit; they can unmute themselves."""

    user_id: UserId
    track_sid: str | None = None


class Rules(Act, frozen=True, kw_only=True, tag="rules"):
    """Change how a room talks; what is left out stays."""

    slow_seconds: Annotated[int, Meta(ge=0, le=SLOW_MAX_S)] | None = None
    frozen: bool | None = None
    links_off: bool | None = None
    allowed_only: bool | None = None
    allow: People = []
    disallow: People = []
    add_words: Words = []
    remove_words: Words = []


class Moderators(Act, frozen=True, kw_only=True, tag="moderators"):
    """Name moderators, or take it back."""

    for_owner_only = True

    add: People = []
    remove: People = []


class Announce(Act, frozen=True, kw_only=True, tag="announce"):
    """Speak into the rooms as the system."""

    content: Text


class Warn(Act, frozen=True, kw_only=True, tag="warn"):
    """Tell one user something that nobody else sees."""

    user_id: UserId
    content: Text


class Pin(Act, frozen=True, kw_only=True, tag="pin"):
    """Keep a message in sight; a sixth pushes the oldest out."""

    message_id: MessageId
    content: Text


class Unpin(Act, frozen=True, kw_only=True, tag="unpin"):
    """Let go of a pinned message."""

    message_id: MessageId


AnyAct = (
    Delete
    | Restore
    | Clear
    | Timeout
    | Untimeout
    | Block
    | Unblock
    | Kick
    | Mute
    | Rules
    | Moderators
    | Announce
    | Warn
    | Pin
    | Unpin
)


class _Verb(NamedTuple):
    """A verb of `livectl moderation`: its name, whom or what it is done to, its options."""

    name: str
    targets: Sequence[str] = ()
    options: str = ""


def undo_command(type_: str, event_id: str, data: dict[str, Any]) -> str | None:
    """The command that takes an act back, from what the log says of it; None where none can.
    Commands are joined by `&&` where it takes several."""
    scope = _scope_option(str(data.get("scope", "")))
    verbs = _undo(type_.removeprefix(EVENT_PREFIX), event_id, data)
    return " && ".join(_command(verb, scope) for verb in verbs) or None


def quoted(text: object) -> str:
    """As one word of a shell."""
    return shlex.quote(str(text))


def _undo(name: str, event_id: str, data: dict[str, Any]) -> list[_Verb]:
    user = [str(data.get("user"))]
    message = [str(data.get("message"))]
    match name:
        case "delete" | "clear":
            return [_Verb("restore", options=f" --event {event_id}")]
        case "restore" if ids := data.get("ids"):
            return [_Verb("delete", ids)]
        case "timeout":
            return [_Verb("timeout", user, " --off")]
        case "untimeout":
            left = max(TIMEOUT_MIN_S, data.get("seconds", 0))
            return [_Verb("timeout", user, f" --for {left}s")]
        case "block":
            return [_Verb("unblock", user)]
        case "unblock":
            left_of = f" --for {data['seconds']}s" if "seconds" in data else ""
            return [_Verb("block", user, left_of + (" --address" if data.get("address") else ""))]
        case "rules":
            return _undo_rules(data.get("before", {}), data.get("after", {}))
        case "moderators":
            return _undo_list("moderators", data.get("before", []), data.get("after", []))
        case "pin":
            return [_Verb("pins remove", message)]
        case "unpin":
            return [_Verb("pins add", message, f" --content={quoted(data.get('content'))}")]
    return []


def _undo_rules(before: dict[str, Any], after: dict[str, Any]) -> list[_Verb]:
    """The rules as the log has them: what is at its default is left out."""
    verbs = []
    if (was := before.get("slowSeconds", 0)) != after.get("slowSeconds", 0):
        verbs.append(_Verb("slow", [f"{was}s" if was else "off"]))
    if (was := before.get("frozen", False)) != after.get("frozen", False):
        verbs.append(_Verb("freeze", [_switch(was)]))
    if (was := before.get("linksOff", False)) != after.get("linksOff", False):
        verbs.append(_Verb("links", [_switch(not was)]))
    if (was := before.get("allowedOnly", False)) != after.get("allowedOnly", False):
        verbs.append(_Verb(f"allow {_switch(was)}"))
    verbs += _undo_list("allow", before.get("allowed", []), after.get("allowed", []))
    return verbs + _undo_list("words", before.get("words", []), after.get("words", []))


def _undo_list(noun: str, before: list[str], after: list[str]) -> list[_Verb]:
    gone = [one for one in before if one not in after]
    new = [one for one in after if one not in before]
    verbs = [_Verb(f"{noun} remove", new), _Verb(f"{noun} add", gone)]
    return [verb for verb in verbs if verb.targets]


def _switch(on: bool) -> str:
    return "on" if on else "off"


def _scope_option(scope: str) -> str:
    kind, _, name = scope.partition(":")
    named = {"stream": f" --stream {name}", "owner": f" --owner {quoted(name)}"}
    return named.get(kind, " --everywhere")


def _command(verb: _Verb, scope: str) -> str:
    targets = "".join(f" {quoted(one)}" for one in verb.targets)
    options = verb.options + scope
    if any(one.startswith("-") for one in verb.targets):
        return f"livectl moderation {verb.name}{options} --{targets}"  # or it would be an option
    return f"livectl moderation {verb.name}{targets}{options}"
