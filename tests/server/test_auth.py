from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from tests.parts import free_port
from tests.server.api import JWT_SECRET, Api, good, refused
from tests.server.conftest import NewApi

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ISSUER = "https://login.test/"


def claims(**changed: Any) -> dict[str, Any]:
    given = {"sub": "bob", "exp": int(time.time()) + 600, **changed}
    return {name: value for name, value in given.items() if value is not None}


async def asked(api: Api, token: str, path: str = "/api/live/active") -> Any:
    return await api.get(path, headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize(
    ("given", "user"),
    [
        ({"userId": "a", "id": "b", "sub": "c"}, "a"),
        ({"id": "b", "sub": "c"}, "b"),
        ({"sub": "c"}, "c"),
        ({"userId": "", "sub": "c"}, "c"),
        ({"userId": None, "sub": "c"}, "c"),
        ({"id": 42, "sub": None}, "42"),
        ({"userId": "64b7f0c2a1d3e4f5a6b7c8d9"}, "64b7f0c2a1d3e4f5a6b7c8d9"),
    ],
)
async def test_the_user_is_the_claim_user_id_or_id_or_sub(
    api: Api, given: dict[str, Any], user: str
) -> None:
    token = jwt.encode(claims(**given), JWT_SECRET)
    answer = await api.post("/api/live/start", headers={"Authorization": f"Bearer {token}"})
    assert good(answer)["roomName"].startswith(f"live_{user}_")


@pytest.mark.parametrize(
    "given",
    [
        {"sub": None},
        {"userId": True, "sub": None},
        {"userId": {"a": 1}, "sub": None},
        {"userId": ["a"], "sub": None},
        {"userId": "a\nb", "sub": None},
        {"userId": " a", "sub": None},
        {"userId": "x" * 129, "sub": None},
    ],
)
async def test_a_token_without_a_usable_user_is_refused(api: Api, given: dict[str, Any]) -> None:
    refused(await asked(api, jwt.encode(claims(**given), JWT_SECRET)), 401, "unauthenticated")


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"role": "administrator"}, 200),
        ({"role": "admin"}, 200),
        ({"roles": ["user", "admin"]}, 200),
        ({"roles": ["administrator"], "role": "user"}, 200),
        ({"role": "Administrator"}, 403),
        ({"role": "administrators"}, 403),
        ({"role": ["administrator"]}, 403),
        ({"roles": "administrator"}, 403),
        ({"roles": [["administrator"], None, 7]}, 403),
        ({"role": True, "roles": {"administrator": True}}, 403),
        ({}, 403),
    ],
)
async def test_an_administrator_has_the_role_alone_or_in_a_list(
    api: Api, given: dict[str, Any], status: int
) -> None:
    token = jwt.encode(claims(**given), JWT_SECRET)
    assert (await asked(api, token, "/api/streams")).status_code == status


async def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    token = jwt.encode(claims(), JWT_SECRET)
    for scheme in ("bearer", "BEARER", "Bearer  "):
        answer = await api.get("/api/live/active", headers={"Authorization": f"{scheme} {token}"})
        assert answer.status_code == 200


async def test_the_issuer_counts_where_one_is_set(new_api: NewApi) -> None:
    api = await new_api(JWT_ISSUER=ISSUER)
    good(await asked(api, jwt.encode(claims(iss=ISSUER), JWT_SECRET)))
    for wrong in ("https://other.test/", None):
        token = jwt.encode(claims(iss=wrong), JWT_SECRET)
        refused(await asked(api, token), 401, "unauthenticated")


async def test_tokens_that_this_server_signs_pass_its_own_checks(new_api: NewApi) -> None:
    api = await new_api(JWT_ISSUER=ISSUER, JWT_AUDIENCE="livectl")
    good(await api.get("/api/live/active", "bob"))


async def test_an_audience_may_be_one_of_several(new_api: NewApi) -> None:
    api = await new_api(JWT_AUDIENCE="livectl")
    good(await asked(api, jwt.encode(claims(aud=["other", "livectl"]), JWT_SECRET)))


def public(key: PrivateKeyTypes, kid: str) -> dict[str, Any]:
    algorithm = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
    found: dict[str, Any] = json.loads(algorithm.to_jwk(key.public_key()))
    return {**found, "kid": kid, "use": "sig"}


