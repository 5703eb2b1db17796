"""Pages answer soon while the database of the views accepts connections and is silent, and Kafka is down."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from headrace.console.errors import UnavailableError
from headrace.console.views.current import NO_VIEWS, CurrentViews
from headrace.console.web import background_value
from headrace.console.web.app import create_app
from headrace.console.web.background_value import Latest
from headrace.console.web.connect import connect_services
from headrace.console.web.failures import UNEXPECTED
from headrace.console.web.page_table import PAGES
from headrace.console.web.prompt_views import PromptViews
from headrace.console.web.settings import WebConsoleSettings
from tests.support.process import wait_for
from tests.unit.console.web.conftest import ORIGIN, control

PATHS = ("/", "/assets", "/assets?q=a", "/assets/one?bucket=a&key=b", "/letters", "/replays", "/replays/redrive")
MORE_PATHS = ("/rules", "/machines", "/cost", "/health", "/people", "/stages/scan", "/api/letters", "/api/assets")
SOON_SECONDS = 4.0
"""On a busy machine, and less than the 10 s in which a connection is opened."""


class FakeViews(CurrentViews):
    """Views that are opened without a database."""

    def __init__(self) -> None:
        self.opened = 0

    def views(self) -> str:  # type: ignore[override]
        self.opened += 1
        return "views"


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the views to a database that never answers, and Kafka to a port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        port = listener.getsockname()[1]
        monkeypatch.setenv("HEADRACE_VIEWS", f"postgresql+psycopg://user:secret@127.0.0.1:{port}/views")
        monkeypatch.setenv("HEADRACE_BOOTSTRAP_SERVERS", "127.0.0.1:1")
        monkeypatch.setattr(background_value, "PATIENCE_SECONDS", 0.5)
        yield


def test_every_page_answers_soon_while_both_are_down(silent: None) -> None:
    services = connect_services(WebConsoleSettings())
    took: dict[str, float] = {}
    with TestClient(create_app(services, control(), PAGES), ORIGIN) as client:
        wait_for(lambda: services.figures().problem, "the outage to be known", 60)
        for path in (*PATHS, *MORE_PATHS):
            began = time.monotonic()
            response = client.get(path)
            took[path] = time.monotonic() - began
            assert response.status_code in (200, 400, 404, 503), path
            assert "secret" not in response.text
    assert {path: round(seconds, 1) for path, seconds in took.items() if seconds > SOON_SECONDS} == {}


def test_known_outage_is_raised_without_a_connection() -> None:
    current = FakeViews()
    prompt = PromptViews(current, lambda: Latest(None, None, "the views do not answer", 1.0))
    with pytest.raises(UnavailableError, match=r"the views do not answer \(since 1970"):
        prompt.connect()
    with pytest.raises(UnavailableError):
        prompt.views()
    assert current.opened == 0


@pytest.mark.parametrize("problem", ["", UNEXPECTED, NO_VIEWS])
def test_views_are_opened_otherwise(problem: str) -> None:
    current = FakeViews()
    PromptViews(current, lambda: Latest(None, None, problem, None)).views()
    assert current.opened == 1
