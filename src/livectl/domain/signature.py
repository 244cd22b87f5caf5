"""Links that this server signs: who has one may read what it names, until it runs out."""

from __future__ import annotations

import hmac


class Signer:
    """Signs with HMAC-SHA256 under a key that only the servers know."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, expires: int, *parts: str) -> str:
        """The signature (hex) of a link to what the parts name, until `expires` (s since 1970)."""
        # Each with its length, so that no two lists of parts are the same text.
        said = "".join(f"{len(part)}:{part}" for part in (str(expires), *parts))
        return hmac.new(self._key, said.encode(), "sha256").hexdigest()

    def holds(self, signature: str, now: float, expires: int, *parts: str) -> bool:
        """Whether it is of this link, which has not run out at `now` (s since 1970)."""
        expected = self.sign(expires, *parts)
        return hmac.compare_digest(expected.encode(), signature.encode()) and now < expires
