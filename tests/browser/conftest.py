"""A browser, and the console on a sandbox on which the demo ran. Without Chromium, these tests are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from headrace.console.web.access.control import AccessControl, IdentifyUser
from headrace.console.web.access.cookies import CookieJar
from headrace.console.web.access.signing import Signer
from headrace.console.web.app import create_app
from headrace.console.web.connect import connect_services
from headrace.console.web.page_table import PAGES
from headrace.console.web.settings import WebConsoleSettings
from headrace.sandbox.cluster import cluster, environment
from headrace.schemas.runtime.http_server import create_server, listen
from tests.support.isolation import own_folder
from tests.support.process import COMMAND

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = Path(__file__).parent
BROKEN = "labels"
"""The stage that runs with a bug, until a test replaces its worker."""
DEMO = ("demo", "--json", "--keep", "--all-stages", "--break", BROKEN, "--limit", "300")
ALLOWED = "Failed to load resource"
"""What Chromium writes to its console for each response with an error status, which tests expect."""

ServeAs = Callable[[IdentifyUser], str]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip these tests without a browser; they need a cluster as the system tests do."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.system)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="there is no Chromium: apt-get install chromium"))


@dataclass(frozen=True, slots=True)
class DemoSandbox:
    """A sandbox on which the demo ran, and the variables of its cluster."""

    folder: Path
    variables: dict[str, str]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[DemoSandbox]:
    """Run the demo, and keep its cluster for the tests of a file."""
    folder = Path(tempfile.mkdtemp(prefix="", dir=own_folder()))
    before = dict(os.environ)
    try:
        ran = subprocess.run([COMMAND, *DEMO, "--data", str(folder)], capture_output=True, text=True, check=False)
        assert ran.returncode == 0, ran.stderr
        found = environment.of(folder)
        os.environ.update(found)
        yield DemoSandbox(folder, found)
    finally:
        os.environ.clear()
        os.environ.update(before)
        cluster.down(folder)
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def serve_as(sandbox: DemoSandbox) -> Iterator[ServeAs]:
    """Return a function that serves the console for some users in a thread, and returns its address."""
    running: list[tuple[object, threading.Thread]] = []

    def serve(identify: IdentifyUser) -> str:
        listener = listen("127.0.0.1", 0)
        port = listener.getsockname()[1]
        access = AccessControl(CookieJar(Signer(os.urandom(32)), suffix=f"_{port}"), (identify,))
        app = create_app(connect_services(WebConsoleSettings()), access, PAGES)
        server = create_server(app, 100, None, timeout_graceful_shutdown=1, lifespan="on")
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        running.append((server, thread))
        return f"http://127.0.0.1:{port}"

    yield serve
    for server, thread in running:
        server.should_exit = True  # type: ignore[attr-defined]
        thread.join(10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium."""
    assert CHROMIUM is not None
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield started
        started.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page. The test fails if a script fails, or the browser reports an error."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, timezone_id="Europe/Zurich")
    context.set_default_timeout(60_000)
    opened, errors = context.new_page(), list[str]()

    def report(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and not message.text.startswith(ALLOWED):
            errors.append(message.text)

    opened.on("console", report)
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []
