"""What the services need of the outside, named for intent. Adapters implement these.

Every method of `Store` that changes something and takes an event appends that event in the same
atomic step; one that is refused by its condition changes nothing and appends nothing. All of them
raise `Unavailable` when the outside fails, with the call and the cause in the message.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import msgspec

from livectl.domain.chat import ChatEntry, EntryKind
from livectl.domain.event import Event
from livectl.domain.ingress import ConnectionStatus, IngressKey
from livectl.domain.moderation import ChatRules, Restriction, RestrictionKind
from livectl.domain.people import Ban, Report
from livectl.domain.presence import Sighting
from livectl.domain.recording import RecorderKind, Recording, Sign, State, VodStatus
from livectl.domain.sample import Sample
from livectl.domain.stream import Stream
from livectl.domain.webhook import InboxEntry, Participant


class Clock(Protocol):
    def now(self) -> datetime:
        """The time in UTC, to the millisecond."""
        ...


class StreamQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which streams: all given conditions hold. `ref` is the start of an id or a whole room name;
    `title` a part of the title, in any case; `since` (it included) and `until` (it not) are about
    startedAt, `ended_since` (it included) about endedAt; `before` the (startedAt, id) of the last
    one seen.
    `teardown_owed` finds ended streams whose end is not yet enforced."""

    live: bool | None = None
    owner_id: str | None = None
    tag: str | None = None
    title: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    ref: str | None = None
    teardown_owed: bool | None = None
    ended_since: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class EventQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which events, oldest first: with a `seq` above `after`; `types` are several, any of which
    will do."""

    after: int = 0
    stream_id: str | None = None
    type: str | None = None
    types: tuple[str, ...] = ()
    since: datetime | None = None
    limit: int = 100


class ChatQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which chat entries: all given conditions hold, hidden ones only with `hidden`. By id, the
    newest first unless `oldest_first`; `before` and `after` are ids, not included; `since` (it
    included) and `until` (it not) are times; `text` is a part of the content, in any case."""

    stream_ids: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    user_id: str | None = None
    kind: EntryKind | None = None
    text: str | None = None
    before: str | None = None
    after: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    hidden: bool = False
    oldest_first: bool = False
    limit: int = 100


class RestrictionQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which restrictions, the newest first: `holding_at` a time, or `over_at` one (over by then).
    No scopes are all of them."""

    scopes: tuple[str, ...] = ()
    kind: RestrictionKind | None = None
    subject: str | None = None
    holding_at: datetime | None = None
    over_at: datetime | None = None
    limit: int = 1000


class ReportQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which reports, the newest first; `before` is the (at, id) of the last one seen."""

    status: str | None = None
    stream_id: str | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class SeenAddress(msgspec.Struct, frozen=True, kw_only=True):
    """That a user came from an address, which is kept as a keyed hash only."""

    user_id: str
    address: str
    at: datetime


class InboxQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which webhooks, the newest first."""

    status: str | None = None
    room: str | None = None
    type: str | None = None
    since: datetime | None = None
    limit: int = 100


class RecordingQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which recordings, the newest `requested_at` first, then by id, descending: all given
    conditions hold. `ref` is the start of an id; `since` (it included) and `until` (it not) are
    about requestedAt; `before` is the (requested_at, id) of the last one seen; `paths` are keys in
    the bucket, of which any will do. Without `deleting`, those whose VOD is being deleted are
    found like the others; with it, only they or only the others."""

    stream_id: str | None = None
    owner_id: str | None = None
    states: tuple[State, ...] = ()
    vod_statuses: tuple[VodStatus, ...] = ()
    has_vod: bool | None = None
    deleting: bool | None = None
    ref: str | None = None
    egress_id: str | None = None
    paths: tuple[str, ...] = ()
    since: datetime | None = None
    until: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class IngressQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which ingress keys, the newest first, then by id, descending: all given conditions hold.
    `ref` is the start of an id; `room` is the `next_room` of a standing key, `ingress_id` and
    `digest` those of any of its lines; `due_at` finds those with something to see to by then
    (`IngressKey.due_at`)."""

    owner_id: str | None = None
    stream_id: str | None = None
    live_stream_id: str | None = None
    standing: bool | None = None
    enabled: bool | None = None
    ref: str | None = None
    room: str | None = None
    ingress_id: str | None = None
    digest: str | None = None
    due_at: datetime | None = None
    before: tuple[datetime, str] | None = None
    limit: int = 100


class InboxDepth(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """How many wait, how many are parked, and when the oldest waiting one came."""

    pending: int
    parked: int
    oldest: datetime | None


RecordKind = Literal[
    "stream",
    "sighting",
    "event",
    "webhook",
    "ban",
    "report",
    "start_key",
    "chat",
    "chat_rules",
    "restriction",
    "recording",
    "ingress_key",
]  # in the order of an export; the addresses that people came from are not moved


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """Anything a store holds, for moving it to another store. `key` is unique within its kind;
    `document` is plain JSON (times as `domain.clock.iso` text, names in camelCase, fields without
    a value left out), so that both stores write the same bytes.

    Keys: of a sighting `streamId/sid`, of a start key `ownerId/key`, of a ban the user's id, of an
    event its `seq` with leading zeros to 20 digits, of chat rules their scope (which the document
    repeats as `scope`), of a restriction its `key`, of the others their `id`.
    """

    kind: RecordKind
    key: str
    document: dict[str, Any]


class StoreCheck(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """The state of a store: its schema, and the indexes it should have with whether it has them."""

    backend: str
    schema_version: int
    expected_schema_version: int
    indexes: dict[str, bool]
    counts: dict[str, int]


class StreamStore(Protocol):
    """Streams and who watches them."""

    async def add_stream(self, stream: Stream, event: Event) -> None:
        """Raises Conflict when its id or its room name is taken."""
        ...

    async def stream(self, stream_id: str) -> Stream | None: ...

    async def stream_in_room(self, room_name: str) -> Stream | None: ...

    async def find_streams(self, query: StreamQuery) -> list[Stream]:
        """Newest `startedAt` first, then by id, descending."""
        ...

    async def live_totals(self) -> tuple[int, int]:
        """How many streams are live, and their viewers together."""
        ...

    async def end_stream(
        self, stream_id: str, *, at: datetime, reason: str, by: str, event: Event
    ) -> Stream | None:
        """Live -> ended, once: isLive false, endedAt, endReason, endedBy, viewers 0, an ingress
        marked not enabled, teardown owed. None where it is not live (or not there)."""
        ...

    async def settle_teardown(self, stream_id: str, event: Event) -> bool:
        """Teardown no longer owed; False where it was not."""
        ...

    async def block_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        """True where the user was not blocked before and is now."""
        ...

    async def unblock_user(self, stream_id: str, user_id: str, event: Event) -> bool:
        """True where the user was blocked before and is not now."""
        ...

    async def add_sightings(self, sightings: Sequence[Sighting]) -> None:
        """Merged with what is known of the same sessions (`domain.presence.merge`)."""
        ...

    async def overrule_sightings(self, sightings: Sequence[Sighting]) -> None:
        """Written as they are, over what was known: for what LiveKit itself reports."""
        ...

    async def sightings(self, stream_id: str) -> list[Sighting]: ...

    async def present_viewers(self, stream_id: str) -> int:
        """Distinct users with a session that joined and has not left."""
        ...

    async def set_audience(
        self, stream_id: str, *, rev: int, viewers: int, peak: int, event: Event | None
    ) -> bool:
        """Only while the stream's `rev` is still `rev`; else False."""
        ...

    async def streams_by_id(self, stream_ids: Sequence[str]) -> list[Stream]:
        """Those of them that there are, in any order."""
        ...

    async def pin_message(
        self, stream_id: str, pin: dict[str, Any], event: Event
    ) -> list[dict[str, Any]] | None:
        """Put a pin (`messageId`, `authorId`, `content`, `timestamp`: a datetime) last among
        the stream's pinnedMessages, of which the oldest beyond PINNED_MAX goes; all of them then.
        One with the same messageId is pinned already: nothing changes, and no event is appended.
        None where there is no such stream."""
        ...

    async def unpin_message(self, stream_id: str, message_id: str, event: Event) -> bool:
        """False where it was not pinned."""
        ...


