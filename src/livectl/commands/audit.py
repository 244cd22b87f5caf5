"""livectl moderation audit."""

from __future__ import annotations

from collections import deque
from typing import Annotated, Any

import typer

from livectl.commands.options import Limit, Since, find_stream, moment
from livectl.output import Item, in_words, printable, short_time
from livectl.session import Session, of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_PAGE = 1000


@app.command()
def audit(
    context: typer.Context,
    since: Since = None,
    act: Annotated[
        str | None, typer.Option(help="Of this kind: block, rules, user.banned.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Done by whoever has this in the name.")] = None,
    user: Annotated[str | None, typer.Option(help="Done to this user.")] = None,
    stream: Annotated[str | None, typer.Option(help="Done in this stream.")] = None,
    limit: Limit = 100,
    all_: Annotated[
        bool, typer.Option("--all", help="From the beginning, without a limit.")
    ] = False,
) -> None:
    """Who did what to whom, and why; newest last.

    Of the last seven days where no time is given.

    Example: livectl moderation audit --user bob --all -o jsonl
    """
    session = of(context)
    query: dict[str, Any] = {
        "since": moment(since or (None if all_ else "7d"), "--since"),
        "act": act,
        "actor": actor,
        "user": user,
        "streamId": find_stream(session, stream)["streamId"] if stream else None,
    }
    found = _newest(session, None if all_ else limit, query)
    if session.output.format != "table":
        session.output.items(found, (), id_key="id")
        return
    for one in found:
        session.output.text(_entry(one))
    if not found:
        session.output.note("nothing found")


def _newest(session: Session, limit: int | None, query: dict[str, Any]) -> list[Item]:
    """The API reads forward: page after page, of which the end is kept."""
    kept: deque[Item] = deque(maxlen=limit)
    while True:
        page = session.api.get("/api/moderation/audit", limit=_PAGE, **query)
        kept.extend(page["items"])
        if "nextAfter" not in page:
            return list(kept)
        query["after"] = page["nextAfter"]


def _entry(one: Item) -> str:
    facts = [one["user"] or "", one["scope"], f"by {one['actor']}", one["reason"] or ""]
    told = "  ".join(fact for fact in [*facts, in_words(one["data"])] if fact)
    line = f"{short_time(one['at'])}  {one['act']:11} {printable(told)}"
    return f"{line}\n{'':21}undo: {printable(one['undo'])}" if one["undo"] else line
