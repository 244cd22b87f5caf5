"""livectl moderation delete, restore, clear, messages."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from livectl.commands.acting import Acting, All, InStream, InStreamsOf, Users, scope_of, verb
from livectl.commands.options import Limit, Since, Until, moment
from livectl.commands.several import in_short, named
from livectl.errors import BadInput
from livectl.output import Column, Item, short_time
from livectl.session import of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

MESSAGES = (
    Column("MESSAGE", "id"),
    Column("AT", lambda item: short_time(item["timestamp"])),
    Column("STREAM", "streamId", spare=True),
    Column("USER", "userId"),
    Column("KIND", "kind", spare=True),
    Column("HIDDEN", lambda item: item.get("hidden", False), spare=True),
    Column("CONTENT", "content"),
)
_MESSAGES_MAX = 500

Messages = Annotated[
    list[str] | None,
    typer.Argument(metavar="[MESSAGE]...", help="Ids; - reads them from standard input."),
]


@verb(app)
def delete(acting: Acting, messages: Messages = None) -> None:
    """Take messages off the screens and out of the history.

    Example: livectl moderation delete 019ac3f1b2c30000a1b2c3d4 --stream 6b04fa
    """
    ids = named(messages, "messages")
    acting.ask(f"Delete {len(ids)} messages", many=len(ids) > 1)
    acting.do_all(_in_parts(acting, "delete", ids))


@verb(app)
def restore(
    acting: Acting,
    messages: Messages = None,
    event: Annotated[
        str | None, typer.Option(metavar="ID", help="All that this entry of the audit took away.")
    ] = None,
) -> None:
    """Put messages back that were deleted or cleared.

    Example: livectl moderation restore --event 6a5f02c19d7be1304f8a2b61 --stream 6b04fa
    """
    if event is None:
        acting.do_all(_in_parts(acting, "restore", named(messages, "messages")))
    elif messages:
        raise BadInput("MESSAGE, --event: expected one of them")
    else:
        acting.do("restore", eventId=event)


def _in_parts(acting: Acting, act: str, ids: list[str]) -> dict[str, Item]:
    """As many messages in one act as the API takes."""
    parts = [ids[begin : begin + _MESSAGES_MAX] for begin in range(0, len(ids), _MESSAGES_MAX)]
    return {in_short(part): acting.body(act, messageIds=part) for part in parts}


@verb(app)
def clear(acting: Acting, users: Users = None) -> None:
    """Take everything away that users said.

    Example: livectl moderation clear bob --stream 6b04fa
    """
    names = named(users, "users")
    acting.ask(f"Clear all that was said by {in_short(names)}", many=True)
    acting.to_each(names, "clear")


@app.command()
def messages(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    text: Annotated[str | None, typer.Option(help="With this in it, in any case.")] = None,
    user: Annotated[str | None, typer.Option(help="Said by this user.")] = None,
    kind: Annotated[str | None, typer.Option(help="message, gift or system.")] = None,
    since: Since = None,
    until: Until = None,
    hidden: Annotated[bool, typer.Option("--hidden", help="Those taken away, too.")] = False,
    limit: Limit = 100,
    all_: All = False,
) -> None:
    """Search what was said, newest first.

    Example: livectl moderation messages --text "buy now" --since 2h -o id
    """
    session = of(context)
    scope = scope_of(session, stream, owner, everywhere=False)
    query: dict[str, Any] = {
        **(scope.fields if scope else {}),
        "text": text,
        "user": user,
        "kind": kind,
        "since": moment(since, "--since"),
        "until": moment(until, "--until"),
        "hidden": hidden,
    }
    pages = session.api.pages("/api/moderation/messages", at_most=None if all_ else limit, **query)
    if all_ and session.output.format == "jsonl":
        for item in pages:  # as they come: there may be many
            session.output.data(item)
        return
    found = list(pages)
    session.output.items(found, MESSAGES, id_key="id")
    if len(found) == limit and not all_:
        session.output.note(f"the newest {limit}; --limit or --all for more")
