"""Pagination with tokens that are valid for one day."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeVar

TOKEN_LIFE_SECONDS = 24 * 3600

PageItem = TypeVar("PageItem")


class InvalidTokenError(ValueError):
    """The page token is invalid, belongs to another listing, or has expired."""


@dataclass(frozen=True, slots=True)
class ResultPage:
    """A page request: listing, token (None: the first page), number of items, and current time."""

    listing: str
    token: str | None
    size: int
    now: float


def cut(items: Sequence[PageItem], page: ResultPage) -> tuple[Sequence[PageItem], str | None]:
    """Return the items of `page` and the token of the next page, or None. Raises `InvalidTokenError`."""
    start = 0 if page.token is None else _offset(page)
    end = start + page.size
    return items[start:end], _token(page, end) if end < len(items) else None


def _token(page: ResultPage, offset: int) -> str:
    return base64.urlsafe_b64encode(json.dumps([_mark(page), offset, page.now]).encode()).decode()


def _offset(page: ResultPage) -> int:
    try:
        mark, offset, made_at = json.loads(base64.urlsafe_b64decode(page.token or ""))
        usable = mark == _mark(page) and page.now - float(made_at) < TOKEN_LIFE_SECONDS
        start = int(offset)
    except (ValueError, TypeError, binascii.Error) as error:
        raise InvalidTokenError(str(error)) from error
    if not usable or start < 0:
        raise InvalidTokenError("for another listing, or too old")
    return start


def _mark(page: ResultPage) -> str:
    return sha256(page.listing.encode()).hexdigest()[:16]
