"""livectl moderation reports."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from livectl.commands.acting import Acting, All, Reason, needed, scope_of
from livectl.commands.messages import MESSAGES
from livectl.commands.options import (
    DryRun,
    Limit,
    Yes,
    complete_live,
    find_stream,
    seconds,
)
from livectl.commands.several import Several, named
from livectl.errors import BadInput, Conflict, NotFound, Unavailable
from livectl.output import Column, Item, printable, short_time
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Work through what viewers reported.\n\nExample: livectl moderation reports list",
)

COLUMNS = (
    Column("REPORT", "reportId"),
    Column("AT", lambda item: short_time(item["at"])),
    Column("STREAM", "streamId"),
    Column("BY", "reporterId", spare=True),
    Column("MESSAGES", lambda item: len(item["messages"]), right=True, spare=True),
    Column("TYPE", "type"),
    Column("REASON", "reason"),
)
_NOTE_MAX = 500

Reports = Annotated[
    list[str] | None,
    typer.Argument(metavar="[REPORT]...", help="Ids; - reads them from standard input."),
]


@app.command("list")
def list_(
    context: typer.Context,
    resolved: Annotated[
        bool, typer.Option("--resolved", help="Those that are done with, not the open ones.")
    ] = False,
    stream: Annotated[
        str | None, typer.Option(help="About this stream.", autocompletion=complete_live)
    ] = None,
    limit: Limit = 100,
    all_: All = False,
) -> None:
    """List the queue, newest first.

    Example: livectl moderation reports list
    """
    session = of(context)
    query: dict[str, Any] = {
        "status": "resolved" if resolved else "open",
        "streamId": find_stream(session, stream)["streamId"] if stream else None,
    }
    found = list(session.api.pages("/api/reports", at_most=None if all_ else limit, **query))
    session.output.items(found, COLUMNS, id_key="reportId")
    if len(found) == limit and not all_:
        session.output.note(f"the newest {limit}; --limit or --all for more")


@app.command()
def show(context: typer.Context, report: str) -> None:
    """Show one report with the messages that are its evidence.

    Example: livectl moderation reports show 6a5f02c19d7be1304f8a2b61
    """
    session = of(context)
    found = session.api.get(f"/api/reports/{report}")
    if session.output.format != "table":
        session.output.item(found, id_key="reportId")
        return
    evidence = found.pop("messages")
    session.output.item(found, id_key="reportId")
    if evidence:
        session.output.items(evidence, MESSAGES, id_key="id")


@app.command()
def resolve(
    context: typer.Context,
    resolution: Annotated[str, typer.Option(help="What became of it; kept with the report.")],
    reports: Reports = None,
    dry_run: DryRun = False,
) -> None:
    """Say what became of reports, and take them off the queue.

    Example: livectl moderation reports resolve 6a5f02c19d7be1304f8a2b61 --resolution "no harm"
    """
    session = of(context)
    several = Several()
    for report in named(reports, "reports"):
        if dry_run:
            several.call(report, _open, session, report)
        else:
            path = f"/api/reports/{report}/resolve"
            several.call(report, session.api.post, path, {"resolution": resolution})
    done = several.answers
    if session.output.format == "table":
        became = "would be resolved" if dry_run else "is resolved"
        session.output.text("\n".join(f"{one['reportId']} {became}" for one in done))
    else:
        session.output.items(done, (), id_key="reportId")
    several.check("resolved")


@app.command()
def act(
    context: typer.Context,
    report: str,
    delete: Annotated[bool, typer.Option("--delete", help="The messages.")] = False,
    block: Annotated[bool, typer.Option("--block", help="Whoever wrote them.")] = False,
    timeout: Annotated[
        str | None, typer.Option(help="Whoever wrote them, for this long: 10m, 1d.")
    ] = None,
    kill: Annotated[bool, typer.Option("--kill", help="The stream.")] = False,
    reason: Reason = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """Act on a report, and resolve it with a note of what was done.

    The messages are those that are its evidence. The stream's owner is never blocked or timed out.

    Example: livectl moderation reports act 6a5f02c19d7be1304f8a2b61 --delete --timeout 1d
    """
    session = of(context)
    quiet_s = seconds(timeout, "--timeout") if timeout else None
    if not (delete or block or quiet_s or kill):
        raise BadInput("what is to be done? Expected --delete, --block, --timeout or --kill")
    found = _open(session, report)
    scope = needed(scope_of(session, found["streamId"], None, everywhere=False))
    acting = Acting(session, scope, reason or f"report {report}", yes, dry_run)
    steps = _steps(acting, found, delete=delete, block=block, quiet_s=quiet_s, kill=kill)
    acting.confirm(f"Do this {scope.words}: {'; '.join(steps)}?")
    several = Several()
    for what, (path, body) in steps.items():
        several.call(what, _done, session, what, path, body, dryRun=dry_run)
    if not several.failed and not dry_run:
        note = {"resolution": "; ".join(steps)[:_NOTE_MAX]}
        several.call("resolve", _done, session, "resolve", f"/api/reports/{report}/resolve", note)
    _tell(session, several.answers)
    several.check()
    _check_dark(several.answers)


def _open(session: Session, report: str) -> Item:
    """A report that nobody has resolved. Raises NotFound, Conflict."""
    found: Item = session.api.get(f"/api/reports/{report}", looking_up=True)
    if found["status"] != "open":
        raise Conflict(f"{found['resolvedBy']} has resolved it: {found['resolution']}")
    return found


def _done(session: Session, step: str, path: str, body: Item, **query: Any) -> Item:
    return {"step": step, **session.api.post(path, body, **query)}


def _steps(
    acting: Acting, report: Item, *, delete: bool, block: bool, quiet_s: int | None, kill: bool
) -> dict[str, tuple[str, Item]]:
    """What is to be done, in words, each with its call. Raises NotFound where the report names
    nothing to do it to."""
    owner, evidence = acting.scope.owner, report["messages"]
    authors = sorted({one["userId"] for one in evidence if one["kind"] != "system"} - {owner})
    if delete and not evidence:
        raise NotFound("no message is its evidence: there is none to delete")
    if (block or quiet_s) and not authors:
        raise NotFound("no message of anybody but the owner is its evidence")
    acts: dict[str, Item] = {}
    if delete:
        ids = [one["id"] for one in evidence]
        acts[f"delete {len(ids)} message{'' if len(ids) == 1 else 's'}"] = acting.body(
            "delete", messageIds=ids
        )
    for author in authors:
        if block:
            acts[f"block {author}"] = acting.body("block", userId=author)
        if quiet_s:
            act = acting.body("timeout", userId=author, seconds=quiet_s)
            acts[f"time out {author} for {quiet_s} s"] = act
    steps = {what: ("/api/moderation", body) for what, body in acts.items()}
    if kill:
        path = f"/api/live/{report['streamId']}/end"
        steps["end the stream"] = path, {"reason": acting.reason}
    return steps


def _tell(session: Session, answers: list[Item]) -> None:
    if session.output.format != "table":
        session.output.items(answers, (), id_key="step")
        return
    for one in answers:
        done = "would be done" if one.get("dryRun") else "done"
        session.output.text(f"{printable(one['step'])}: {printable(one.get('detail', done))}")
        if one.get("undo"):
            session.output.text(f"  undo: {printable(one['undo'])}")


def _check_dark(answers: list[Item]) -> None:
    """Raises Unavailable where the stream was ended, and LiveKit has not done its part."""
    if any(one.get("held") is False and not one["dryRun"] for one in answers):
        raise Unavailable(
            "the stream is ended, and not yet dark",
            hint="it is recorded and will be enforced by the server, or by `livectl reconcile`",
        )
