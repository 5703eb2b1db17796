"""Run the web console until SIGTERM or Ctrl-C."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from headrace.console.errors import CommandError
from headrace.console.listener import base_url, open_listener
from headrace.console.web.access.methods import access_control
from headrace.console.web.app import SiteSettings, create_app
from headrace.console.web.connect import connect_services
from headrace.console.web.page_table import PAGES
from headrace.console.web.settings import WebConsoleSettings
from headrace.schemas.runtime.http_server import Server, create_server

DRAIN_SECONDS = 3


def serve(settings: WebConsoleSettings, on_start: Callable[[str], None]) -> None:
    """Serve the console; `on_start` gets its URL once it listens.

    Raises:
        CommandError: the address is in use, or not loopback without a way to log in.
        SettingsError: a setting is missing or invalid.
    """
    secret = settings.secret.get_secret_value().encode() or secrets.token_bytes(32)
    listener = open_listener(settings.host, settings.port)
    port = listener.getsockname()[1]
    access = access_control(settings, secret, port)
    hosts = [host for host in (urlsplit(settings.url).hostname, settings.host) if host]
    services = connect_services(settings)
    app = create_app(services, access, PAGES, SiteSettings(hosts, settings.is_encrypted))
    server = _server(app, settings)
    on_start(settings.url or base_url(settings.host, port, settings.tls_file is not None))
    try:
        server.run([listener])
    finally:
        services.close()


def _server(app: object, settings: WebConsoleSettings) -> Server:
    try:
        return create_server(
            app, settings.connections, settings.tls_file, timeout_graceful_shutdown=DRAIN_SECONDS, lifespan="on"
        )
    except ssl.SSLError:
        text = f"HEADRACE_CONSOLE_TLS_FILE: {settings.tls_file} holds no PEM chain with its key"
        raise CommandError(text) from None
