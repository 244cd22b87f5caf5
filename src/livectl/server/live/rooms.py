"""The live rooms of this process: who is in them, and what they are told.

What somebody here says goes to the sockets here and over the bus to the other processes; what
changes in the store (a kill, a block, a pin, wherever it came from) is heard of from the event log
by every process, and numbers are read twice a second.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

import orjson

from livectl.domain.acts import EVENT_PREFIX
from livectl.domain.chat import HIGHLIGHT_FROM, ChatEntry
from livectl.domain.clock import iso
from livectl.domain.event import Event
from livectl.domain.moderation import scopes_over
from livectl.domain.people import Caller
from livectl.domain.stream import read_time
from livectl.errors import LivectlError
from livectl.ports.bus import Bus
from livectl.ports.clock import Clock
from livectl.ports.meter import Meter
from livectl.server.live.wire import Manager, encoded
from livectl.services.chat import Chat, Room
from livectl.services.moderation import announcement

log = logging.getLogger(__name__)

PREFIX = "/live:"
ALL = "all"
OWNER = "owner"
OTHERS = "others"
STAFF = "staff"

_LOOK_S = 0.5
# Reactions of a flooding room are summed over this time; so many of it go out as they are.
_FLOOD_WINDOW_S = 0.1
_FLOOD_FROM = 5
_CLOSED_AT_ONCE = 100
# What a payload on the bus is: said and kept in mind, lossy, or neither.
_SAID, _LOSSY, _PLAIN = b"s", b"l", b"p"
_LEARN = {
    EVENT_PREFIX + act
    for act in ("block", "unblock", "timeout", "untimeout", "rules", "moderators")
} | {"restriction.over"}
_RECORDING = {
    "recording.starting": "live:record:starting",
    "recording.stopping": "live:record:stopping",
}


@dataclass
class Guest:
    """One socket in a room."""

    sid: str
    caller: Caller
    address: str
    room: LocalRoom
    greeted: bool = False
    is_staff: bool = False
    expiry: asyncio.TimerHandle | None = None
    closing: asyncio.Future[None] | None = None


@dataclass
class LocalRoom:
    name: str
    facts: Room
    guests: dict[str, Guest] = field(default_factory=dict)
    sids_of: dict[str, set[str]] = field(default_factory=dict)
    last_state: dict[str, Any] = field(default_factory=dict)
    reactions: Counter[str] = field(default_factory=Counter)
    in_window: int = 0
    rules_are_old: bool = False
    closed: bool = False

    @property
    def namespace(self) -> str:
        return PREFIX + self.name


class LiveRooms:
    """`manager` writes to the sockets; `disconnect` closes one, by its sid and namespace."""

    def __init__(
        self,
        chat: Chat,
        manager: Manager,
        disconnect: Callable[[str, str], Awaitable[None]],
        bus: Bus,
        clock: Clock,
        meter: Meter,
    ) -> None:
        self._chat = chat
        self._manager = manager
        self._disconnect = disconnect
        self._bus = bus
        self._clock = clock
        self._meter = meter
        self._rooms: dict[str, LocalRoom] = {}
        self._guests: dict[tuple[str, str], Guest] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._opening: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def guest(self, namespace: str, sid: str) -> Guest | None:
        return self._guests.get((namespace, sid))

    async def enter(self, name: str, sid: str, caller: Caller, address: str) -> Guest:
        """Raises NotFound, Blocked, TooMany, Unavailable. Nothing is told before `greet`."""
        await self._chat.knock(caller, address)
        async with self._opening.setdefault(name, asyncio.Lock()):
            room = self._rooms.get(name)
            if room is None:
                room = self._rooms[name] = await self._open(name)
            # Among the guests already, so that the room stays while the rest is asked for.
            guest = Guest(sid, caller, address, room)
            room.guests[sid] = guest
            self._guests[room.namespace, sid] = guest
        try:
            await self._chat.admit(room.facts, caller, address)
            sids = room.sids_of.setdefault(caller.user_id, set())
            sids.add(sid)
            if len(sids) == 1:
                await self._bus.enter(name, caller.user_id)
        except BaseException:
            await self.leave(room.namespace, sid)
            raise
        return guest

    async def _open(self, name: str) -> LocalRoom:
        await self._bus.join(name)  # first, so that nothing said meanwhile is missed
        try:
            return LocalRoom(name, await self._chat.open(name))
        except BaseException:
            await self._bus.leave(name)
            raise

    def greet(self, guest: Guest) -> None:
        """From here on it hears the room; without a pause before its first state, so that nothing
        is missed and nothing comes twice."""
        room = guest.room
        guest.greeted = True
        facts = room.facts
        is_owner = guest.caller.user_id == facts.stream.owner_id
        for one in (ALL, OWNER if is_owner else OTHERS):
            self._manager.basic_enter_room(guest.sid, room.namespace, one)
        state = {
            **self._state(room, is_owner=is_owner),
            "isModerator": self._seat(guest),
            "recentMessages": [said(entry) for entry in facts.recent],
        }
        room.last_state = room.last_state or self._state(room, is_owner=False)
        self.tell_one(guest, "live:state", state)
        self._meter.live("connected")
        self._meter.live_sockets(len(self._guests))
        if room.closed:
            self._close_all(room)
        elif facts.keeps_out(guest.caller, guest.address):  # since a moment ago
            guest.closing = asyncio.ensure_future(self.close(guest, "blocked", "you were blocked"))

    def _seat(self, guest: Guest) -> bool:
        """Among those who keep order, or not: whether it is so."""
        is_staff = guest.room.facts.is_staff(guest.caller)
        if is_staff and not guest.is_staff:
            self._manager.basic_enter_room(guest.sid, guest.room.namespace, STAFF)
        elif guest.is_staff and not is_staff:
            self._manager.basic_leave_room(guest.sid, guest.room.namespace, STAFF)
        guest.is_staff = is_staff
        return is_staff

    async def leave(self, namespace: str, sid: str) -> None:
        guest = self._guests.pop((namespace, sid), None)
        if guest is None:
            return
        room, user_id = guest.room, guest.caller.user_id
        room.guests.pop(sid, None)
        if guest.expiry is not None:
            guest.expiry.cancel()
        sids = room.sids_of.get(user_id, set())
        if sid in sids:
            sids.remove(sid)
            if not sids:
                del room.sids_of[user_id]
                if await self._bus.exit(room.name, user_id) and not room.closed and guest.greeted:
                    self.tell(room, "live:viewer-left", {"userId": user_id})
        self._meter.live_sockets(len(self._guests))
        async with self._opening.setdefault(room.name, asyncio.Lock()):
            if not room.guests and self._rooms.get(room.name) is room:
                del self._rooms[room.name]
                await self._bus.leave(room.name)

    def tell_one(self, guest: Guest, event: str, data: Any) -> None:
        payload = encoded(event, data, guest.room.namespace)
        self._manager.write(guest.room.namespace, guest.sid, payload)

    def tell(self, room: LocalRoom, event: str, data: Any, *, kind: bytes = _PLAIN) -> None:
        """Everyone in the room, here and in the other processes."""
        payload = encoded(event, data, room.namespace)
        self._write(room, payload, lossy=kind == _LOSSY)
        self._bus.say(room.name, kind + payload, lossy=kind == _LOSSY)

    def say(self, room: LocalRoom, entry: ChatEntry) -> None:
        """A message or a gift."""
        room.facts.recent.append(entry)
        data = said(entry)
        self._meter.live(entry.kind)
        if entry.kind == "gift":
            self.tell(room, "live:gift", data, kind=_SAID)
            if (entry.value or 0) >= HIGHLIGHT_FROM:
                self.tell(room, "live:gift:highlight", data)
        else:
            self.tell(room, "live:message", data, kind=_SAID)

    def react(self, guest: Guest, emoji: str) -> None:
        """To all others, as it is; in a flood summed up, a tenth of a second at a time."""
        room = guest.room
        self._meter.live("reaction")
        room.in_window += 1
        if room.in_window == 1:
            loop = asyncio.get_running_loop()
            loop.call_later(_FLOOD_WINDOW_S, self._end_of_window, room, guest.caller.user_id)
        if room.in_window > _FLOOD_FROM:
            room.reactions[emoji] += 1
            return
        payload = encoded(
            "live:reaction", self._reaction(emoji, guest.caller.user_id), room.namespace
        )
        self._write(room, payload, skip=(guest.sid,), lossy=True)
        self._bus.say(room.name, _LOSSY + payload, lossy=True)

    def _end_of_window(self, room: LocalRoom, user_id: str) -> None:
        room.in_window = 0
        summed, room.reactions = room.reactions, Counter()
        for emoji, count in summed.most_common(20):
            data = {**self._reaction(emoji, user_id), "count": count}
            self.tell(room, "live:reaction", data, kind=_LOSSY)

    def _reaction(self, emoji: str, user_id: str) -> dict[str, Any]:
        return {"emoji": emoji, "userId": user_id, "timestamp": iso(self._clock.now())}

    def deliver(self, name: str, payload: bytes) -> None:
        """What another process said in a room."""
        room = self._rooms.get(name)
        if room is None:
            return
        kind, packet = payload[:1], payload[1:]
        self._write(room, packet, lossy=kind == _LOSSY)
        if kind == _SAID:
            room.facts.recent.append(_heard(packet, room.facts.stream.id))

    def _write(
        self, room: LocalRoom, payload: bytes, *, skip: Collection[str] = (), lossy: bool = False
    ) -> None:
        count = self._manager.write(room.namespace, ALL, payload, skip=skip, lossy=lossy)
        self._meter.live("delivered", count)

    def _tell_here(self, room: LocalRoom, event: str, data: Any, to: str = ALL) -> None:
        """Of what every process hears for itself."""
        self._manager.write(room.namespace, to, encoded(event, data, room.namespace))

    async def run(self) -> None:
        """Tell each room twice a second what has changed."""
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._look(list(self._rooms.values()))
            except LivectlError as error:
                log.warning("live rooms: %s", error.message)
                await asyncio.sleep(1)
            except Exception:
                log.exception("live rooms")

    async def _look(self, rooms: list[LocalRoom]) -> None:
        if not rooms:
            return
        await self._chat.look_again([room.facts for room in rooms])
        for room in rooms:
            if room.rules_are_old:
                await self._chat.learn_rules(room.facts)
                room.rules_are_old = False
            if not room.facts.stream.is_live:
                await self._end(room, room.facts.stream.end_reason or "ended")
                continue
            state = self._state(room, is_owner=False)
            if state != room.last_state:
                room.last_state = state
                self._tell_here(room, "live:state", state, OTHERS)
                self._tell_here(room, "live:state", {**state, "isOwner": True}, OWNER)

    async def hear(self, event: Event) -> None:
        """An entry of the event log."""
        for room in [room for room in self._rooms.values() if _concerns(event, room)]:
            if event.type == "stream.ended":
                await self._end(room, str(event.data.get("reason") or "ended"))
            if event.type in _LEARN:
                room.rules_are_old = True
                with suppress(LivectlError):  # the next look, in half a second, tries again
                    await self._look([room])
            if event.type.startswith(EVENT_PREFIX):
                await self._show_act(room, event)
            if told := _RECORDING.get(event.type):
                self._tell_here(room, told, {"recordingId": event.data.get("recording")})

    async def _show_act(self, room: LocalRoom, event: Event) -> None:
        act = event.type.removeprefix(EVENT_PREFIX)
        user_id = event.data.get("user")
        match act:
            case "delete":
                self._take_away(room, ids=event.data.get("ids") or [])
            case "clear":
                self._take_away(room, user_id=user_id)
            case "restore":
                await self._chat.recall(room.facts)
            case "moderators":
                for guest in room.guests.values():
                    if guest.greeted and guest.is_staff != self._seat(guest):
                        self.tell_one(guest, "live:state", {"isModerator": guest.is_staff})
            case "announce":
                entry = announcement(event, room.facts.stream.id)
                room.facts.recent.append(entry)
                self._tell_here(room, "live:message", said(entry))
            case "pin" | "unpin":
                await self._look([room])
                self._tell_here(room, "live:pinned:updated", {"pinnedMessages": _pins(room.facts)})
            case "warn":
                self._tell_user(room, user_id, "warned", str(event.data.get("content")))
            case "timeout":
                self._tell_user(
                    room,
                    user_id,
                    "timed_out",
                    "you were timed out here",
                    retryAfter=event.data.get("seconds"),
                )
            case "kick":
                await self._put_out(room, "kicked", user_id)
            case "block":
                await self._put_out(room, "blocked", user_id)
        if act not in {"announce", "warn"}:
            self._tell_here(room, "live:moderation", _told_to_staff(act, event), STAFF)

    def _take_away(
        self, room: LocalRoom, *, ids: Iterable[str] = (), user_id: str | None = None
    ) -> None:
        gone = set(ids)
        kept = [
            one
            for one in room.facts.recent
            if one.id not in gone and (user_id is None or one.user_id != user_id)
        ]
        room.facts.recent.clear()
        room.facts.recent.extend(kept)
        data = {"userId": user_id} if user_id is not None else {"ids": sorted(gone)}
        self._tell_here(room, "live:message:deleted", data)

    def _tell_user(
        self, room: LocalRoom, user_id: str | None, code: str, message: str, **more: Any
    ) -> None:
        for sid in list(room.sids_of.get(user_id or "", ())):
            self.tell_one(room.guests[sid], "error", {"message": message, "code": code, **more})

    async def _put_out(self, room: LocalRoom, code: str, user_id: str | None) -> None:
        """A user's sockets, and those from addresses that are blocked."""
        blocked = room.facts.blocked_addresses
        for guest in list(room.guests.values()):
            if guest.caller.user_id == user_id or (
                guest.address in blocked and not room.facts.is_staff(guest.caller)
            ):
                await self.close(guest, code, f"you were {code}")

    async def close(self, guest: Guest, code: str, message: str) -> None:
        """Say why, and close one socket."""
        self.tell_one(guest, "error", {"message": message, "code": code})
        await self._disconnect(guest.sid, guest.room.namespace)

    async def _end(self, room: LocalRoom, reason: str) -> None:
        """Tell the room why, and close it."""
        if self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            await self._bus.leave(room.name)
        room.closed = True
        self._tell_here(room, "live:state", {"isLive": False, "reason": reason})
        self._close_all(room)

    def _close_all(self, room: LocalRoom) -> None:
        """Beside everything else: a thousand sockets take their time."""
        task = asyncio.create_task(self._disconnect_all(room), name=f"close {room.name}")
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _disconnect_all(self, room: LocalRoom) -> None:
        while guests := [one for one in room.guests.values() if one.greeted][:_CLOSED_AT_ONCE]:
            closing = (self._disconnect(guest.sid, room.namespace) for guest in guests)
            await asyncio.gather(*closing, return_exceptions=True)
            for guest in guests:  # also where it was gone before
                await self.leave(room.namespace, guest.sid)

    def _state(self, room: LocalRoom, *, is_owner: bool) -> dict[str, Any]:
        stream, rules = room.facts.stream, room.facts.rules
        return {
            "streamId": stream.id,
            "title": stream.title,
            "viewers": stream.viewers,
            "isOwner": is_owner,
            "pinnedMessages": _pins(room.facts),
            "totalGifts": stream.total_gifts,
            "isLive": stream.is_live,
            "chat": {
                "slowSeconds": rules.slow_seconds,
                "frozen": rules.frozen,
                "linksOff": rules.links_off,
                "allowedOnly": rules.allowed_only,
            },
        }


