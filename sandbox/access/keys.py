"""The access key of a sandbox, and the control token derived from it."""

from __future__ import annotations

import hmac
import secrets

from headrace.connectors.aws.sigv4 import AwsCredentials

CONTROL_HEADER = "x-headrace-sandbox"
"""Header with the control token. A header outside the CORS safelist: a web page cannot send it without a preflight."""

CONTROL_VARIABLE = "HEADRACE_SECRET_SANDBOX"
"""Environment variable with the control token, which rules may refer to."""


def generate() -> AwsCredentials:
    """Return a random access key."""
    return AwsCredentials(f"SANDBOX{secrets.token_hex(8).upper()}", secrets.token_urlsafe(30))


def control_token(keys: AwsCredentials) -> str:
    """Return the token of the control endpoints. It does not reveal the secret access key."""
    return hmac.digest(keys.secret.encode(), b"control", "sha256").hex()
