"""livectl ingress."""

from __future__ import annotations

import threading
from typing import Annotated, Any

import typer

from livectl.commands.options import (
    Limit,
    Yes,
    complete_live,
    find_one,
    find_stream,
    seconds,
)
from livectl.errors import BadInput, Conflict, LivectlError, Unavailable
from livectl.output import Column, Item, printable, short_time
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Keys that encoders go live with.",
)

COLUMNS = (
    Column("KEY", "keyId"),
    Column("OWNER", "ownerId"),
    Column("TYPE", "type"),
    Column("STATE", lambda item: _state(item)),
    Column("LAST USED", lambda item: short_time(item["lastUsedAt"])),
    Column("FROM", "cameFrom", spare=True),
    Column("EXPIRES", lambda item: short_time(item["expiresAt"]), spare=True),
    Column("TITLE", "title"),
)
_TEST_S = 5.0
_LOOK_EVERY_S = 0.5

KeyRef = Annotated[str, typer.Argument(metavar="KEY", help="Its id, or the beginning of it.")]
Expires = Annotated[str | None, typer.Option(help="It works for this long: 12h, 30d.")]


@app.command()
def create(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option(help="The user who goes live by it.")] = None,
    stream: Annotated[
        str | None,
        typer.Option(
            help="In place of an owner: for this live stream.", autocompletion=complete_live
        ),
    ] = None,
    rtmp: Annotated[bool, typer.Option("--rtmp", help="By RTMP, which is the default.")] = False,
    whip: Annotated[bool, typer.Option("--whip", help="By WHIP.")] = False,
    url: Annotated[str | None, typer.Option(help="LiveKit pulls this: http, https, srt.")] = None,
    through: Annotated[
        str | None,
        typer.Option(help="ingress: WHIP through LiveKit's Ingress service as well."),
    ] = None,
    title: Annotated[str, typer.Option(help="At most 120 characters.")] = "",
    tag: Annotated[list[str] | None, typer.Option(help="May be given several times.")] = None,
    cover_url: Annotated[str | None, typer.Option(help="An http(s) URL.")] = None,
    record: Annotated[bool, typer.Option(help="Recording is allowed.")] = True,
    replay: Annotated[bool, typer.Option(help="A replay is offered afterwards.")] = True,
    auto_record: Annotated[
        bool, typer.Option("--auto-record", help="Recorded from when it goes live.")
    ] = False,
    grace: Annotated[
        str, typer.Option(help="An encoder that is back within this goes on with its stream.")
    ] = "60s",
    expires: Expires = None,
) -> None:
    """Make a key, and print it: this once, and with `show --reveal`.

    A standing key goes live whenever an encoder connects to it; that is what a venue gets.

    Example: livectl ingress create --owner anna --whip --title "Hall 2" --expires 30d
    """
    session = of(context)
    if (owner is None) is (stream is None):
        raise BadInput("whose? Expected one of --owner and --stream")
    body = {
        "ownerId": owner,
        "streamId": stream and find_stream(session, stream)["streamId"],
        "type": _type(rtmp, whip, url),
        "through": through,
        "url": url,
        "title": title,
        "tags": tag or [],
        "coverUrl": cover_url,
        "enableRecording": record,
        "enableReplay": replay,
        "autoRecord": auto_record,
        "graceSeconds": seconds(grace, "--grace"),
        "expiresSeconds": seconds(expires, "--expires") if expires else None,
    }
    _hand_out(session, session.api.post("/api/ingress", body))


def _type(rtmp: bool, whip: bool, url: str | None) -> str:
    if sum([rtmp, whip, url is not None]) > 1:
        raise BadInput("--rtmp, --whip, --url: expected one of them")
    return "whip" if whip else "url" if url else "rtmp"


@app.command("list")
def list_(
    context: typer.Context,
    owner: Annotated[str | None, typer.Option(help="Of this user.")] = None,
    stream: Annotated[str | None, typer.Option(help="Of this stream.")] = None,
    standing: Annotated[
        bool | None, typer.Option("--standing/--of-streams", help="Only those.")
    ] = None,
    enabled: Annotated[bool | None, typer.Option("--on/--off", help="Only those.")] = None,
    limit: Limit = 100,
) -> None:
    """List keys, newest first: live now, last used and from where, when they expire.

    Example: livectl ingress list --standing
    """
    session = of(context)
    named = find_stream(session, stream)["streamId"] if stream else None
    query = {"owner": owner, "stream": named, "standing": standing, "enabled": enabled}
    items = list(session.api.pages("/api/ingress", at_most=limit, **query))
    session.output.items(items, COLUMNS, id_key="keyId")


