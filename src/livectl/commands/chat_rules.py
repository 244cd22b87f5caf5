"""livectl moderation slow, freeze, links, allow, words, moderators, pins, rules."""

from __future__ import annotations

from typing import Annotated

import typer

from livectl.commands.acting import (
    Acting,
    Everywhere,
    InStream,
    InStreamsOf,
    Reason,
    Scope,
    Users,
    acting_on,
    needed,
    scope_of,
    verb,
)
from livectl.commands.options import DryRun, complete_live, find_stream, seconds
from livectl.commands.several import Several, in_short, named
from livectl.errors import BadInput
from livectl.output import Column, Item, short_time
from livectl.session import Session, of

app = typer.Typer(rich_markup_mode=None, add_completion=False)


def _part(name: str, help_: str) -> typer.Typer:
    part = typer.Typer(
        rich_markup_mode=None, add_completion=False, no_args_is_help=True, help=help_
    )
    app.add_typer(part, name=name)
    return part


allow = _part(
    "allow",
    "Chat for an allow list only.\n\nExample: livectl moderation allow add anna --stream 6b04fa",
)
words = _part(
    "words",
    "Blocked words and patterns.\n\nExample: livectl moderation words add spam --everywhere",
)
moderators = _part(
    "moderators",
    "Who keeps order beside the host.\n\n"
    "Example: livectl moderation moderators add carl --owner anna",
)
pins = _part(
    "pins",
    "Messages that stay in sight.\n\nExample: livectl moderation pins list --stream 6b04fa",
)

RULES = (
    Column("SCOPE", "scope"),
    Column("SLOW", lambda item: f"{item['slowSeconds']}s" if item["slowSeconds"] else "off"),
    Column("FROZEN", "frozen"),
    Column("LINKS", lambda item: not item["linksOff"]),
    Column("ONLY", lambda item: f"{len(item['allowed'])} users" if item["allowedOnly"] else None),
    Column("WORDS", lambda item: len(item["words"]), right=True),
    Column("MODERATORS", "moderators"),
)
PINS = (
    Column("MESSAGE", "messageId"),
    Column("AT", lambda item: short_time(item["timestamp"])),
    Column("BY", "authorId"),
    Column("CONTENT", "content"),
)

Switch = Annotated[str, typer.Argument(metavar="on|off", autocompletion=lambda: ["on", "off"])]
Words = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[WORD]...",
        help="word, beginning*, or /pattern/; - reads them from standard input.",
    ),
]
TheStream = Annotated[
    str,
    typer.Option("--stream", help="Id, its beginning, or the room.", autocompletion=complete_live),
]


@verb(app)
def slow(
    acting: Acting,
    pause: Annotated[str, typer.Argument(metavar="PAUSE", help="10s, 1m, or off.")],
) -> None:
    """Let each user send one message in so many seconds.

    Example: livectl moderation slow 10s --stream 6b04fa
    """
    wait = 0 if pause == "off" else seconds(pause, "slow")
    if wait:
        acting.ask(f"Slow mode of {pause}")
    acting.do("rules", slowSeconds=wait)


@verb(app)
def freeze(acting: Acting, switch: Switch) -> None:
    """Have only hosts, moderators and administrators speak.

    Example: livectl moderation freeze on --stream 6b04fa
    """
    if frozen := _is_on(switch):
        acting.ask("Freeze the chat")
    acting.do("rules", frozen=frozen)


@verb(app)
def links(acting: Acting, switch: Switch) -> None:
    """Let messages have links in them, or not.

    Example: livectl moderation links off --everywhere
    """
    if not (allowed := _is_on(switch)):
        acting.ask("Refuse messages with links")
    acting.do("rules", linksOff=not allowed)


def _is_on(switch: str) -> bool:
    if switch not in {"on", "off"}:
        raise BadInput(f"{switch}: expected on or off")
    return switch == "on"


@verb(allow, "on")
def allow_on(acting: Acting) -> None:
    """Have only those on the list speak, beside hosts and moderators.

    Example: livectl moderation allow on --stream 6b04fa
    """
    acting.ask("Chat for the allow list only")
    acting.do("rules", allowedOnly=True)


@verb(allow, "off")
def allow_off(acting: Acting) -> None:
    """Let everybody speak again; the list is kept.

    Example: livectl moderation allow off --stream 6b04fa
    """
    acting.do("rules", allowedOnly=False)


@verb(allow, "add")
def allow_add(acting: Acting, users: Users = None) -> None:
    """Put users on the list.

    Example: livectl moderation allow add anna bert --stream 6b04fa
    """
    acting.do("rules", allow=named(users, "users"))


