"""What the routes work with."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from livectl.ports.clock import Clock
from livectl.ports.objects import LinkedFiles
from livectl.server.auth import Authenticator
from livectl.server.codes import Codes
from livectl.server.login import Login
from livectl.server.rounds import Rounds
from livectl.services.audit import Audit
from livectl.services.backfill import Backfill
from livectl.services.doctor import Doctor
from livectl.services.events import EventLog
from livectl.services.feed import Feed
from livectl.services.health import Health
from livectl.services.history import History
from livectl.services.inbox import Inbox
from livectl.services.ingress import IngressKeys
from livectl.services.moderation import Moderation
from livectl.services.prune import Prune
from livectl.services.reconcile import Reconcile
from livectl.services.recording_watch import RecordingWatch
from livectl.services.recordings import Recordings
from livectl.services.replays import Replays
from livectl.services.reports import Reports
from livectl.services.stats import Stats
from livectl.services.streams import Streams
from livectl.services.timeline import Timeline
from livectl.services.verify import Verify
from livectl.services.vods import Vods
from livectl.services.whip import Whip


@dataclass(frozen=True)
class Context:
    """Made once by the composition root. `metrics` renders the Prometheus text;
    `tell_log_has_grown` has the sockets of every process look at the event log at once;
    `page_policy` is what the console's pages may load (their Content-Security-Policy);
    `hash_address` is the keyed hash under which addresses are kept; `files` are those of a bucket
    that is a directory of this host, None where it is on S3; `own_public_url` is where
    this server is reached, empty where only its callers know."""

    clock: Clock
    authenticator: Authenticator
    codes: Codes
    login: Login
    streams: Streams
    ingress: IngressKeys
    whip: Whip
    history: History
    feed: Feed
    moderation: Moderation
    reports: Reports
    audit: Audit
    timeline: Timeline
    inbox: Inbox
    reconcile: Reconcile
    recordings: Recordings
    recording_watch: RecordingWatch
    events: EventLog
    stats: Stats
    doctor: Doctor
    health: Health
    active_rounds: Rounds[tuple[bytes, str]]
    metrics: Callable[[], Awaitable[bytes]]
    sign_user_token: Callable[[str, bool, int], str]
    public_url: str
    page_policy: str
    tell_log_has_grown: Callable[[], None]
    hash_address: Callable[[str], str]
    files: LinkedFiles | None
    vods: Vods
    replays: Replays
    backfill: Backfill
    verify: Verify
    prune: Prune
    own_public_url: str
