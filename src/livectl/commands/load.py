"""livectl load."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from livectl.commands.options import Yes, complete_live, find_stream, seconds
from livectl.errors import BadInput, PartlyDone
from livectl.output import printable
from livectl.session import Session, of

if TYPE_CHECKING:
    from livectl.load.chat import Result

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Try how much a server can carry.",
)

_LOCAL = "http://127.0.0.1:8080"  # where `livectl serve` listens, unless told otherwise
_RATE = "20/s"
_RATE_MAX = 10_000
_DAY_S = 86_400
_TOKEN_SPARE_S = 600


@app.callback()
def load() -> None:
    """Try how much a server can carry."""


@app.command()
def chat(
    context: typer.Context,
    stream: Annotated[
        str | None,
        typer.Option(help="Id, its beginning, or the room.", autocompletion=complete_live),
    ] = None,
    room: Annotated[str | None, typer.Option(help="A room that is not looked up.")] = None,
    url: Annotated[
        str | None, typer.Option(help=f"The server; else LIVECTL_SERVER, else {_LOCAL}.")
    ] = None,
    viewers: Annotated[int, typer.Option(min=1, max=100_000, help="How many come in.")] = 100,
    senders: Annotated[int, typer.Option(min=1, help="How many of them send.")] = 10,
    rate: Annotated[
        str | None, typer.Option(help="Messages in all, as 20/s, which is the default.")
    ] = None,
    closed_loop: Annotated[
        int | None,
        typer.Option(min=1, max=1000, help="In place of a rate: each has so many in flight."),
    ] = None,
    ramp: Annotated[str, typer.Option(help="They come in over this time.")] = "10s",
    for_: Annotated[str, typer.Option("--for", help="They send for this time.")] = "30s",
    token: Annotated[
        str | None, typer.Option(help="A bearer for all, in place of a user for each.")
    ] = None,
    processes: Annotated[
        int, typer.Option(min=1, max=64, help="The load is shared by so many.")
    ] = 1,
    yes: Yes = False,
) -> None:
    """Load a room's chat, and tell deliveries a second, latency, and what was lost or doubled.

    Each viewer is a user of its own (load-1, load-2, ...), since the chat limit is per user.
    Latency is of all deliveries. Ctrl-C ends it early, with the result. Exit code 7: something
    was lost, doubled, out of order, not answered or put out; 6: nobody was let in.

    Example: livectl load chat --stream 6b04fa --viewers 1000 --senders 50 --rate 20/s
    """
    from livectl.load.chat import Plan, run, websocket_url
    from livectl.load.display import display

    session = of(context)
    ramp_s, send_s = _times(ramp, for_)
    per_second, window = _pace(rate, closed_loop)
    socket_url = websocket_url(url or session.settings.server or _LOCAL)
    _check(session, viewers, senders, processes)
    _confirm(session, socket_url, viewers, yes=yes)
    plan = Plan(
        url=socket_url,
        room=_room(session, stream, room),
        tokens=[token] * viewers if token else _tokens(session, viewers, ramp_s + send_s),
        senders=senders,
        rate=per_second,
        window=window,
        ramp_s=ramp_s,
        send_s=send_s,
        enter_within_s=session.timeout,
        processes=processes,
    )
    with display(session.output, plan) as watch:
        result = run(plan, watch)
    _tell(session, result)


def _times(ramp: str, for_: str) -> tuple[int, int]:
    """In seconds."""
    ramp_s, send_s = seconds(ramp, "--ramp"), seconds(for_, "--for")
    if ramp_s + send_s > _DAY_S:
        raise BadInput("--ramp and --for: expected a day at the most")
    return ramp_s, send_s


def _pace(rate: str | None, window: int | None) -> tuple[float, int]:
    """Messages a second in all, or messages in flight of each sender; the other one is 0."""
    if rate is not None and window is not None:
        raise BadInput("which pace? Expected one of --rate and --closed-loop")
    return (0.0, window) if window is not None else (_per_second(rate or _RATE), 0)


def _check(session: Session, viewers: int, senders: int, processes: int) -> None:
    if session.curl:
        raise BadInput("--curl: a load is no HTTP call")
    if viewers < max(senders, processes):
        raise BadInput(f"--viewers {viewers}: expected as many as senders and processes, or more")


def _per_second(rate: str) -> float:
    parts = re.fullmatch(r"(\d+(?:\.\d+)?)(?:/s)?", rate.strip())
    if not parts or not 0 < float(parts[1]) <= _RATE_MAX:
        raise BadInput(f"--rate {rate}: expected messages a second like 20/s, {_RATE_MAX} at most")
    return float(parts[1])


def _confirm(session: Session, url: str, viewers: int, *, yes: bool) -> None:
    """Somebody else's server is not loaded by mistake."""
    host = urlsplit(url).hostname or ""
    try:
        is_here = ip_address(host).is_loopback
    except ValueError:
        is_here = host == "localhost"
    session.output.confirm(f"Load {host} with {viewers} viewers?", yes=yes or is_here)


def _room(session: Session, stream: str | None, room: str | None) -> str:
    if (stream is None) == (room is None):
        raise BadInput("which room? Expected one of --stream and --room")
    return room if room is not None else str(find_stream(session, stream or "")["roomName"])


def _tokens(session: Session, count: int, lasts_s: int) -> list[str]:
    return [
        session.api.post(
            "/api/tokens", {"userId": f"load-{number}", "ttlSeconds": lasts_s + _TOKEN_SPARE_S}
        )["token"]
        for number in range(1, count + 1)
    ]


def _tell(session: Session, result: Result) -> None:
    """Raises PartlyDone where the chat did not do as it should."""
    from msgspec import to_builtins

    session.output.item(to_builtins(result), id_key="room", text=_in_words(result))
    if result.generator.saturated:
        session.output.note(
            "the load itself could do no more, the server perhaps could: try more --processes"
        )
    if result.complaints:
        raise PartlyDone("; ".join(result.complaints))


def _in_words(result: Result) -> str:
    latency, generator = result.latency_ms, result.generator
    times = "-"
    if latency:
        found = {"p50": latency.p50, "p90": latency.p90, "p99": latency.p99, "max": latency.max}
        times = "   ".join(f"{name} {ms} ms" for name, ms in found.items())
    lines = {
        "viewers": f"{result.viewers}{_by_reason(result.not_connected, 'not let in')}"
        f"{_by_reason(result.disconnected, 'disconnected')}",
        "messages": f"{result.sent} of {result.senders} senders in {result.seconds} s: "
        f"{result.accepted} accepted, {result.unanswered} not answered"
        f"{_by_reason(result.refused, 'refused')}",
        "deliveries": f"{result.deliveries}   {result.deliveries_per_second} a second",
        "latency": times,
        "lost": str(result.lost),
        "doubled": str(result.doubled),
        "out of order": str(result.out_of_order),
        "the load": f"{' '.join(f'{one:.0%}' for one in generator.cpu)} of a core, "
        f"late by {generator.lag_ms} ms at the most",
    }
    return "\n".join(f"{name:13}{line}" for name, line in lines.items())


def _by_reason(counts: dict[str, int], what: str) -> str:
    if not counts:
        return ""
    told = ", ".join(f"{count} {printable(reason)}" for reason, count in counts.items())
    return f", {what}: {told}"
