"""MongoDB's wire protocol: the mongod that MONGODB_URI names, or else FerretDB over SQLite.

FerretDB is built from `ferretdb/` beside this file, once: it stays in the user's cache under the
hash of its source. It has no transactions, no TTL and no partial indexes, and passes over some
update operators in silence: what holds there by conditional updates holds on every MongoDB.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from tests.parts import Part, PartMissing, go

NAME = "ferretdb"
SOURCE = Path(__file__).with_name(NAME)


def find() -> str:
    """The built program, built now if it was not before: a minute or two on two cores."""
    target = _cache() / f"{NAME}-{_hash()}"
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_suffix(f".{os.getpid()}")
        _build(aside)
        aside.replace(target)
    return str(target)


def _cache() -> Path:
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(home) / "livectl-tests"


def _hash() -> str:
    files = [SOURCE / name for name in ("main.go", "go.mod", "go.sum")]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def _build(target: Path) -> None:
    # buildvcs: Go would ask git about this checkout, which refuses where another user owns it.
    flags = ["-trimpath", "-buildvcs=false", "-ldflags=-s -w"]
    command = [go(NAME), "build", *flags, "-o", str(target), "."]
    env = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    built = subprocess.run(command, cwd=SOURCE, env=env, capture_output=True, text=True)
    if built.returncode != 0:
        raise PartMissing(NAME, f"`go build` of {SOURCE.name}/ failed:\n{built.stderr.strip()}")


class Databases:
    """Databases of one test session, on a server which may have others."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.prefix = f"livectl_test_{secrets.token_hex(4)}"
        self._numbers = count(1)

    @property
    def uri(self) -> str:
        """The server, with a database of this session as the default."""
        return with_database(self.server, self.prefix)

    def fresh_uri(self) -> str:
        """The same, with a database that nobody has used."""
        return with_database(self.server, f"{self.prefix}_{next(self._numbers)}")

    def drop(self) -> None:
        """Drop them all, and no others."""
        with MongoClient(self.server) as client:
            for name in client.list_database_names():
                if name.startswith(self.prefix):
                    client.drop_database(name)


class FerretDB(Part):
    name = NAME

    def __init__(self) -> None:
        self.binary = find()
        super().__init__()
        self.databases = Databases(f"mongodb://127.0.0.1:{self.port}/")

    @property
    def uri(self) -> str:
        return self.databases.uri

    def command(self) -> list[str]:
        data = self.dir / "data"
        data.mkdir(exist_ok=True)
        return [self.binary, "-listen", f"127.0.0.1:{self.port}", "-dir", str(data)]

    def answers(self) -> bool:
        try:
            with MongoClient(self.databases.server, serverSelectionTimeoutMS=200) as client:
                return client.admin.command("ping")["ok"] == 1
        except PyMongoError:
            return False


@contextmanager
def databases() -> Iterator[Databases]:
    """Where the tests of MongoDB run, for one session; nothing of it is left afterwards."""
    if server := os.environ.get("MONGODB_URI"):
        theirs = Databases(server)
        try:
            yield theirs
        finally:
            theirs.drop()
    else:
        with FerretDB() as ferretdb:
            yield ferretdb.databases


def with_database(uri: str, name: str) -> str:
    """`uri` with another default database; the one that it signs in to stays the same."""
    parts = urlsplit(uri)
    options = parse_qs(parts.query)
    if parts.username and "authSource" not in options:
        options["authSource"] = [parts.path.strip("/") or "admin"]
    return urlunsplit(parts._replace(path=f"/{name}", query=urlencode(options, doseq=True)))
