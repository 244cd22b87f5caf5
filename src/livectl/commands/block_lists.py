"""Blocks in a file, to be moved and shared: a line each, as JSON or as a plain user id."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from livectl.commands.acting import Acting
from livectl.errors import BadInput, NotFound
from livectl.output import Item, Output


class Listed(msgspec.Struct, frozen=True, kw_only=True):
    """A line. `scope` is everywhere, owner:USER or stream:ID; without one it is for where the
    command says. Without `until` it is for good."""

    user: Annotated[str, Meta(min_length=1)]
    scope: Annotated[str, Meta(pattern="^(everywhere$|owner:.|stream:.)")] | None = None
    until: Annotated[datetime, Meta(tz=True)] | None = None
    reason: str | None = None

    @property
    def fields(self) -> Item | None:
        """The scope as the API takes it."""
        if self.scope is None:
            return None
        kind, _, name = self.scope.partition(":")
        return {f"{kind}Id": name} if name else {}


def write(output: Output, file: str, restrictions: Iterable[Item]) -> None:
    """The API's restrictions as lines. Raises BadInput where the file cannot be written."""
    lines = [
        json.dumps(
            {"user": one["userId"], **{name: one[name] for name in ("scope", "until", "reason")}},
            ensure_ascii=False,
        )
        for one in restrictions
    ]
    if file == "-":
        output.text("\n".join(lines))
        return
    try:
        Path(file).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from error


def read(file: str) -> list[Listed]:
    """Raises BadInput for a file that is not there, and for the first line that is wrong."""
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file}: {error}") from error
    return list(_parsed(file, text))


def _parsed(file: str, text: str) -> Iterator[Listed]:
    for number, line in enumerate(text.split("\n"), 1):
        if not (word := line.strip()):
            continue
        try:
            yield msgspec.json.decode(word, type=Listed) if word[0] == "{" else Listed(user=word)
        except msgspec.DecodeError as error:
            raise BadInput(f"{file}, line {number}: {error}") from error


def bodies(
    acting: Acting, listed: Sequence[Listed], seconds: int | None, address: bool | None
) -> dict[str, Item]:
    """The acts that block them, without those whose time is over. A scope that was given is for
    all; `seconds` is for those that name no end. Raises NotFound where none is left."""
    now = datetime.now(UTC)
    found = {}
    for one in listed:
        left = math.ceil((one.until - now).total_seconds()) if one.until else seconds
        if left is None or left > 0:
            found[f"{one.user} ({one.scope or 'as given'})"] = acting.body(
                "block",
                one.fields if acting.given_scope is None else None,
                userId=one.user,
                seconds=left,
                address=address,
                reason=one.reason or acting.reason,
            )
    if not found:
        raise NotFound("nobody is named there whom to block")
    if len(found) < len(listed):
        acting.session.output.note(f"{len(listed) - len(found)} are over, or named twice")
    return found
