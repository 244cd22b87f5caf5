"""Chat: who may come in, what may be said, gifts that count once."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache

import msgspec

from livectl.domain.chat import (
    CLIENT_ID_MAX,
    GIFT_TYPE_MAX,
    MESSAGE_MAX,
    ChatEntry,
    cleaned,
    entry_id,
)
from livectl.domain.emoji import is_one_emoji
from livectl.domain.links import has_link
from livectl.domain.moderation import ChatRules, merged, scope_of_stream, scopes_over
from livectl.domain.people import Caller
from livectl.domain.stream import Stream
from livectl.domain.words import WordFilter
from livectl.errors import (
    BadInput,
    Blocked,
    BlockedWord,
    ChatFrozen,
    LinksOff,
    NotAllowed,
    NotFound,
    SlowMode,
    TimedOut,
    TooMany,
)
from livectl.ports.chat import ChatQuery
from livectl.ports.clock import Clock
from livectl.ports.limiter import Limiter, Rate
from livectl.ports.moderation import RestrictionQuery, SeenAddress
from livectl.ports.store import Store
from livectl.services.history import History

RECENT = 50


class Rates(msgspec.Struct, frozen=True, kw_only=True):
    """How much of each one user may send; `connect_address` is for all who share an address."""

    message: Rate
    reaction: Rate
    gift: Rate
    connect: Rate
    connect_address: Rate


class Room(msgspec.Struct, kw_only=True):
    """What this process knows of a live room while somebody of it is here."""

    stream: Stream
    rules: ChatRules
    words: WordFilter
    quiet: dict[str, datetime]
    blocked: set[str]
    blocked_addresses: set[str]
    recent: deque[ChatEntry]

    def is_staff(self, caller: Caller) -> bool:
        """Hosts, moderators and administrators: free of the chat's limits and rules."""
        return (
            caller.is_administrator
            or caller.user_id == self.stream.owner_id
            or caller.user_id in self.rules.moderators
        )

    def keeps_out(self, caller: Caller, address: str) -> bool:
        if caller.user_id in self.blocked:
            return True
        return address in self.blocked_addresses and not self.is_staff(caller)


