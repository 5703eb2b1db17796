"""Reject requests for another host: a page of an attacker can give its own name the address of the console."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from headrace.schemas.safe_text import safe_text

LOCAL = "localhost"


class HostCheck:
    """Serves requests for known names, for localhost and for IP addresses, which DNS cannot change."""

    def __init__(self, app: ASGIApp, names: Collection[str]) -> None:
        self._app = app
        self._names = {LOCAL, *(name.lower() for name in names)}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        if self.is_own(host):
            await self._app(scope, receive, send)
            return
        text = f"{safe_text(host)} is no name of this console: set HEADRACE_CONSOLE_URL"
        await PlainTextResponse(text, 421)(scope, receive, send)

    def is_own(self, host: str) -> bool:
        """Whether a `Host` header names this console."""
        name = host_name(host)
        return name in self._names or _is_address(name)


def host_name(host: str) -> str:
    """Return the name in a `Host` header, without its port."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower().rstrip(".")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
