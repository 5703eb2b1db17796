"""Ways to identify users: a session, an API token, and a header of a trusted proxy."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from starlette.requests import HTTPConnection

from headrace.console.web.access.control import IdentifyUser
from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.named_roles import NamedRoles
from headrace.console.web.access.users import ConsoleUser
from headrace.console.web.access.users_file import UsersFile

LONGEST_NAME = 256
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def by_password_session(cookies: CookieJar, users: UsersFile) -> IdentifyUser:
    """Identify the sessions of users in the file. A session ends when the password changes or is removed."""

    def identify(connection: HTTPConnection) -> ConsoleUser | None:
        session = cookies.session(connection)
        if session is None or session.method != "password":
            return None
        entry = users.password(session.user)
        return entry.user if entry is not None and (entry.fingerprint,) == session.proof else None

    return identify


def by_oidc_session(cookies: CookieJar, roles: NamedRoles) -> IdentifyUser:
    """Identify the sessions of users that the provider named."""

    def identify(connection: HTTPConnection) -> ConsoleUser | None:
        session = cookies.session(connection)
        return roles.user(session.user, session.proof) if session and session.method == "oidc" else None

    return identify


def by_token(users: UsersFile) -> IdentifyUser:
    """Identify requests with an API token: `Authorization: Bearer TOKEN`."""

    def identify(connection: HTTPConnection) -> ConsoleUser | None:
        scheme, _, token = connection.headers.get("authorization", "").partition(" ")
        entry = users.token(token.strip()) if scheme.lower() == "bearer" else None
        return entry.user if entry else None

    return identify


def by_proxy(header: str, networks: Sequence[Network], roles: NamedRoles) -> IdentifyUser:
    """Identify requests of a trusted proxy by a header. The header of any other sender is ignored."""

    def identify(connection: HTTPConnection) -> ConsoleUser | None:
        names = connection.headers.getlist(header)
        if len(names) != 1 or not 0 < len(names[0]) <= LONGEST_NAME or not is_in(connection, networks):
            return None
        return roles.user(names[0])

    return identify


def is_in(connection: HTTPConnection, networks: Sequence[Network]) -> bool:
    """Whether a request comes from one of the networks."""
    try:
        address = ipaddress.ip_address(connection.client.host if connection.client else "")
    except ValueError:
        return False
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return any(address in network for network in networks)


def parse_networks(texts: Sequence[str]) -> tuple[Network, ...]:
    """Parse addresses and networks."""
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def sender(connection: HTTPConnection, networks: Sequence[Network]) -> str:
    """Return the address of a client; behind a trusted proxy, the one that the proxy saw."""
    forwarded = connection.headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    if forwarded and is_in(connection, networks):
        return forwarded[:LONGEST_NAME]
    return connection.client.host if connection.client else ""
