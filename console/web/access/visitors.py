"""The browser that sends a request: its session or visit, the token of its forms, and its notice."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from headrace.console.web.access.cookies import NOTICE_SECONDS, CookieJar
from headrace.console.web.access.csrf import csrf_token


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser. `must_reload`: another site led here, so the browser sent no cookies; it does when it reloads."""

    cookies: CookieJar
    id: str
    is_new: bool
    has_session: bool
    must_reload: bool
    notice: str

    @classmethod
    def of(cls, request: Request, cookies: CookieJar) -> Visitor:
        """Return the visitor of a request."""
        session = cookies.session(request)
        known = session.id if session else cookies.visit(request)
        foreign = request.headers.get("sec-fetch-site") == "cross-site" and request.method == "GET"
        notice = cookies.read(request, "notice", NOTICE_SECONDS) or {"text": ""}
        id_ = known or secrets.token_urlsafe(16)
        return cls(cookies, id_, known is None, session is not None, foreign and known is None, notice["text"])

    @property
    def csrf_token(self) -> str:
        """The token of the forms of this visitor."""
        return csrf_token(self.cookies.signer, self.id)

    def add_notice(self, response: Response, text: str) -> None:
        """Add a notice for the next page."""
        self.cookies.write(response, "notice", {"text": text[:1000]}, NOTICE_SECONDS)

    def remember(self, response: Response) -> None:
        """Set the cookie of a new visitor, and delete a notice that was shown."""
        if self.is_new and not self.has_session:
            self.cookies.begin_visit(response, self.id)
        if self.notice and response.media_type == "text/html":
            self.cookies.delete(response, "notice")


def local_path(request: Request) -> str:
    """Return path and query of a request, for a redirect that stays on this host."""
    path = "/" + quote(request.url.path).lstrip("/\\")
    return f"{path}?{request.url.query}" if request.url.query else path
