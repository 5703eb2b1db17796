"""Tasks that call services: Lambda functions, optimised integrations, HTTP APIs, and any action by its model."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Final

from headrace.schemas.http_calls import HttpCalls
from headrace.streams.executions.tasks.http_task import invoke_http
from headrace.streams.executions.tasks.ports import ScheduledWork, ServiceCalls, TaskError
from headrace.streams.machines.execution.resources import Resource
from headrace.streams.machines.json_text import compact
from headrace.streams.machines.json_types import Json

NOT_ALLOWED = "Headrace.ActionNotAllowed"
SDK = "aws-sdk:"
JSON_TEXTS: Final = {
    ("sns", "publish"): ("Message",),
    ("sqs", "sendMessage"): ("MessageBody",),
    ("events", "putEvents"): ("Entries", "Detail"),
}
"""The parameters that may be JSON values, which the service takes as text."""


class ServiceTasks:
    """Runs tasks through the services that the allow-list names, such as `rekognition:detect*`."""

    def __init__(self, calls: ServiceCalls, allowed: tuple[str, ...], http: HttpCalls | None = None) -> None:
        self._calls = calls
        self._allowed = allowed
        self._http = http

    async def run(self, resource: Resource, value: Json, work: ScheduledWork) -> Json:
        """Call the service of a resource and return the result of the task.

        Raises:
            TaskError: The action is not allowed, or the service rejects the call.
            StageError: The service throttles or is unavailable.
        """
        if resource.kind == "LambdaFunction":
            return await self._invoke({"FunctionName": resource.text, "Payload": value}, work, whole=False)
        if (resource.service, resource.api) == ("http", "invoke"):
            return await invoke_http(self._http, value, work.token)
        service, action = resource.service.removeprefix(SDK), resource.api.partition(".")[0]
        if resource.service == "lambda" and action == "invoke":
            return await self._invoke(value, work, whole=True)
        parameters = value if resource.service.startswith(SDK) else _with_texts(service, action, value)
        response = await self._call(service, action, parameters, work.token)
        if (service, action) == ("events", "putEvents") and response.get("FailedEntryCount"):
            raise TaskError("EventBridge.FailedEntry", compact(response))
        return response

    async def _invoke(self, value: Json, work: ScheduledWork, *, whole: bool) -> Json:
        if not isinstance(value, dict):
            raise TaskError("States.Runtime", "The parameters of lambda:invoke must be an object.")
        parameters = {**value, "Payload": compact(value["Payload"])} if "Payload" in value else value
        response = await self._call("lambda", "invoke", parameters, work.token)
        payload = response.get("Payload")
        if response.get("FunctionError"):
            error = payload.get("errorType") if isinstance(payload, dict) else None
            raise TaskError(error or "Lambda.Unknown", compact(payload))
        return response if whole else payload

    async def _call(self, service: str, action: str, parameters: Json, token: str) -> Json:
        name = f"{service}:{action}"
        if not any(fnmatchcase(name, pattern) for pattern in self._allowed):
            raise TaskError(NOT_ALLOWED, f"{name} is not allowed; add it to HEADRACE_MACHINE_ACTIONS")
        return await self._calls.call(service, action, parameters, token)


def _with_texts(service: str, action: str, value: Json) -> Json:
    """Return parameters in which JSON values are texts where the service takes texts."""
    path = JSON_TEXTS.get((service, action), ())
    return _texts(value, path) if path else value


def _texts(value: Json, path: tuple[str, ...]) -> Json:
    if isinstance(value, list):
        return [_texts(each, path) for each in value]
    if not path:
        return value if isinstance(value, str) else compact(value)
    if not isinstance(value, dict) or path[0] not in value:
        return value
    return {**value, path[0]: _texts(value[path[0]], path[1:])}