class ChatStore(Protocol):
    """What is said in the rooms."""

    async def add_entries(self, entries: Sequence[ChatEntry]) -> None:
        """Durable when it returns. Safe to repeat: an entry whose id is known stays as it is."""
        ...

    async def add_gift(self, gift: ChatEntry) -> tuple[ChatEntry, bool]:
        """A gift that counts: durable, and in the stream's totalGifts, when it returns. Where
        this user's `client_id` is known in this stream: the first gift with it, and False; so
        that however often and from wherever it is sent, it counts once. Exact under any number
        of callers at once, and after a crash at any point (a gift that the crash cut off is
        counted by whoever adds one next, or by `open`)."""
        ...

    async def entries(self, query: ChatQuery) -> list[ChatEntry]: ...

    async def hide_entries(self, query: ChatQuery, *, event: Event) -> list[str]:
        """Hide all that match and are not hidden, whatever the query's limit and order; the
        event's id becomes their `hidden_by`. Their ids, oldest first. Where none matches, no
        event is appended."""
        ...

    async def restore_entries(
        self, *, ids: Sequence[str] = (), hidden_by: str | None = None, event: Event
    ) -> list[str]:
        """Show hidden ones again: these, or all that one event hid. Their ids, oldest first."""
        ...

    async def count_messages(self, *, since: datetime, until: datetime) -> int:
        """All that were said from a time (it included) until another (it not)."""
        ...

    async def prune_entries(self, *, before: datetime) -> int:
        """Remove those of streams that are not live, from before a time; how many. totalGifts
        stays as it is."""
        ...


class ModerationStore(Protocol):
    """Chat rules, restrictions, reports, and where people came from."""

    async def chat_rules(self, scopes: Sequence[str]) -> dict[str, ChatRules]:
        """Those of the scopes that have any."""
        ...

    async def set_chat_rules(self, scope: str, rules: ChatRules, event: Event) -> bool:
        """In the place of those with `rules.rev`, as rev + 1 (0 where there are none yet); False
        where others came in between: nothing changes then."""
        ...

    async def restrict(self, restriction: Restriction, event: Event) -> None:
        """A later one with the same key replaces the earlier."""
        ...

    async def lift_restriction(self, key: str, event: Event) -> bool:
        """False where there is none."""
        ...

    async def restrictions(self, query: RestrictionQuery) -> list[Restriction]: ...

    async def report(self, report_id: str) -> Report | None: ...

    async def reports(self, query: ReportQuery) -> list[Report]: ...

    async def resolve_report(
        self, report_id: str, *, resolution: str, by: str, at: datetime, event: Event
    ) -> bool:
        """Open -> resolved, once; False where it is not open (or not there)."""
        ...

    async def remember_addresses(self, seen: Sequence[SeenAddress]) -> None:
        """The latest time of each user and address."""
        ...

    async def addresses_of(self, user_id: str) -> list[str]:
        """The latest first, at most 20."""
        ...

    async def forget_addresses(self, *, before: datetime) -> int: ...


class PeopleStore(Protocol):
    """Bans, reports, and the keys of repeated starts."""

    async def ban(self, ban: Ban, event: Event) -> None:
        """A later ban of the same user replaces the earlier one."""
        ...

    async def ban_of(self, user_id: str) -> Ban | None: ...

    async def bans(self) -> list[Ban]: ...

    async def lift_ban(self, user_id: str, event: Event) -> bool: ...

    async def add_report(self, report: Report, event: Event) -> None: ...

    async def remember_start(
        self, owner_id: str, key: str, *, digest: str, stream_id: str, at: datetime
    ) -> tuple[str, str]:
        """The (digest, stream id) that the first start with this owner's key left: this one's,
        when it is the first."""
        ...

    async def forget_start(self, owner_id: str, key: str, *, stream_id: str) -> None:
        """The key is free again, where it stood for this stream."""
        ...


