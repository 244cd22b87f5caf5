"""An act of moderation at the command line: where it holds, asked for first where it harms many,
sent, and told with the command that takes it back."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from livectl.commands.options import DryRun, Yes, complete_live, find_stream
from livectl.commands.several import Several, in_short, named
from livectl.errors import BadInput, PartlyDone
from livectl.output import Item, printable
from livectl.session import Session, of

InStream = Annotated[
    str | None,
    typer.Option(
        "--stream",
        help="In this stream: its id, the id's beginning, or the room.",
        autocompletion=complete_live,
    ),
]
InStreamsOf = Annotated[str | None, typer.Option("--owner", help="In all streams of this user.")]
Everywhere = Annotated[bool, typer.Option("--everywhere", help="In all streams.")]
Reason = Annotated[str | None, typer.Option(help="Kept in the audit trail.")]
All = Annotated[bool, typer.Option("--all", help="Without a limit.")]
Users = Annotated[
    list[str] | None,
    typer.Argument(metavar="[USER]...", help="Ids; - reads them from standard input."),
]


@dataclass(frozen=True)
class Scope:
    """Where something holds: the fields that the API knows it by, the words of a question, and
    whose streams it is about, where it is about somebody's."""

    fields: Item
    words: str
    owner: str | None = None

    @property
    def is_wide(self) -> bool:
        return "streamId" not in self.fields


def scope_of(
    session: Session, stream: str | None, owner: str | None, everywhere: bool
) -> Scope | None:
    """None where nothing was said. Raises BadInput where too much was, NotFound, Conflict."""
    if sum([stream is not None, owner is not None, everywhere]) > 1:
        raise BadInput("--stream, --owner, --everywhere: expected one of them")
    if stream is not None:
        found = find_stream(session, stream)
        title = found["title"] or "no title"
        words = f"in stream {found['streamId']} ({title}, of {found['ownerId']})"
        return Scope({"streamId": found["streamId"]}, words, str(found["ownerId"]))
    if owner is not None:
        return Scope({"ownerId": owner}, f"in all streams of {owner}", owner)
    return Scope({}, "everywhere") if everywhere else None


def needed(scope: Scope | None) -> Scope:
    """Raises BadInput where there is none: nothing is done everywhere because an option was
    forgotten."""
    if scope is None:
        raise BadInput("where? Expected --stream, --owner or --everywhere")
    return scope


@dataclass(frozen=True)
class Acting:
    """One run of a verb that acts."""

    session: Session
    given_scope: Scope | None
    reason: str | None
    yes: bool
    dry_run: bool

    @property
    def scope(self) -> Scope:
        return needed(self.given_scope)

    def ask(self, what: str, *, many: bool = False) -> None:
        """Before what harms more than one person, or people in more than one stream."""
        if many or self.scope.is_wide:
            self.confirm(f"{what} {self.scope.words}?")

    def confirm(self, question: str) -> None:
        if not self.dry_run and not self.session.curl:
            self.session.output.confirm(question, yes=self.yes)

    def do(self, act: str, **fields: Any) -> None:
        self.do_all({act: self.body(act, **fields)})

    def to_each(
        self, users: Sequence[str] | None, act: str, *, harm: str = "", **fields: Any
    ) -> None:
        """Do it to each user. `harm` says what it is, where that has to be asked for first."""
        names = named(users, "users")
        if harm:
            self.ask(f"{harm} {in_short(names)}", many=len(names) > 1)
        self.do_all({name: self.body(act, userId=name, **fields) for name in names})

    def body(self, act: str, scope: Item | None = None, **fields: Any) -> Item:
        """What the API is sent; in another `scope` than the one that was given, if need be."""
        where = self.scope.fields if scope is None else scope
        body = {"act": act, **where, "reason": self.reason, **fields}
        return {name: value for name, value in body.items() if value is not None}

    def do_all(self, bodies: dict[str, Item]) -> None:
        """Acts by what each is done to. Raises the error of those that failed, at the end."""
        several = Several()
        for name, body in bodies.items():
            several.call(name, self.session.api.post, "/api/moderation", body, dryRun=self.dry_run)
        outcomes = several.answers
        _tell(self.session, outcomes)
        several.check()
        if missing := [one for outcome in outcomes for one in outcome["missing"]]:
            raise PartlyDone(f"{len(missing)} were not found: {', '.join(missing)}")


def _tell(session: Session, outcomes: Sequence[Item]) -> None:
    if session.output.format != "table":
        kept = [one for one in outcomes if one["eventId"] or session.output.format != "id"]
        session.output.items(kept, (), id_key="eventId")
        return
    for one in outcomes:
        session.output.text(printable(one["detail"]))
        if one["undo"]:
            session.output.text(f"  undo: {printable(one['undo'])}")


def acting_on(
    context: typer.Context,
    stream: InStream = None,
    owner: InStreamsOf = None,
    everywhere: Everywhere = False,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> Acting:
    """From the options that all verbs have in common."""
    session = of(context)
    return Acting(session, scope_of(session, stream, owner, everywhere), reason, yes, dry_run)


Verb = Callable[..., None]


def verb(app: typer.Typer, name: str | None = None) -> Callable[[Verb], Verb]:
    """Mount a function as a verb that acts. Its first argument is the `Acting` that the common
    options make; the rest are arguments and options of its own."""
    context, *common = inspect.signature(acting_on, eval_str=True).parameters.values()

    def mount(function: Verb) -> Verb:
        _, *own = inspect.signature(function, eval_str=True).parameters.values()

        def run(context: typer.Context, **given: Any) -> None:
            of_all = {one.name: given.pop(one.name) for one in common}
            function(acting_on(context, **of_all), **given)

        run.__doc__ = function.__doc__
        # Typer reads the command's options from here.
        run.__signature__ = inspect.Signature([context, *own, *common])  # type: ignore[attr-defined]
        app.command(name or function.__name__)(run)
        return function

    return mount
