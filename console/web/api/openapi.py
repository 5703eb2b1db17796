"""Describe the JSON API in OpenAPI 3.1, from the operations that the pages declare."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from headrace.console.web.page import ApiOperation, ApiParameter, LiveFeed, WebPage
from headrace.console.web.request import ConsoleRequest

PATH = "/api/openapi.json"
ERRORS = {
    "400": "The request is invalid",
    "401": "No login and no token",
    "403": "The role does not suffice, or the console is read-only",
    "404": "What the path names does not exist",
    "503": "Kafka, S3 or the database does not answer; try again later",
}
ERROR_SCHEMA = {"type": "object", "properties": {"error": {"type": "string"}}, "required": ["error"]}


def api_page(pages: Sequence[WebPage]) -> WebPage:
    """Return the page without a menu entry that serves the description of the API of all pages."""

    def answer(request: ConsoleRequest) -> dict[str, Any]:
        return describe((*pages, page))

    page = WebPage("", PATH, (), (ApiOperation(PATH, answer, "This description"),))
    return page


def describe(pages: Sequence[WebPage]) -> dict[str, Any]:
    """Return the description."""
    paths: dict[str, Any] = {}
    for operation in (each for page in pages for each in page.api):
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    for feed in (each for page in pages for each in page.feeds if each.path.startswith("/api/")):
        paths[feed.path] = {"get": _feed(feed)}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Headrace", "version": version("headrace")},
        "paths": paths,
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            "schemas": {"Error": ERROR_SCHEMA},
        },
        "security": [{"token": []}],
    }


def _operation(operation: ApiOperation) -> dict[str, Any]:
    same = f" The same data as `{operation.command} --json`." if operation.command else ""
    described: dict[str, Any] = {
        "summary": operation.summary,
        "description": f"Needs the role {operation.role.label}.{same}",
        "operationId": _identifier(operation),
        "parameters": [_parameter(operation, each) for each in operation.parameters if not _in_body(operation, each)],
        "responses": {"200": {"description": "OK", "content": {"application/json": {}}}, **_errors()},
    }
    body = [each for each in operation.parameters if _in_body(operation, each)]
    if operation.changes:
        schema = {
            "type": "object",
            "properties": {each.name: {**_schema(each), "description": each.description} for each in body},
            "required": [each.name for each in body if each.required],
        }
        described["requestBody"] = {"content": {"application/json": {"schema": schema}}}
    return described


def _feed(feed: LiveFeed) -> dict[str, Any]:
    text = (
        f"Server-sent events with JSON, read every {feed.seconds:g} s and sent when they change. Needs the role viewer."
    )
    return {
        "summary": "Live state of the pipeline",
        "description": f"{text} The event `problem` has the reason while the state cannot be read.",
        "operationId": feed.path.removeprefix("/api/").replace("/", "_"),
        "responses": {"200": {"description": "OK", "content": {"text/event-stream": {}}}, **_errors()},
    }


def _errors() -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    return {status: {"description": text, "content": content} for status, text in ERRORS.items()}


def _parameter(operation: ApiOperation, parameter: ApiParameter) -> dict[str, Any]:
    in_path = _in_path(operation, parameter)
    return {
        "name": parameter.name,
        "in": "path" if in_path else "query",
        "required": in_path or parameter.required,
        "description": parameter.description,
        "schema": _schema(parameter),
    }


def _schema(parameter: ApiParameter) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": parameter.kind}
    if parameter.values:
        schema["enum"] = list(parameter.values)
    return {"type": "array", "items": schema} if parameter.repeats else schema


def _in_path(operation: ApiOperation, parameter: ApiParameter) -> bool:
    return f"{{{parameter.name}}}" in operation.path or f"{{{parameter.name}:" in operation.path


def _in_body(operation: ApiOperation, parameter: ApiParameter) -> bool:
    return operation.changes and not _in_path(operation, parameter)


def _identifier(operation: ApiOperation) -> str:
    words = [word.strip("{}").partition(":")[0].replace(".", "_") for word in operation.path.split("/")[2:]]
    return "_".join((operation.method.lower(), *words))
