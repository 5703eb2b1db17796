"""Protection against requests that another site makes in the browser of a user."""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from starlette.requests import Request

from headrace.console.web.access.signing import Signer
from headrace.console.web.failures import InvalidRequestError

FIELD = "csrf_token"
HEADER = "x-csrf-token"
SAFE_SITES = ("same-origin", "none")


def csrf_token(signer: Signer, visitor: str) -> str:
    """Return the token of the forms of a visitor: a session id or the id of a browser."""
    return signer.digest("csrf", visitor.encode())


def check_token(expected: str, given: str) -> None:
    """Check the token of a form.

    Raises:
        InvalidRequestError: it is missing or another one.
    """
    if not hmac.compare_digest(expected.encode(), given.encode()):
        raise InvalidRequestError("the form has expired: load the page again, and repeat the action", 403)


def check_origin(request: Request, own: str = "") -> None:
    """Check that a change comes from a page of the console, or from a program. `own` is the console's public origin.

    Raises:
        InvalidRequestError: another site sent it.
    """
    site = request.headers.get("sec-fetch-site", "none")
    origin = request.headers.get("origin")
    foreign = origin not in (None, own) and urlsplit(str(origin)).netloc != request.headers.get("host", "")
    if site not in SAFE_SITES or foreign:
        raise InvalidRequestError("another site sent this request", 403)