class InboxStore(Protocol):
    """Webhooks, kept before they are answered."""

    async def add_webhook(self, entry: InboxEntry) -> bool:
        """Durably, before it returns. False where its id is known: nothing changes then."""
        ...

    async def claim_webhooks(
        self, *, now: datetime, until: datetime, limit: int
    ) -> list[InboxEntry]:
        """Pending ones that are due, oldest first. Each is given to one caller only until `until`
        (its `next_at` becomes that, its attempts grow by one), then to whoever comes next."""
        ...

    async def finish_webhooks(self, ids: Sequence[str], *, at: datetime) -> None: ...

    async def retry_webhook(self, webhook_id: str, *, next_at: datetime, error: str) -> None: ...

    async def park_webhook(self, webhook_id: str, *, error: str, event: Event) -> None: ...

    async def requeue_webhooks(self, ids: Sequence[str], *, now: datetime, event: Event) -> int:
        """Pending again, with no attempts behind them; how many there were."""
        ...

    async def webhook(self, webhook_id: str) -> InboxEntry | None: ...

    async def webhooks(self, query: InboxQuery) -> list[InboxEntry]: ...

    async def inbox_depth(self) -> InboxDepth: ...

    async def prune_webhooks(self, *, before: datetime) -> int:
        """Remove those done before a time; pending and parked ones stay."""
        ...


class RecordingStore(Protocol):
    """Recordings with their VOD. The stream's `recording` and `vod` show its newest recording
    (`domain.recording.shown_recording`, `shown_vod`; a `vod` stays until a newer recording has
    one): in the same step as a change that comes with an event, or, on a store where two documents
    are two steps, seen to by whoever opens the store, reads the log or changes it next."""

    async def add_recording(self, recording: Recording, event: Event) -> None:
        """Raises Conflict where the stream has one that runs (the `slot` of a recording is unique
        within its stream), or the id is taken."""
        ...

    async def recording(self, recording_id: str) -> Recording | None: ...

    async def recordings(self, query: RecordingQuery) -> list[Recording]: ...

    async def save_recording(self, recording: Recording, event: Event | None) -> Recording | None:
        """In the place of the one with its id and `rev`, as rev + 1: that one then. None where
        another came in between: nothing changes then. Raises Conflict where it would be the second
        of its stream that runs. Without an event (sizes, signs of life) the stream's document
        is not touched."""
        ...

    async def remove_recording(self, recording: Recording, event: Event) -> bool:
        """While its `rev` is still this one; the stream shows neither it nor its VOD any more."""
        ...


class IngressStore(Protocol):
    """Ingress keys. The stream of a key that belongs to one shows it as `ingress`
    (`domain.ingress.shown_ingress`), not enabled once it has ended; kept up in the way of
    `RecordingStore`."""

    async def add_ingress_key(self, key: IngressKey, event: Event) -> None:
        """Raises Conflict where its stream has one already (`stream_id` of keys that have one is
        unique), or the id is taken."""
        ...

    async def ingress_key(self, key_id: str) -> IngressKey | None: ...

    async def ingress_keys(self, query: IngressQuery) -> list[IngressKey]: ...

    async def save_ingress_key(self, key: IngressKey, event: Event | None) -> IngressKey | None:
        """In the way of `RecordingStore.save_recording`."""
        ...

    async def remove_ingress_key(self, key: IngressKey, event: Event) -> bool:
        """While its `rev` is still this one; its stream shows an `ingress` no more."""
        ...


class SampleStore(Protocol):
    """The product's numbers over time."""

    async def add_sample(self, sample: Sample) -> None: ...

    async def samples(self, *, since: datetime) -> list[Sample]:
        """Oldest first."""
        ...

    async def prune_samples(self, *, before: datetime) -> int: ...


