"""Tasks that call HTTP APIs: `arn:aws:states:::http:invoke`.

Source: Step Functions Developer Guide, "Call HTTPS APIs in Step Functions workflows".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final
from urllib.parse import quote_plus, urlencode

from headrace.schemas.delivery import DeliveryError
from headrace.schemas.http_calls import HttpAnswer, HttpCall, HttpCalls
from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.streams.errors import OutageError
from headrace.streams.executions.tasks.ports import TaskError
from headrace.streams.machines.errors import RUNTIME
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

METHODS: Final = ("GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")
FORM: Final = "application/x-www-form-urlencoded"
SOCKET_ERROR: Final = "States.Http.Socket"
REFUSED: Final = "Headrace.HttpCallNotAllowed"
RESERVED: Final = frozenset(
    ("authorization", "connection", "content-length", "host", "te", "trailer", "transfer-encoding", "upgrade")
)
"""Headers that a definition must not set: those of the connection, and of the transport."""


async def invoke_http(calls: HttpCalls | None, value: Json, token: str) -> Json:
    """Make the call of a task and return its result. `token` becomes the header `Idempotency-Key`.

    Raises:
        TaskError: The parameters are invalid, there is no response, or its status is not 2xx.
        StageError: The token server of the connection rejects its credentials, or is unavailable.
    """
    call = http_call(value, token)
    try:
        if calls is None:
            raise DeliveryError("permanent", "no_connection", "this worker has no HEADRACE_HTTP_CONNECTIONS")
        answer = await calls.call(call)
    except DeliveryError as error:
        if error.code.startswith("oauth"):
            raise OutageError(str(error)) from error
        raise TaskError(REFUSED if error.kind == "permanent" else SOCKET_ERROR, str(error)) from error
    result = _result(answer)
    if not 200 <= answer.status < 300:
        raise TaskError(f"States.Http.StatusCode.{answer.status}", compact(result))
    return result


def http_call(value: Json, token: str) -> HttpCall:
    """Return the request of a task's parameters.

    Raises:
        TaskError: The parameters are invalid.
    """
    if not isinstance(value, dict) or not isinstance(value.get("ApiEndpoint"), str) or not value["ApiEndpoint"]:
        raise _invalid("need ApiEndpoint")
    method = value.get("Method")
    if method not in METHODS:
        raise _invalid(f"need Method, one of {', '.join(METHODS)}")
    headers = _headers(value.get("Headers", {}), token)
    body, kind = _body(value, headers)
    if kind:
        headers.setdefault("content-type", kind)
    query = urlencode(list(_query(value.get("QueryParameters", {}))))
    joint = "" if not query else "&" if "?" in value["ApiEndpoint"] else "?"
    return HttpCall(_connection(value), method, f"{value['ApiEndpoint']}{joint}{query}", headers, body)


def _connection(value: Mapping[str, Json]) -> str:
    """Return the name of the connection in its ARN, `arn:aws:events:REGION:ACCOUNT:connection/NAME/ID`."""
    given = value.get("InvocationConfig") or value.get("Authentication")
    arn = given.get("ConnectionArn") if isinstance(given, dict) else None
    parts = arn.split("/") if isinstance(arn, str) else []
    if len(parts) < 2 or not parts[0].endswith(":connection"):
        raise _invalid("need Authentication.ConnectionArn")
    return parts[1]


def _headers(given: Json, token: str) -> dict[str, str]:
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise _invalid("take Headers as an object of strings")
    headers = {name.lower(): text for name, text in given.items()}
    refused = sorted(RESERVED & headers.keys())
    if refused or any(not text.isprintable() for text in headers.values()):
        raise _invalid(f"must not set the header {refused[0]}" if refused else "have a header with a control character")
    return {"user-agent": "headrace", "idempotency-key": token, **headers}


def _body(value: Mapping[str, Json], headers: Mapping[str, str]) -> tuple[bytes, str]:
    """Return the body and its content type."""
    if "RequestBody" not in value:
        return b"", ""
    body, transform = value["RequestBody"], value.get("Transform") or {}
    if transform.get("RequestBodyEncoding") == "URL_ENCODED":
        if not isinstance(body, dict):
            raise _invalid("encode only an object as a form")
        form = transform.get("RequestEncodingOptions", {}).get("ArrayFormat", "INDICES")
        return "&".join(_pairs(body, form)).encode(), FORM
    if isinstance(body, str) and not headers.get("content-type", "application/json").startswith("application/json"):
        return body.encode("utf-8", "replace"), ""
    return compact(body).encode("utf-8", "replace"), "application/json"


def _pairs(body: Mapping[str, Json], form: str) -> Iterator[str]:
    for name, value in body.items():
        if not isinstance(value, list) or form == "NONE":
            yield f"{quote_plus(name)}={quote_plus(_text(value))}"
        elif form == "COMMAS":
            yield f"{quote_plus(name)}={','.join(quote_plus(_text(each)) for each in value)}"
        else:
            suffix = {"REPEAT": "", "BRACKETS": "[]"}
            for index, each in enumerate(value):
                yield f"{quote_plus(name)}{suffix.get(form, f'[{index}]')}={quote_plus(_text(each))}"


def _query(given: Json) -> Iterator[tuple[str, str]]:
    if not isinstance(given, dict):
        raise _invalid("take QueryParameters as an object")
    for name, value in given.items():
        for each in value if isinstance(value, list) else (value,):
            yield name, _text(each)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else compact(value)


def _result(answer: HttpAnswer) -> Json:
    text: Json = answer.body.decode(errors="replace")
    if "json" in "".join(answer.headers.get("content-type", ())):
        with suppress(InvalidValueError):
            text = parse_json(answer.body)
    headers = dict(answer.headers)
    return {"Headers": headers, "ResponseBody": text, "StatusCode": answer.status, "StatusText": answer.reason}


def _invalid(what: str) -> TaskError:
    return TaskError(RUNTIME, f"The parameters of http:invoke {what}.")