def said(entry: ChatEntry) -> dict[str, Any]:
    """An entry as the sockets show it (contract, Socket.IO)."""
    data = {"id": entry.id, "userId": entry.user_id, "timestamp": iso(entry.at)}
    if entry.kind == "gift":
        gift = {"giftType": entry.gift_type, "value": entry.value}
        return {**data, **gift, "message": entry.content}
    more = {"system": True} if entry.kind == "system" else {}
    return {**data, "content": entry.content, **more}


def _heard(packet: bytes, stream_id: str) -> ChatEntry:
    """The entry that another process said, from the packet that the sockets get."""
    name, data = orjson.loads(packet[packet.index(b"[") :])
    gift = name == "live:gift"
    at = read_time(data["timestamp"])
    assert at is not None, "a process of ours wrote it"  # noqa: S101
    return ChatEntry(
        id=data["id"],
        stream_id=stream_id,
        kind="gift" if gift else "system" if data.get("system") else "message",
        user_id=data["userId"],
        content=data["message"] if gift else data["content"],
        at=at,
        gift_type=data.get("giftType"),
        value=data.get("value"),
    )


def _pins(facts: Room) -> list[dict[str, Any]]:
    pins = []
    for one in facts.stream.pinned_messages:
        at = read_time(one.get("timestamp"))
        pins.append({**one, "timestamp": iso(at) if at else None})
    return pins


def _concerns(event: Event, room: LocalRoom) -> bool:
    if event.stream_id is not None:
        return event.stream_id == room.facts.stream.id
    return event.data.get("scope") in scopes_over(room.facts.stream)


def _told_to_staff(act: str, event: Event) -> dict[str, Any]:
    told = {name: event.data.get(name) for name in ("user", "reason", "seconds", "scope")}
    shown = {name: value for name, value in told.items() if value is not None}
    return {"act": act, "by": event.actor, "timestamp": iso(event.at), **shown}
