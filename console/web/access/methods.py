"""The ways to identify users that the settings name."""

from __future__ import annotations

from urllib.parse import urlsplit

from headrace.console.errors import CommandError
from headrace.console.terminal.operator import current_operator
from headrace.console.web.access.control import AccessControl, IdentifyUser, everyone_is
from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.identity import (
    by_oidc_session,
    by_password_session,
    by_proxy,
    by_token,
    parse_networks,
)
from headrace.console.web.access.named_roles import NamedRoles
from headrace.console.web.access.oidc import OidcClient, OidcProvider, is_protected
from headrace.console.web.access.signing import Signer
from headrace.console.web.access.users_file import UsersFile
from headrace.console.web.settings import WebConsoleSettings

NO_ACCESS = (
    "others could use the console at {host} without a login. Set one of HEADRACE_CONSOLE_USERS_FILE (passwords),"
    " HEADRACE_CONSOLE_PROXY_HEADER (a proxy that names the user) and HEADRACE_CONSOLE_OIDC_ISSUER"
    " (OpenID Connect), or listen on 127.0.0.1"
)
UNENCRYPTED = (
    "passwords and sessions would be sent unencrypted: set HEADRACE_CONSOLE_TLS_FILE, or HEADRACE_CONSOLE_URL=https://..."
    " if a proxy terminates TLS"
)
LOCAL = ("localhost", "127.0.0.1", "::1")


def access_control(settings: WebConsoleSettings, secret: bytes, port: int) -> AccessControl:
    """Return who may use the console. On a loopback address, everyone on this machine may, unless a way is set.

    Raises:
        CommandError: the address is not loopback and no way is set, or the settings of a way are incomplete.
    """
    suffix = "" if settings.is_encrypted else f"_{port}"
    cookies = CookieJar(Signer(secret), settings.is_encrypted, settings.session_hours * 3600, suffix)
    users = _users(settings)
    provider = _provider(settings, port)
    ways = [*_by_file(cookies, users), *_by_proxy(settings)]
    if provider is not None:
        ways.append(by_oidc_session(cookies, _roles(settings, "HEADRACE_CONSOLE_OIDC_ISSUER")))
    if not ways and not settings.is_loopback:
        raise CommandError(NO_ACCESS.format(host=settings.host))
    if (users or provider) and not _is_private(settings):
        raise CommandError(UNENCRYPTED)
    ways = ways or [everyone_is(current_operator())]
    networks = parse_networks(settings.proxy_addresses)
    return AccessControl(cookies, tuple(ways), settings.url, users, provider, networks)


def _users(settings: WebConsoleSettings) -> UsersFile | None:
    if settings.users_file is None:
        return None
    users = UsersFile(settings.users_file)
    if not users.entries():
        text = "has no entry: headrace console password NAME --role admin adds one"
        raise CommandError(f"HEADRACE_CONSOLE_USERS_FILE: {settings.users_file} {text}")
    return users


def _by_file(cookies: CookieJar, users: UsersFile | None) -> tuple[IdentifyUser, ...]:
    return (by_token(users), by_password_session(cookies, users)) if users else ()


def _by_proxy(settings: WebConsoleSettings) -> tuple[IdentifyUser, ...]:
    if not settings.proxy_header:
        return ()
    if not settings.proxy_addresses:
        text = "HEADRACE_CONSOLE_PROXY_HEADER needs HEADRACE_CONSOLE_PROXY_ADDRESSES: any client can send a header"
        raise CommandError(text)
    networks = parse_networks(settings.proxy_addresses)
    return (by_proxy(settings.proxy_header, networks, _roles(settings, "HEADRACE_CONSOLE_PROXY_HEADER")),)


def _provider(settings: WebConsoleSettings, port: int) -> OidcProvider | None:
    if not settings.oidc_issuer:
        return None
    if not is_protected(settings.oidc_issuer):
        raise CommandError("HEADRACE_CONSOLE_OIDC_ISSUER must be an https:// URL")
    secret = settings.oidc_client_secret.get_secret_value()
    if not settings.oidc_client_id or not secret:
        needed = "HEADRACE_CONSOLE_OIDC_CLIENT_ID and HEADRACE_CONSOLE_OIDC_CLIENT_SECRET"
        raise CommandError(f"HEADRACE_CONSOLE_OIDC_ISSUER needs {needed}")
    if not settings.url and not settings.is_loopback:
        raise CommandError("HEADRACE_CONSOLE_OIDC_ISSUER needs HEADRACE_CONSOLE_URL, to which the provider redirects")
    origin = settings.url or f"http://127.0.0.1:{port}"
    redirect = f"{origin}/login/callback"
    claims = settings.oidc_user_claim, settings.oidc_groups_claim
    return OidcProvider(OidcClient(settings.oidc_issuer, settings.oidc_client_id, secret, redirect, *claims))


def _roles(settings: WebConsoleSettings, variable: str) -> NamedRoles:
    roles = NamedRoles(settings.viewers, settings.operators, settings.admins)
    if not roles:
        needed = "HEADRACE_CONSOLE_VIEWERS, HEADRACE_CONSOLE_OPERATORS and HEADRACE_CONSOLE_ADMINS"
        raise CommandError(f"{variable} needs one of {needed}: without them, no user has a role")
    return roles


def _is_private(settings: WebConsoleSettings) -> bool:
    """Whether no one else can read a password on its way."""
    return settings.is_encrypted or settings.is_loopback or urlsplit(settings.url).hostname in LOCAL
