"""Remove secrets from dead letters before they are displayed. Pure.

The dead letter itself keeps its bytes. Invisible characters are escaped where text is displayed, so that JSON output
keeps them.
"""

from __future__ import annotations

from headrace.schemas.redaction import PLACEHOLDER, mask, redact
from headrace.schemas.safe_text import LONGEST_REASON, is_secret_name


def reason(value: str) -> str:
    """Redact a reason, also one that a producer other than Headrace wrote."""
    return redact(value, LONGEST_REASON)


def header(name: str, value: bytes | None) -> str | None:
    """Redact a header value; a header with the name of a secret becomes a placeholder."""
    if value is None:
        return None
    if is_secret_name(name):
        return PLACEHOLDER
    try:
        return reason(value.decode())
    except UnicodeDecodeError:
        return f"0x{value[:32].hex()}" + (f"... ({len(value)} bytes)" if len(value) > 32 else "")


def mask_bytes(data: bytes) -> bytes:
    """Replace secrets in bytes by asterisks of the same length."""
    return mask(data.decode("latin-1"), "*").encode("latin-1")
