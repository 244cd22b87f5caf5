"""livectl events."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Any

import typer

from livectl.commands.options import Limit, Since, find_stream, moment
from livectl.output import Column, in_words, short_time
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None, add_completion=False, no_args_is_help=True, help="Read the event log."
)

COLUMNS = (
    Column("SEQ", "seq", right=True),
    Column("AT", lambda item: short_time(item["at"])),
    Column("EVENT", "type"),
    Column("BY", "actor"),
    Column("STREAM", "streamId"),
    Column("DATA", lambda item: in_words(item.get("data") or {})),
)
_PAGE = 1000


@app.callback()
def events() -> None:
    """Read the event log."""


@app.command()
def tail(
    context: typer.Context,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as it grows.")] = False,
    stream: Annotated[str | None, typer.Option(help="Only of this stream.")] = None,
    event: Annotated[str | None, typer.Option(help="Only of this kind.")] = None,
    since: Since = None,
    limit: Limit = 100,
) -> None:
    """Show what happened last, oldest first; of the last day where no time is given.

    Example: livectl events tail --follow -o jsonl
    """
    session = of(context)
    query: dict[str, Any] = {
        "stream": find_stream(session, stream)["streamId"] if stream else None,
        "type": event,
        "since": moment(since or (None if follow else "1d"), "--since"),
    }
    if not follow:
        session.output.items(_newest(session, limit, query), COLUMNS, id_key="id")
        return
    lines = session.output.as_lines()
    for item in session.api.lines("/api/events", follow=True, **query):
        if session.output.format == "table":
            session.output.text("  ".join(column.of(item) for column in COLUMNS))
        else:
            lines.data(item)


def _newest(session: Session, limit: int, query: dict[str, Any]) -> list[Any]:
    """The API reads forward: page after page, of which the end is kept."""
    kept: deque[Any] = deque(maxlen=limit)
    while True:
        page = session.api.get("/api/events", limit=_PAGE, **query)
        kept.extend(page["items"])
        if len(page["items"]) < _PAGE:
            return list(kept)
        query["after"] = page["last"]
