"""Keeping order: each act is done, and kept in the log with who did it, to whom and why.

What an act changes is in the store before this returns; the servers' sockets learn of it from the
event log (`server/live`), wherever it was done.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from livectl.domain import acts
from livectl.domain.acts import EVENT_PREFIX, Act, undo_command
from livectl.domain.chat import SYSTEM, ChatEntry, cleaned, entry_id_of
from livectl.domain.event import Event, event
from livectl.domain.ids import user_of
from livectl.domain.moderation import (
    PEOPLE_MAX,
    WORDS_MAX,
    ChatRules,
    Restriction,
    RestrictionKind,
    merged,
    scope_of_stream,
    scopes_over,
)
from livectl.domain.people import Caller
from livectl.domain.stream import Stream
from livectl.domain.webhook import Participant
from livectl.domain.words import check_word, check_words
from livectl.errors import BadInput, Blocked, Conflict, NotFound
from livectl.ports.chat import ChatQuery
from livectl.ports.clock import Clock
from livectl.ports.livekit import Media
from livectl.ports.moderation import RestrictionQuery
from livectl.ports.store import Store
from livectl.ports.streams import StreamQuery
from livectl.services.history import History
from livectl.services.removal import put_out

ADDRESS_BLOCK_S = 7 * 86_400
_EVERY_LIVE = 1000


class Outcome(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """What became of an act. `changed` is False where everything was so already; `count` is of
    messages, people or tracks; `missing` are messages that were named and not found; `undo` the
    command that takes it back."""

    act: str
    scope: str
    changed: bool
    dry_run: bool
    count: int
    detail: str
    user_id: str | None = None
    missing: list[str] = []
    event_id: str | None = None
    undo: str | None = None


class _Doing(msgspec.Struct, frozen=True, kw_only=True):
    """One act on its way: its stream where it is for one, and who does it."""

    act: Any
    by: Caller
    at: datetime
    stream: Stream | None
    dry_run: bool
    request_id: str | None

    def event(self, **facts: Any) -> Event:
        return event(
            EVENT_PREFIX + self.act.name,
            self.at,
            self.by.name,
            stream_id=self.stream.id if self.stream else None,
            request_id=self.request_id,
            scope=self.act.scope,
            reason=self.act.reason,
            **facts,
        )

    def outcome(
        self,
        detail: str,
        told: Event | None = None,
        *,
        count: int = 1,
        changed: bool = True,
        missing: Iterable[str] = (),
    ) -> Outcome:
        done = told if changed and not self.dry_run else None
        return Outcome(
            act=self.act.name,
            scope=self.act.scope,
            changed=changed and not self.dry_run,
            dry_run=self.dry_run,
            count=count,
            detail=f"would: {detail}" if self.dry_run and changed else detail,
            user_id=getattr(self.act, "user_id", None),
            missing=sorted(missing),
            event_id=done.id if done else None,
            undo=undo_command(done.type, done.id, done.data) if done else None,
        )


class Moderation:
    def __init__(self, store: Store, media: Media, clock: Clock, history: History) -> None:
        self._store = store
        self._media = media
        self._clock = clock
        self._history = history
        self._do: dict[type[Act], Callable[[_Doing], Awaitable[Outcome]]] = {
            acts.Delete: self._delete,
            acts.Restore: self._restore,
            acts.Clear: self._clear,
            acts.Timeout: self._timeout,
            acts.Untimeout: self._untimeout,
            acts.Block: self._block,
            acts.Unblock: self._unblock,
            acts.Kick: self._kick,
            acts.Mute: self._mute,
            acts.Rules: self._rules,
            acts.Moderators: self._moderators,
            acts.Announce: self._announce,
            acts.Warn: self._warn,
            acts.Pin: self._pin,
            acts.Unpin: self._unpin,
        }

    async def act(
        self,
        act: Act,
        *,
        by: Caller,
        stream: Stream | None,
        dry_run: bool = False,
        request_id: str | None = None,
    ) -> Outcome:
        """Do it, or with `dry_run` say what would be done. `stream` is that of `act.stream_id`.

        Raises BadInput, NotFound, Conflict (others change the same at this moment), Unavailable.
        """
        doing = _Doing(
            act=act,
            by=by,
            at=self._clock.now(),
            stream=stream,
            dry_run=dry_run,
            request_id=request_id,
        )
        return await self._do[type(act)](doing)

    async def kept_out(self, stream: Stream) -> set[str]:
        """Everybody who is blocked from a stream, by any scope."""
        query = RestrictionQuery(
            scopes=scopes_over(stream), kind="block", holding_at=self._clock.now(), limit=100_000
        )
        found = await self._store.restrictions(query)
        return {*stream.blocked_user_ids, *(one.subject for one in found)} - {stream.owner_id}

    async def check_watcher(self, stream: Stream, user_id: str, address: str) -> None:
        """Whether somebody may watch (and read) a stream at all. Raises Blocked."""
        if not await self.watchable([stream], user_id, address):
            raise Blocked("you are blocked from this stream")

    async def watchable(self, streams: Sequence[Stream], user_id: str, address: str) -> set[str]:
        """The ids of those of the streams that somebody may watch (and read) at all."""
        scopes = tuple({scope for stream in streams for scope in scopes_over(stream)})
        query = RestrictionQuery(scopes=scopes, holding_at=self._clock.now())
        shut: set[str] = set()
        for subject in (user_id, address):
            found = await self._store.restrictions(msgspec.structs.replace(query, subject=subject))
            shut |= {one.scope for one in found if one.kind != "timeout"}
        return {
            stream.id
            for stream in streams
            if user_id == stream.owner_id
            or (user_id not in stream.blocked_user_ids and shut.isdisjoint(scopes_over(stream)))
        }

    async def moderators_of(self, stream: Stream) -> list[str]:
        return merged(list((await self._store.chat_rules(scopes_over(stream))).values())).moderators

    async def rules(self, scope: str) -> ChatRules:
        return (await self._store.chat_rules([scope])).get(scope, ChatRules())

    async def restrictions(
        self, scope: str | None, kind: RestrictionKind, stream: Stream | None
    ) -> list[Restriction]:
        """Those in force in just this scope, or in every; of a stream also users on its own list
        whom another program of the product blocked."""
        query = RestrictionQuery(
            scopes=(scope,) if scope else (), kind=kind, holding_at=self._clock.now(), limit=100_000
        )
        found = await self._store.restrictions(query)
        if stream is None or kind != "block":
            return found
        known = {one.subject for one in found}
        return found + [
            Restriction(
                scope=scope_of_stream(stream.id),
                kind="block",
                subject=user_id,
                user_id=user_id,
                by="unknown",
                at=stream.updated_at,
            )
            for user_id in stream.blocked_user_ids
            if user_id not in known
        ]

    async def forget_expired(self) -> int:
        """Remove restrictions that are over: nobody is held by them any more."""
        now = self._clock.now()
        over = await self._store.restrictions(RestrictionQuery(over_at=now))
        for one in over:
            told = event(
                "restriction.over", now, "livectl", scope=one.scope, kind=one.kind, user=one.user_id
            )
            await self._store.lift_restriction(one.key, told)
        return len(over)

    async def _delete(self, doing: _Doing) -> Outcome:
        return await self._hide(doing, tuple(doing.act.message_ids), None)

    async def _clear(self, doing: _Doing) -> Outcome:
        return await self._hide(doing, (), doing.act.user_id)

    async def _hide(self, doing: _Doing, ids: tuple[str, ...], user_id: str | None) -> Outcome:
        query = ChatQuery(
            ids=ids, user_id=user_id, stream_ids=await self._streams_of(doing), limit=10_000
        )
        there = await self._history.read(msgspec.structs.replace(query, hidden=bool(ids)))
        if not there and ids:
            raise NotFound("no such message", hint="`livectl moderation messages` shows their ids")
        found = [one for one in there if one.hidden_by is None]
        about = found[0] if len(found) == 1 else None
        facts = {
            "user": user_id or (about.user_id if about else None),
            "content": about and about.content,
        }
        told = doing.event(ids=[one.id for one in found] if ids else None, **facts)
        count = len(found)
        if found and not doing.dry_run:
            count = len(await self._store.hide_entries(query, event=told))
        return doing.outcome(
            f"{_counted(count, 'message')} hidden",
            told,
            count=count,
            changed=count > 0,
            missing={*ids}.difference(one.id for one in there),
        )

    async def _streams_of(self, doing: _Doing) -> tuple[str, ...]:
        """The streams of a scope, for what is kept by stream; none for everywhere."""
        if doing.stream is not None:
            return (doing.stream.id,)
        if doing.act.owner_id is None:
            return ()
        found = await self._store.find_streams(
            StreamQuery(owner_id=doing.act.owner_id, limit=_EVERY_LIVE)
        )
        if not found:
            raise NotFound(f"{doing.act.owner_id} has no streams")
        return tuple(stream.id for stream in found)

    async def _restore(self, doing: _Doing) -> Outcome:
        ids, hidden_by = doing.act.message_ids, doing.act.event_id
        if bool(ids) == (hidden_by is not None):
            raise BadInput.of(
                "messageIds", "either messages, or the eventId of what took them away"
            )
        streams = await self._streams_of(doing)
        query = ChatQuery(ids=tuple(ids), stream_ids=streams, hidden=True, limit=10_000)
        # What an act took away in other streams than those of the scope stays away.
        found = await self._hidden(query, hidden_by) if ids or streams else None
        all_told = found if found and len(found) <= acts.BULK_MAX else None
        told = doing.event(ids=all_told, hid=hidden_by)
        if found != [] and not doing.dry_run:
            found = await self._store.restore_entries(
                ids=found or (), hidden_by=None if found else hidden_by, event=told
            )
        if found == []:
            raise NotFound("nothing of that is hidden there")
        return doing.outcome(
            f"{_counted(len(found), 'message') if found else 'its messages'} to be seen again",
            told,
            count=len(found or ()),
            missing={*ids}.difference(found or ()),
        )

    async def _hidden(self, query: ChatQuery, hidden_by: str | None) -> list[str]:
        """Ids of hidden messages, however many; with `hidden_by` those that one act hid."""
        found: list[str] = []
        while page := await self._store.entries(query):
            found += [
                one.id for one in page if one.hidden_by and hidden_by in (None, one.hidden_by)
            ]
            query = msgspec.structs.replace(query, before=page[-1].id)
        return found

    async def _timeout(self, doing: _Doing) -> Outcome:
        user_id, seconds = doing.act.user_id, doing.act.seconds
        self._refuse_owner(doing, user_id)
        until = doing.at + timedelta(seconds=seconds)
        told = doing.event(user=user_id, seconds=seconds)
        if not doing.dry_run:
            await self._store.restrict(_restriction(doing, "timeout", user_id, until), told)
        return doing.outcome(f"{user_id} is quiet until {until:%Y-%m-%d %H:%M:%S} UTC", told)

    async def _untimeout(self, doing: _Doing) -> Outcome:
        user_id = doing.act.user_id
        found = await self._about(doing, ["timeout"])
        if not found:
            raise NotFound(f"{user_id} is not timed out there")
        told = doing.event(user=user_id, seconds=_seconds_left(found, doing.at))
        await self._lift(doing, found, told)
        return doing.outcome(f"{user_id} may speak again", told)

    async def _block(self, doing: _Doing) -> Outcome:
        act: acts.Block = doing.act
        self._refuse_owner(doing, act.user_id)
        until = doing.at + timedelta(seconds=act.seconds) if act.seconds else None
        await self._history.flush()  # where somebody came from a moment ago counts
        addresses = await self._store.addresses_of(act.user_id) if act.address else []
        told = doing.event(user=act.user_id, seconds=act.seconds, addresses=addresses or None)
        detail = f"{act.user_id} is blocked" + (
            f", and {_counted(len(addresses), 'address')}" if act.address else ""
        )
        if doing.dry_run:
            return doing.outcome(detail)
        for address in addresses:
            end = until or doing.at + timedelta(seconds=ADDRESS_BLOCK_S)
            kept = _restriction(doing, "address", address, end)
            await self._store.restrict(kept, self._aside(doing, "restriction.made"))
        # The record with who, why and until when; then the stream's own list, which other
        # programs of the product read and which knows no end. Either keeps the user out.
        await self._store.restrict(_restriction(doing, "block", act.user_id, until), told)
        if doing.stream is not None and until is None:
            aside = self._aside(doing, "user.listed")
            await self._store.block_user(doing.stream.id, act.user_id, aside)
        removed = await self._put_out(doing, act.user_id)
        return doing.outcome(f"{detail}; {removed} put out", told, count=removed)

    async def _unblock(self, doing: _Doing) -> Outcome:
        user_id, stream = doing.act.user_id, doing.stream
        found = await self._about(doing, ["block", "address"])
        listed = stream if stream and user_id in stream.blocked_user_ids else None
        if not found and not listed:
            raise NotFound(f"{user_id} is not blocked there")
        blocks = [one for one in found if one.kind == "block"]
        told = doing.event(
            user=user_id,
            seconds=_seconds_left(blocks or found, doing.at),
            address=True if any(one.kind == "address" for one in found) else None,
        )
        await self._lift(doing, found, told)
        if listed and not doing.dry_run:
            aside = self._aside(doing, "user.unlisted") if found else told
            await self._store.unblock_user(listed.id, user_id, aside)
        return doing.outcome(f"{user_id} may come in again", told)

    async def _about(self, doing: _Doing, kinds: list[RestrictionKind]) -> list[Restriction]:
        """Restrictions of these kinds that are about the act's user in its scope."""
        query = RestrictionQuery(scopes=(doing.act.scope,), limit=100_000)
        return [
            one
            for one in await self._store.restrictions(query)
            if one.kind in kinds and one.user_id == doing.act.user_id
        ]

    async def _lift(self, doing: _Doing, found: list[Restriction], told: Event) -> None:
        """All of them; the act's event comes with the last."""
        if found and not doing.dry_run:
            *others, last = found
            for one in others:
                await self._store.lift_restriction(one.key, self._aside(doing, "restriction.over"))
            await self._store.lift_restriction(last.key, told)

    def _aside(self, doing: _Doing, type_: str) -> Event:
        """For a change that is only a part of an act: the act has an event of its own."""
        return event(type_, doing.at, doing.by.name, scope=doing.act.scope, user=doing.act.user_id)

    async def _kick(self, doing: _Doing) -> Outcome:
        user_id = doing.act.user_id
        self._refuse_owner(doing, user_id)
        told = doing.event(user=user_id)
        if doing.dry_run:
            return doing.outcome(f"put {user_id} out")
        await self._store.append_event(told)
        removed = await self._put_out(doing, user_id)
        return doing.outcome(
            f"{user_id} was put out; {_counted(removed, 'tab')} closed at LiveKit",
            told,
            count=removed,
        )

    async def _mute(self, doing: _Doing) -> Outcome:
        act: acts.Mute = doing.act
        muted = 0
        for stream in await self._live(doing):
            for person in await self._media.participants(stream.room_name):
                if user_of(person.identity) != act.user_id:
                    continue
                for sid in person.tracks:
                    if act.track_sid in (None, sid):
                        muted += 1
                        if not doing.dry_run:
                            await self._media.mute_track(
                                stream.room_name, person.identity, sid, muted=True
                            )
        if not muted:
            raise NotFound(f"{act.user_id} publishes no such track there")
        told = doing.event(user=act.user_id, track=act.track_sid)
        if not doing.dry_run:
            await self._store.append_event(told)
        return doing.outcome(
            f"muted {_counted(muted, 'track')} of {act.user_id}", told, count=muted
        )

    async def _rules(self, doing: _Doing) -> Outcome:
        act: acts.Rules = doing.act
        added = [_checked(word, "addWords") for word in act.add_words]
        removed = [_checked(word, "removeWords") for word in act.remove_words]

        def changed(rules: ChatRules) -> ChatRules:
            switches = ("slow_seconds", "frozen", "links_off", "allowed_only")
            given = {name: value for name in switches if (value := getattr(act, name)) is not None}
            return msgspec.structs.replace(
                rules,
                **given,
                allowed=_with(rules.allowed, act.allow, act.disallow, "allow", PEOPLE_MAX),
                words=_words_with(rules.words, added, removed),
            )

        return await self._change_rules(doing, changed)

    async def _moderators(self, doing: _Doing) -> Outcome:
        act: acts.Moderators = doing.act

        def changed(rules: ChatRules) -> ChatRules:
            named = _with(rules.moderators, act.add, act.remove, "add", PEOPLE_MAX)
            return msgspec.structs.replace(rules, moderators=named)

        return await self._change_rules(doing, changed)

    async def _change_rules(
        self, doing: _Doing, changed: Callable[[ChatRules], ChatRules]
    ) -> Outcome:
        for _ in range(20):
            before = await self.rules(doing.act.scope)
            after = changed(before)
            old, new = _facts(doing, before), _facts(doing, after)
            if old == new:
                return doing.outcome("it is so already", count=0, changed=False)
            told = doing.event(before=old, after=new)
            if doing.dry_run or await self._store.set_chat_rules(doing.act.scope, after, told):
                return doing.outcome(_difference(old, new), told)
        raise Conflict("others change the same rules at this moment", hint="try again")

    async def _announce(self, doing: _Doing) -> Outcome:
        content = _sayable(doing.act.content)
        rooms = await self._live(doing)
        told = doing.event(content=content)
        if not doing.dry_run:
            await self._store.add_entries([announcement(told, stream.id) for stream in rooms])
            await self._store.append_event(told)
        return doing.outcome(f"said in {_counted(len(rooms), 'room')}", told, count=len(rooms))

    async def _warn(self, doing: _Doing) -> Outcome:
        content = _sayable(doing.act.content)
        told = doing.event(user=doing.act.user_id, content=content)
        if not doing.dry_run:
            await self._store.append_event(told)
        return doing.outcome(f"{doing.act.user_id} is told", told)

    async def _pin(self, doing: _Doing) -> Outcome:
        stream = self._one_stream(doing)
        pin = {
            "messageId": doing.act.message_id,
            "authorId": doing.by.user_id or stream.owner_id,
            "content": _sayable(doing.act.content),
            "timestamp": doing.at,
        }
        told = doing.event(message=doing.act.message_id, content=pin["content"])
        pinned = any(one.get("messageId") == doing.act.message_id for one in stream.pinned_messages)
        if not doing.dry_run:
            await self._store.pin_message(stream.id, pin, told)
        return doing.outcome("pinned", told, changed=not pinned)

    async def _unpin(self, doing: _Doing) -> Outcome:
        stream = self._one_stream(doing)
        message_id = doing.act.message_id
        pinned = {one.get("messageId"): one.get("content") for one in stream.pinned_messages}
        told = doing.event(message=message_id, content=pinned.get(message_id))
        if message_id not in pinned or (
            not doing.dry_run and not await self._store.unpin_message(stream.id, message_id, told)
        ):
            raise NotFound("that message is not pinned")
        return doing.outcome("no longer pinned", told)

    def _one_stream(self, doing: _Doing) -> Stream:
        if doing.stream is None:
            raise BadInput.of("streamId", "the stream, it is missing")
        return doing.stream

    def _refuse_owner(self, doing: _Doing, user_id: str) -> None:
        owner = doing.stream.owner_id if doing.stream else doing.act.owner_id
        if user_id == owner:
            raise BadInput.of("userId", "somebody other than the streams' owner")

    async def _live(self, doing: _Doing) -> list[Stream]:
        """The live streams of the scope."""
        if doing.stream is not None:
            return [doing.stream] if doing.stream.is_live else []
        query = StreamQuery(live=True, owner_id=doing.act.owner_id, limit=_EVERY_LIVE)
        return await self._store.find_streams(query)

    async def _put_out(self, doing: _Doing, user_id: str) -> int:
        """Remove a user from the rooms of the scope where they watch; how many tabs there were."""
        removed = 0
        for stream in await self._live(doing):
            if stream.owner_id != user_id and (
                doing.stream is not None or await self._watches(stream, user_id)
            ):
                removed += await self.put_out(stream.room_name, {user_id})
        return removed

    async def _watches(self, stream: Stream, user_id: str) -> bool:
        return any(
            seen.user_id == user_id and seen.left_at is None
            for seen in await self._store.sightings(stream.id)
        )

    async def put_out(self, room: str, user_ids: set[str]) -> int:
        """Remove every participant of these users from a room; how many there were."""
        removed = await put_out(self._media, room, lambda one: user_of(one.identity) in user_ids)
        return len(removed)

    async def keep_out(self, stream: Stream, *, by: str) -> list[str]:
        """Put out whoever must not be in: everyone where it has ended, else those who are blocked.

        The identities of those who were back. Each time is an event, for the guard to go on
        watching: LiveKit gives everyone who gets in a token for ten more minutes.
        """
        kept_out = await self.kept_out(stream) if stream.is_live else set()
        if stream.is_live and not kept_out:
            return []

        def unwanted(one: Participant) -> bool:
            return not stream.is_live or user_of(one.identity) in kept_out

        back = await put_out(self._media, stream.room_name, unwanted)
        if back:
            put_out_again = event(
                "people.put_out",
                self._clock.now(),
                by,
                stream_id=stream.id,
                room=stream.room_name,
                people=back,
            )
            await self._store.append_event(put_out_again)
        return back


