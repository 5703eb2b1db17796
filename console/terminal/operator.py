"""The operator who runs a command, or who uses the web console."""

from __future__ import annotations

import getpass
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_console_user: ContextVar[str] = ContextVar("console_user", default="")


def current_operator() -> str:
    """Return the user of the web console in whose request this runs, else user and host, `user@host`."""
    if name := _console_user.get():
        return name
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"


@contextmanager
def acting_as(name: str) -> Iterator[None]:
    """Make a user the current operator during the block."""
    token = _console_user.set(name)
    try:
        yield
    finally:
        _console_user.reset(token)
