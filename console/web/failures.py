"""Errors that pages raise, and the HTTP status of each error."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.console.errors import CommandError, UnavailableError
from headrace.console.explain import describe

UNEXPECTED = "an internal error: the log of the console has the details"


class NotFoundError(CommandError):
    """What the path names does not exist."""


class ForbiddenError(CommandError):
    """The role of the user does not suffice, or the console is read-only."""


class InvalidRequestError(CommandError):
    """A request that no page of the console sends, with its HTTP status."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpProblem:
    """An error as a response: its status, and a line for the user."""

    status: int
    message: str

    @property
    def is_outage(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status == 503


def problem_of(error: Exception) -> HttpProblem | None:
    """Describe an expected error; None for an unexpected one.

    An error of Kafka, S3 or the database is an outage. Any other expected error is one of the request.
    """
    message = describe(error)
    match error:
        case InvalidRequestError():
            return HttpProblem(error.status, str(error))
        case NotFoundError():
            return HttpProblem(404, str(error))
        case ForbiddenError():
            return HttpProblem(403, str(error))
        case CommandError() if not isinstance(error, UnavailableError):
            return HttpProblem(400, str(error))
    return None if message is None else HttpProblem(503, message)