class Store(
    StreamStore,
    ChatStore,
    ModerationStore,
    PeopleStore,
    InboxStore,
    RecordingStore,
    IngressStore,
    SampleStore,
    Protocol,
):
    """Everything durable."""

    async def open(self) -> None:
        """Connect, make what is missing (tables, indexes), migrate. Safe to repeat and to race."""
        ...

    async def close(self) -> None: ...

    async def ping(self) -> None:
        """A write and a read that prove the store works."""
        ...

    async def check(self) -> StoreCheck: ...

    async def append_event(self, event: Event) -> None: ...

    async def events(self, query: EventQuery) -> list[Event]:
        """In the order of the log. Never shows an entry before all with a lower `seq` can be seen,
        so that a reader who goes on from the last `seq` misses none."""
        ...

    async def last_event_seq(self) -> int: ...

    async def take_lease(self, name: str, holder: str, *, now: datetime, until: datetime) -> bool:
        """One holder at a time: True when it is free, over, or already this holder's."""
        ...

    async def drop_lease(self, name: str, holder: str) -> None: ...

    def dump(self) -> AsyncIterator[Record]:
        """Everything, by kind and key; leases and samples are left out."""
        ...

    async def load(self, records: Sequence[Record]) -> None:
        """Put records in as they are, over those with the same key."""
        ...


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What an identity provider gives for a code; neither token is verified yet."""

    id_token: str
    access_token: str


class IdentityProvider(Protocol):
    """Where people sign in. `host` is what they know it by."""

    @property
    def host(self) -> str: ...

    async def address(self, *, redirect_uri: str, state: str, nonce: str, challenge: str) -> str:
        """Its page, asked for a code; `challenge` is that of PKCE's S256 (RFC 7636). Raises
        Unavailable."""
        ...

    async def redeem(self, code: str, *, redirect_uri: str, verifier: str) -> Granted:
        """Raises Unauthenticated where the code is not good, Unavailable."""
        ...


class Room(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A room as LiveKit lists it."""

    name: str
    sid: str
    participants: int
    created_at: datetime


class Meter(Protocol):
    """Where services and adapters count what operators watch."""

    def outside_call(self, service: str, call: str, seconds: float, *, ok: bool) -> None: ...

    def request(self, method: str, route: str, status: int, seconds: float) -> None: ...

    def webhook(self, type_: str, result: str) -> None:
        """`result`: received, repeated, done, retried, parked or refused."""
        ...

    def webhook_lag(self, seconds: float) -> None:
        """From an event's arrival to the state it made."""
        ...

    def reconciled(self, corrections: int) -> None:
        """The drift that a reconcile found."""
        ...

    def recording(self, what: str) -> None:
        """What became of recordings, as their events say it: started, completed, failed, stalled,
        upload_failed and so on."""
        ...

    def live(self, what: str, count: int = 1) -> None:
        """What happened on the live sockets: connected, refused, message, reaction, gift,
        delivered, dropped (a reaction for a viewer who does not read), too_slow (such a viewer
        was disconnected)."""
        ...

    def live_sockets(self, count: int) -> None:
        """How many are open in this process."""
        ...

    def render(self, *, live: tuple[int, int], depth: InboxDepth, now: datetime) -> bytes:
        """What was counted, with what the store holds at this moment, for a scrape."""
        ...


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """At most `count` in any `seconds` that follow each other."""

    count: int
    seconds: int


class Limiter(Protocol):
    """True sliding windows, over all processes where they share a Redis."""

    async def hit(self, rate: Rate, *key: str) -> float | None:
        """Take one. None where that was within the rate; else nothing is taken, and it is the
        seconds until one is free. Never raises for an outside that is away: it then counts in
        this process alone."""
        ...

    async def close(self) -> None: ...


Deliver = Callable[[str, bytes], None]


