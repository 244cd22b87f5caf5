"""Tables of documents that are saved whole, each over the revision that it was read as."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from livectl.domain.ingress import IngressKey
from livectl.domain.recording import Recording
from livectl.errors import Conflict

T = TypeVar("T", bound=Recording | IngressKey)


class Revised(Generic[T]):
    """`columns` as SQL names them, `id` the last; `row` gives their values in that order, `taken`
    what is raised where a unique one is another's."""

    def __init__(
        self,
        table: str,
        columns: str,
        *,
        row: Callable[[T], tuple[Any, ...]],
        taken: Callable[[T], Conflict],
    ) -> None:
        marks = ", ".join("?" * len(columns.split(", ")))
        changed = columns.removesuffix(", id")
        self._add = f"INSERT INTO {table} ({columns}) VALUES ({marks})"
        self._update = (
            f"UPDATE {table} SET ({changed}) = ({marks.removesuffix(', ?')}) WHERE id = ?"
        )
        self._save = f"{self._update} AND rev = ?"
        self._remove = f"DELETE FROM {table} WHERE id = ? AND rev = ?"
        self._row = row
        self._taken = taken

    def add(self, connection: sqlite3.Connection, new: T) -> None:
        self._write(connection, self._add, new)

    def put(self, connection: sqlite3.Connection, given: T) -> None:
        """Over the one with its id, whatever the revision of that."""
        if self._write(connection, self._update, given) == 0:
            self._write(connection, self._add, given)

    def save(self, connection: sqlite3.Connection, changed: T) -> T | None:
        """As the next revision; None where another came in between."""
        saved = msgspec.structs.replace(changed, rev=changed.rev + 1)
        written = self._write(connection, self._save, saved, changed.rev)
        return saved if written else None

    def remove(self, connection: sqlite3.Connection, known: T) -> bool:
        """False where another came in between."""
        return connection.execute(self._remove, (known.id, known.rev)).rowcount == 1

    def _write(self, connection: sqlite3.Connection, sql: str, written: T, *more: Any) -> int:
        try:
            return connection.execute(sql, (*self._row(written), *more)).rowcount
        except sqlite3.IntegrityError as error:
            raise self._taken(written) from error