@app.command()
def show(
    context: typer.Context,
    key: KeyRef,
    reveal: Annotated[
        bool, typer.Option("--reveal", help="With the secret; that is logged.")
    ] = False,
) -> None:
    """Show a key, with the settings for OBS and a line for ffmpeg.

    Example: livectl ingress show 6b04fa --reveal
    """
    session = of(context)
    key_id = _find(session, key)["keyId"]
    _tell(session, session.api.get(f"/api/ingress/{key_id}", reveal=reveal))


@app.command()
def rotate(
    context: typer.Context,
    key: KeyRef,
    overlap: Annotated[
        str | None, typer.Option(help="Until then the old one works as well: 10m, 1d.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Make a new secret, and print it. The old one ends at once, unless there is an overlap.

    Example: livectl ingress rotate 6b04fa --overlap 10m
    """
    session = of(context)
    found = _find(session, key)
    if overlap is None:
        _ask(session, found, "Rotate", yes=yes)
    body = {"overlapSeconds": seconds(overlap, "--overlap") if overlap else 0}
    _hand_out(session, session.api.post(f"/api/ingress/{found['keyId']}/rotate", body))


@app.command()
def disable(
    context: typer.Context,
    key: KeyRef,
    reason: Annotated[str | None, typer.Option(help="Kept with the key and in the log.")] = None,
    yes: Yes = False,
) -> None:
    """Switch a key off, and put an encoder out that is connected.

    Example: livectl ingress disable 6b04fa --reason "the hall is closed"
    """
    session = of(context)
    found = _find(session, key)
    _ask(session, found, "Switch off", yes=yes)
    path = f"/api/ingress/{found['keyId']}/disable"
    off = session.api.post(path, {"reason": reason})
    session.output.item(off, id_key="keyId", text=f"{off['keyId']} is off")


@app.command()
def enable(context: typer.Context, key: KeyRef, expires: Expires = None) -> None:
    """Switch a key on. After a kill it gets a new secret, which is printed: who insists with the
    old one stays out.

    Example: livectl ingress enable 6b04fa --expires 30d
    """
    session = of(context)
    found = _find(session, key)
    body = {"expiresSeconds": seconds(expires, "--expires") if expires else None}
    _hand_out(session, session.api.post(f"/api/ingress/{found['keyId']}/enable", body))


@app.command()
def delete(context: typer.Context, key: KeyRef, yes: Yes = False) -> None:
    """Delete a key. An encoder that is connected is put out, and its stream ends.

    Example: livectl ingress delete 6b04fa
    """
    session = of(context)
    found = _find(session, key)
    _ask(session, found, "Delete", yes=yes)
    answer = session.api.delete(f"/api/ingress/{found['keyId']}")
    gone = {"keyId": found["keyId"], **answer}
    session.output.item(gone, id_key="keyId", text=f"{found['keyId']} is deleted")


@app.command("test")
def try_(context: typer.Context, key: KeyRef, yes: Yes = False) -> None:
    """Push five seconds of a test picture and a tone with a key, and tell what LiveKit saw.

    A standing key goes live for that time.

    Example: livectl ingress test 6b04fa
    """
    session = of(context)
    if session.curl:
        raise BadInput("--curl: a push is no HTTP call")
    found = _find(session, key)
    _check_testable(found)
    standing = found["streamId"] is None
    if standing:
        session.output.confirm(f"Go live as {found['ownerId']} for {_TEST_S:g} seconds?", yes=yes)
    path = f"/api/ingress/{found['keyId']}"
    try:
        seen = _pushed(session, session.api.get(path, reveal=True))
    finally:
        if standing:
            session.api.post(f"{path}/end")
    result = {"keyId": found["keyId"], **seen}
    session.output.item(result, id_key="keyId")
    if seen["status"] != "publishing":
        raise Unavailable(
            f"LiveKit saw nothing of it: {seen['error'] or 'no encoder came'}",
            hint="see the log of LiveKit's Ingress service",
        )


def _check_testable(found: Item) -> None:
    if found["type"] == "url":
        raise BadInput("what LiveKit pulls cannot be pushed to")
    if found["live"] or found["liveStreamId"]:
        raise Conflict("an encoder is connected, and the test would put it out")
    if not found["enabled"]:
        raise Conflict(f"the key is off: {found['offReason']}")


def _pushed(session: Session, found: Item) -> Item:
    """What LiveKit saw of a push while it went on. Raises what went wrong with it."""
    import asyncio

    from livectl.load.encoder import push

    problems: list[LivectlError] = []

    def work() -> None:
        try:
            asyncio.run(push(found["type"], found["url"], found["streamKey"], _TEST_S))
        except LivectlError as error:
            problems.append(error)

    pushing = threading.Thread(target=work, name="encoder", daemon=True)
    pushing.start()
    best: Item = {"status": "inactive", "error": None}
    while pushing.is_alive():
        pushing.join(_LOOK_EVERY_S)
        seen = session.api.get(f"/api/ingress/{found['keyId']}", look=True)["seen"]
        best = max(best, seen, key=_known)
    if problems:
        raise problems[0]
    return best


def _known(seen: Item) -> tuple[bool, int]:
    return seen["status"] == "publishing", sum(value is not None for value in seen.values())


def _find(session: Session, ref: str) -> Item:
    """The one key that `ref` is the beginning of. Raises NotFound, Conflict."""
    hint = "`livectl ingress list` shows their ids"
    return find_one(session, "/api/ingress", ref, "ingress key", "keyId", hint=hint)


def _ask(session: Session, found: Item, what: str, *, yes: bool) -> None:
    """Where an encoder is connected that would be put out."""
    if found["live"] and not session.curl:
        session.output.confirm(
            f"{what} {found['keyId']}, with an encoder of {found['ownerId']} connected?", yes=yes
        )


def _hand_out(session: Session, found: Item) -> None:
    _tell(session, found)
    if warning := found.get("warning"):
        session.output.note(f"warning: {warning}")


def _tell(session: Session, found: Item) -> None:
    shown = {**found, **_settings(found)}
    session.output.item(shown, id_key="keyId", text=_in_words(shown))


def _settings(found: Item) -> dict[str, Any]:
    """What an encoder is set to, and the command of one."""
    url, secret = found["url"], found["streamKey"]
    encode = "ffmpeg -re -i FILE -c:v libx264 -preset veryfast -tune zerolatency -g 60 -bf 0"
    if found["type"] == "whip":
        line = f"{encode} -c:a libopus -ar 48000 -ac 2 -f whip -authorization '{secret}' '{url}'"
        return {"obs": {"Service": "WHIP", "Server": url, "Bearer Token": secret}, "ffmpeg": line}
    if found["type"] == "rtmp":
        line = f"{encode} -b:v 2500k -c:a aac -b:a 128k -f flv '{url.rstrip('/')}/{secret}'"
        return {"obs": {"Service": "Custom", "Server": url, "Stream Key": secret}, "ffmpeg": line}
    return {}


def _in_words(found: Item) -> str:
    whose = f"of stream {found['streamId']}" if found["streamId"] else "standing"
    lines = {
        "key": found["keyId"],
        "owner": f"{found['ownerId']}, {whose}",
        "state": _state(found),
        "title": found["title"] or None,
        "pulls": found["source"],
        "last used": found["lastUsedAt"] and _last_used(found),
        "error": found["error"],
        "expires": found["expiresAt"] and short_time(found["expiresAt"]),
        "old key": found["oldKeyUntil"] and f"works until {short_time(found['oldKeyUntil'])}",
    }
    text = [f"{name:12}{printable(value)}" for name, value in lines.items() if value]
    for number, (name, value) in enumerate(found.get("obs", {}).items()):
        text.append(f"{'' if number else 'OBS':12}{name:14}{value}")
    if line := found.get("ffmpeg"):
        text.append(f"{'ffmpeg':12}{line}")
    return "\n".join(text)


def _last_used(found: Item) -> str:
    where = f" from {found['cameFrom']}" if found["cameFrom"] else ""
    return short_time(found["lastUsedAt"]) + where


def _state(item: Item) -> str:
    if not item["enabled"]:
        return f"off: {item['offReason']}"
    if item["live"]:
        return "live"
    if item["goneSince"]:
        return "encoder gone"
    return "error" if item["status"] == "error" else "waits"
