"""Signed values in cookies: JSON with a purpose and a time, authenticated with HMAC-SHA-256."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from headrace.schemas.parsing import parse_json

LONGEST = 4096
"""Characters of a cookie that a browser keeps."""


class Signer:
    """Signs values with a secret."""

    def __init__(self, secret: bytes, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret
        self._clock = clock

    def sign(self, purpose: str, values: Mapping[str, Any]) -> str:
        """Return the values as a text that only this secret can produce."""
        document = json.dumps({**values, "at": int(self._clock())}, separators=(",", ":")).encode()
        return f"{_encode(document)}.{self.digest(purpose, document)}"

    def read(self, purpose: str, text: str, max_age: float) -> dict[str, Any] | None:
        """Return the values of a signed text; None unless it has this purpose and is younger than `max_age` s."""
        body, _, digest = text.partition(".")
        document = _decode(body) if len(text) <= LONGEST else None
        if document is None or not hmac.compare_digest(self.digest(purpose, document).encode(), digest.encode()):
            return None
        values: dict[str, Any] = parse_json(document)
        return values if self._clock() - values["at"] < max_age else None

    def digest(self, purpose: str, document: bytes) -> str:
        """Return the digest of a document for a purpose."""
        message = purpose.encode() + b"\0" + document
        return _encode(hmac.new(self._secret, message, hashlib.sha256).digest())


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
