"""The keys and secrets that `livectl dev` makes for itself, kept in the data directory.

Every other command reads them too, as the last layer of settings, so that `livectl streams list`
in another shell works on what `livectl dev` runs.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

NAME = "dev.env"


def keep(data_dir: Path, current: Mapping[str, str]) -> dict[str, str]:
    """What is kept, with `current` written over it; made where it is not there (0600)."""
    path = data_dir / NAME
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept = {**_fresh(), **_read(path), **current}
    text = "# Made by `livectl dev` for this machine only. Delete it to have new ones made.\n"
    text += "".join(f"{name}={value}\n" for name, value in sorted(kept.items()))
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    new.replace(path)  # at once or not at all, whenever this process is killed
    return kept


def _fresh() -> dict[str, str]:
    return {
        "LIVEKIT_API_KEY": "API" + secrets.token_hex(6),
        "LIVEKIT_API_SECRET": secrets.token_hex(32),
        "JWT_SECRET": secrets.token_hex(32),
    }


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    lines = path.read_text("utf-8").splitlines()
    pairs = (line.partition("=") for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, _, value in pairs}
