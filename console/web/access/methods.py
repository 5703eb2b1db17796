"""The ways to identify users that the settings name."""

from __future__ import annotations

from headrace.console.errors import CommandError
from headrace.console.terminal.operator import current_operator
from headrace.console.web.access.control import AccessControl, everyone_is
from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.signing import Signer
from headrace.console.web.settings import WebConsoleSettings

NO_ACCESS = (
    "others could use the console at {host} without a login. Set one of HEADRACE_CONSOLE_USERS_FILE (passwords),"
    " HEADRACE_CONSOLE_PROXY_HEADER (a proxy that names the user) and HEADRACE_CONSOLE_OIDC_ISSUER"
    " (OpenID Connect), or listen on 127.0.0.1"
)


def access_control(settings: WebConsoleSettings, secret: bytes, port: int) -> AccessControl:
    """Return who may use the console. On a loopback address, everyone on this machine may, unless a way is set.

    Raises:
        CommandError: the address is not loopback, and no way is set.
    """
    suffix = "" if settings.is_encrypted else f"_{port}"
    cookies = CookieJar(Signer(secret), settings.is_encrypted, settings.session_hours * 3600, suffix)
    if not settings.is_loopback:
        raise CommandError(NO_ACCESS.format(host=settings.host))
    return AccessControl(cookies, (everyone_is(current_operator()),), origin=settings.url)
