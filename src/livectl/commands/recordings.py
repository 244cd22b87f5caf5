"""livectl recordings."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from livectl.commands.options import (
    DryRun,
    Limit,
    Since,
    StreamRef,
    Until,
    find_one,
    find_stream,
    moment,
    seconds,
)
from livectl.errors import BadInput, PartlyDone, WaitedTooLong
from livectl.output import Column, in_time, printable, short_time
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Begin, end, list and settle recordings.",
)

COLUMNS = (
    Column("RECORDING", "recordingId"),
    Column("STATE", "state"),
    Column("OWNER", "ownerId", spare=True),
    Column("STREAM", "streamId"),
    Column("BY", "recorder", spare=True),
    Column("ASKED", lambda item: short_time(item["requestedAt"]), spare=True),
    Column("LASTS", lambda item: _length(item["duration"]), right=True),
    Column("MB", lambda item: f"{item['size'] / 1e6:.1f}" if item["size"] else "", right=True),
    Column("ERROR", "error"),
)
SETTLED = (
    Column("RECORDING", "recordingId"),
    Column("WAS", "was"),
    Column("NOW", "now"),
    Column("RESULT", "result"),
    Column("WHY", "why"),
)
_POLL_S = 0.5
# What is waited for, and the states that show it: one that has ended has been recording.
_REACHED = {
    "recording": {"recording", "ending", "uploading", "completed"},
    "completed": {"completed"},
    "failed": {"failed"},
}
_OVER = {"completed", "failed"}

RecordingRef = Annotated[str, typer.Argument(metavar="RECORDING", help="Id, or its beginning.")]
State = Annotated[
    str | None,
    typer.Option(help="starting, recording, ending, uploading, completed or failed."),
]


@app.command()
def start(context: typer.Context, stream: StreamRef) -> None:
    """Begin to record a live stream whose host is on air.

    Example: livectl recordings start 6b04fa
    """
    session = of(context)
    found = find_stream(session, stream)
    answer = session.api.post(f"/api/streams/{found['streamId']}/recording/start")
    text = f"recording {answer['recordingId']} has begun"
    session.output.item(answer, id_key="recordingId", text=text)


@app.command()
def stop(context: typer.Context, stream: StreamRef) -> None:
    """End the recording of a stream; its file is finished and sent.

    Example: livectl recordings stop 6b04fa
    """
    session = of(context)
    stream_id = find_stream(session, stream)["streamId"]
    answer = session.api.post(f"/api/streams/{stream_id}/recording/stop")
    session.output.item(
        {"streamId": stream_id, **answer}, id_key="streamId", text="the recording ends"
    )


@app.command("list")
def list_(
    context: typer.Context,
    stream: Annotated[str | None, typer.Option(help="Of this stream.")] = None,
    owner: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    state: State = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 100,
) -> None:
    """List recordings, newest first.

    Example: livectl recordings list --state failed --since 7d
    """
    session = of(context)
    query = {
        "stream": find_stream(session, stream)["streamId"] if stream else None,
        "owner": owner,
        "state": state,
        "since": moment(since, "--since"),
        "until": moment(until, "--until"),
    }
    items = list(session.api.pages("/api/recordings", at_most=limit, **query))
    session.output.items(items, COLUMNS, id_key="recordingId")
    if len(items) == limit:
        session.output.note(f"the newest {limit}; --limit for more")


@app.command()
def show(context: typer.Context, recording: RecordingRef) -> None:
    """Show one recording whole.

    Example: livectl recordings show 6b04fa
    """
    session = of(context)
    session.output.item(_as_it_is(session, recording), id_key="recordingId")


@app.command()
def retry(context: typer.Context, recording: RecordingRef) -> None:
    """Look again for the file of a recording that failed or waits, and send it.

    Looks on the disk of the host that is asked, at the recorder and in the bucket.

    Example: livectl recordings retry 6b04fa
    """
    session = of(context)
    recording_id = _find(session, recording)["recordingId"]
    answer = session.api.post(f"/api/recordings/{recording_id}/retry")
    error = f": {printable(answer['error'])}" if answer["error"] else ""
    session.output.item(
        answer, id_key="recordingId", text=f"{recording_id} {answer['state']}{error}"
    )


@app.command()
def sync(context: typer.Context, dry_run: DryRun = False) -> None:
    """Settle every unfinished recording with what its recorder, the room and the bucket say.

    A server does so by itself. Safe to run at any time. Exit code 7: some could not be settled.

    Example: livectl recordings sync --dry-run
    """
    session = of(context)
    items = session.api.post("/api/recordings/sync", {"dryRun": dry_run})["items"]
    session.output.items(items, SETTLED, id_key="recordingId")
    changed = sum(one["result"] in {"planned", "done"} for one in items)
    session.output.note(f"{len(items)} were unfinished, {changed} came further")
    if failed := [one for one in items if one["result"] == "failed"]:
        raise PartlyDone(
            f"{len(failed)} of {len(items)} could not be settled: {failed[0]['why']}",
            hint="see `livectl doctor`, then run it again",
        )


@app.command()
def wait(
    context: typer.Context,
    recording: RecordingRef,
    for_: Annotated[str, typer.Option("--for", help="recording, completed or failed.")],
    timeout: Annotated[str, typer.Option(help="Give up after this: 30s, 5m.")] = "60s",
) -> None:
    """Wait until a recording is so; exit code 1 when it did not come to it in time.

    Example: livectl recordings wait 6b04fa --for completed --timeout 5m
    """
    session = of(context)
    reached = _REACHED.get(for_)
    if reached is None:
        raise BadInput(f"--for {for_}: expected recording, completed or failed")
    deadline = time.monotonic() + seconds(timeout, "--timeout")
    found = _as_it_is(session, recording)
    while found["state"] not in reached | _OVER and time.monotonic() < deadline:
        time.sleep(_POLL_S)
        found = session.api.get(f"/api/recordings/{found['recordingId']}")
    if found["state"] not in reached:
        error = f": {found['error']}" if found["error"] else ""
        raise WaitedTooLong(
            f"{found['recordingId']} is {found['state']}{error}",
            hint=found["hint"] or "a server has to run, or `livectl recordings sync`",
        )
    text = f"{found['recordingId']} {for_}"
    session.output.item(found, id_key="recordingId", text=text)


def _as_it_is(session: Session, ref: str) -> dict[str, Any]:
    found: dict[str, Any] = session.api.get(f"/api/recordings/{_find(session, ref)['recordingId']}")
    return found


def _find(session: Session, ref: str) -> dict[str, Any]:
    """The one recording that `ref` is the beginning of. Raises NotFound, Conflict."""
    hint = "`livectl recordings list` shows ids"
    return find_one(session, "/api/recordings", ref, "recording", "recordingId", hint=hint)


def _length(duration: float | None) -> str:
    return "" if duration is None else in_time(duration)
