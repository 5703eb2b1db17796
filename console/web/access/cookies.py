"""The cookies of the console: session, visit, notice and sign-in. Each is signed, HttpOnly and SameSite."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal

from starlette.requests import HTTPConnection
from starlette.responses import Response

from headrace.console.web.access.signing import Signer

VISIT_SECONDS = 30 * 24 * 3600.0
NOTICE_SECONDS = 60.0
MOST_ENDED = 100_000

CookieKind = Literal["session", "visit", "notice", "signin"]
LoginMethod = Literal["password", "oidc"]


@dataclass(frozen=True, slots=True)
class LoginSession:
    """A session that began with a login. `proof` has the fingerprint of the password, or the groups of the provider."""

    id: str
    user: str
    method: LoginMethod
    proof: tuple[str, ...] = ()


class EndedSessions:
    """The ids of the last sessions that were ended by a logout."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}

    def add(self, id_: str) -> None:
        """Add a session."""
        self._ids[id_] = None
        if len(self._ids) > MOST_ENDED:
            del self._ids[next(iter(self._ids))]

    def __contains__(self, id_: str) -> bool:
        """Whether a session was ended."""
        return id_ in self._ids


@dataclass(frozen=True, slots=True)
class CookieJar:
    """Reads and writes the cookies. `secure`: browsers send them only over TLS."""

    signer: Signer
    secure: bool = False
    session_seconds: float = 12 * 3600.0
    suffix: str = ""
    """Tells consoles on other ports of the same host apart: cookies do not depend on the port."""
    ended: EndedSessions = field(default_factory=EndedSessions)

    def name(self, kind: CookieKind) -> str:
        """Return the name of a cookie. With `__Host-`, no other host of the domain can set it."""
        return ("__Host-" if self.secure else "") + f"headrace_{kind}{self.suffix}"

    def read(self, connection: HTTPConnection, kind: CookieKind, max_age: float) -> dict[str, Any] | None:
        """Return the values of a cookie; None if it is missing, forged or expired."""
        return self.signer.read(kind, connection.cookies.get(self.name(kind), ""), max_age)

    def write(
        self, response: Response, kind: CookieKind, values: dict[str, Any], max_age: float, *, lax: bool = False
    ) -> None:
        """Set a cookie."""
        response.set_cookie(
            self.name(kind),
            self.signer.sign(kind, values),
            max_age=int(max_age),
            secure=self.secure,
            httponly=True,
            samesite="lax" if lax else "strict",
        )

    def delete(self, response: Response, kind: CookieKind) -> None:
        """Delete a cookie."""
        response.delete_cookie(self.name(kind), secure=self.secure, httponly=True, samesite="strict")

    def session(self, connection: HTTPConnection) -> LoginSession | None:
        """Return the session of a request."""
        values = self.read(connection, "session", self.session_seconds)
        if values is None or values["id"] in self.ended:
            return None
        return LoginSession(values["id"], values["user"], values["method"], tuple(values["proof"]))

    def begin(self, response: Response, user: str, method: LoginMethod, proof: tuple[str, ...] = ()) -> None:
        """Begin a session with a new id, so that an id from before the login is worth nothing."""
        values = {"id": secrets.token_urlsafe(16), "user": user, "method": method, "proof": proof}
        self.write(response, "session", values, self.session_seconds)

    def end(self, connection: HTTPConnection, response: Response) -> None:
        """End the session of a request, also in copies of its cookie."""
        if session := self.session(connection):
            self.ended.add(session.id)
        self.delete(response, "session")

    def visit(self, connection: HTTPConnection) -> str | None:
        """Return the id of a browser without a session."""
        values = self.read(connection, "visit", VISIT_SECONDS)
        return values["id"] if values else None

    def begin_visit(self, response: Response, visit: str) -> None:
        """Set the id of a browser."""
        self.write(response, "visit", {"id": visit}, VISIT_SECONDS)
