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


def default_data() -> Path:
    """The folder of the sandbox that `headrace sandbox up` starts when it is given none."""
    return user_folder("XDG_STATE_HOME", ".local/state") / "sandbox"