class Chat:
    def __init__(
        self,
        store: Store,
        clock: Clock,
        limiter: Limiter,
        history: History,
        *,
        rates: Rates,
        gift_max: int,
    ) -> None:
        self._store = store
        self._clock = clock
        self._limiter = limiter
        self._history = history
        self._rates = rates
        self._gift_max = gift_max

    async def close(self) -> None:
        await self._limiter.close()

    async def open(self, room_name: str) -> Room:
        """Raises NotFound unless a live stream is in that room."""
        stream = await self._store.stream_in_room(room_name)
        if stream is None or not stream.is_live:
            raise NotFound("Stream not found")
        room = Room(
            stream=stream,
            rules=ChatRules(),
            words=_filter_of(()),
            quiet={},
            blocked=set(),
            blocked_addresses=set(),
            recent=deque(maxlen=RECENT),
        )
        await self.recall(room)
        await self.learn_rules(room)
        return room

    async def recall(self, room: Room) -> None:
        """Read anew what was said last."""
        query = ChatQuery(stream_ids=(room.stream.id,), limit=RECENT)
        found = await self._history.read(query)
        room.recent.clear()
        room.recent.extend(reversed(found))

    async def learn_rules(self, room: Room) -> None:
        """Read anew what holds in a room: rules, blocks, who is to be quiet."""
        scopes = scopes_over(room.stream)
        rules = merged(list((await self._store.chat_rules(scopes)).values()))
        if rules.words != room.rules.words:
            room.words = _filter_of(tuple(rules.words))
        room.rules = rules
        room.quiet, room.blocked, room.blocked_addresses = (
            {},
            set(room.stream.blocked_user_ids),
            set(),
        )
        query = RestrictionQuery(scopes=scopes, holding_at=self._clock.now(), limit=100_000)
        for one in await self._store.restrictions(query):
            if one.kind == "timeout":
                until = one.until or datetime.max.replace(tzinfo=one.at.tzinfo)
                room.quiet[one.subject] = max(until, room.quiet.get(one.subject, until))
            elif one.kind == "block":
                room.blocked.add(one.subject)
            else:
                room.blocked_addresses.add(one.subject)

    async def knock(self, caller: Caller, address: str) -> None:
        """Before anything is looked up for somebody. Raises TooMany."""
        for rate, key in (
            (self._rates.connect, ("connect", caller.user_id)),
            (self._rates.connect_address, ("connect-from", address)),
        ):
            if wait := await self._limiter.hit(rate, *key):
                raise TooMany("Too many connections", retry_after=_whole(wait))

    async def admit(self, room: Room, caller: Caller, address: str) -> None:
        """Let somebody into the chat. Raises Blocked."""
        if room.keeps_out(caller, address):
            # A block may have ended a moment ago, of which this room has not heard.
            await self.look_again([room])
            await self.learn_rules(room)
            if room.keeps_out(caller, address):
                raise Blocked("Blocked")
        self._history.keep_address(
            SeenAddress(user_id=caller.user_id, address=address, at=self._clock.now())
        )

    async def say(self, room: Room, caller: Caller, content: object) -> ChatEntry:
        """A message that everyone may see. Raises BadInput, ChatRefused, TooMany, NotReady."""
        text = self._text(content)
        if not room.is_staff(caller):
            await self._check(room, caller.user_id, text)
        entry = self._entry(room, caller, "message", text)
        self._history.keep(entry)
        return entry

    async def react(self, room: Room, caller: Caller, emoji: object) -> str:
        """Raises BadInput, TimedOut, TooMany."""
        if not isinstance(emoji, str) or not is_one_emoji(emoji):
            raise BadInput.of("emoji", "one emoji")
        self._not_quiet(room, caller.user_id)
        await self._within(self._rates.reaction, "reaction", caller.user_id)
        return emoji

    async def gift(
        self, room: Room, caller: Caller, wish: Mapping[str, object]
    ) -> tuple[ChatEntry, bool]:
        """A gift that is counted, durably, when this returns; False where its clientId was
        counted before. Raises BadInput, TimedOut, TooMany, Unavailable."""
        gift_type = _text_field(wish, "giftType", GIFT_TYPE_MAX)
        value = wish.get("value")
        if type(value) is not int or not 1 <= value <= self._gift_max:
            raise BadInput.of("value", f"a whole number from 1 to {self._gift_max}")
        client_id = None
        if wish.get("clientId") is not None:
            client_id = _text_field(wish, "clientId", CLIENT_ID_MAX)
        said = wish.get("message")
        content = self._text(said, "message") if said not in (None, "") else ""
        self._not_quiet(room, caller.user_id)
        if content and not room.is_staff(caller):
            self._check_words(room, content)
        await self._within(self._rates.gift, "gift", caller.user_id)
        entry = self._entry(room, caller, "gift", content)
        gift = msgspec.structs.replace(entry, gift_type=gift_type, value=value, client_id=client_id)
        return await self._store.add_gift(gift)

    async def look_again(self, rooms: Sequence[Room]) -> None:
        """Read anew what the store says of the streams in these rooms: numbers, pins, the end."""
        by_id = {room.stream.id: room for room in rooms}
        for stream in await self._store.streams_by_id(list(by_id)):
            by_id[stream.id].stream = stream

    def _text(self, content: object, field: str = "content") -> str:
        expected = f"1 to {MESSAGE_MAX} characters"
        if not isinstance(content, str) or len(content) > 4 * MESSAGE_MAX:
            raise BadInput.of(field, expected)
        text = cleaned(content)
        if not 1 <= len(text) <= MESSAGE_MAX:
            raise BadInput.of(field, expected)
        return text

    async def _check(self, room: Room, user_id: str, text: str) -> None:
        self._not_quiet(room, user_id)
        if room.rules.frozen:
            raise ChatFrozen("the chat is frozen for now")
        if room.rules.allowed_only and user_id not in room.rules.allowed:
            raise NotAllowed("only those on a list may chat here")
        self._check_words(room, text)
        slow = room.rules.slow_seconds
        if slow:
            rate = Rate(count=1, seconds=slow)
            scope = scope_of_stream(room.stream.id)
            if wait := await self._limiter.hit(rate, "slow", scope, user_id):
                raise SlowMode(f"slow mode: one message in {slow} s", retry_after=_whole(wait))
        await self._within(self._rates.message, "message", user_id)

    def _check_words(self, room: Room, text: str) -> None:
        if room.words.found_in(text) is not None:
            raise BlockedWord("a word in it is blocked here")
        if room.rules.links_off and has_link(text):
            raise LinksOff("links are off here")

    def _not_quiet(self, room: Room, user_id: str) -> None:
        until = room.quiet.get(user_id)
        if until is None:
            return
        left = (until - self._clock.now()).total_seconds()
        if left > 0:
            raise TimedOut("you were timed out here", retry_after=_whole(left))

    async def _within(self, rate: Rate, what: str, user_id: str) -> None:
        if wait := await self._limiter.hit(rate, what, user_id):
            raise TooMany(
                f"too many: {rate.count} in {rate.seconds} s are allowed", retry_after=_whole(wait)
            )

    def _entry(self, room: Room, caller: Caller, kind: str, content: str) -> ChatEntry:
        now = self._clock.now()
        return ChatEntry(
            id=entry_id(now),
            stream_id=room.stream.id,
            kind=kind,  # type: ignore[arg-type]
            user_id=caller.user_id,
            content=content,
            at=now,
        )


@lru_cache(maxsize=256)
def _filter_of(words: tuple[str, ...]) -> WordFilter:
    """Most rooms have the words that are blocked everywhere, and no others."""
    return WordFilter(words)


def _text_field(wish: Mapping[str, object], field: str, most: int) -> str:
    raw = wish.get(field)
    text = cleaned(raw) if isinstance(raw, str) and len(raw) <= 4 * most else ""
    if not 1 <= len(text) <= most:
        raise BadInput.of(field, f"text of 1 to {most} characters")
    return text


def _whole(seconds: float) -> int:
    """Whole seconds, never too few."""
    return max(1, -int(-seconds // 1))
