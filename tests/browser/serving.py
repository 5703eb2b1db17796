"""Serve consoles to the browser, each for its own users."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from headrace.console.web.access.control import AccessControl, IdentifyUser
from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.signing import Signer
from headrace.console.web.app import create_app
from headrace.console.web.connect import connect_services
from headrace.console.web.page_table import PAGES
from headrace.console.web.services import ConsoleServices
from headrace.console.web.settings import WebConsoleSettings
from headrace.schemas.runtime.http_server import create_server, listen

ServeAs = Callable[[IdentifyUser], str]
"""Serves the console for some users, and returns its address."""


@contextmanager
def serving() -> Iterator[ServeAs]:
    """Return a function that serves the console on the cluster and the views of the environment."""
    with ExitStack() as stack:
        yield lambda identify: stack.enter_context(served(connect_services(WebConsoleSettings()), identify))


@contextmanager
def served(services: ConsoleServices, identify: IdentifyUser) -> Iterator[str]:
    """Serve a console in a thread, and return its address."""
    listener = listen("127.0.0.1", 0)
    port = listener.getsockname()[1]
    access = AccessControl(CookieJar(Signer(os.urandom(32)), suffix=f"_{port}"), (identify,))
    server = create_server(create_app(services, access, PAGES), 100, None, timeout_graceful_shutdown=1, lifespan="on")
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)
