"""Options and arguments that several commands share, and how their values are read."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from string import hexdigits
from typing import Annotated, Any

import typer

from livectl.errors import BadInput, Conflict, NotFound
from livectl.output import Output
from livectl.session import Session

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}


def complete_live(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of live streams; none where they cannot be had, since a shell must not show errors."""
    given = context.find_root().params
    options = {"LIVECTL_SERVER": given.get("server"), "LIVECTL_DATA_DIR": given.get("data_dir")}
    session = Session(
        output=Output(quiet=True),
        options={name: value for name, value in options.items() if value},
        profile=given.get("profile"),
        timeout=2,
    )
    try:
        items = session.api.get("/api/streams", live=True, limit=100)["items"]
    except Exception:  # whatever it is, a shell that completes has no place to show it
        return []
    finally:
        session.close()
    return [
        (item["streamId"], f"{item['ownerId']} {item['title']}")
        for item in items
        if item["streamId"].startswith(incomplete)
    ]


StreamRef = Annotated[
    str,
    typer.Argument(
        metavar="STREAM", help="Id, its beginning, or the room.", autocompletion=complete_live
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, do nothing.")]
Limit = Annotated[int, typer.Option(min=1, help="At most this many.")]
Since = Annotated[str | None, typer.Option(help="From this time: 2h, 7d, or ISO 8601.")]
Until = Annotated[str | None, typer.Option(help="Before this time: 2h, 7d, or ISO 8601.")]


def seconds(text: str, option: str) -> int:
    """A duration like 30s, 10m, 24h, 7d. Raises BadInput."""
    parts = re.fullmatch(r"(\d{1,9})([smhdw])", text.strip().lower())
    if not parts or not int(parts[1]):
        raise BadInput(f"{option} {text}: expected a duration like 30s, 10m, 24h or 7d")
    return int(parts[1]) * _UNITS[parts[2]]


def moment(text: str | None, option: str) -> str | None:
    """A time as the API takes it, from ISO 8601 or a duration ago. Raises BadInput."""
    if text is None:
        return None
    if re.fullmatch(r"\d+[smhdw]", text.strip().lower()):
        return (datetime.now(UTC) - timedelta(seconds=seconds(text, option))).isoformat()
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{option} {text}: expected a time like 2026-01-31T20:00Z, or 2h") from None
    return (read if read.tzinfo else read.replace(tzinfo=UTC)).isoformat()


def find_stream(session: Session, ref: str) -> dict[str, Any]:
    """The one stream that `ref` names. Raises NotFound, or Conflict when it names several."""
    hint = "`livectl streams list` shows ids; their beginning will do"
    return find_one(session, "/api/streams", ref, "stream", "streamId", hint=hint)


def find_one(
    session: Session, path: str, ref: str, noun: str, id_key: str, *, hint: str
) -> dict[str, Any]:
    """The one thing of a list whose id begins with `ref`. Raises NotFound (with the `hint`), or
    Conflict when it names several."""
    found: list[dict[str, Any]] = []
    if set(ref.lower()) <= set(hexdigits):  # an id, in whatever case it was written down
        ref = ref.lower()
    if ref:  # every id begins with nothing: an empty variable would name the only one there is
        found = session.api.get(path, looking_up=True, ref=ref, limit=6)["items"]
    if not found:
        raise NotFound(f"no {noun} {ref}", hint=hint)
    if len(found) > 1:
        named = ", ".join(one[id_key] for one in found[:5])
        raise Conflict(f"{ref} is the beginning of several {noun}s", hint=f"such as {named}")
    return found[0]
