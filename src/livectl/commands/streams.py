"""livectl streams."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import Annotated, Any

import typer

from livectl.commands.options import (
    DryRun,
    Limit,
    Since,
    StreamRef,
    Until,
    Yes,
    complete_live,
    find_stream,
    moment,
    seconds,
)
from livectl.commands.several import Several
from livectl.errors import BadInput, NotFound, Unavailable, WaitedTooLong
from livectl.output import Column, exact_time, in_words, lasted, printable, short_time
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="List, start, kill, explain streams.",
)

COLUMNS = (
    Column("STREAM", "streamId"),
    Column("LIVE", "isLive"),
    Column("OWNER", "ownerId"),
    Column("VIEWERS", "viewers", right=True),
    Column("PEAK", "peakViewers", right=True, spare=True),
    Column("STARTED", lambda item: short_time(item["startedAt"]), spare=True),
    Column("LASTS", lasted, right=True),
    Column("TITLE", "title"),
)
BANS = (
    Column("USER", "userId"),
    Column("UNTIL", lambda item: short_time(item["until"])),
    Column("BY", "by"),
    Column("REASON", "reason"),
)
_POLL_S = 0.5

Live = Annotated[bool | None, typer.Option("--live/--ended", help="Only those.")]
Owner = Annotated[str | None, typer.Option(help="Of this user.")]
Tag = Annotated[str | None, typer.Option(help="With this tag.")]
Title = Annotated[str | None, typer.Option(help="With this in the title.")]


def _filters(**given: Any) -> dict[str, Any]:
    times = {name: moment(given.pop(name), f"--{name}") for name in ("since", "until")}
    return {**given, **times}


@app.command("list")
def list_(
    context: typer.Context,
    live: Live = None,
    owner: Owner = None,
    tag: Tag = None,
    title: Title = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    all_: Annotated[bool, typer.Option("--all", help="Without a limit.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again every 2 s.")] = False,
) -> None:
    """List streams, newest first.

    Example: livectl streams list --live --tag music -o json
    """
    session = of(context)
    query = _filters(live=live, owner=owner, tag=tag, title=title, since=since, until=until)

    def show() -> None:
        items = list(session.api.pages("/api/streams", at_most=None if all_ else limit, **query))
        if watch:
            session.output.fresh_page(time.strftime("%H:%M:%S, Ctrl-C ends"))
        session.output.items(items, COLUMNS, id_key="streamId")
        if len(items) == limit and not all_:
            session.output.note(f"the newest {limit}; --limit or --all for more")

    show()
    while watch:
        time.sleep(2)
        show()


@app.command()
def export(
    context: typer.Context,
    live: Live = None,
    owner: Owner = None,
    tag: Tag = None,
    title: Title = None,
    since: Since = None,
    until: Until = None,
) -> None:
    """All streams that match, as JSON lines.

    Example: livectl streams export --since 30d > streams.jsonl
    """
    session = of(context)
    query = _filters(live=live, owner=owner, tag=tag, title=title, since=since, until=until)
    lines = session.output.as_lines()
    count = 0
    for item in session.api.pages("/api/streams", at_most=None, **query):
        lines.data(item)
        count += 1
    session.output.note(f"{count} streams")


@app.command()
def show(context: typer.Context, stream: StreamRef) -> None:
    """Show one stream whole.

    Example: livectl streams show 6b04fa
    """
    session = of(context)
    session.output.item(_as_it_is(session, stream), id_key="streamId")


def _as_it_is(session: Session, ref: str) -> dict[str, Any]:
    stream_id = find_stream(session, ref)["streamId"]
    found: dict[str, Any] = session.api.get(f"/api/streams/{stream_id}")
    return found


@app.command()
def start(
    context: typer.Context,
    owner: Annotated[str, typer.Option(help="The user who goes live.")],
    title: Annotated[str, typer.Option(help="At most 120 characters.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    cover_url: Annotated[str | None, typer.Option(help="An http(s) URL.")] = None,
    record: Annotated[bool, typer.Option(help="Recording is allowed.")] = True,
    replay: Annotated[bool, typer.Option(help="A replay is offered afterwards.")] = True,
    auto_record: Annotated[
        bool | None,
        typer.Option(help="Recorded from when the host is on air; else as the server does."),
    ] = None,
) -> None:
    """Start a stream for a user, and print the token to publish with.

    Example: livectl streams start --owner anna --title "Evening" --tag music
    """
    body = {
        "ownerId": owner,
        "title": title,
        "tags": tag or [],
        "coverUrl": cover_url,
        "enableRecording": record,
        "enableReplay": replay,
        "autoRecord": auto_record,
    }
    of(context).output.item(of(context).api.post("/api/streams", body), id_key="streamId")


@app.command()
def watch(context: typer.Context, stream: StreamRef) -> None:
    """Print a token to watch a live stream with; ten minutes to join.

    Example: livectl streams watch 6b04fa -o json
    """
    session = of(context)
    found = find_stream(session, stream)
    answer = session.api.get(f"/api/live/{found['streamId']}/watch")
    session.output.item(answer, id_key="token")


Reason = Annotated[str | None, typer.Option(help="Kept with the stream and in the log.")]
StreamRefs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[STREAM]...",
        help="Ids, their beginnings, or rooms; - reads them from standard input.",
        autocompletion=complete_live,
    ),
]


@app.command()
def kill(
    context: typer.Context,
    streams: StreamRefs = None,
    owner: Annotated[str | None, typer.Option(help="All live streams of this user.")] = None,
    reason: Reason = None,
    ban: Annotated[
        str | None, typer.Option(help="The owner may not go live for this long: 24h, 7d.")
    ] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """End streams now, and see that they stay dark.

    Ends them in the store, stops ingress and recordings, deletes the room, and looks that it is
    gone. Exit code 6: stored, not yet dark (LiveKit is away); the server will enforce it.

    Example: livectl streams kill 6b04fa --reason "stolen match" --ban 24h
    """
    body = {"reason": reason, "banSeconds": seconds(ban, "--ban") if ban else None}
    _end(of(context), _chosen(of(context), streams, owner), body, yes=yes, dry_run=dry_run)


@app.command()
def stop(
    context: typer.Context,
    streams: StreamRefs = None,
    owner: Annotated[str | None, typer.Option(help="All live streams of this user.")] = None,
    yes: Yes = False,
    dry_run: DryRun = False,
) -> None:
    """End streams as their owner would.

    Example: livectl streams stop --owner anna
    """
    chosen = _chosen(of(context), streams, owner)
    _end(of(context), chosen, {"reason": "stopped"}, yes=yes, dry_run=dry_run)


def _chosen(session: Session, refs: list[str] | None, owner: str | None) -> list[dict[str, Any]]:
    named = [ref for ref in refs or [] if ref != "-"]
    if "-" in (refs or []):
        named += sys.stdin.read().split()
        if not named:
            raise NotFound("no ids came on standard input")
    if not named and owner is None:
        raise BadInput("which streams? Expected ids, -, or --owner")
    chosen = [find_stream(session, ref) for ref in named]
    if owner is not None:
        query = {"live": True, "owner": owner, "limit": 1000}
        chosen += session.api.get("/api/streams", looking_up=True, **query)["items"]
    if not chosen:
        raise NotFound(f"{owner} has no live stream")
    return list({str(one["streamId"]): one for one in chosen}.values())


def _end(
    session: Session, chosen: list[dict[str, Any]], body: Any, *, yes: bool, dry_run: bool
) -> None:
    if not dry_run and not session.curl:
        named = ", ".join(
            f"{one['streamId']} ({one['title'] or 'no title'}, of {one['ownerId']}, "
            f"{one['viewers']} watching)"
            for one in chosen
        )
        session.output.confirm(f"End {named}?", yes=yes)
    several = Several()
    for one in chosen:
        path = f"/api/live/{one['streamId']}/end"
        several.call(one["streamId"], session.api.post, path, body, dryRun=dry_run)
    ended = several.answers
    _tell(session, ended)
    several.check("ended")
    if not dry_run and (open_ := [one["streamId"] for one in ended if not one["held"]]):
        raise Unavailable(
            f"ended, and not yet dark: {', '.join(open_)}",
            hint="it is recorded and will be enforced by the server, or by `livectl reconcile`",
        )


def _tell(session: Session, ended: list[dict[str, Any]]) -> None:
    if session.output.format != "table":
        session.output.items(ended, (), id_key="streamId")
        return
    marks = {
        "done": session.output.green("done"),
        "failed": session.output.red("FAILED"),
        "nothing_to_do": "nothing to do",
        "planned": "would be done",
    }
    for one in ended:
        session.output.text(f"{one['streamId']}  {printable(one['title'])}")
        for step in one["steps"]:
            name, mark = step["step"].replace("_", " "), marks[step["result"]]
            took = f" in {step['ms']} ms" if step["result"] == "done" else ""
            detail = f": {printable(step['detail'])}" if step["detail"] else ""
            session.output.text(f"  {name:18}{mark}{took}{detail}")


@app.command()
def bans(context: typer.Context) -> None:
    """List users who may not go live for now.

    Example: livectl streams bans
    """
    session = of(context)
    session.output.items(session.api.get("/api/bans")["items"], BANS, id_key="userId")


@app.command()
def unban(context: typer.Context, user: str) -> None:
    """Let a banned user go live again.

    Example: livectl streams unban anna
    """
    session = of(context)
    answer = session.api.delete(f"/api/bans/{user}")
    session.output.item(
        {"userId": user, **answer}, id_key="userId", text=f"{printable(user)} may go live again"
    )


@app.command()
def wait(
    context: typer.Context,
    stream: StreamRef,
    for_: Annotated[str, typer.Option("--for", help="live, ended, or viewers=N (at least).")],
    timeout: Annotated[str, typer.Option(help="Give up after this: 30s, 5m.")] = "60s",
) -> None:
    """Wait until a stream is so; exit code 1 when it did not come to it in time.

    Example: livectl streams wait 6b04fa --for viewers=10 --timeout 5m
    """
    session = of(context)
    limit, is_so = seconds(timeout, "--timeout"), _condition(for_)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        with suppress(NotFound):
            found = _as_it_is(session, stream)
            if is_so(found):
                session.output.item(found, id_key="streamId", text=f"{found['streamId']} {for_}")
                return
        time.sleep(_POLL_S)
    raise WaitedTooLong(f"{stream} was not {for_} within {timeout}")


def _condition(text: str) -> Any:
    if text in {"live", "ended"}:
        return lambda found: found["isLive"] is (text == "live")
    name, _, number = text.partition("=")
    if name == "viewers" and number.isdigit():
        return lambda found: found["viewers"] >= int(number)
    raise BadInput(f"--for {text}: expected live, ended or viewers=N")


@app.command()
def explain(context: typer.Context, stream: StreamRef) -> None:
    """Everything known of a stream, in one line of time.

    Example: livectl streams explain 6b04fa
    """
    session = of(context)
    found = find_stream(session, stream)
    items = session.api.get(f"/api/streams/{found['streamId']}/timeline")["items"]
    if session.output.format != "table":
        session.output.items(items, (), id_key="at")
        return
    state = "live" if found["isLive"] else f"ended ({found['endReason'] or 'no reason known'})"
    session.output.text(printable(f"{found['streamId']}  {found['title']}  {state}"))
    for item in items:
        session.output.text(_line(session, item))


def _line(session: Session, item: dict[str, Any]) -> str:
    facts = [printable(in_words(item["data"]))] if item.get("data") else []
    if item.get("delayMs") is not None:
        facts.append(f"came after {item['delayMs']} ms")
    if item.get("error"):
        facts.append(session.output.red(printable(item["error"])))
    at, actor = exact_time(item["at"]), printable(item["actor"])
    line = f"  {at}  {item['source']:8}{item['what']:26}{actor:20}{'  '.join(facts)}"
    return line.rstrip()
