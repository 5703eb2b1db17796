"""Tests of the access key of a sandbox."""

from __future__ import annotations

import hashlib

from headrace.sandbox.access.keys import control_token, generate


def test_control_token_hides_the_secret() -> None:
    keys = generate()
    assert keys.secret not in control_token(keys)
    assert hashlib.sha256(keys.secret.encode()).hexdigest() != control_token(keys)
