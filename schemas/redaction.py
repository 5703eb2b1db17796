"""Remove secrets from text, for logs, error reasons and terminals. Pure.

Sources: AWS IAM identifiers (`AKIA` and `ASIA` keys), Signature Version 4 query strings, RFC 6750 (bearer tokens),
RFC 7519 (JSON Web Tokens).
"""

from __future__ import annotations

import re

PLACEHOLDER = "[redacted]"

_NAMES = r"(?:authorization|secret|token|passw(?:or)?d|signature|credential|cookie|api[_-]?key)"
NAMED_LIKE_A_SECRET = re.compile(_NAMES, re.IGNORECASE)
# Each pattern is bounded or anchored by a lookbehind, so that no text takes quadratic time.
_SECRETS = (
    # A query string, as in a presigned URL. An object key may end in a question mark.
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


# Few texts match this; the test costs a tenth of testing each pattern.
_SUSPECT = re.compile(rf"[?=]|://|AKIA|ASIA|eyJ|(?i:bearer)|(?i:{_NAMES})")


def redact(text: str, fill: str | None = None) -> str:
    """Replace each secret with `PLACEHOLDER`, or with the character `fill`, repeated to the same length."""
    if not _SUSPECT.search(text):
        return text
    for pattern in _SECRETS:
        text = pattern.sub(
            lambda match: _replace_secret(match, fill * len(match["secret"]) if fill else PLACEHOLDER), text
        )
    return text


def _replace_secret(match: re.Match[str], placeholder: str) -> str:
    start, end = (position - match.start() for position in match.span("secret"))
    return match[0][:start] + placeholder + match[0][end:]