class Bus(Protocol):
    """How the server's processes hear of each other at once. Lossy by nature: what must not be
    lost is in the store. Never raises for an outside that is away; it heals by itself."""

    async def start(self, deliver: Deliver, nudged: Callable[[], None]) -> None:
        """From here on: `deliver(room, payload)` for what other processes said in rooms that this
        one has joined, in each one's order; `nudged()` when another process changed the store."""
        ...

    async def stop(self) -> None: ...

    async def join(self, room: str) -> None: ...

    async def leave(self, room: str) -> None: ...

    def say(self, room: str, payload: bytes, *, lossy: bool = False) -> None:
        """To the other processes. Never waits; lossy payloads are the first to go when it cannot
        keep up."""
        ...

    def nudge(self) -> None:
        """Tell the others that the event log has grown."""
        ...

    async def enter(self, room: str, user_id: str) -> None:
        """This process has the first socket of a user in a room."""
        ...

    async def exit(self, room: str, user_id: str) -> bool:
        """This process has lost the last one. True where no other process has any. One that died
        counts no more after half a minute."""
        ...

    async def ping(self) -> None:
        """Raises Unavailable where the others cannot be heard."""
        ...


class MediaCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What a doctor asks of LiveKit. `clock_skew_s` is LiveKit's clock minus ours;
    `joins_make_rooms` whether a join brings back a room that was deleted."""

    version: str
    clock_skew_s: float
    joins_make_rooms: bool


class PublishedTrack(msgspec.Struct, frozen=True, kw_only=True):
    """A track as LiveKit lists it; sizes in pixels, 0 where it does not know them."""

    kind: Literal["audio", "video"]
    codec: str
    width: int = 0
    height: int = 0


class Media(Protocol):
    """LiveKit. Calls that are safe to repeat are repeated, within a time limit, with jitter."""

    public_url: str

    async def ping(self) -> None: ...

    async def check(self) -> MediaCheck: ...

    async def create_room(
        self, name: str, *, empty_s: int | None = None, departure_s: int | None = None
    ) -> None:
        """Safe to repeat: a room that is there stays. It closes when nobody came within `empty_s`
        seconds, or nobody is left for `departure_s`; without them, as rooms of hosts do."""
        ...

    async def rooms(self, names: Sequence[str] | None = None) -> list[Room]:
        """All rooms, or those of `names` that exist."""
        ...

    async def participants(self, room: str) -> list[Participant]:
        """Everyone in it, hidden ones as well; none where the room is not there."""
        ...

    async def published(self, room: str, identity: str) -> list[PublishedTrack]:
        """What somebody publishes; nothing where nobody of that identity is there."""
        ...

    async def remove_participant(self, room: str, identity: str) -> bool:
        """False where nobody of that identity was there."""
        ...

    async def mute_track(self, room: str, identity: str, track_sid: str, *, muted: bool) -> None:
        """Raises NotFound when there is no such track."""
        ...

    async def delete_room(self, room: str) -> bool:
        """Everyone in it is put out. False where it was not there."""
        ...

    async def stop_recordings(self, room: str) -> int:
        """Ask Egress to finish what it records of the room. How many were running."""
        ...

    def host_token(self, room: str, user_id: str) -> str:
        """To join this room and publish in it; ten minutes to join."""
        ...

    def viewer_token(self, room: str, user_id: str) -> str:
        """To join this room and only subscribe; ten minutes to join."""
        ...

    def verify_webhook(self, body: bytes, authorization: str) -> None:
        """Raises Unauthenticated unless LiveKit signed just these bytes."""
        ...

    def sign_webhook(self, body: bytes) -> str:
        """The Authorization that LiveKit would send with this body."""
        ...


class IngressSpec(msgspec.Struct, frozen=True, kw_only=True):
    """An ingress to be made at LiveKit's Ingress service. `source` is what a `url` one pulls."""

    protocol: Literal["rtmp", "whip", "url"]
    name: str
    room: str
    identity: str
    source: str | None = None


