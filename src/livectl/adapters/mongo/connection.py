"""How MongoDB is reached: one client, its time limits, and its errors in words.

Changes are single-document conditional updates, which every MongoDB does atomically; nothing here
needs a replica set, transactions or pipeline updates.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import parse_qsl, unquote_plus

from bson.codec_options import CodecOptions, DatetimeConversion
from bson.errors import BSONError
from pymongo import AsyncMongoClient, ReadPreference, ReplaceOne, UpdateOne, WriteConcern
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import (
    BulkWriteError,
    ConfigurationError,
    InvalidName,
    NetworkTimeout,
    OperationFailure,
    PyMongoError,
    ServerSelectionTimeoutError,
)

from livectl.adapters.mongo.guard import Guard, NoGuard
from livectl.errors import BadSettings, NotReady, TimedOutside, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

Document = dict[str, Any]
Collection = AsyncCollection[Document]

STREAMS = "livestreams"
EVENTS = "livectl_events"
INBOX = "livectl_inbox"
SIGHTINGS = "livectl_sightings"
BANS = "livectl_bans"
REPORTS = "livectl_reports"
CHAT = "livectl_chat"
RULES = "livectl_chat_rules"
RESTRICTIONS = "livectl_restrictions"
ADDRESSES = "livectl_addresses"
START_KEYS = "livectl_start_keys"
RECORDINGS = "livectl_recordings"
INGRESS_KEYS = "livectl_ingress_keys"
SAMPLES = "livectl_samples"
LEASES = "livectl_leases"
META = "livectl_meta"
LOCKS = "livectl_locks"

DEFAULT_DATABASE = "livectl"
DUPLICATE_KEY = 11000

# Milliseconds. What the URI says of them goes first.
_TIME_LIMITS = {
    "serverSelectionTimeoutMS": 5_000,
    "connectTimeoutMS": 5_000,
    "socketTimeoutMS": 10_000,
}
# Below the socket's limit, so that a majority that is not there is told as that.
_MAJORITY = WriteConcern("majority", wtimeout=8_000, j=True)
# Documents of any age are read: odd times and broken text are no reason to fail.
_CODEC: CodecOptions[Document] = CodecOptions(
    tz_aware=True,
    datetime_conversion=DatetimeConversion.DATETIME_AUTO,
    unicode_decode_error_handler="replace",
)
_HINT = "Check DATABASE_URL and that MongoDB runs there: `livectl doctor`"
_URI_HINT = (
    "Expected mongodb://[user:password@]host[:port]/database; special characters in the user's"
    " name and the password are percent-encoded."
)
_CAUSE_MAX = 300
_LAST_TRY_SECONDS = 0.05


def call(
    method: Callable[Concatenate[Any, P], Coroutine[Any, Any, T]],
) -> Callable[Concatenate[Any, P], Coroutine[Any, Any, T]]:
    """A call of the store: what fails in MongoDB is told under the method's name."""
    name = method.__name__.strip("_")

    async def told(self: Any, /, *args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return await method(self, *args, **kwargs)
        except (PyMongoError, BSONError, OverflowError) as error:
            raise self._explained(name, error) from error

    functools.update_wrapper(told, method)
    return told


class Connected:
    """The connection that all parts of the store share. Nothing is opened before `_connect`."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._client: AsyncMongoClient[Document] | None = None
        self._opened: AsyncDatabase[Document] | None = None
        self._guard = NoGuard()

    async def _connect(self) -> None:
        """Raises BadSettings when the URI is none, Unavailable when nobody answers."""
        client = self._new_client()
        try:
            database = client.get_default_database(
                DEFAULT_DATABASE, write_concern=_MAJORITY, read_preference=ReadPreference.PRIMARY
            ).with_options(codec_options=_CODEC)
            server = await database.client.admin.command("buildInfo")
        except ServerSelectionTimeoutError:
            # The driver gives up at the moment of its next try: cancelled in the middle of that,
            # it would leave a socket open (PyMongo 4.20).
            await asyncio.sleep(_LAST_TRY_SECONDS)
            await client.close()
            raise
        except BaseException:
            await client.close()
            raise
        self._client, self._opened = client, database
        # FerretDB 1 applies an update in two steps that others can come between.
        self._guard = Guard(database[LOCKS]) if "ferretdbVersion" in server else NoGuard()

    async def _disconnect(self) -> None:
        client, self._client, self._opened = self._client, None, None
        if client is not None:
            await client.close()

    def _new_client(self) -> AsyncMongoClient[Document]:
        try:
            return AsyncMongoClient(self._uri, appname="livectl", **self._time_limits())
        except (ConfigurationError, InvalidName, ValueError):
            # Its text may hold parts of the URI, so of a password: not even as the cause.
            raise BadSettings("DATABASE_URL is no usable MongoDB URI.", hint=_URI_HINT) from None

    def _time_limits(self) -> dict[str, Any]:
        given = {name.lower() for name, _ in parse_qsl(self._uri.partition("?")[2])}
        return {name: ms for name, ms in _TIME_LIMITS.items() if name.lower() not in given}

    def _in(self, collection: str) -> Collection:
        if self._opened is None:
            raise NotReady(f"MongoDB, {collection}: it is not open.")
        return self._opened[collection]

    def _alone(self, what: str) -> AbstractAsyncContextManager[None]:
        """Where the server cannot change a document atomically: nobody else changes `what`."""
        return self._guard.alone(what)

    async def _write_all(
        self, collection: str, what: str, writes: Sequence[UpdateOne | ReplaceOne[Document]]
    ) -> None:
        """Writes that make what is missing and may each be done twice, with `what` for them alone
        where the server needs that."""
        for start in range(0, len(writes), self._guard.batch):
            batch = writes[start : start + self._guard.batch]
            async with self._alone(what):
                try:
                    await self._in(collection).bulk_write(batch, ordered=False)
                except BulkWriteError as error:
                    if not _only_duplicates(error):
                        raise
                    # Another made one of them at the same moment. It is there now.
                    await self._in(collection).bulk_write(batch, ordered=False)

    def _explained(self, name: str, error: Exception) -> Unavailable:
        cause = self._without_password(str(error).partition(", Timeout:")[0])[:_CAUSE_MAX]
        if isinstance(error, ServerSelectionTimeoutError):
            return Unavailable(f"MongoDB, {name}: no server can be reached: {cause}.", hint=_HINT)
        if isinstance(error, NetworkTimeout) or getattr(error, "timeout", False):
            return TimedOutside(f"MongoDB, {name}: no answer in time: {cause}.", hint=_HINT)
        return Unavailable(f"MongoDB, {name}: {type(error).__name__}: {cause}.", hint=_HINT)

    def _without_password(self, text: str) -> str:
        password = self._uri.partition("://")[2].rpartition("@")[0].partition(":")[2]
        for form in {password, unquote_plus(password)} - {""}:
            text = text.replace(form, "***")
        return text


def is_taken(error: OperationFailure) -> bool:
    """Whether a unique key is another document's already."""
    # FerretDB gives no code of its own to this, except where a document is inserted.
    return error.code == DUPLICATE_KEY or "UNIQUE constraint" in str(error)


def _only_duplicates(error: BulkWriteError) -> bool:
    """Whether nothing failed but that keys were taken."""
    failed: list[Document] = error.details["writeErrors"]
    return not error.details["writeConcernErrors"] and all(
        one["code"] == DUPLICATE_KEY for one in failed
    )
