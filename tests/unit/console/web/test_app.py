"""Every response of the console: headers, hosts, cookies, errors."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from headrace.console.errors import UnavailableError
from headrace.console.web.app import create_app
from headrace.console.web.page import WebPage, WebRoute
from headrace.console.web.request import ConsoleRequest
from headrace.console.web.services import ConsoleServices
from tests.unit.console.web.conftest import ORIGIN, control


def test_pipeline_names_every_stage(client: TestClient, services: ConsoleServices) -> None:
    page = client.get("/")
    assert page.status_code == 200
    assert all(stage.name in page.text for stage in services.stages())


@pytest.mark.parametrize("path", ["/", "/static/console.css", "/missing", "/live"])
def test_every_response_has_the_security_headers(client: TestClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:1", 200),
        ("127.0.0.1", 200),
        ("[::1]:8088", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.x", 421),
        ("", 421),
    ],
)
def test_other_hosts_are_rejected(client: TestClient, host: str, status: int) -> None:
    assert client.get("/", headers={"host": host}).status_code == status


def test_pages_have_no_inline_code(client: TestClient) -> None:
    text = client.get("/").text
    assert "style=" not in text
    assert "<style" not in text
    assert "onclick" not in text


def failing(error: Exception) -> WebPage:
    def show(request: ConsoleRequest) -> object:
        raise error

    return WebPage("Failing", "/failing", (WebRoute("/failing", show),))


@pytest.mark.parametrize(
    ("error", "status", "text"),
    [
        (UnavailableError("the views are locked"), 503, "the views are locked"),
        (ZeroDivisionError("internal"), 500, "internal error"),
    ],
)
def test_error_is_a_page(services: ConsoleServices, error: Exception, status: int, text: str) -> None:
    with TestClient(create_app(services, control(), (failing(error),)), ORIGIN) as client:
        page = client.get("/failing")
        part = client.get("/failing", headers={"hx-request": "true"})
    assert (page.status_code, part.status_code) == (status, status)
    assert text in page.text
    assert text in part.text
    assert "<html" in page.text
    assert "<html" not in part.text
    assert "ZeroDivisionError" not in page.text
    assert ('http-equiv="refresh"' in page.text) == (status == 503)
