"""Remove secrets from text, for logs, error reasons and terminals. Pure.

`headrace.schemas.secret_patterns` lists what counts as a secret. Time is linear in the length of the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from urllib.parse import quote

from headrace.schemas.secret_patterns import NAMES, PATTERNS

PLACEHOLDER = "[redacted]"
NAMED_LIKE_A_SECRET = re.compile(NAMES, re.IGNORECASE)

LONGEST_TEXT = 65_536
"""Characters of a text that are kept. Longer texts are cut before they are searched."""

_OVERLAP = 4096
"""Characters that are searched beyond a cut, so that no secret across the cut shows its beginning."""

_SHORTEST_SECRET = 4

_MARK = "\N{NULL}"
_MARKS = re.compile(f"{_MARK}+")

_HINTS = frozenset(hint for kind in PATTERNS for hint in kind.hints)
_FEWEST_HINTS = tuple(hint for hint in sorted(_HINTS) if not any(each in hint for each in _HINTS - {hint}))
"""A text without any of these has no secret. Hints that contain another one are left out."""

SHORT_NAME = 40
"""Characters of a name, a level or a code. Most lines of a log have the same ones."""

_Fill = Callable[[str], str]


def redact(text: str, longest: int = LONGEST_TEXT) -> str:
    """Replace each secret by `PLACEHOLDER`, and what follows `longest` characters by its length."""
    if len(text) <= longest:
        return _replace(text, lambda _: PLACEHOLDER)
    kept = mask(text[: longest + _OVERLAP], _MARK)[:longest]
    return f"{_MARKS.sub(PLACEHOLDER, kept)}... ({len(text) - longest:,} more characters)"


def redact_name(name: str) -> str:
    """Redact the name of a field. The results of short names are kept."""
    return _redact_short(name) if len(name) <= SHORT_NAME else redact(name)


def redact_values(text: str, secrets: Iterable[str]) -> str:
    """Replace known secrets at any position: an answer may repeat what a request held.

    A secret that the end of the text cuts is replaced too. Secrets shorter than 4 characters are ordinary words.
    """
    known = {form for secret in secrets for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""))}
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) < _SHORTEST_SECRET:
            continue
        text = text.replace(secret, PLACEHOLDER)
        cut = next((n for n in range(len(secret) - 1, _SHORTEST_SECRET - 1, -1) if text.endswith(secret[:n])), 0)
        text = text[: len(text) - cut] + PLACEHOLDER if cut else text
    return text


def mask(text: str, character: str) -> str:
    """Replace each character of a secret by another one."""
    return _replace(text, lambda secret: character * len(secret))


_redact_short = lru_cache(1_024)(redact)


def _replace(text: str, fill: _Fill) -> str:
    folded = _fold(text)
    if not (_short_has_hint(folded) if len(folded) <= SHORT_NAME else _has_hint(folded)):
        return text
    for kind in PATTERNS:
        if _has_hint(folded, kind.hints):
            text = _replace_kind(text, folded if kind.folded else text, kind.pattern, fill)
            folded = _fold(text)
    return text


def _has_hint(folded: str, hints: tuple[str, ...] = _FEWEST_HINTS) -> bool:
    return any(map(folded.__contains__, hints))


_short_has_hint = lru_cache(1_024)(_has_hint)


def _replace_kind(text: str, searched: str, pattern: re.Pattern[str], fill: _Fill) -> str:
    """Replace the secrets at the positions where `searched`, which has the same length, has them."""
    pieces: list[str] = []
    copied = 0
    for match in pattern.finditer(searched):
        begin, end = match.span("secret")
        if begin >= 0:
            pieces += (text[copied:begin], fill(text[begin:end]))
            copied = end
    return "".join((*pieces, text[copied:])) if pieces else text


def _fold(text: str) -> str:
    """Return the text in lower case, with the same length: the one letter that becomes two is replaced before."""
    return text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i").lower()
