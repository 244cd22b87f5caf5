"""A download that goes on where it stopped, and is whole when it has its name."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from livectl.errors import BadInput, LivectlError
from livectl.output import Item, in_bytes
from livectl.session import Session

_PIECE = 8 * 1024 * 1024


def download(session: Session, link: Item, target: Path) -> Item:
    """What `link` leads to, as a file. Raises BadInput where it cannot be written, LivectlError
    where it came out as something else than was stored, Unavailable."""
    part = target.with_name(f"{target.name}.part")
    size, sha256 = int(link["size"]), link["sha256"]
    try:
        with part.open("ab") as file, session.output.progress(target.name) as tell:
            if file.tell() > size:
                file.truncate(0)
            while (at := file.tell()) < size:
                tell(at, size, f"{in_bytes(at)} of {in_bytes(size)}")
                file.write(session.api.piece(link["url"], at, min(at + _PIECE, size) - 1))
        _check(part, size, sha256)
        part.replace(target)
    except OSError as error:
        raise BadInput(f"{target}: {error.strerror}") from error
    checked = "checked by its SHA-256" if sha256 else "checked by its size"
    return {"vodId": link["vodId"], "file": str(target), "size": size, "checked": checked}


def _check(part: Path, size: int, sha256: Any) -> None:
    with part.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if part.stat().st_size == size and sha256 in {None, found}:
        return
    part.unlink()
    raise LivectlError(
        "what came is not what was stored; it was thrown away",
        hint="try again; where it stays so, `livectl vod verify --deep` tells more",
    )
