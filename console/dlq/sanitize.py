"""Remove secrets and control characters from the text of dead letters before it is displayed. Pure.

The dead letter itself keeps its bytes.
"""

from __future__ import annotations

from typing import Any

from headrace.schemas.ids import token_stage
from headrace.schemas.redaction import NAMED_LIKE_A_SECRET, PLACEHOLDER, redact
from headrace.streams.engine.dlq import sanitize_reason

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def reason(value: str) -> str:
    """Sanitize a reason, also one that a producer other than Headrace wrote."""
    return sanitize_reason(text(value))


def text(value: str) -> str:
    """Sanitize any other text, such as an object's key, without shortening it."""
    return "".join(char if char.isprintable() else REPLACEMENT for char in redact(value))


def header(name: str, value: bytes | None) -> str | None:
    """Sanitize a header value; a header named like a secret becomes a placeholder."""
    if value is None:
        return None
    if NAMED_LIKE_A_SECRET.search(name):
        return PLACEHOLDER
    try:
        return reason(value.decode())
    except UnicodeDecodeError:
        return f"0x{value[:32].hex()}" + (f"... ({len(value)} bytes)" if len(value) > 32 else "")


def sanitize_json(document: Any) -> Any:
    """Sanitize every text of a decoded record or JSON document; values named like secrets become placeholders."""
    match document:
        case str():
            return text(document)
        case dict():
            return {text(str(name)): _value(str(name), value) for name, value in document.items()}
        case list() | tuple():
            return [sanitize_json(each) for each in document]
    return document


def mask_bytes(data: bytes) -> bytes:
    """Replace secrets in bytes by asterisks of the same length."""
    return redact(data.decode("latin-1"), "*").encode("latin-1")


def _value(name: str, value: Any) -> Any:
    """Sanitize a named value. A job token is an idempotency key, not a secret."""
    if isinstance(value, str) and NAMED_LIKE_A_SECRET.search(name) and not token_stage(value):
        return PLACEHOLDER
    return sanitize_json(value)
