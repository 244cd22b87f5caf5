"""`livectl tokens …`."""

from __future__ import annotations

import time

import jwt
import pytest

from tests.shell import JWT_SECRET, Shell


@pytest.mark.parametrize(
    ("words", "role", "seconds"),
    [([], None, 3600), (["--admin"], "administrator", 3600), (["--ttl", "7d"], None, 604_800)],
)
def test_a_token_stands_for_its_user_for_its_time(
    shell: Shell, words: list[str], role: str | None, seconds: int
) -> None:
    token = shell.good("tokens", "issue", "--user", "anna", *words).out.strip()
    claims = jwt.decode(token, JWT_SECRET, algorithms=["HS256"])
    assert (claims["userId"], claims.get("role")) == ("anna", role)
    assert abs(claims["exp"] - time.time() - seconds) < 60


def test_the_answer_says_for_whom_and_until_when(shell: Shell) -> None:
    found = shell.json("tokens", "issue", "--user", "anna", "--admin")
    assert found.keys() == {"token", "userId", "administrator", "expiresAt"}
    assert (found["userId"], found["administrator"]) == ("anna", True)


def test_a_token_of_an_identity_provider_cannot_be_made(bare_shell: Shell) -> None:
    ran = bare_shell("tokens", "issue", "--user", "anna", "-o", "json")
    assert (ran.code, ran.out) == (1, "")
    assert ran.error["hint"] == "set JWT_SECRET"


@pytest.mark.parametrize("words", ["--user anna --ttl 5", "--user anna --ttl 9000d", "--user ''"])
def test_what_is_wrong_is_a_usage_error(shell: Shell, words: str) -> None:
    ran = shell("tokens", "issue", *words.replace("''", " ").split(" "))
    assert (ran.code, ran.out) == (2, "")
