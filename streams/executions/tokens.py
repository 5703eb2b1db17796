"""Task tokens: they name the execution and the task, and cannot be guessed."""

from __future__ import annotations

from base64 import urlsafe_b64decode
from hashlib import sha256
from typing import NamedTuple

LONGEST_TOKEN = 4_096


class InvalidTaskTokenError(ValueError):
    """A text is not a task token."""


class TaskToken(NamedTuple):
    """The task that a token answers."""

    execution: str
    task: str


def decode_token(token: str) -> TaskToken:
    """Return the task of a token. Whether the task still waits for it is known to its execution only.

    Raises:
        InvalidTaskTokenError: The text is not a task token.
    """
    try:
        if len(token) > LONGEST_TOKEN:
            raise ValueError
        text = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4)).decode("utf-8", "surrogatepass")
        execution, task, _ = text.split("\n")
    except ValueError as error:
        raise InvalidTaskTokenError("Invalid token") from error
    return TaskToken(execution, task)


def token_digest(token: str) -> str:
    """Return the SHA-256 of a token. Topics hold it instead of the token."""
    return sha256(token.encode()).hexdigest()