def announcement(told: Event, stream_id: str) -> ChatEntry:
    """What an announcement's event is in the history of a stream."""
    return ChatEntry(
        id=entry_id_of(told.at, told.id, stream_id),
        stream_id=stream_id,
        kind="system",
        user_id=SYSTEM,
        content=told.data["content"],
        at=told.at,
    )


def _restriction(
    doing: _Doing, kind: RestrictionKind, subject: str, until: datetime | None
) -> Restriction:
    return Restriction(
        scope=doing.act.scope,
        kind=kind,
        subject=subject,
        user_id=doing.act.user_id,
        by=doing.by.name,
        at=doing.at,
        until=until,
        reason=doing.act.reason,
    )


def _seconds_left(found: list[Restriction], at: datetime) -> int | None:
    """Until the last of them is over; None where one has no end."""
    ends = [one.until for one in found if one.until is not None]
    if len(ends) < len(found) or not ends:
        return None
    return max(1, math.ceil((max(ends) - at).total_seconds()))


def _facts(doing: _Doing, rules: ChatRules) -> Any:
    """What of the rules an act is about, as the log has it."""
    if isinstance(doing.act, acts.Moderators):
        return rules.moderators
    facts = msgspec.to_builtins(rules)
    return {name: value for name, value in facts.items() if name not in {"rev", "moderators"}}


