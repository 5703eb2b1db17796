"""Run the Step Functions API until SIGTERM or Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from headrace.connectors.aws.request_guard import RequestGuard
from headrace.console.listener import base_url, open_listener
from headrace.console.machines.api.app import access_policy, create_app
from headrace.console.machines.connect import machine_services
from headrace.console.machines.settings import MachineApiSettings, signing_key
from headrace.schemas.runtime.http_server import create_server

CONNECTIONS = 1_000
DRAIN_SECONDS = 3


def serve(settings: MachineApiSettings, on_start: Callable[[str], None]) -> None:
    """Serve the API; `on_start` gets its URL once it listens.

    Raises:
        CommandError: The address is in use, or Kafka lacks what the API needs.
        SettingsError: A setting is missing or invalid.
    """
    credentials = signing_key(settings)
    listener = open_listener(settings.host, settings.port)
    port = listener.getsockname()[1]
    with listener, machine_services(settings) as services:
        policy = access_policy(credentials, accepted_hosts(settings))
        app = RequestGuard(create_app(services), policy, lambda: datetime.now(UTC))
        server = create_server(app, CONNECTIONS, None, timeout_graceful_shutdown=DRAIN_SECONDS, lifespan="off")
        on_start(base_url(settings.host, port))
        server.run([listener])


def accepted_hosts(settings: MachineApiSettings) -> frozenset[str]:
    """Return the names that the Host header may have. A web page cannot send one of them to another server."""
    names = (name.strip().lower() for name in settings.hosts.split(","))
    return frozenset({settings.host.lower(), "127.0.0.1", "localhost", *filter(None, names)})
