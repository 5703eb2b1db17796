"""What people may see of a letter: text without secrets and without control characters. Pure.

The letter itself keeps its bytes; what is shown of it goes through here, whoever wrote it. Sources: AWS IAM identifiers
(`AKIA` and `ASIA` keys), Signature Version 4 query strings, RFC 6750 (bearer tokens), RFC 7519 (JSON Web Tokens).
"""

from __future__ import annotations

import re
from typing import Any

from streams.dead_letters import readable

INSTEAD = "[redacted]"

_SECRETS = (
    # A query string, such as a presigned address has; a key may end in a question mark, and keeps that.
    re.compile(r"\?(?P<secret>[^\s\"'<>?=&]+=[^\s\"'<>]*)"),
    re.compile(r"(?P<secret>\b(?:AKIA|ASIA)[A-Z0-9]{16}\b)"),
    re.compile(r"(?i)\b(?:bearer|basic)\s+(?P<secret>[\w.~+/=-]{8,})"),
    re.compile(r"(?P<secret>\beyJ[\w-]+\.[\w-]+\.[\w-]*)"),
    re.compile(r"\b[a-z][a-z0-9+.-]*://(?P<secret>[^\s/@\"'<>]+:[^\s/@\"'<>]+)@"),
    re.compile(
        r"(?i)\b(?:x-amz-[a-z-]*(?:token|signature|credential)|authorization|(?:aws_?)?(?:secret|session)[\w-]*|\w*token"
        r"|password|passwd|signature|api[_-]?key)[\"']?\s*[:=]\s*[\"']?(?!(?:bearer|basic)\s)(?P<secret>[^\s\"'<>,;&]+)"
    ),
)
_NAMED_LIKE_A_SECRET = re.compile(
    r"(?i)authorization|secret|password|passwd|token(?!ised|ized)|signature|credential|cookie|api[_-]?key"
)


def reason(said: str) -> str:
    """Show a reason: as `streams.dead_letters` writes one, and without what that may have left."""
    return readable(text(said))


def text(said: str) -> str:
    """Show any other text, such as an object's key: all of it but secrets and control characters."""
    for pattern in _SECRETS:
        said = pattern.sub(_cut, said)
    return "".join(char if char.isprintable() else " " for char in said)


def header(name: str, value: bytes | None) -> str | None:
    """Show a header's value; of one that is named like a secret, only that it is there."""
    if value is None:
        return None
    if _NAMED_LIKE_A_SECRET.search(name):
        return INSTEAD
    try:
        return reason(value.decode())
    except UnicodeDecodeError:
        return f"{len(value)} bytes: {value[:16].hex(' ')}" + (" ..." if len(value) > 16 else "")


def tree(found: Any) -> Any:
    """Show a decoded record or JSON document: every text in it, and the values under names like a secret's not."""
    match found:
        case str():
            return text(found)
        case dict():
            return {text(str(name)): _value(str(name), value) for name, value in found.items()}
        case list() | tuple():
            return [tree(each) for each in found]
    return found


def covered(data: bytes) -> bytes:
    """Cover secrets in bytes with asterisks, so that every other byte stays where it is."""
    said = data.decode("latin-1")
    for pattern in _SECRETS:
        said = pattern.sub(lambda found: found[0].replace(found["secret"], "*" * len(found["secret"])), said)
    return said.encode("latin-1")


def _cut(found: re.Match[str]) -> str:
    return found[0].replace(found["secret"], INSTEAD)


def _value(name: str, value: Any) -> Any:
    hidden = isinstance(value, str) and value and _NAMED_LIKE_A_SECRET.search(name)
    return INSTEAD if hidden else tree(value)