class MadeIngress(msgspec.Struct, frozen=True, kw_only=True):
    """An ingress as LiveKit has it. `url` is where an encoder connects; `error` is of the last
    connection; sizes in pixels, bitrates in bits a second. One that pulls is not `reusable`: it
    can be deleted, and not be changed."""

    ingress_id: str
    name: str = ""
    stream_key: str
    url: str
    room: str
    identity: str
    enabled: bool = True
    reusable: bool = True
    status: ConnectionStatus = "inactive"
    error: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    width: int | None = None
    height: int | None = None
    video_bitrate: int | None = None
    audio_bitrate: int | None = None


class Ingresses(Protocol):
    """LiveKit's Ingress, and its server's own WHIP. Raises NotReady, with the remedy, where this
    LiveKit has no Ingress (no Redis)."""

    async def create(self, spec: IngressSpec) -> MadeIngress:
        """LiveKit makes it whether or not an Ingress service runs, except for `url`."""
        ...

    async def move(self, ingress_id: str, room: str, *, connected: bool = False) -> None:
        """Its next connection joins this room. Raises NotFound, and Conflict while it is connected,
        unless `connected` says that LiveKit is wrong to list it so: its worker crashed."""
        ...

    async def enable(
        self, ingress_id: str, *, enabled: bool, within_s: float | None = None
    ) -> None:
        """Whether new connections are taken. One that stands goes on or is dropped, as the Ingress
        service's version has it: only `delete` is sure to drop it. With `within_s` (s) it is tried
        once, and for no longer. Raises NotFound, TimedOutside, Unavailable (it is one that pulls).
        """
        ...

    async def delete(self, ingress_id: str) -> bool:
        """An encoder that is connected is dropped. False where it was not there."""
        ...

    async def ingresses(
        self, *, ingress_id: str | None = None, room: str | None = None
    ) -> list[MadeIngress]:
        """All of them, or those. Raises NotReady."""
        ...

    async def answers(self, url: str) -> bool:
        """Whether anything takes connections at the host and port of an ingress's URL."""
        ...

    async def whip_offer(
        self, room: str, identity: str, offer: bytes
    ) -> tuple[bytes, str, dict[str, str]]:
        """Connect an encoder to livekit-server's own WHIP with its SDP offer: the answer, the id of
        the session at LiveKit (the last part of its path), and the headers that the encoder needs
        (ETag, Link). Raises BadInput where LiveKit does not take the offer."""
        ...

    async def whip_change(
        self,
        method: Literal["PATCH", "DELETE"],
        room: str,
        identity: str,
        session: str,
        headers: dict[str, str],
        body: bytes,
    ) -> tuple[int, dict[str, str], bytes]:
        """Pass a change of a session (ICE, or its end) on: status, headers and body of LiveKit's
        answer."""
        ...


class Recorder(Protocol):
    """What records a stream: the Egress service, or one of our own."""

    kind: RecorderKind

    async def start(self, recording: Recording) -> str:
        """Begin; the name it goes by from then on (`egress_id`). Raises NotFound where the room is
        not there, Unavailable (NotReady where nothing can record)."""
        ...

    async def stop(self, recording: Recording) -> None:
        """Ask it to finish. Safe to repeat; `look` tells when it has."""
        ...

    async def look(self, recordings: Sequence[Recording]) -> dict[str, Sign]:
        """What it knows of them now, by recording id; those that it knows nothing of (any more, or
        on this host) are left out."""
        ...

    async def retry(self, recording: Recording) -> None:
        """Try again to make a whole file, where that was given up; `look` tells how it goes."""
        ...

    async def discard(self, recording: Recording) -> None:
        """The file is safely elsewhere, or nothing in it plays: what this host has of it may go."""
        ...


class StoredObject(msgspec.Struct, frozen=True, kw_only=True):
    """An object in the bucket. `sha256` (hex) is there where livectl sent it, and `head` asked."""

    path: str
    size: int
    modified_at: datetime
    sha256: str | None = None
    storage_class: str | None = None


Progress = Callable[[int], None]


