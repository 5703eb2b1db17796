"""Find the user of a request."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection

from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.login_limit import LoginLimit
from headrace.console.web.access.users import ConsoleUser, UserRole
from headrace.console.web.access.users_file import UsersFile

if TYPE_CHECKING:
    from headrace.console.web.access.oidc import OidcProvider

IdentifyUser = Callable[[HTTPConnection], ConsoleUser | None]
"""Returns the user of a request; None if this way of identification does not know it.

Raises:
    ForbiddenError: the user is known, and has no role.
"""


@dataclass(frozen=True, slots=True)
class AccessControl:
    """The ways to identify users, in the order in which they are tried, and what the login page needs.

    `origin` is the public origin, such as `https://console.example.com`. `proxies` may name the address of a client.
    """

    cookies: CookieJar
    ways: tuple[IdentifyUser, ...]
    origin: str = ""
    users: UsersFile | None = None
    provider: OidcProvider | None = None
    proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = ()
    limit: LoginLimit = field(default_factory=LoginLimit)

    @property
    def has_login(self) -> bool:
        """Whether there is a login page."""
        return self.users is not None or self.provider is not None

    def identify(self, connection: HTTPConnection) -> ConsoleUser | None:
        """Return the user of a request; None without a login."""
        return next((user for way in self.ways if (user := way(connection)) is not None), None)


def everyone_is(name: str, role: UserRole = UserRole.ADMIN) -> IdentifyUser:
    """Identify every request as one user: for an address that only this machine can reach."""
    user = ConsoleUser(name, role)
    return lambda connection: user
