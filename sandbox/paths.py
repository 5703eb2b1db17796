"""Where the sandbox keeps things, by the XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path


def user_folder(variable: str, default: str) -> Path:
    """Headrace's folder below an XDG base directory, or below `default` in the user's home."""
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "headrace"


def private_folder(path: Path) -> Path:
    """Create a folder that only the current user can open, or make it so, and return it."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def write_private(path: Path, text: str) -> None:
    """Write a file that only the current user can read."""
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)  # an existing file keeps its mode
        file.write(text)


def default_data() -> Path:
    """The folder of the sandbox that `headrace sandbox up` starts when it is given none."""
    return user_folder("XDG_STATE_HOME", ".local/state") / "sandbox"
