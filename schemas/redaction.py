"""Text without secrets, for logs, reasons and screens. Pure.

Sources: AWS IAM identifiers (`AKIA` and `ASIA` keys), Signature Version 4 query strings, RFC 6750 (bearer tokens),
RFC 7519 (JSON Web Tokens).
"""

from __future__ import annotations

import re

PLACEHOLDER = "[redacted]"

_NAMES = r"(?:authorization|secret|token|passw(?:or)?d|signature|credential|cookie|api[_-]?key)"
NAMED_LIKE_A_SECRET = re.compile(_NAMES, re.IGNORECASE)
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


# Nearly nothing has any of these, and to look for them all at once costs a tenth of looking for each secret.
_SUSPECT = re.compile(rf"[?=]|://|AKIA|ASIA|eyJ|(?i:bearer)|(?i:{_NAMES})")


def redact(said: str, instead: str | None = None) -> str:
    """Give a text without the secrets in it; `instead` of each stands a note, or as many of one character."""
    if not _SUSPECT.search(said):
        return said
    for pattern in _SECRETS:
        said = pattern.sub(
            lambda found: _without(found, instead * len(found["secret"]) if instead else PLACEHOLDER), said
        )
    return said


def _without(found: re.Match[str], instead: str) -> str:
    start, end = (at - found.start() for at in found.span("secret"))
    return found[0][:start] + instead + found[0][end:]
