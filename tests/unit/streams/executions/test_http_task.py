"""HTTP tasks: the request of the parameters, the result of the response, and errors with AWS's names."""

from __future__ import annotations

import json
from typing import Any

import pytest

from headrace.schemas.delivery import DeliveryError
from headrace.schemas.http_calls import HttpAnswer, HttpCall
from headrace.streams.errors import OutageError
from headrace.streams.executions.tasks.http_task import http_call, invoke_http
from headrace.streams.executions.tasks.ports import TaskError

ARN = "arn:aws:events:eu-central-1:123456789012:connection/api/0f2c"
GIVEN = {"ApiEndpoint": "https://example.com/v1", "Method": "POST", "Authentication": {"ConnectionArn": ARN}}


class FakeApi:
    """An API with one answer."""

    def __init__(self, answer: HttpAnswer | DeliveryError) -> None:
        self.calls: list[HttpCall] = []
        self._answer = answer

    async def call(self, call: HttpCall) -> HttpAnswer:
        self.calls.append(call)
        if isinstance(self._answer, DeliveryError):
            raise self._answer
        return self._answer


def answered(status: int = 200, body: bytes = b'{"id":1}', kind: str = "application/json") -> HttpAnswer:
    return HttpAnswer(status, "OK", {"content-type": [kind]}, body)


async def test_result_has_the_fields_of_aws() -> None:
    api = FakeApi(answered())
    given = {**GIVEN, "RequestBody": {"a": 1}, "QueryParameters": {"q": ["x y", "z"], "n": 2}, "Headers": {"X-A": "b"}}
    result = await invoke_http(api, given, "token-1")
    assert result == {
        "Headers": {"content-type": ["application/json"]},
        "ResponseBody": {"id": 1},
        "StatusCode": 200,
        "StatusText": "OK",
    }
    [call] = api.calls
    assert (call.connection, call.method, call.url) == ("api", "POST", "https://example.com/v1?q=x+y&q=z&n=2")
    assert call.body == b'{"a":1}'
    assert call.headers["content-type"] == "application/json"
    assert (call.headers["idempotency-key"], call.headers["x-a"]) == ("token-1", "b")


@pytest.mark.parametrize(("body", "kind"), [(b"plain", "text/plain"), (b"{", "application/json")])
async def test_body_that_is_not_json_is_a_text(body: bytes, kind: str) -> None:
    result = await invoke_http(FakeApi(answered(body=body, kind=kind)), GIVEN, "t")
    assert result["ResponseBody"] == body.decode()


@pytest.mark.parametrize("status", [301, 404, 429, 500])
async def test_other_status_is_an_error_with_its_number(status: int) -> None:
    with pytest.raises(TaskError) as caught:
        await invoke_http(FakeApi(answered(status)), GIVEN, "t")
    assert caught.value.error == f"States.Http.StatusCode.{status}"
    assert json.loads(caught.value.cause)["ResponseBody"] == {"id": 1}


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (DeliveryError("outage", "unreachable", "no route"), "States.Http.Socket"),
        (DeliveryError("transient", "timeout", "no response"), "States.Http.Socket"),
        (DeliveryError("permanent", "forbidden_address", "private"), "Headrace.HttpCallNotAllowed"),
    ],
)
async def test_call_without_a_response_is_an_error(failure: DeliveryError, error: str) -> None:
    with pytest.raises(TaskError) as caught:
        await invoke_http(FakeApi(failure), GIVEN, "t")
    assert (caught.value.error, caught.value.cause) == (error, str(failure))


async def test_rejected_credentials_pause_the_stage() -> None:
    with pytest.raises(OutageError):
        await invoke_http(FakeApi(DeliveryError("outage", "oauth_401", "no token")), GIVEN, "t")


async def test_worker_without_connections_says_so() -> None:
    with pytest.raises(TaskError, match="HEADRACE_HTTP_CONNECTIONS"):
        await invoke_http(None, GIVEN, "t")


@pytest.mark.parametrize(
    ("form", "encoded"),
    [
        (None, "a%5B0%5D=x&a%5B1%5D=y+z&n=1"),
        ("REPEAT", "a=x&a=y+z&n=1"),
        ("BRACKETS", "a%5B%5D=x&a%5B%5D=y+z&n=1"),
        ("COMMAS", "a=x,y+z&n=1"),
        ("NONE", "a=%5B%22x%22%2C%22y+z%22%5D&n=1"),
    ],
)
def test_body_is_encoded_as_a_form(form: str | None, encoded: str) -> None:
    options = {"RequestEncodingOptions": {"ArrayFormat": form}} if form else {}
    transform = {"RequestBodyEncoding": "URL_ENCODED", **options}
    call = http_call({**GIVEN, "RequestBody": {"a": ["x", "y z"], "n": 1}, "Transform": transform}, "t")
    assert call.body.decode().replace("[", "%5B").replace("]", "%5D") == encoded
    assert call.headers["content-type"] == "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ApiEndpoint": None}, "need ApiEndpoint"),
        ({"Method": "TRACE"}, "need Method"),
        ({"Authentication": {}}, "need Authentication"),
        ({"Authentication": {"ConnectionArn": "arn:aws:events:::rule/x"}}, "need Authentication"),
        ({"Headers": {"Authorization": "x"}}, "must not set the header authorization"),
        ({"Headers": {"X-A": "a\r\nb: c"}}, "control character"),
        ({"Headers": ["x"]}, "take Headers"),
        ({"QueryParameters": "x"}, "take QueryParameters"),
        ({"RequestBody": [1], "Transform": {"RequestBodyEncoding": "URL_ENCODED"}}, "encode only an object"),
    ],
)
def test_invalid_parameters_are_named(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(TaskError, match=reason):
        http_call({**GIVEN, **change}, "t")
