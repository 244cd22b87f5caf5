"""A small OpenID provider: discovery, keys, the code flow with PKCE, for one client.

It signs in whoever `user` is when its page is asked for, without a question.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID = "livectl-console"
CLIENT_SECRET = "a client's secret, with : and %"


@dataclass
class _Grant:
    redirect_uri: str
    challenge: str
    claims: dict[str, Any]


class Provider:
    """Used as a context manager. `user` are the claims of who signs in; `refuses` makes its page
    send people back without a code; `spoil` changes the ID token's claims before it is signed."""

    def __init__(self, *, secret: str | None = CLIENT_SECRET) -> None:
        self.user: dict[str, Any] = {"sub": "anna"}
        self.refuses = False
        self.spoil: dict[str, Any] = {}
        self.opaque_access_tokens = True
        self._secret = secret
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._grants: dict[str, _Grant] = {}
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._get(self)

            def do_POST(self) -> None:
                provider._token(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True

    @property
    def issuer(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def settings(self) -> dict[str, str]:
        """Those of a livectl whose people sign in here."""
        found = {
            "JWT_ISSUER": self.issuer,
            "JWT_JWKS_URL": f"{self.issuer}/keys",
            "OIDC_CLIENT_ID": CLIENT_ID,
        }
        return found | ({"OIDC_CLIENT_SECRET": self._secret} if self._secret else {})

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _get(self, request: BaseHTTPRequestHandler) -> None:
        url = urlsplit(request.path)
        if url.path == "/.well-known/openid-configuration":
            _answer(request, self._discovery())
        elif url.path == "/keys":
            key = jwt.algorithms.RSAAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
            _answer(request, {"keys": [{**key, "kid": "one", "use": "sig", "alg": "RS256"}]})
        elif url.path == "/authorize":
            self._page(request, {name: one[0] for name, one in parse_qs(url.query).items()})
        else:
            _answer(request, {"error": "not_found"}, 404)

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
        }

    def _page(self, request: BaseHTTPRequestHandler, asked: dict[str, str]) -> None:
        good = (
            asked["response_type"] == "code"
            and asked["client_id"] == CLIENT_ID
            and "openid" in asked["scope"].split()
            and asked["code_challenge_method"] == "S256"
        )
        if not good:
            _answer(request, {"error": "invalid_request"}, 400)
            return
        back = {"state": asked["state"], "iss": self.issuer}
        if self.refuses:
            back["error"] = "access_denied"
        else:
            back["code"] = secrets.token_urlsafe(16)
            claims = {**self.user, "nonce": asked["nonce"]}
            self._grants[back["code"]] = _Grant(
                asked["redirect_uri"], asked["code_challenge"], claims
            )
        request.send_response(302)
        request.send_header("Location", f"{asked['redirect_uri']}?{urlencode(back)}")
        request.end_headers()

    def _token(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers["Content-Length"])).decode()
        form = {name: one[0] for name, one in parse_qs(body).items()}
        grant = self._grants.pop(form.get("code", ""), None)
        if not self._knows_client(request, form):
            _answer(request, {"error": "invalid_client"}, 401)
            return
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if grant is None or (grant.redirect_uri, grant.challenge) != (
            form["redirect_uri"],
            challenge,
        ):
            _answer(request, {"error": "invalid_grant"}, 400)
            return
        opaque = self.opaque_access_tokens
        access_token = "opaque" if opaque else self.sign(**{**grant.claims, "aud": "livectl"})
        id_token = self.sign(**{**grant.claims, "aud": CLIENT_ID, **self.spoil})
        _answer(
            request,
            {"id_token": id_token, "access_token": access_token, "token_type": "Bearer"},
        )

    def _knows_client(self, request: BaseHTTPRequestHandler, form: dict[str, str]) -> bool:
        if self._secret is None:
            return form.get("client_id") == CLIENT_ID
        given = request.headers.get("Authorization", "").removeprefix("Basic ")
        name, _, secret = base64.b64decode(given).decode().partition(":")
        return (unquote(name), unquote(secret)) == (CLIENT_ID, self._secret)

    def sign(self, **claims: Any) -> str:
        """A token of this provider's, good for five minutes."""
        now = int(time.time())
        content = {"iss": self.issuer, "iat": now, "exp": now + 300, **claims}
        return jwt.encode(content, self._key, algorithm="RS256", headers={"kid": "one"})


def _answer(request: BaseHTTPRequestHandler, content: dict[str, Any], status: int = 200) -> None:
    body = json.dumps(content).encode()
    request.send_response(status)
    request.send_header("Content-Type", "application/json")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
