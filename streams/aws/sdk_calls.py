"""Call any action of an AWS service by botocore's model, as the tasks of state machines name it."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape

from headrace.schemas.parsing import InvalidValueError, parse_json
from headrace.streams.aws.client import AwsClient
from headrace.streams.errors import OutageError, RetryAt, StageError, ThrottledError
from headrace.streams.executions.tasks.ports import TaskError

SERVICES: Final[Mapping[str, str]] = {
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "sfn": "stepfunctions",
    "bedrockruntime": "bedrock-runtime",
}
"""The names of services in ARNs of tasks that differ from those of the SDK."""
PREFIXES: Final[Mapping[str, str]] = {"dynamodb": "DynamoDB", "sqs": "SQS", "sns": "SNS", "events": "EventBridge"}
_ACRONYM = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]+")


class SdkCalls:
    """`streams.executions.tasks.ports.ServiceCalls` over botocore."""

    def __init__(self, aws: AwsClient) -> None:
        self._aws = aws

    async def call(self, service: str, action: str, parameters: Any, token: str) -> Any:
        """Call an action and return its response as JSON."""
        operation = await self._operation(service, action)
        given = _with_idempotency(operation, _arguments(parameters, operation.input_shape), token)
        response = await self._request(service, operation.name, given)
        return await self._aws.run(lambda: _result(response, operation.output_shape))

    async def get_object(self, bucket: str, key: str) -> bytes:
        """Return the content of an object."""
        response = await self._request("s3", "GetObject", {"Bucket": bucket, "Key": key})
        content: bytes = await self._aws.run(response["Body"].read)
        return content

    async def put_object(self, bucket: str, key: str, content: bytes) -> None:
        """Store an object."""
        await self._request("s3", "PutObject", {"Bucket": bucket, "Key": key, "Body": content})

    async def _operation(self, service: str, action: str) -> OperationModel:
        name = action[:1].upper() + action[1:]
        try:
            model = await self._aws.model(SERVICES.get(service, service))
        except (StageError, ValueError) as error:
            raise TaskError("States.Runtime", f"The service {service} is unknown: {error}") from error
        if name not in model.operation_names:
            raise TaskError("States.Runtime", f"The service {service} has no action {action}.")
        return model.operation_model(name)

    async def _request(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        name = SERVICES.get(service, service)
        try:
            return await self._aws.request(name, xform_name(operation), parameters)
        except (OutageError, ThrottledError, RetryAt) as error:
            if isinstance(error, OutageError) and isinstance(error.__cause__, ClientError):
                raise self._failed(service, error) from error
            raise
        except StageError as error:
            raise self._failed(service, error) from error

    def _failed(self, service: str, error: StageError) -> TaskError:
        """Return the error as AWS names it: the service, and the code with `Exception` at its end."""
        prefix = PREFIXES.get(service) or _ACRONYM.sub(lambda match: match[0].capitalize(), service.capitalize())
        cause = error.__cause__
        if isinstance(cause, ClientError):
            code = cause.response["Error"].get("Code", "Unknown").rpartition(".")[2]
            code = code if code.endswith("Exception") else f"{code}Exception"
            metadata = cause.response.get("ResponseMetadata", {})
            message = cause.response["Error"].get("Message", "")
            status, request = metadata.get("HTTPStatusCode", 400), metadata.get("RequestId", "")
            details = f"(Service: {prefix}, Status Code: {status}, Request ID: {request})"
            return TaskError(f"{prefix}.{code}", f"{message} {details}")
        return TaskError(f"{prefix}.SdkClientException", error.why)


def _arguments(value: Any, shape: Shape | None) -> Any:
    """Return parameters with the names of the model, whose first letter may have another case in a task."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        names: dict[str, str] = {name.lower(): name for name in shape.members}
        known = {str(names.get(name.lower(), name)): each for name, each in value.items()}
        return {name: _arguments(each, shape.members.get(name)) for name, each in known.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_arguments(each, shape.member) for each in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _arguments(each, shape.value) for name, each in value.items()}
    return value


def _with_idempotency(operation: OperationModel, parameters: Any, token: str) -> dict[str, Any]:
    """Return parameters with the token in each idempotency member that is missing."""
    if not isinstance(parameters, dict):
        raise TaskError("States.Runtime", "The parameters of an action must be an object.")
    members = [member for member in operation.idempotent_members if member not in parameters]
    return {**parameters, **dict.fromkeys(members, token)}


def _result(value: Any, shape: Shape | None) -> Any:
    """Return a response as JSON: names begin with a capital letter, content is text, and times are RFC 3339."""
    if isinstance(value, dict):
        is_structure = isinstance(shape, StructureShape)
        return {
            (name[:1].upper() + name[1:] if is_structure else name): _result(each, _member(shape, name))
            for name, each in value.items()
            if name != "ResponseMetadata"
        }
    if isinstance(value, list):
        return [_result(each, shape.member if isinstance(shape, ListShape) else None) for each in value]
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if hasattr(value, "read"):
        value = value.read()
    return _content(value) if isinstance(value, bytes | bytearray) else value


def _member(shape: Shape | None, name: str) -> Shape | None:
    if isinstance(shape, StructureShape):
        return shape.members.get(name)
    return shape.value if isinstance(shape, MapShape) else None


def _content(value: bytes | bytearray) -> Any:
    """Return content as JSON if it is JSON, as text if it is UTF-8, else in Base64."""
    try:
        return parse_json(bytes(value))
    except InvalidValueError:
        pass
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()
