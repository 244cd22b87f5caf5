"""livectl moderation: what is done to people. Its other parts are mounted at the end."""

from __future__ import annotations

from typing import Annotated

import typer

from livectl.commands import audit, block_lists, chat_rules, messages, reports
from livectl.commands.acting import (
    Acting,
    All,
    Everywhere,
    InStream,
    InStreamsOf,
    Scope,
    Users,
    scope_of,
    verb,
)
from livectl.commands.options import Limit, seconds
from livectl.commands.several import in_short
from livectl.errors import BadInput
from livectl.output import Column, Item, short_time
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Keep order: people, messages, rules, reports, audit.",
)

RESTRICTIONS = (
    Column("USER", "userId"),
    Column("SCOPE", "scope"),
    Column("UNTIL", lambda item: short_time(item["until"])),
    Column("SINCE", lambda item: short_time(item["at"]), spare=True),
    Column("BY", "by", spare=True),
    Column("REASON", "reason"),
)


@verb(app)
def block(
    acting: Acting,
    users: Users = None,
    for_: Annotated[str | None, typer.Option("--for", help="For this long: 24h, 7d.")] = None,
    address: Annotated[
        bool, typer.Option("--address", help="And whoever comes from the same addresses.")
    ] = False,
    import_: Annotated[
        str | None,
        typer.Option("--import", metavar="FILE", help="Whom an export or a list names; - too."),
    ] = None,
) -> None:
    """Put users out and keep them out, for a time or for good.

    A file has a line for each: JSON as `blocked --export` writes it, or a plain user id.

    Example: livectl moderation block bob --stream 6b04fa --for 7d --reason spam
    """
    lasts = seconds(for_, "--for") if for_ else None
    if import_ is None:
        acting.to_each(users, "block", harm="Block", seconds=lasts, address=address or None)
        return
    if users:
        raise BadInput("USER, --import: expected one of them")
    bodies = block_lists.bodies(acting, block_lists.read(import_), lasts, address or None)
    acting.confirm(f"Block {in_short(list(bodies))}?")
    acting.do_all(bodies)


@verb(app)
def unblock(acting: Acting, users: Users = None) -> None:
    """Let blocked users come in again.

    Example: livectl moderation unblock bob --stream 6b04fa
    """
    acting.to_each(users, "unblock")


@app.command()
def blocked(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    everywhere: Everywhere = False,
    addresses: Annotated[
        bool, typer.Option("--addresses", help="Those who are kept out by address.")
    ] = False,
    limit: Limit = 100,
    all_: All = False,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="FILE", help="Write all as JSON lines; - prints them."),
    ] = None,
) -> None:
    """List who is blocked, newest first.

    Example: livectl moderation blocked --export blocks.jsonl
    """
    if addresses and export is not None:
        raise BadInput("--addresses, --export: addresses are kept as hashes, no list can hold them")
    session = of(context)
    scope = scope_of(session, stream, owner, everywhere)
    found = _restrictions(session, scope, "address" if addresses else "block")
    if export is None:
        _show(session, found, None if all_ else limit)
        return
    block_lists.write(session.output, export, found)
    session.output.note(f"{len(found)} blocks")


@verb(app)
def kick(acting: Acting, users: Users = None) -> None:
    """Put users out; they may come back.

    Example: livectl moderation kick bob --stream 6b04fa
    """
    acting.to_each(users, "kick", harm="Put out")


@verb(app)
def mute(
    acting: Acting,
    users: Users = None,
    track: Annotated[
        str | None, typer.Option(metavar="SID", help="This track alone, not all of theirs.")
    ] = None,
) -> None:
    """Mute what users publish; they can unmute themselves.

    Example: livectl moderation mute anna --stream 6b04fa
    """
    acting.to_each(users, "mute", harm="Mute", trackSid=track)


@verb(app)
def timeout(
    acting: Acting,
    users: Users = None,
    for_: Annotated[str | None, typer.Option("--for", help="For this long: 10s to 14d.")] = None,
    off: Annotated[bool, typer.Option("--off", help="They may speak again.")] = False,
) -> None:
    """Have users be quiet for a time.

    Example: livectl moderation timeout bob --for 10m --stream 6b04fa
    """
    if off == (for_ is not None):
        raise BadInput("how long? Expected --for or --off")
    if for_ is None:
        acting.to_each(users, "untimeout")
    else:
        acting.to_each(users, "timeout", harm="Time out", seconds=seconds(for_, "--for"))


@app.command()
def timeouts(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    everywhere: Everywhere = False,
    limit: Limit = 100,
    all_: All = False,
) -> None:
    """List who is timed out, newest first.

    Example: livectl moderation timeouts --stream 6b04fa
    """
    session = of(context)
    scope = scope_of(session, stream, owner, everywhere)
    _show(session, _restrictions(session, scope, "timeout"), None if all_ else limit)


def _restrictions(session: Session, scope: Scope | None, kind: str) -> list[Item]:
    where = {"all": True} if scope is None else scope.fields
    found: list[Item] = session.api.get("/api/moderation/restrictions", kind=kind, **where)["items"]
    return found


def _show(session: Session, found: list[Item], limit: int | None) -> None:
    session.output.items(found[:limit], RESTRICTIONS, id_key="userId")
    if limit is not None and len(found) > limit:
        session.output.note(f"the newest {limit} of {len(found)}; --limit or --all for more")


@verb(app)
def warn(
    acting: Acting,
    user: Annotated[str, typer.Argument(help="The id; - reads several from standard input.")],
    text: Annotated[str, typer.Argument(help="What they are told.")],
) -> None:
    """Tell a user something that nobody else sees.

    Example: livectl moderation warn bob "no links, please" --stream 6b04fa
    """
    acting.to_each([user], "warn", harm="Warn", content=text)


@verb(app)
def announce(acting: Acting, text: Annotated[str, typer.Argument(help="What is said.")]) -> None:
    """Speak into the live rooms as the system.

    Example: livectl moderation announce "back in five minutes" --everywhere
    """
    acting.ask("Announce it")
    acting.do("announce", content=text)


for part in (messages.app, chat_rules.app, audit.app):
    app.add_typer(part)
app.add_typer(reports.app, name="reports")
