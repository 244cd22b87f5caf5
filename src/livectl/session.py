"""What one run of the command line has: its settings, its way to the API, its output."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import typer

from livectl.config import Settings, load
from livectl.errors import BadInput
from livectl.output import Output

if TYPE_CHECKING:
    from livectl.client import Client

DEFAULT_TIMEOUT_S = 30.0


@dataclass
class Session:
    """Made from the global options. Settings are read and the API is reached when first used."""

    output: Output
    options: dict[str, str]
    profile: str | None
    timeout: float = DEFAULT_TIMEOUT_S
    curl: bool = False
    verbose: bool = False

    @functools.cached_property
    def settings(self) -> Settings:
        return load(self.options, profile=self.profile)

    @functools.cached_property
    def api(self) -> Client:
        from livectl.client import connect  # brings asyncio, which help does not need

        return connect(self.settings, timeout=self.timeout, curl=self.curl)

    @property
    def own_store(self) -> Settings:
        """Settings for a command that works on the store and makes no HTTP call.

        Raises BadInput where it would not be the store that the user means.
        """
        if self.curl:
            raise BadInput("--curl: this command works on the store and makes no HTTP call")
        settings = self.settings
        if settings.server and not _names_a_store(settings):
            raise BadInput(
                f"this command works on a store, and LIVECTL_SERVER (from "
                f"{settings.sources['LIVECTL_SERVER']}) names a server",
                hint="say which store: DATABASE_URL, LIVECTL_DATA_DIR or --data-dir",
            )
        return settings

    def close(self) -> None:
        if "api" in self.__dict__:
            self.api.close()


def _names_a_store(settings: Settings) -> bool:
    named = {settings.sources[name] for name in ("DATABASE_URL", "LIVECTL_DATA_DIR")}
    return named != {"default"}


def of(context: typer.Context) -> Session:
    """The session that a command runs in."""
    return cast("Session", context.obj)
