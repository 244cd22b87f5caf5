"""A person's shell: a home and an environment of its own, and `livectl` in it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from unittest.mock import patch

from livectl.cli import run
from tests.parts.livekit import LiveKit

JWT_SECRET = "0123456789-abcdefghijklmnopqrstuvwxyz"
LIVECTL = (sys.executable, "-m", "livectl")


@dataclass(frozen=True)
class Ran:
    """What a command line came to."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        """Each line of the output as JSON."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> Any:
        """The last line of standard error as JSON."""
        return json.loads(self.err.splitlines()[-1])


class Shell:
    """`shell("streams", "list")` runs in this process and without a terminal; `program`, `spawn`
    and `terminal` run a process of its own."""

    def __init__(self, home: Path, environment: dict[str, str]) -> None:
        self.home = home
        self.environment = environment

    @classmethod
    def at(cls, home: Path) -> Self:
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        data = str(home / "data")
        return cls(home, {"HOME": str(home), "PATH": path, "LIVECTL_DATA_DIR": data})

    @property
    def data_dir(self) -> Path:
        return Path(self.environment["LIVECTL_DATA_DIR"])

    def having(self, **changed: str) -> Shell:
        """The same shell with other settings; an empty one is not set."""
        environment = {**self.environment, **changed}
        return Shell(self.home, {name: value for name, value in environment.items() if value})

    def __call__(self, *words: str, stdin: str | bytes = "") -> Ran:
        content = stdin.encode() if isinstance(stdin, str) else stdin
        given = io.TextIOWrapper(io.BytesIO(content))
        out, err = io.TextIOWrapper(io.BytesIO()), io.TextIOWrapper(io.BytesIO())
        with (
            patch.dict(os.environ, self.environment, clear=True),
            patch.object(sys, "stdin", given),
            contextlib.chdir(self.home),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run(list(words))
        return Ran(code, _content(out), _content(err))

    def good(self, *words: str, stdin: str | bytes = "") -> Ran:
        """The same for a command line that has to succeed."""
        ran = self(*words, stdin=stdin)
        assert ran.code == 0, f"{words}: {ran}"
        return ran

    def json(self, *words: str, stdin: str | bytes = "") -> Any:
        """What a command line that has to succeed answers."""
        return self.good("-o", "json", *words, stdin=stdin).json

    def program(self, *words: str, stdin: str = "") -> Ran:
        """`livectl …` as a process."""
        return self.command(*LIVECTL, *words, stdin=stdin)

    def command(self, *words: str, stdin: str = "") -> Ran:
        """Any program."""
        found = subprocess.run(
            words,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            env=self.environment,
            cwd=self.home,
        )
        return Ran(found.returncode, found.stdout, found.stderr)

    @contextmanager
    def spawn(self, *words: str) -> Iterator[subprocess.Popen[str]]:
        """`livectl …` as a process that goes on; ended after."""
        with subprocess.Popen(
            [*LIVECTL, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            cwd=self.home,
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def terminal(self, *words: str, typed: str = "", when: str = "", size: int = 120) -> Ran:
        """`livectl …` on a terminal: `typed` is entered as soon as `when` can be read. A terminal
        shows output and errors in one."""
        return self.terminal_of(*LIVECTL, *words, typed=typed, when=when, size=size)

    def terminal_of(self, *words: str, typed: str = "", when: str = "", size: int = 120) -> Ran:
        """Any program on a terminal."""
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(self.home)
            environment = {"TERM": "xterm", "COLUMNS": str(size), **self.environment}
            os.execvpe(words[0], words, environment)  # noqa: S606
        seen = b""
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if not select.select([terminal], [], [], 0.2)[0]:
                continue
            try:
                piece = os.read(terminal, 4096)
            except OSError:  # the other side is closed
                break
            if not piece:
                break
            seen += piece
            if typed and when.encode() in seen:
                os.write(terminal, typed.encode())
                typed = ""
        else:
            os.kill(pid, signal.SIGKILL)
        os.close(terminal)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return Ran(code, seen.decode().replace("\r\n", "\n"), "")


def livekit_settings(livekit: LiveKit) -> dict[str, str]:
    return {
        "LIVEKIT_URL": livekit.url,
        "LIVEKIT_API_KEY": livekit.key,
        "LIVEKIT_API_SECRET": livekit.secret,
    }


def until(so: Callable[[], Any], within: float = 10) -> Any:
    """What `so` gives as soon as that is something."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if found := so():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came true")


def _content(stream: io.TextIOWrapper) -> str:
    stream.flush()
    raw = stream.buffer
    assert isinstance(raw, io.BytesIO)
    return raw.getvalue().decode()
