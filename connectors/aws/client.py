"""boto3 clients of any service, and calls with one error type.

boto3 is imported by the first call: a command that makes none starts 0.35 s (CPU time) sooner.
"""

from __future__ import annotations

import threading
from typing import Any

from headrace.schemas.tracing.aws_calls import observe


class AwsCallError(Exception):
    """An AWS call failed. `code` is the AWS error code, empty if there was no response."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


class AwsSession:
    """The clients of one command or worker, created on first use with the SDK's own settings. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str, int], Any] = {}

    def client(self, service: str, region: str = "", attempts: int = 3) -> Any:
        """Return the client of a service; each region and number of attempts has its own.

        Raises botocore's errors, and `AwsCallError` for a malformed endpoint.
        """
        with self._lock:
            key = (service, region, attempts)
            if key not in self._clients:
                self._clients[key] = _create_client(*key)
            return self._clients[key]

    def call_with_retries(self, service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
        """Call a read-only operation with retries. Raises `AwsCallError` and nothing else."""
        return self._call((service, region, 3), operation, parameters)

    def call_once(self, service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
        """Call an operation once, for callers with a retry policy of their own. Raises `AwsCallError`."""
        return self._call((service, region, 1), operation, parameters)

    def _call(self, key: tuple[str, str, int], operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        try:
            response: dict[str, Any] = getattr(self.client(*key), operation)(**parameters)
        except ClientError as error:
            details = error.response.get("Error", {})
            raise AwsCallError(str(error), details.get("Code", "ClientError")) from error
        except (BotoCoreError, ResponseParserError) as error:
            raise AwsCallError(str(error)) from error
        except ValueError as error:
            # Its text may have a part of the password in the URL, where no pattern of secrets finds it.
            raise AwsCallError(f"the endpoint of {key[0]} is malformed: correct AWS_ENDPOINT_URL") from error
        return response


def _create_client(service: str, region: str, attempts: int) -> Any:
    import boto3
    from botocore.config import Config

    retries: Any = {"mode": "standard", "total_max_attempts": attempts}
    config = Config(connect_timeout=5, read_timeout=60, max_pool_connections=32, retries=retries)
    create: Any = boto3.session.Session().client
    try:
        client = create(service, region_name=region or None, config=config)
    except ValueError as error:  # a malformed endpoint, as in AWS_ENDPOINT_URL
        raise AwsCallError(f"{service}: {error}") from error
    observe(client)
    return client
