"""Run the webhook: listen at once, accept messages once Kafka is ready, drain on SIGTERM."""

from __future__ import annotations

import asyncio
import signal
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypedDict

import certifi
import structlog
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.aws.object_head import ObjectHeads
from headrace.connectors.aws.sns_client import confirm_subscription
from headrace.connectors.readiness import missing_dependencies
from headrace.connectors.webhook.certificates import CertificateCache
from headrace.connectors.webhook.handler import Webhook, WebhookDependencies
from headrace.connectors.webhook.http_fetch import create_fetch
from headrace.connectors.webhook.producer import WebhookProducer, producer, traced
from headrace.connectors.webhook.settings import WebhookSettings
from headrace.connectors.webhook.x509 import TrustStore, load_trust_store
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.runtime.http_server import Server, create_server, listen
from headrace.schemas.runtime.outage_log import OutageLog
from headrace.schemas.runtime.stop_signals import stop_signals
from headrace.schemas.serde import registry
from headrace.schemas.serde.codec import Codec
from headrace.schemas.settings import SettingsError
from headrace.schemas.tracing.start import tracing
from headrace.schemas.tracing.tracer import Tracer

POLL_SECONDS = 0.5

log = structlog.get_logger("headrace")


class WebhookState(TypedDict):
    """The lifespan state of a request."""

    webhook: Webhook


def serve(settings: WebhookSettings, cluster: KafkaSettings) -> bool:
    """Serve until SIGTERM or SIGINT, then drain. Return False if startup failed. Raises `SettingsError`."""
    with tracing("headrace-webhook") as tracer:
        return _serve(create_app(partial(connect, settings, cluster, _trusted(settings), tracer)), settings)


def _serve(app: Starlette, settings: WebhookSettings) -> bool:
    server = _server(app, settings)
    listening = _listening(settings)
    stop_requested = threading.Event()

    def stop(*_: object) -> None:
        stop_requested.set()
        server.should_exit = True

    # uvicorn handles these signals while it serves, then raises them again for the previous handlers.
    for number in stop_signals():
        signal.signal(number, stop)
    server.run([listening])
    return server.started or stop_requested.is_set()


def create_app(open_webhook: Callable[[], AbstractAsyncContextManager[Webhook]]) -> Starlette:
    """Create the web application. The webhook is open while the application runs."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[WebhookState]:
        async with open_webhook() as webhook:
            yield {"webhook": webhook}

    routes = [Route("/sns", _receive, methods=["POST"]), Route("/health", _health, methods=["GET"])]
    return Starlette(routes=routes, lifespan=lifespan)


@asynccontextmanager
async def connect(
    settings: WebhookSettings, cluster: KafkaSettings, trusted: TrustStore, tracer: Tracer
) -> AsyncIterator[Webhook]:
    """Open a webhook with connections to Kafka and SNS."""
    async with create_fetch(_tls(settings)) as fetch:
        sender = WebhookProducer(producer(cluster))
        now = partial(datetime.now, UTC)
        keys = CertificateCache(fetch, trusted, now)
        codec = registry.create_codec(cluster)
        heads = ObjectHeads(AwsSession())
        send = traced(sender.send, tracer)
        webhook = Webhook(settings, WebhookDependencies(keys, send, confirm_subscription, codec, now, heads))
        waiting = asyncio.create_task(_wait(webhook, cluster, codec))
        try:
            yield webhook
        finally:
            waiting.cancel()
            with suppress(asyncio.CancelledError):
                await waiting
            undelivered = await asyncio.to_thread(sender.close, settings.drain_seconds)
            log.info("stopped", not_delivered=undelivered, **webhook.counts)


async def _wait(webhook: Webhook, cluster: KafkaSettings, codec: Codec) -> None:
    """Accept messages once all dependencies are available. Logs each missing dependency once."""
    outages = OutageLog()
    while missing := await asyncio.to_thread(missing_dependencies, cluster, codec):
        outages.down(missing)
        webhook.waiting_for = missing
        await asyncio.sleep(POLL_SECONDS)
    webhook.waiting_for = ""
    log.info("ready")


async def _receive(request: Request) -> Response:
    webhook: Webhook = request.state.webhook
    return await webhook.receive(request)


async def _health(request: Request) -> Response:
    webhook: Webhook = request.state.webhook
    return webhook.health()


def _server(app: Starlette, settings: WebhookSettings) -> Server:
    drain = round(settings.drain_seconds)
    try:
        return create_server(
            app, settings.connections, settings.tls_file, timeout_graceful_shutdown=drain, lifespan="on"
        )
    except ssl.SSLError:
        raise SettingsError(f"HEADRACE_WEBHOOK_TLS_FILE: {settings.tls_file} holds no PEM chain with its key") from None


def _listening(settings: WebhookSettings) -> socket.socket:
    try:
        return listen(settings.host, settings.port)
    except OSError as error:
        place = f"{settings.host}:{settings.port}"
        raise SettingsError(f"HEADRACE_WEBHOOK_HOST, HEADRACE_WEBHOOK_PORT: {place}: {error.strerror}") from None


def _trusted(settings: WebhookSettings) -> TrustStore:
    own = [settings.ca_file.read_bytes()] if settings.ca_file else []
    try:
        return load_trust_store(Path(certifi.where()).read_bytes(), *own)
    except ValueError:
        raise SettingsError(f"HEADRACE_WEBHOOK_CA_FILE: {settings.ca_file} holds no PEM certificates") from None


def _tls(settings: WebhookSettings) -> ssl.SSLContext:
    """Trust `ca_file` for certificate downloads too: a TLS-inspecting proxy may need it."""
    context = ssl.create_default_context(cafile=certifi.where())
    if settings.ca_file:
        context.load_verify_locations(settings.ca_file)
    return context
