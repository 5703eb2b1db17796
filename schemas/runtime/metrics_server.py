"""Serve `/metrics` for Prometheus, and other pages of text, on one HTTP port."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from prometheus_client import REGISTRY, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from headrace.schemas.runtime.http_server import listen, serve_in_thread
from headrace.schemas.settings import SettingsError

CONNECTIONS = 50
METRICS = "/metrics"

TextPage = Callable[[], tuple[int, str]]
"""Returns the HTTP status and the text of a page."""


def serve(
    port: int, host: str, collectors: Sequence[Collector], pages: Mapping[str, TextPage] | None = None
) -> Callable[[], None]:
    """Serve in a thread until the returned function is called. `pages` are texts by path.

    Raises:
        SettingsError: the address cannot be used.
    """
    try:
        listener = listen(host, port)
    except OSError as error:
        remedy = "give each process of a machine its own HEADRACE_METRICS_PORT"
        raise SettingsError(f"metrics cannot be served on {host}:{port}: {error.strerror}; {remedy}") from error
    for collector in collectors:
        REGISTRY.register(collector)
    stop = serve_in_thread(partial(_respond, pages or {}), listener, CONNECTIONS)

    def close() -> None:
        for collector in collectors:
            REGISTRY.unregister(collector)
        stop()

    return close


async def _respond(pages: Mapping[str, TextPage], scope: Scope, receive: Receive, send: Send) -> None:
    path = scope["path"]
    if path == METRICS:
        await Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)(scope, receive, send)
        return
    status, text = pages[path]() if path in pages else (404, f"not found; use {_alternatives((METRICS, *pages))}")
    await Response(text, status, media_type="text/plain")(scope, receive, send)


def _alternatives(paths: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(paths[:-1]), paths[-1])))
