"""livectl vod: replays, one by one. What keeps all of them in order is mounted at the end."""

from __future__ import annotations

import time
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from livectl.commands import vod_prune, vod_upkeep
from livectl.commands.download import download as download_to
from livectl.commands.options import (
    Limit,
    Since,
    Until,
    Yes,
    find_one,
    find_stream,
    moment,
    seconds,
)
from livectl.commands.several import Several, in_short, named
from livectl.errors import BadInput, LivectlError, NotFound, WaitedTooLong
from livectl.output import Column, Item, in_bytes, in_time, short_time
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Replays: list, link, download, hold, verify, prune.",
)


def _status(vod: Item) -> str:
    if vod["deleting"]:
        return "deleting"
    return "archived" if vod["archived"] else str(vod["status"])


COLUMNS = (
    Column("VOD", "vodId"),
    Column("STATUS", _status),
    Column("OWNER", "ownerId"),
    Column("STREAM", "streamId", spare=True),
    Column("RECORDED", lambda item: short_time(item["recordedAt"])),
    Column("LASTS", lambda item: in_time(item["duration"]), right=True),
    Column("SIZE", lambda item: in_bytes(item["size"]), right=True),
    Column("HOLD", lambda item: (item["hold"] or {}).get("reason"), spare=True),
    Column("ERROR", "error"),
)
_POLL_S = 0.5
_PICTURES_PATIENCE_S = 300

VodRef = Annotated[str, typer.Argument(metavar="VOD", help="Id, or its beginning.")]
VodRefs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[VOD]...", help="Ids or beginnings; - reads standard input."),
]


def find_vod(session: Session, ref: str) -> Item:
    """The one VOD that `ref` names. Raises NotFound, or Conflict when it names several."""
    hint = "`livectl vod list` shows ids; their beginning will do"
    return find_one(session, "/api/vods", ref, "VOD", "vodId", hint=hint)


def _path(session: Session, ref: str, call: str = "") -> str:
    return f"/api/vods/{find_vod(session, ref)['vodId']}{call}"


@app.command("list")
def list_(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    stream: Annotated[str | None, typer.Option(help="Of this stream.")] = None,
    status: Annotated[str | None, typer.Option(help="available, failed or uploading.")] = None,
    hold: Annotated[bool | None, typer.Option("--hold/--no-hold", help="Only those.")] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
    all_: Annotated[bool, typer.Option("--all", help="Without a limit.")] = False,
) -> None:
    """List VODs, newest first.

    Example: livectl vod list --status failed --since 7d
    """
    session = of(context)
    query: dict[str, Any] = {
        "owner": owner,
        "stream": find_stream(session, stream)["streamId"] if stream else None,
        "status": status,
        "hold": hold,
        "since": moment(since, "--since"),
        "until": moment(until, "--until"),
    }
    items = list(session.api.pages("/api/vods", at_most=None if all_ else limit, **query))
    session.output.items(items, COLUMNS, id_key="vodId")
    if len(items) == limit and not all_:
        session.output.note(f"the newest {limit}; --limit or --all for more")


@app.command()
def show(context: typer.Context, vod: VodRef) -> None:
    """Show one VOD whole.

    Example: livectl vod show 6b04fa
    """
    session = of(context)
    session.output.item(session.api.get(_path(session, vod)), id_key="vodId")


@app.command()
def url(
    context: typer.Context,
    vod: VodRef,
    download: Annotated[
        bool, typer.Option("--download", help="Browsers save it, they do not play it.")
    ] = False,
) -> None:
    """Print a link to play a VOD with; whoever has it may, until it runs out.

    Example: mpv "$(livectl vod url 6b04fa)"
    """
    session = of(context)
    link = session.api.get(_path(session, vod, "/link"), download=download or None)
    session.output.item(link, id_key="url", text=link["url"])


@app.command("open")
def open_(context: typer.Context, vod: VodRef) -> None:
    """Play a VOD in the browser; prints the link where there is none.

    Example: livectl vod open 6b04fa
    """
    session = of(context)
    link = session.api.get(_path(session, vod, "/link"))
    opened = False
    with suppress(webbrowser.Error):
        opened = webbrowser.open(link["url"])
    session.output.item(
        link, id_key="url", text=f"{link['vodId']} plays in the browser" if opened else link["url"]
    )


