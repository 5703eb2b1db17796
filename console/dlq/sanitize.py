"""What people may see of a letter: text without secrets and without control characters. Pure.

The letter itself keeps its bytes; what is shown of it goes through here, whoever wrote it.
"""

from __future__ import annotations

from typing import Any

from headrace.schemas.ids import token_stage
from headrace.schemas.redaction import NAMED_LIKE_A_SECRET, PLACEHOLDER, redact
from headrace.streams.engine.dlq import sanitize_reason

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


def reason(said: str) -> str:
    """Show a reason: as `streams.engine.dlq` writes one, and without what that may have left."""
    return sanitize_reason(text(said))


def text(said: str) -> str:
    """Show any other text, such as an object's key: all of it but secrets and control characters."""
    return "".join(char if char.isprintable() else REPLACEMENT for char in redact(said))


def header(name: str, value: bytes | None) -> str | None:
    """Show a header's value; of one that is named like a secret, only that it is there."""
    if value is None:
        return None
    if NAMED_LIKE_A_SECRET.search(name):
        return PLACEHOLDER
    try:
        return reason(value.decode())
    except UnicodeDecodeError:
        return f"0x{value[:32].hex()}" + (f"... ({len(value)} bytes)" if len(value) > 32 else "")


def sanitize_json(found: Any) -> Any:
    """Show a decoded record or a JSON document: every text in it, but none under a name like a secret's."""
    match found:
        case str():
            return text(found)
        case dict():
            return {text(str(name)): _value(str(name), value) for name, value in found.items()}
        case list() | tuple():
            return [sanitize_json(each) for each in found]
    return found


def mask_bytes(data: bytes) -> bytes:
    """Cover secrets in bytes with asterisks, so that every other byte stays where it is."""
    return redact(data.decode("latin-1"), "*").encode("latin-1")


def _value(name: str, value: Any) -> Any:
    """Show what stands under a name. A job's token is no secret: it only makes that the job runs once."""
    if isinstance(value, str) and NAMED_LIKE_A_SECRET.search(name) and not token_stage(value):
        return PLACEHOLDER
    return sanitize_json(value)
