"""Read the body of a request up to a limit."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import ImmutableMultiDict
from starlette.requests import Request

from headrace.console.web.failures import InvalidRequestError
from headrace.schemas import parsing

LONGEST_BODY = 2**20
MOST_FIELDS = 2_000
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


async def read_body(request: Request) -> bytes:
    """Read a body.

    Raises:
        InvalidRequestError: it has more than `LONGEST_BODY` bytes.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            raise InvalidRequestError(f"the request has more than {LONGEST_BODY:,} bytes", 413)
    return bytes(body)


def media_type(request: Request) -> str:
    """Return the type of a body without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def parse_form(body: bytes) -> ImmutableMultiDict[str, str]:
    """Parse a form in UTF-8.

    Raises:
        InvalidRequestError: it is invalid.
    """
    try:
        text = body.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise InvalidRequestError("the form cannot be read") from None
    return ImmutableMultiDict(pairs)


def parse_json(body: bytes) -> Any:
    """Parse JSON; an empty body is an empty object.

    Raises:
        InvalidRequestError: it is invalid.
    """
    try:
        return parsing.parse_json(body, LONGEST_BODY) if body else {}
    except ValueError:
        raise InvalidRequestError("the body is no JSON") from None
