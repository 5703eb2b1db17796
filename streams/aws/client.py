"""Call AWS with boto3 in a thread pool, and convert its errors to `streams.errors`. The only user of boto3 here."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from importlib.metadata import version
from typing import Any, TypeVar

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.model import ServiceModel

from headrace.schemas.aws_answers import checked
from headrace.schemas.tracing.aws_calls import observe
from headrace.streams.aws.error_codes import OPERATIONS, UNREADABLE, to_stage_error, unreadable_answer
from headrace.streams.limits.rate_limits import RateLimits

T = TypeVar("T")


class AwsClient:
    """Calls AWS without blocking the event loop. Clients are created on first use, one per service."""

    def __init__(self, threads: int, rates: RateLimits) -> None:
        self._rates = rates
        self._session = boto3.session.Session()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        # The pipeline retries and counts attempts; SDK retries would multiply them.
        # A fixed user agent: building it for each call takes a tenth of the call's CPU time.
        self._config = Config(
            user_agent=f"headrace/{version('headrace')} Boto3/{boto3.__version__} Botocore/{botocore.__version__}",
            connect_timeout=5,
            read_timeout=60,
            max_pool_connections=threads,
            retries={"total_max_attempts": 1, "mode": "standard"},
        )
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation by its SDK method name and return the response.

        Reading a member that is missing from the response raises a `StageError` as well.

        Raises:
            StageError: The call failed.
        """
        if operation not in OPERATIONS[service]:
            raise LookupError(f"{service}.{operation} is not in headrace.streams.aws.error_codes.OPERATIONS")
        return await self.request(service, operation, parameters)

    async def request(self, service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Call any operation by its SDK method name, as an operator allowed it.

        Raises:
            StageError: The call failed.
        """
        await self._rates.wait(f"{service}.{operation}")

        def request() -> dict[str, Any]:
            client = self._client(service)
            try:
                response: dict[str, Any] = getattr(client, operation)(**parameters)
            except UNREADABLE as error:  # the SDK expects well-formed answers
                raise unreadable_answer(f"{operation}: {type(error).__name__}: {error}") from error
            name = client.meta.method_to_api_mapping[operation]
            return checked(response, client.meta.service_model.operation_model(name), unreadable_answer)

        return await self.run(request)

    async def model(self, service: str) -> ServiceModel:
        """Return the model of a service.

        Raises:
            StageError: The SDK does not know the service.
        """

        def read() -> ServiceModel:
            model: ServiceModel = self._client(service).meta.service_model
            return model

        return await self.run(read)

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work that calls AWS in a thread.

        Raises:
            StageError: The call failed.
        """
        try:
            # The context carries the current span into the thread.
            return await asyncio.get_running_loop().run_in_executor(self._threads, copy_context().run, work)
        except (ClientError, BotoCoreError) as error:
            raise to_stage_error(error) from error

    def close(self) -> None:
        """Shut down the thread pool without waiting."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _client(self, service: str) -> Any:
        with self._lock:  # creating clients is not thread-safe, using them is
            if service not in self._clients:
                client: Any = self._session.client(service, config=self._config)  # type: ignore[call-overload]
                observe(client)
                self._clients[service] = client
            return self._clients[service]
