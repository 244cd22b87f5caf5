"""Every failure that livectl tells someone about, in one tree.

::

    LivectlError            failed                500   exit 1
    ├── BadInput            bad_request           400   exit 2   a field or an option is wrong
    │   ├── BadSettings     bad_settings          500   exit 2   the process cannot start with these
    │   ├── TooLarge        too_large             413   exit 2
    │   └── WrongMediaType  wrong_media_type      415   exit 2
    ├── Unauthenticated     unauthenticated       401   exit 4   nobody we know
    ├── Forbidden           forbidden             403   exit 4   known, and not allowed
    │   ├── FeatureDisabled feature_disabled      403   exit 4
    │   ├── Blocked         blocked               403   exit 4   blocked from this stream
    │   ├── Banned          banned                403   exit 4   may not go live for now
    │   └── ChatRefused     chat_refused          403   exit 4   may be here, may not say this now
    │       ├── TimedOut    timed_out             403   exit 4   sent to be quiet for a time
    │       ├── ChatFrozen  chat_frozen           403   exit 4
    │       ├── NotAllowed  not_allowed           403   exit 4   chat is for an allow list
    │       ├── BlockedWord blocked_word          403   exit 4
    │       └── LinksOff    links_off             403   exit 4
    ├── NotFound            not_found             404   exit 3
    ├── WrongMethod         method_not_allowed    405   exit 2
    ├── Conflict            conflict              409   exit 5
    ├── TooMany             too_many_requests     429   exit 6   come back in `retry_after` s
    │   └── SlowMode        slow_mode             429   exit 6   one message in so many seconds
    ├── Unavailable         unavailable           502   exit 6   something outside failed
    │   ├── TimedOutside    outside_timeout       504   exit 6   ... by not answering in time
    │   └── NotReady        not_ready             503   exit 6   this server cannot serve now
    ├── WaitedTooLong       waited_too_long       500   exit 1   what was waited for did not happen
    └── PartlyDone          partly_done           500   exit 7   some of several things failed

A class knows its code, HTTP status and exit code; an instance carries the sentence, a hint of
what to do next and, for bad input, the fields. The client rebuilds the same class from the code.
"""

from __future__ import annotations

from typing import ClassVar, Self


class LivectlError(Exception):
    """Base of all. `message` is a sentence for a person, `hint` says what to do next."""

    code: ClassVar[str] = "failed"
    status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        details: list[dict[str, str]] | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.details = details or []
        self.retry_after = retry_after


class BadInput(LivectlError):
    """What was sent is wrong. `details` names each field and what was expected of it."""

    code = "bad_request"
    status = 400
    exit_code = 2

    @classmethod
    def of(cls, field: str, expected: str) -> Self:
        """Of one field."""
        return cls(
            f"{field}: expected {expected}", details=[{"field": field, "expected": expected}]
        )


class BadSettings(BadInput):
    code = "bad_settings"
    status = 500


class TooLarge(BadInput):
    code = "too_large"
    status = 413


class WrongMediaType(BadInput):
    code = "wrong_media_type"
    status = 415


class Unauthenticated(LivectlError):
    code = "unauthenticated"
    status = 401
    exit_code = 4


class Forbidden(LivectlError):
    code = "forbidden"
    status = 403
    exit_code = 4


class FeatureDisabled(Forbidden):
    code = "feature_disabled"


class Blocked(Forbidden):
    code = "blocked"


class Banned(Forbidden):
    code = "banned"


class ChatRefused(Forbidden):
    code = "chat_refused"


class TimedOut(ChatRefused):
    code = "timed_out"


class ChatFrozen(ChatRefused):
    code = "chat_frozen"


class NotAllowed(ChatRefused):
    code = "not_allowed"


class BlockedWord(ChatRefused):
    code = "blocked_word"


class LinksOff(ChatRefused):
    code = "links_off"


class NotFound(LivectlError):
    code = "not_found"
    status = 404
    exit_code = 3


class WrongMethod(LivectlError):
    code = "method_not_allowed"
    status = 405
    exit_code = 2


class Conflict(LivectlError):
    code = "conflict"
    status = 409
    exit_code = 5


class TooMany(LivectlError):
    code = "too_many_requests"
    status = 429
    exit_code = 6


class SlowMode(TooMany):
    code = "slow_mode"


class Unavailable(LivectlError):
    """LiveKit, the store or the network failed; the message says which call and why."""

    code = "unavailable"
    status = 502
    exit_code = 6


class TimedOutside(Unavailable):
    code = "outside_timeout"
    status = 504


class NotReady(Unavailable):
    code = "not_ready"
    status = 503


class WaitedTooLong(LivectlError):
    code = "waited_too_long"


class PartlyDone(LivectlError):
    code = "partly_done"
    exit_code = 7


def all_errors() -> list[type[LivectlError]]:
    """Every class of the tree, the base first. An adapter may have narrower ones for itself: to
    everybody else they are what they narrow."""
    found: list[type[LivectlError]] = [LivectlError]
    for cls in found:
        found.extend(sub for sub in cls.__subclasses__() if sub.__module__ == __name__)
    return found


def error_for(code: str, status: int) -> type[LivectlError]:
    """The class that a reply stands for: by its code, otherwise by its HTTP status."""
    by_code = {cls.code: cls for cls in all_errors()}
    if code in by_code:
        return by_code[code]
    by_status = {cls.status: cls for cls in reversed(all_errors())}
    return by_status.get(status, Unavailable if status >= 500 else LivectlError)
