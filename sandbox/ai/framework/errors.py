"""Errors of the emulated services."""

from __future__ import annotations


class ServiceError(Exception):
    """An error response with an AWS code and a message; the service model has the HTTP status."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class UnprocessableMediaError(Exception):
    """The media cannot be processed; the job becomes FAILED with this text as its reason."""
