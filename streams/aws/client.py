"""The door to boto3: calls in bounded threads, whose errors come out as `streams.errors`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from typing import Any, TypeVar

import boto3
import botocore
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from headrace.streams.aws.error_codes import OPERATIONS, to_stage_error
from headrace.streams.limits.rate_limits import RateLimits

T = TypeVar("T")


class AwsClient:
    """Calls AWS without blocking the event loop. Clients are made on first use, one a service."""

    def __init__(self, threads: int, rates: RateLimits) -> None:
        self._rates = rates
        self._session = boto3.session.Session()
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="aws")
        # The pipeline retries by itself and counts; the SDK's own tries on top of that would multiply.
        # And it would put together who we are anew for each call, which is a tenth of all that a call costs.
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
        """Call one operation, named as the SDK's method is, and give its answer. Raises a `Failure`."""
        if operation not in OPERATIONS[service]:
            raise LookupError(f"{service}.{operation} is not in headrace.streams.aws.error_codes.OPERATIONS")

        await self._rates.wait(f"{service}.{operation}")

        def request() -> dict[str, Any]:
            answer: dict[str, Any] = getattr(self._client(service), operation)(**parameters)
            return answer

        return await self.run(request)

    async def run(self, work: Callable[[], T]) -> T:
        """Run blocking work that calls AWS in a thread. Raises a `Failure`."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        except (ClientError, BotoCoreError) as error:
            raise to_stage_error(error) from error

    def close(self) -> None:
        """Let the threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _client(self, service: str) -> Any:
        with self._lock:  # a session is not safe to make clients from in two threads; clients are safe to use
            if service not in self._clients:
                self._clients[service] = self._session.client(service, config=self._config)  # type: ignore[call-overload]
            return self._clients[service]
