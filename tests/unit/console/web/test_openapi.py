"""The description of the API has every operation and parameter, and no other."""

from __future__ import annotations

import re

from starlette.routing import Route
from starlette.testclient import TestClient

from headrace.console.web.app import create_app
from headrace.console.web.page_table import PAGES
from tests.unit.console.web.conftest import control, fake_services


def test_description_has_exactly_the_routes(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    app = create_app(fake_services(), control(), PAGES)
    routes = {
        (route.path, method.lower())
        for route in app.routes
        if isinstance(route, Route) and route.path.startswith("/api/")
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert {(path, method) for path, methods in described["paths"].items() for method in methods} == routes


def test_operations_are_complete(client: TestClient) -> None:
    described = client.get("/api/openapi.json").json()
    operations = [(path, each) for path, methods in described["paths"].items() for each in methods.values()]
    ids = [each["operationId"] for _, each in operations]
    assert len(ids) == len(set(ids))
    for path, each in operations:
        assert each["summary"], path
        in_path = {name["name"] for name in each.get("parameters", ()) if name["in"] == "path"}
        assert in_path == set(re.findall(r"\{(\w+)", path)), path
        assert {"401", "403", "503"} < each["responses"].keys()
