"""The operator who runs a command."""

from __future__ import annotations

import getpass
import os
import socket


def current_operator() -> str:
    """Return user and host, `user@host`."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container whose user has no name
        user = str(os.getuid())
    return f"{user}@{socket.gethostname()}"
