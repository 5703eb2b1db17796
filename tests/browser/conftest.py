"""A browser, and the console on a sandbox on which the demo ran. Without Chromium, these tests are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright

from headrace.sandbox.cluster import cluster, environment
from tests.browser.serving import ServeAs, serving
from tests.support.isolation import own_folder
from tests.support.process import COMMAND

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HERE = Path(__file__).parent
BROKEN = "labels"
"""The stage that runs with a bug, until a test replaces its worker."""
DEMO = ("demo", "--json", "--keep", "--all-stages", "--break", BROKEN, "--limit", "300")
ALLOWED = "Failed to load resource"
"""What Chromium writes to its console for each response with an error status, which tests expect."""


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
    """Return a function that serves the console on the sandbox."""
    with serving() as serve:
        yield serve


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
