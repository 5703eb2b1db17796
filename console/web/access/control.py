"""Find the user of a request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from starlette.requests import HTTPConnection

from headrace.console.web.access.cookies import CookieJar, LoginMethod
from headrace.console.web.access.users import ConsoleUser, UserRole

IdentifyUser = Callable[[HTTPConnection], ConsoleUser | None]
"""Returns the user of a request; None if this way of identification does not know it.

Raises:
    ForbiddenError: the user is known, and has no role.
"""


@dataclass(frozen=True, slots=True)
class AccessControl:
    """The ways to identify users, in the order in which they are tried, and the login page if there is one."""

    cookies: CookieJar
    ways: tuple[IdentifyUser, ...]
    logins: tuple[LoginMethod, ...] = ()
    origin: str = ""
    """The public origin, such as `https://console.example.com`."""

    def identify(self, connection: HTTPConnection) -> ConsoleUser | None:
        """Return the user of a request; None without a login."""
        return next((user for way in self.ways if (user := way(connection)) is not None), None)


def everyone_is(name: str, role: UserRole = UserRole.ADMIN) -> IdentifyUser:
    """Identify every request as one user: for an address that only this machine can reach."""
    user = ConsoleUser(name, role)
    return lambda connection: user