class Objects(Protocol):
    """The bucket of recordings and VOD: S3, or a directory. Paths are keys without a leading
    slash. `type` is what documents call it (contract, Data), `bucket` its name (None where it has
    none). All raise Unavailable when it cannot be reached or refuses, with the call and path."""

    @property
    def type(self) -> Literal["S3", "Local"]: ...

    @property
    def bucket(self) -> str | None: ...

    async def close(self) -> None: ...

    async def ping(self) -> str:
        """That it is there and may be written to; what it is, in words."""
        ...

    async def head(self, path: str) -> StoredObject | None: ...

    async def send_file(
        self, path: str, file: Path, *, content_type: str, sha256: str, told: Progress | None = None
    ) -> StoredObject:
        """Put a file there, in parts. One that was cut off (of the same file, to the same path) is
        gone on with where it stopped. `told` is called with the bytes sent so far. What is then
        there has this size and this SHA-256, or Unavailable is raised."""
        ...

    async def put(self, path: str, content: bytes, *, content_type: str) -> None: ...

    async def get(self, path: str) -> bytes:
        """All of a small one. Raises NotFound."""
        ...

    async def fetch(self, path: str, file: Path, told: Progress | None = None) -> str:
        """Download to a file, going on where a part of it is there; its SHA-256. Raises
        NotFound."""
        ...

    def open(self, path: str) -> BinaryIO:
        """A seekable file that reads ranges as they are asked for; for threads, not for the event
        loop. Raises NotFound, Unavailable (also from its methods)."""
        ...

    def pages(self, prefix: str, *, after: str | None = None) -> AsyncIterator[list[StoredObject]]:
        """All under a prefix, by path, a page (at most 1000) at a time; `after` a path."""
        ...

    async def delete(self, paths: Sequence[str]) -> None:
        """Safe to repeat; those that are not there count as deleted. Raises Unavailable that names
        the first one that stayed."""
        ...

    async def set_storage_class(self, path: str, storage_class: str) -> None: ...

    def locator(self, path: str) -> str:
        """What names it for ever, and lets nobody in: `s3://bucket/key`, `file:key`."""
        ...

    def link(self, path: str, *, seconds: int, download_as: str | None = None) -> str:
        """A URL that anybody who has it can read it at for so long, with ranges. For a directory:
        a path of this server, with its signature."""
        ...


class LinkedFile(msgspec.Struct, frozen=True, kw_only=True):
    """A file of this host that a link is for."""

    file: Path
    content_type: str


class LinkedFiles(Protocol):
    """What stands behind `Objects.link` where the bucket is a directory."""

    async def linked(
        self, path: str, *, expires: int, signature: str, download_as: str | None
    ) -> LinkedFile:
        """Raises Forbidden where the link is none of ours or has run out (`expires`, in seconds
        since 1970), NotFound where the object is gone."""
        ...


class MediaFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a media file is, read from itself: `duration` in seconds. `problem` says what is wrong
    with it, where it cannot be played."""

    format: str = "mp4"
    duration: float | None = None
    width: int | None = None
    height: int | None = None
    video_codec: str | None = None
    audio_codec: str | None = None
    problem: str | None = None


class Pictures(msgspec.Struct, frozen=True, kw_only=True):
    """A poster (JPEG), and small pictures in one JPEG with the WebVTT that says where each is."""

    poster: bytes
    sprite: bytes
    thumbnails: str


class Prober(Protocol):
    """Reads media files, in worker threads. Raises NotReady where the media extra is missing."""

    async def facts(self, open_file: Callable[[], BinaryIO], format_: str) -> MediaFacts: ...

    async def pictures(self, open_file: Callable[[], BinaryIO], sprite_name: str) -> Pictures:
        """The poster from a tenth of the way in. `sprite_name` is what the WebVTT calls the
        sprite. Raises BadInput where no picture can be decoded."""
        ...

    async def decode(self, open_file: Callable[[], BinaryIO]) -> str | None:
        """Decode some seconds at the start, the middle and the end: what is wrong, or None."""
        ...