@app.command()
def download(
    context: typer.Context,
    vod: VodRef,
    to: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Without it: VOD.mp4, here.")
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Over a file that is there.")] = False,
) -> None:
    """Download a VOD; one that was cut off goes on where it stopped, and is checked at the end.

    Example: livectl vod download 6b04fa evening.mp4
    """
    session = of(context)
    link = session.api.get(_path(session, vod, "/link"), download=True)
    target = to or Path(f"{link['vodId']}.mp4")
    if target.exists() and not force:
        raise BadInput(f"{target} is there already", hint="--force writes over it")
    found = download_to(session, link, target)
    text = f"{target}  {in_bytes(found['size'])}  {found['checked']}"
    session.output.item(found, id_key="file", text=text)


@app.command()
def thumbnails(context: typer.Context, vod: VodRef) -> None:
    """Make poster, sprite and thumbnails anew.

    Example: livectl vod thumbnails 6b04fa
    """
    session = of(context)
    made = session.api.post(_path(session, vod, "/thumbnails"), patience=_PICTURES_PATIENCE_S)
    session.output.item(made, id_key="vodId", text=f"{made['vodId']} has new pictures")


@app.command()
def hold(
    context: typer.Context,
    vod: VodRef,
    reason: Annotated[str, typer.Option(help="Why it must be kept.")],
) -> None:
    """Let nothing delete a VOD until it is let go.

    Example: livectl vod hold 6b04fa --reason "case 31/2026"
    """
    session = of(context)
    held = session.api.post(_path(session, vod, "/hold"), {"reason": reason})
    session.output.item(held, id_key="vodId", text=f"{held['vodId']} is on hold")


@app.command()
def unhold(context: typer.Context, vod: VodRef) -> None:
    """Let go of a VOD that is on hold.

    Example: livectl vod unhold 6b04fa
    """
    session = of(context)
    free = session.api.delete(_path(session, vod, "/hold"))
    session.output.item(free, id_key="vodId", text=f"{free['vodId']} is on hold no more")


@app.command()
def delete(context: typer.Context, vods: VodRefs = None, yes: Yes = False) -> None:
    """Delete VODs: recording, pictures and entry, or nothing of them.

    Example: livectl vod delete 6b04fa
    """
    session = of(context)
    ids = [str(find_vod(session, ref)["vodId"]) for ref in named(vods, "VODs")]
    if not session.curl:
        session.output.confirm(f"Delete {in_short(ids)} for good?", yes=yes)
    several = Several()
    for id_ in ids:
        several.call(id_, lambda one: {"vodId": one, **session.api.delete(f"/api/vods/{one}")}, id_)
    gone = several.answers
    if session.output.format == "table":
        session.output.text("\n".join(f"{one['vodId']} is gone" for one in gone))
    else:
        session.output.items(gone, (), id_key="vodId")
    several.check("deleted")


@app.command()
def wait(
    context: typer.Context,
    vod: VodRef,
    for_: Annotated[str, typer.Option("--for", help="available, failed or gone.")] = "available",
    timeout: Annotated[str, typer.Option(help="Give up after this: 30s, 5m.")] = "60s",
) -> None:
    """Wait until a VOD is so; exit code 1 when it failed, or did not come to it in time.

    Example: livectl vod wait 6b04fa --for available --timeout 10m
    """
    if for_ not in {"available", "failed", "gone"}:
        raise BadInput(f"--for {for_}: expected available, failed or gone")
    session = of(context)
    limit = seconds(timeout, "--timeout")
    deadline = time.monotonic() + limit
    if for_ == "gone":  # what was never there is not gone
        vod = find_vod(session, vod)["vodId"]
    while time.monotonic() < deadline:
        found = _if_there(session, vod)
        status = found["status"] if found else "gone"
        if status == for_:
            item = found or {"vodId": vod, "status": "gone"}
            session.output.item(item, id_key="vodId", text=f"{item['vodId']} is {for_}")
            return
        if found and (status, for_) == ("failed", "available"):
            raise LivectlError(f"{found['vodId']} failed: {found['error']}")
        time.sleep(_POLL_S)
    raise WaitedTooLong(f"{vod} was not {for_} within {timeout}")


def _if_there(session: Session, ref: str) -> Item | None:
    try:
        return find_vod(session, ref)
    except NotFound:
        return None


for part in (vod_upkeep.app, vod_prune.app):
    app.add_typer(part)
