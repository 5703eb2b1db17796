"""Read the configuration of an account. A call that the caller may not make leaves a part unchecked."""

from __future__ import annotations

from typing import Any

from headrace.connectors.aws.client import AwsCallError, AwsSession
from headrace.console.check_runner import Skipped

DENIED = frozenset(
    {
        "403",
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationError",
        "AuthorizationErrorException",
        "ForbiddenException",
        "UnauthorizedOperation",
    }
)
"""Error codes with which services deny an action."""


class AccountReader:
    """Read-only calls in one region. Thread-safe."""

    def __init__(self, aws: AwsSession, region: str) -> None:
        self._aws = aws
        self.region = region

    def read(self, service: str, operation: str, region: str = "", **parameters: Any) -> dict[str, Any]:
        """Return the response of a call.

        Raises:
            Skipped: the caller may not make the call.
            AwsCallError: the call failed.
        """
        try:
            return self._aws.call_with_retries(service, operation, region or self.region, **parameters)
        except AwsCallError as error:
            if error.code in DENIED:
                raise Skipped(f"not checked: {error}") from error
            raise

    def pages(self, service: str, operation: str, token: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return all pages of a listing. `token` is the member with which a response names the next page."""
        found: list[dict[str, Any]] = []
        page: dict[str, str] = {}
        while True:
            answer = self.read(service, operation, **parameters, **page)
            found.append(answer)
            if not answer.get(token):
                return found
            page = {token: answer[token]}