def _difference(old: Any, new: Any) -> str:
    if isinstance(new, list):
        return f"moderators: {', '.join(new) or 'none'}"
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return "; ".join(f"{name}: {_told(new.get(name))}" for name in names)


def _counted(count: int, noun: str) -> str:
    plural = noun + ("es" if noun.endswith("s") else "s")
    return f"{count} {noun if count == 1 else plural}"


def _told(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(value)
    return "off" if value in (None, False, 0) else "on" if value is True else str(value)


def _with(
    known: list[str], more: Iterable[str], less: Iterable[str], field: str, most: int
) -> list[str]:
    gone = set(less)
    named = [one for one in dict.fromkeys([*known, *more]) if one not in gone]
    if len(named) > most:
        raise BadInput.of(field, f"at most {most} in all, this would make {len(named)}")
    return named


def _words_with(known: list[str], more: list[str], less: list[str]) -> list[str]:
    words = _with(known, more, less, "addWords", WORDS_MAX)
    try:
        return check_words(words) if more else words
    except ValueError as error:
        raise BadInput.of("addWords", str(error)) from error


def _checked(word: str, field: str) -> str:
    try:
        return check_word(word)
    except ValueError as error:
        raise BadInput.of(field, f"{word!r}: {error}") from error


def _sayable(text: str) -> str:
    if not (said := cleaned(text)):
        raise BadInput.of("content", "text that can be seen")
    return said
