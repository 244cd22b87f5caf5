"""`livectl doctor`: what is in order, what is not, and the exit code of the worst."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.parts import free_port
from tests.parts.livekit import LiveKit
from tests.parts.redis import Redis
from tests.server.process import Server
from tests.shell import JWT_SECRET, Shell, livekit_settings


class Told(Server):
    """A server at a port that is known before, so that LiveKit can be told of it."""

    def __init__(self, port: int, settings: dict[str, str]) -> None:
        super().__init__(settings)
        self.port = port


@pytest.fixture
def whole(bare_shell: Shell, new_livekit: Callable[..., LiveKit], redis: Redis) -> Iterator[Shell]:
    """A deployment with nothing missing: LiveKit tells the server by webhook."""
    port = free_port()
    livekit = new_livekit(webhook_urls=[f"http://127.0.0.1:{port}/api/webhooks/livekit"])
    settings = {**livekit_settings(livekit), "JWT_SECRET": JWT_SECRET, "REDIS_URL": redis.url}
    with Told(port, settings) as server:
        yield bare_shell.having(**settings, LIVECTL_DATA_DIR=str(server.dir))


def by_name(findings: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in findings}


def test_where_all_is_in_order_every_check_passes(whole: Shell) -> None:
    ran = whole.good("doctor", "-o", "json")
    found = by_name(ran.json)
    assert {one["status"] for one in ran.json} == {"pass"}
    assert found.keys() >= {
        *("settings", "store", "indexes", "livekit", "livekit clock", "dead rooms"),
        *("webhooks", "inbox", "redis"),
    }
    assert found["webhooks"]["detail"].startswith("a webhook came back after ")
    table = whole.good("doctor").out.splitlines()
    assert len(table) == len(ran.json)
    assert all(line.startswith("pass  ") for line in table)


def test_bad_settings_are_a_finding_and_end_with_2(bare_shell: Shell) -> None:
    ran = bare_shell.having(LIVEKIT_URL="nonsense")("doctor", "-o", "json")
    (finding,) = ran.json
    assert (ran.code, finding["name"], finding["status"]) == (2, "settings", "fail")
    assert "LIVEKIT_URL (from environment): expected a URL" in finding["detail"]
    assert finding["remedy"]


def test_livekit_away_is_a_finding_and_ends_with_6(away: Shell) -> None:
    ran = away("doctor", "-o", "json")
    found = by_name(ran.json)
    assert (ran.code, found["livekit"]["status"], found["store"]["status"]) == (6, "fail", "pass")
    assert ran.err == ""
    table = away("doctor")
    assert table.code == 6
    assert "fail  livekit " in table.out


def test_without_livekits_settings_it_says_which(bare_shell: Shell) -> None:
    ran = bare_shell("doctor")
    assert ran.code == 6
    assert "LIVEKIT_URL" in ran.out


def test_a_wrong_key_is_told_with_what_to_do(shell: Shell) -> None:
    ran = shell.having(LIVEKIT_API_SECRET="x" * 40)("doctor", "-o", "json")
    found = by_name(ran.json)["livekit"]
    assert (ran.code > 0, found["status"]) == (True, "fail")
    assert "LIVEKIT_API" in str(found)
    assert "x" * 40 not in ran.out


def test_a_store_that_cannot_be_opened_is_a_finding(bare_shell: Shell) -> None:
    url = "mongodb://127.0.0.1:9/live?serverSelectionTimeoutMS=200"
    ran = bare_shell.having(DATABASE_URL=url)("doctor", "-o", "json")
    assert (ran.code, by_name(ran.json)["store"]["status"]) == (6, "fail")


def test_a_server_that_is_away_is_a_finding(bare_shell: Shell) -> None:
    remote = bare_shell.having(
        LIVECTL_SERVER=f"http://127.0.0.1:{free_port()}", LIVECTL_TOKEN="token"
    )
    ran = remote("doctor", "-o", "json")
    assert (ran.code, by_name(ran.json)["server"]["status"]) == (6, "fail")
    without = remote.having(LIVECTL_TOKEN="")("doctor", "-o", "json")
    assert (without.code, by_name(without.json)["server"]["code"]) == (2, "bad_settings")


def test_redis_and_the_bucket_are_looked_at_where_they_are_set(away: Shell) -> None:
    port = free_port()
    ran = away.having(
        REDIS_URL=f"redis://:hunter2@127.0.0.1:{port}/0",
        S3_BUCKET="live",
        S3_ENDPOINT_URL=f"http://127.0.0.1:{port}",
        AWS_REGION="x",
        AWS_ACCESS_KEY_ID="hunter2",
        AWS_SECRET_ACCESS_KEY="hunter2",
    )("doctor", "-o", "json")
    found = by_name(ran.json)
    assert (ran.code, found["redis"]["status"], found["s3"]["status"]) == (6, "fail", "fail")
    assert "hunter2" not in ran.out + ran.err


def test_curl_shows_its_call(shell: Shell, tmp_path: Path) -> None:
    assert shell.good("doctor", "--curl").out.endswith("/api/doctor\n")
    assert not (tmp_path / "data").exists()
