"""livectl db: the store as a whole. It reaches the store itself, not the API: a store is set up
and moved while no server runs."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from livectl.errors import BadInput, LivectlError
from livectl.output import Column
from livectl.session import Session, of

app = typer.Typer(
    rich_markup_mode=None,
    add_completion=False,
    no_args_is_help=True,
    help="Set up, check, export, import the store.",
)

INDEXES = (Column("INDEX", "name"), Column("THERE", "there"))


@app.command()
def init(context: typer.Context) -> None:
    """Make what the store needs: tables, collections, indexes. Safe to repeat.

    Example: livectl db init
    """
    found = asyncio.run(_check(of(context)))
    of(context).output.item(
        found,
        id_key="backend",
        text=f"{found['backend']} is ready, schema {found['schemaVersion']}",
    )


@app.command()
def check(context: typer.Context) -> None:
    """Show the schema, the indexes and how much is kept.

    Example: livectl db check -o json
    """
    session = of(context)
    found = asyncio.run(_check(session))
    if session.output.format == "table":
        rows = [{"name": name, "there": there} for name, there in found["indexes"].items()]
        session.output.items(rows, INDEXES, id_key="name")
        counts = ", ".join(f"{count} {name}" for name, count in found["counts"].items())
        session.output.note(f"{found['backend']}, schema {found['schemaVersion']}: {counts}")
    else:
        session.output.item(found, id_key="backend")
    if missing := [name for name, there in found["indexes"].items() if not there]:
        raise LivectlError(f"missing: {', '.join(missing)}", hint="run `livectl db init`")


@app.command()
def export(
    context: typer.Context,
    to: Annotated[Path, typer.Argument(metavar="FILE", help="- is standard output.")],
) -> None:
    """Write everything as JSON lines, sealed with counts and a digest.

    The file holds the secrets of ingress keys: keep it as the store itself is kept.

    Example: livectl db export backup.jsonl
    """
    session = of(context)
    with _new_file(to) as file:
        count = asyncio.run(_export(session, file))
    session.output.note(f"{count} records")


@app.command("import")
def import_(
    context: typer.Context,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="- is standard input.")],
    merge: Annotated[
        bool, typer.Option("--merge", help="Also into a store that holds other records.")
    ] = False,
) -> None:
    """Put an export into this store, and compare it with the original.

    Nothing is written when the export is not whole.

    Example: livectl db import backup.jsonl
    """
    session = of(context)
    with _readable(source) as path:
        seal = asyncio.run(_import(session, path, merge))
    session.output.item(seal, id_key="sha256")


async def _check(session: Session) -> dict[str, Any]:
    import msgspec

    from livectl.backends import open_store

    async with open_store(session.own_store) as store:
        found: dict[str, Any] = msgspec.to_builtins(await store.check())
        return found


async def _export(session: Session, file: BinaryIO) -> int:
    from livectl.backends import open_store
    from livectl.services import transfer

    count = -1  # the seal is no record
    async with open_store(session.own_store) as store:
        async for line in transfer.export(store, _progress(session, "written")):
            file.write(line)
            count += 1
    return count


async def _import(session: Session, path: Path, merge: bool) -> dict[str, Any]:
    import msgspec

    from livectl.backends import open_store
    from livectl.services import transfer

    def read() -> Iterator[bytes]:
        with path.open("rb") as file:
            yield from file

    async with open_store(session.own_store) as store:
        seal = await transfer.import_checked(
            store, read, merge=merge, progress=_progress(session, "read")
        )
    found: dict[str, Any] = msgspec.to_builtins(seal)
    return found


def _progress(session: Session, done: str) -> Any:
    def tell(number: int) -> None:
        if number % 10_000 == 0:
            session.output.note(f"{number} records {done}")

    return tell


@contextmanager
def _new_file(to: Path) -> Iterator[BinaryIO]:
    """Whole or not at all: it gets its name when everything is in it. Only its owner reads it."""
    if str(to) == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = to.with_name(to.name + ".part")
    try:
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise BadInput(f"{to}: {error.strerror}") from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(to)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _readable(source: Path) -> Iterator[Path]:
    """A file that can be read more than once."""
    if str(source) != "-":
        if not source.is_file():
            raise BadInput(f"{source}: there is no such file")
        yield source
        return
    with tempfile.NamedTemporaryFile(prefix="livectl-import-") as spool:
        shutil.copyfileobj(sys.stdin.buffer, spool)
        spool.flush()
        yield Path(spool.name)
