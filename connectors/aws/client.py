"""boto3 calls of any service, with one error type."""

from __future__ import annotations

import functools
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError


class AwsCallError(Exception):
    """An AWS call failed. `code` is the AWS error code, empty if there was no response."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


def call_with_retries(service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
    """Call a read-only operation with retries. Raises `AwsCallError` and nothing else."""
    return _call(_client(service, region, 3), operation, parameters)


def call_once(service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
    """Call an operation once, for callers with a retry policy of their own. Raises `AwsCallError`."""
    return _call(_client(service, region, 1), operation, parameters)


def _call(client: Any, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    try:
        response: dict[str, Any] = getattr(client, operation)(**parameters)
    except ClientError as error:
        details = error.response.get("Error", {})
        raise AwsCallError(str(error), details.get("Code", "ClientError")) from error
    except (BotoCoreError, ResponseParserError, ValueError) as error:  # boto3 has a ValueError for a malformed endpoint
        raise AwsCallError(str(error)) from error
    return response


@functools.cache
def _client(service: str, region: str, attempts: int) -> Any:
    retries: Any = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(connect_timeout=5, read_timeout=60, max_pool_connections=32, retries=retries)
    return boto3.session.Session().client(service, region_name=region or None, config=config)  # type: ignore[call-overload]