@verb(allow, "remove")
def allow_remove(acting: Acting, users: Users = None) -> None:
    """Take users off the list.

    Example: livectl moderation allow remove bert --stream 6b04fa
    """
    acting.do("rules", disallow=named(users, "users"))


@allow.command("list")
def allow_list(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    everywhere: Everywhere = False,
) -> None:
    """List who is on the list of a scope.

    Example: livectl moderation allow list --stream 6b04fa
    """
    _list(of(context), scope_of(of(context), stream, owner, everywhere), "allowed", "userId")


@verb(words, "add")
def words_add(acting: Acting, words: Words = None) -> None:
    """Block words and patterns, however they are spelt.

    Example: livectl moderation words add spam 'casino*' '/buy +now/' --everywhere
    """
    new = named(words, "words")
    acting.ask(f"Block {in_short(new)}")
    acting.do("rules", addWords=new)


@verb(words, "remove")
def words_remove(acting: Acting, words: Words = None) -> None:
    """Block words and patterns no longer.

    Example: livectl moderation words remove spam --everywhere
    """
    acting.do("rules", removeWords=named(words, "words"))


@words.command("list")
def words_list(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    everywhere: Everywhere = False,
) -> None:
    """List the blocked words of a scope.

    Example: livectl moderation words list --everywhere -o id > words.txt
    """
    _list(of(context), scope_of(of(context), stream, owner, everywhere), "words", "word")


@verb(moderators, "add")
def moderators_add(acting: Acting, users: Users = None) -> None:
    """Name moderators.

    Example: livectl moderation moderators add carl --owner anna
    """
    acting.do("moderators", add=named(users, "users"))


@verb(moderators, "remove")
def moderators_remove(acting: Acting, users: Users = None) -> None:
    """Name moderators no longer.

    Example: livectl moderation moderators remove carl --owner anna
    """
    acting.do("moderators", remove=named(users, "users"))


@moderators.command("list")
def moderators_list(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    everywhere: Everywhere = False,
) -> None:
    """List the moderators of a scope.

    Example: livectl moderation moderators list --owner anna
    """
    _list(of(context), scope_of(of(context), stream, owner, everywhere), "moderators", "userId")


def _list(session: Session, scope: Scope | None, field: str, name: str) -> None:
    found = session.api.get("/api/moderation/rules", **needed(scope).fields)[field]
    column = Column(name.removesuffix("Id").upper(), name)
    session.output.items([{name: one} for one in found], [column], id_key=name)


@pins.command("add")
def pins_add(
    context: typer.Context,
    message: Annotated[str, typer.Argument(help="The message's id.")],
    content: Annotated[str, typer.Option(help="Its text.")],
    stream: TheStream,
    reason: Reason = None,
    dry_run: DryRun = False,
) -> None:
    """Keep a message in sight; a sixth pushes the oldest out.

    Example: livectl moderation pins add 019ac3f1b2c3 --content "Rules: be kind" --stream 6b04fa
    """
    acting = acting_on(context, stream=stream, reason=reason, dry_run=dry_run)
    acting.do("pin", messageId=message, content=content)


@pins.command("remove")
def pins_remove(
    context: typer.Context,
    message: Annotated[str, typer.Argument(help="The message's id.")],
    stream: TheStream,
    reason: Reason = None,
    dry_run: DryRun = False,
) -> None:
    """Let go of a pinned message.

    Example: livectl moderation pins remove 019ac3f1b2c3 --stream 6b04fa
    """
    acting = acting_on(context, stream=stream, reason=reason, dry_run=dry_run)
    acting.do("unpin", messageId=message)


@pins.command("list")
def pins_list(context: typer.Context, stream: TheStream) -> None:
    """List what is pinned, oldest first.

    Example: livectl moderation pins list --stream 6b04fa
    """
    session = of(context)
    found = session.api.get(f"/api/streams/{find_stream(session, stream)['streamId']}")
    session.output.items(found["pinnedMessages"], PINS, id_key="messageId")


@app.command()
def rules(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    everywhere: Everywhere = False,
) -> None:
    """Show the rules that hold, and where they come from.

    Example: livectl moderation rules --stream 6b04fa
    """
    session = of(context)
    several = Several()
    for scope in _over(needed(scope_of(session, stream, owner, everywhere))):
        several.call(str(scope), session.api.get, "/api/moderation/rules", **scope)
    session.output.items(several.answers, RULES, id_key="scope")
    several.check()


def _over(scope: Scope) -> list[Item]:
    """The scopes whose rules hold in one, the widest first."""
    owners = [{"ownerId": scope.owner}] if scope.owner else []
    return [{}, *owners] if scope.is_wide else [{}, *owners, scope.fields]
