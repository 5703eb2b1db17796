"""Connections of HTTP tasks: which URLs they cover, their secrets, and what responses become."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from headrace.connectors.sinks.http_connections import HttpConnections, load_connections
from headrace.connectors.sinks.settings import TargetSettings
from headrace.schemas.delivery import DeliveryError
from headrace.schemas.http_calls import HttpCall
from headrace.schemas.settings import SettingsError, load
from tests.support.http_server import Request, Response, serving

SECRET = "Bearer CANARY-CANARY"


class Api:
    """A server that repeats what it received."""

    def __init__(self, file: Path) -> None:
        self.url = ""
        self.requests: list[Request] = []
        self._file = file

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        said = f"{request.method} {request.path} {request.headers['authorization']} {request.body.decode()}"
        echo = {"Content-Type": "text/plain", "X-Echo": request.headers["authorization"] or "", "Set-Cookie": "a=b"}
        return Response(404 if request.path.endswith("/missing") else 200, said.encode(), echo)

    def connections(self, more: str = "") -> HttpConnections:
        headers = '{ Authorization = "env:HEADRACE_SECRET_API" }'
        self._file.write_text(f'[api]\nurl = "{self.url}/v1"\nheaders = {headers}\n{more}', "utf-8")
        return load_connections(load(TargetSettings))

    def call(self, path: str = "/v1/things", method: str = "GET", connection: str = "api") -> HttpCall:
        return HttpCall(connection, method, self.url + path, {"x-own": "1"}, b"body")


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    file = tmp_path / "connections.toml"
    monkeypatch.setenv("HEADRACE_HTTP_CONNECTIONS", str(file))
    monkeypatch.setenv("HEADRACE_PRIVATE_TARGETS", "127.0.0.1")
    monkeypatch.setenv("HEADRACE_SECRET_API", SECRET)
    made = Api(file)
    with serving(made.answer) as made.url:
        yield made


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
async def test_call_has_the_secret_and_the_response_has_not(api: Api, method: str) -> None:
    answer = await api.connections().call(api.call(method=method))
    [request] = api.requests
    assert (request.method, request.headers["authorization"], request.headers["x-own"]) == (method, SECRET, "1")
    assert answer.status == 200
    assert answer.body.decode() == f"{method} /v1/things [redacted] body"
    assert answer.headers["x-echo"] == ["[redacted]"]
    assert "CANARY" not in repr(answer)


async def test_every_status_is_a_response(api: Api) -> None:
    assert (await api.connections().call(api.call("/v1/missing"))).status == 404


@pytest.mark.parametrize("path", ["/v2/things", "/v1x", "/", "/v1/../v2", "/v1/%2e%2e/v2", "/v1/%2E%2e/v2"])
async def test_connection_covers_only_what_is_below_its_url(api: Api, path: str) -> None:
    with pytest.raises(DeliveryError, match="the connection covers") as caught:
        await api.connections().call(api.call(path))
    assert (caught.value.kind, api.requests) == ("permanent", [])


async def test_secret_goes_to_no_other_host(api: Api) -> None:
    call = HttpCall("api", "GET", api.url.replace("127.0.0.1", "127.0.0.2") + "/v1/things", {}, b"")
    with pytest.raises(DeliveryError, match="the connection covers"):
        await api.connections().call(call)


async def test_private_address_needs_a_setting(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    connections = api.connections()
    assert (await connections.call(api.call())).status == 200
    monkeypatch.setenv("HEADRACE_PRIVATE_TARGETS", "")
    with pytest.raises(SettingsError, match="HEADRACE_PRIVATE_TARGETS"):
        api.connections()


async def test_unknown_connection_names_the_setting(api: Api) -> None:
    with pytest.raises(DeliveryError, match=r"no connection other: .*HEADRACE_HTTP_CONNECTIONS.* has api"):
        await api.connections().call(api.call(connection="other"))


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ("[b]\nheaders = {}", "a connection has url"),
        ('[b]\nurl = "ftp://example.com"', "https"),
        ('[b]\nurl = "https://example.com"\nheaders = { Authorization = "plain" }', "references"),
        ('[b]\nurl = "https://example.com"\nheaders = { Host = "env:HEADRACE_SECRET_API" }', "header"),
        ("[b", "HEADRACE_HTTP_CONNECTIONS"),
    ],
)
def test_invalid_file_is_refused_at_the_start(api: Api, more: str, reason: str) -> None:
    with pytest.raises(SettingsError, match=reason):
        api.connections(more)


def test_missing_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADRACE_HTTP_CONNECTIONS", "/no/such/file.toml")
    with pytest.raises(SettingsError, match=r"/no/such/file\.toml"):
        load_connections(load(TargetSettings))
