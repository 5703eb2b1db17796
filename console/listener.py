"""The address that a server of a command listens on."""

from __future__ import annotations

import socket

from headrace.console.errors import CommandError
from headrace.schemas.runtime.http_server import listen


def open_listener(host: str, port: int) -> socket.socket:
    """Listen on an address; port 0 is any free one.

    Raises:
        CommandError: the address is in use, or the host is not one of this machine.
    """
    try:
        return listen(host, port)
    except OSError as error:
        reason = f"{host} port {port}: {error.strerror}"
        raise CommandError(f"{reason}: choose another one with --host and --port") from None


def base_url(host: str, port: int, tls: bool = False) -> str:
    """Return the URL of a server. An IPv6 address is in brackets (RFC 3986, 3.2.2)."""
    name = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{name}:{port}"
