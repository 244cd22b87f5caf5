"""livectl completion. The scripts in completions/ are made by `python -m` this module."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from livectl.errors import BadInput
from livectl.session import of

app = typer.Typer(rich_markup_mode=None, add_completion=False)

SHELLS = ("bash", "zsh", "fish")


@app.command()
def completion(
    context: typer.Context, shell: Annotated[str, typer.Argument(help="bash, zsh or fish.")]
) -> None:
    """Print the script that completes commands, options and the ids of live streams.

    Example: livectl completion bash > ~/.local/share/bash-completion/completions/livectl
    """
    text = script(shell)
    of(context).output.item({"shell": shell, "script": text}, id_key="script", text=text)


def script(shell: str) -> str:
    """The completion script of a shell. Raises BadInput for one that is not known."""
    from typer._completion_shared import get_completion_script

    if shell not in SHELLS:
        raise BadInput(f"{shell}: expected {', '.join(SHELLS)}")
    return get_completion_script(prog_name="livectl", complete_var="_LIVECTL_COMPLETE", shell=shell)


def write(directory: Path) -> None:
    """Write the script of each shell to a directory."""
    for shell in SHELLS:
        (directory / f"livectl.{shell}").write_text(script(shell) + "\n", "utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
