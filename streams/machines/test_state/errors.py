"""The error of TestState."""

from __future__ import annotations


class TestStateError(Exception):
    """AWS refuses the request: `code` is the name of the exception."""

    __test__ = False

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
