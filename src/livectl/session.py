"""What one run of the command line has: its settings, its way to the API, its output."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import cast

import typer

from livectl.client import Client, connect
from livectl.config import Settings, load
from livectl.output import Output


@dataclass
class Session:
    """Made from the global options. Settings are read and the API is reached when first used."""

    output: Output
    options: dict[str, str]
    profile: str | None
    timeout: float
    curl: bool = False
    verbose: bool = False

    @functools.cached_property
    def settings(self) -> Settings:
        return load(self.options, profile=self.profile)

    @functools.cached_property
    def api(self) -> Client:
        return connect(self.settings, timeout=self.timeout, curl=self.curl)

    def close(self) -> None:
        if "api" in self.__dict__:
            self.api.close()


def of(context: typer.Context) -> Session:
    """The session that a command runs in."""
    return cast("Session", context.obj)
