"""What people may see of a letter: text without secrets and without control characters. Pure.

The letter itself keeps its bytes; what is shown of it goes through here, whoever wrote it. Sources: AWS IAM identifiers
(`AKIA` and `ASIA` keys), Signature Version 4 query strings, RFC 6750 (bearer tokens), RFC 7519 (JSON Web Tokens).
"""

from __future__ import annotations

import re
from typing import Any

from schemas.identity import token_stage
from streams.dead_letters import readable

INSTEAD = "[redacted]"
STRANGE = "\N{REPLACEMENT CHARACTER}"

_NAMES = r"(?:authorization|secret|token|passw(?:or)?d|signature|credential|cookie|api[_-]?key)"
_NAMED_LIKE_A_SECRET = re.compile(_NAMES, re.IGNORECASE)
# What looks ahead is bounded or begins where nothing of its kind stands before: no text takes quadratic time.
_SECRETS = (
    # A query string, such as a presigned address has. A key may end in a question mark, and keeps that.
    re.compile(r"\?(?P<secret>[^\s\"'<>?=&]+=[^\s\"'<>]*)"),
    re.compile(r"(?i)\bauthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?P<secret>[^\"'\r\n]+)"),
    re.compile(r"(?i)\bbearer\s{1,4}(?P<secret>[\w.~+/=-]{8,})"),
    re.compile(r"(?<![A-Z0-9])(?P<secret>(?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Z0-9])"),
    re.compile(r"(?<![\w-])(?P<secret>eyJ[\w-]+\.[\w-]+\.[\w-]*)"),
    re.compile(r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]*://(?P<secret>[^\s/@\"'<>]+:[^\s/@\"'<>]+)@"),
    re.compile(
        rf"(?i)(?<![\w-])[\w-]{{0,40}}{_NAMES}[\w-]{{0,40}}[\"']?\s{{0,4}}[:=]\s{{0,4}}[\"']?(?P<secret>[^\s\"'<>,;&]+)"
    ),
)


def reason(said: str) -> str:
    """Show a reason: as `streams.dead_letters` writes one, and without what that may have left."""
    return readable(text(said))


def text(said: str) -> str:
    """Show any other text, such as an object's key: all of it but secrets and control characters."""
    for pattern in _SECRETS:
        said = pattern.sub(lambda found: _without(found, INSTEAD), said)
    return "".join(char if char.isprintable() else STRANGE for char in said)


def header(name: str, value: bytes | None) -> str | None:
    """Show a header's value; of one that is named like a secret, only that it is there."""
    if value is None:
        return None
    if _NAMED_LIKE_A_SECRET.search(name):
        return INSTEAD
    try:
        return reason(value.decode())
    except UnicodeDecodeError:
        return f"0x{value[:32].hex()}" + (f"... ({len(value)} bytes)" if len(value) > 32 else "")


def tree(found: Any) -> Any:
    """Show a decoded record or a JSON document: every text in it, but none under a name like a secret's."""
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
        said = pattern.sub(lambda found: _without(found, "*" * len(found["secret"])), said)
    return said.encode("latin-1")


def _without(found: re.Match[str], instead: str) -> str:
    start, end = (at - found.start() for at in found.span("secret"))
    return found[0][:start] + instead + found[0][end:]


def _value(name: str, value: Any) -> Any:
    """Show what stands under a name. A job's token is no secret: it only makes that the job runs once."""
    if isinstance(value, str) and _NAMED_LIKE_A_SECRET.search(name) and not token_stage(value):
        return INSTEAD
    return tree(value)
