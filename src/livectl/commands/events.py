"""livectl events."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from livectl.commands.options import Limit, Since, find_stream, moment
from livectl.output import Column, short_time
from livectl.session import of

app = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Read the event log.")

COLUMNS = (
    Column("SEQ", "seq", right=True),
    Column("AT", lambda item: short_time(item["at"])),
    Column("EVENT", "type"),
    Column("BY", "actor"),
    Column("STREAM", "streamId"),
    Column("DATA", lambda item: _data(item)),
)


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
    """Show what happened, oldest first; the last day where no time is given.

    Example: livectl events tail --follow -o jsonl
    """
    session = of(context)
    query: dict[str, Any] = {
        "stream": find_stream(session, stream)["streamId"] if stream else None,
        "type": event,
        "since": moment(since or (None if follow else "1d"), "--since"),
    }
    if not follow:
        page = session.api.get("/api/events", limit=min(limit, 1000), **query)
        session.output.items(page["items"], COLUMNS, id_key="id")
        return
    lines = session.output.as_lines()
    for item in session.api.lines("/api/events", follow=True, **query):
        if session.output.format == "table":
            session.output.text("  ".join(column.of(item) for column in COLUMNS))
        else:
            lines.data(item)


def _data(item: dict[str, Any]) -> str:
    pairs = (item.get("data") or {}).items()
    return " ".join(
        f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in pairs
    )