@contextmanager
def identity_provider(keys: list[dict[str, Any]], calls: list[str] | None = None) -> Iterator[str]:
    """Serves these keys on loopback; the URL of them. Each call for them is noted in `calls`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if calls is not None:
                calls.append(self.path)
            body = json.dumps({"keys": keys}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/keys"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def keys() -> Iterator[str]:
    with identity_provider([public(RSA, "rsa-1"), public(EC, "ec-1")]) as url:
        yield url


def signed(key: Any, algorithm: str, kid: str, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers={"kid": kid})


async def test_tokens_of_an_identity_provider_count_in_rs256_and_es256(
    new_api: NewApi, keys: str
) -> None:
    api = await new_api(JWT_JWKS_URL=keys, JWT_ISSUER=ISSUER)
    for token in (
        signed(RSA, "RS256", "rsa-1", iss=ISSUER),
        signed(EC, "ES256", "ec-1", iss=ISSUER),
    ):
        good(await asked(api, token))
        refused(await asked(api, token, "/api/streams"), 403, "forbidden")


async def test_tokens_in_a_providers_name_that_are_not_its_own_are_refused(
    new_api: NewApi, keys: str
) -> None:
    api = await new_api(JWT_JWKS_URL=keys, JWT_ISSUER=ISSUER)
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tokens = {
        "another key": signed(stranger, "RS256", "rsa-1", iss=ISSUER),
        "an unknown key": signed(RSA, "RS256", "rsa-2", iss=ISSUER),
        "the key of the other kind": signed(RSA, "RS256", "ec-1", iss=ISSUER),
        "another algorithm": signed(RSA, "PS256", "rsa-1", iss=ISSUER),
        "expired": signed(RSA, "RS256", "rsa-1", iss=ISSUER, exp=int(time.time()) - 5),
        "another issuer": signed(RSA, "RS256", "rsa-1", iss="https://other.test/"),
    }
    for name, token in tokens.items():
        answer = await asked(api, token)
        assert answer.status_code == 401, (name, answer.text)


async def test_made_up_key_ids_do_not_make_us_ask_the_provider_each_time(new_api: NewApi) -> None:
    keys, calls = [public(RSA, "rsa-1")], list[str]()
    with identity_provider(keys, calls) as url:
        api = await new_api(JWT_JWKS_URL=url)
        for number in range(20):
            token = signed(RSA, "RS256", f"made-up-{number}")
            refused(await asked(api, token), 401, "unauthenticated")
        assert len(calls) <= 2  # the keys, and once more in case they are new
        good(await asked(api, signed(RSA, "RS256", "rsa-1")))


async def test_a_public_key_is_no_secret_to_sign_with(new_api: NewApi, keys: str) -> None:
    api = await new_api(JWT_JWKS_URL=keys)
    # PyJWT itself would refuse to make this token, so it is put together by hand.
    parts = jwt.encode(claims(), JWT_SECRET, headers={"kid": "rsa-1"}).split(".")
    as_rsa = jwt.utils.base64url_encode(b'{"alg":"RS256","kid":"rsa-1","typ":"JWT"}').decode()
    refused(await asked(api, ".".join([as_rsa, *parts[1:]])), 401, "unauthenticated")


async def test_the_shared_secret_counts_beside_the_provider_only_where_it_is_set(
    new_api: NewApi, keys: str
) -> None:
    both = await new_api(JWT_JWKS_URL=keys)
    good(await asked(both, jwt.encode(claims(), JWT_SECRET)))
    provider_only = await new_api(JWT_JWKS_URL=keys, JWT_SECRET="")
    good(await asked(provider_only, signed(EC, "ES256", "ec-1")))
    refused(await asked(provider_only, jwt.encode(claims(), JWT_SECRET)), 401, "unauthenticated")


async def test_without_a_provider_its_algorithms_are_refused(api: Api) -> None:
    refused(await asked(api, signed(RSA, "RS256", "rsa-1")), 401, "unauthenticated")


async def test_a_provider_that_is_away_is_said_and_is_nobodys_fault_but_its_own(
    new_api: NewApi,
) -> None:
    api = await new_api(JWT_JWKS_URL=f"http://127.0.0.1:{free_port()}/keys")
    refused(await asked(api, signed(RSA, "RS256", "rsa-1")), 502, "unavailable")
    good(await asked(api, jwt.encode(claims(), JWT_SECRET)))
    good(await asked(api, signed(RSA, "RS256", "rsa-1"), "/healthz"))
