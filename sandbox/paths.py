"""Where the sandbox keeps things, by the XDG Base Directory Specification."""

from __future__ import annotations

import os
from pathlib import Path


def user_folder(variable: str, default: str) -> Path:
    """Headrace's folder below an XDG base directory, or below `default` in the user's home."""
    base = os.environ.get(variable)
    return (Path(base) if base else Path.home() / default) / "headrace"


def default_data() -> Path:
    """The folder of the sandbox that `headrace sandbox up` starts when it is given none."""
    return user_folder("XDG_STATE_HOME", ".local/state") / "sandbox"
