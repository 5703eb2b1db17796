"""How a service refuses."""

from __future__ import annotations


class ServiceError(Exception):
    """An error that the caller receives: its AWS code and a message; the service's model knows the HTTP status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class UnprocessableMediaError(Exception):
    """The media cannot be worked on; the job ends as FAILED with this text as its reason."""
