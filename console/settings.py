"""Settings of the console, from the environment."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class ConsoleSettings(BaseSettings):
    """Settings of `headrace put`."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    media_bucket: str = Field(default="", description="Bucket that `headrace put` stores files in")


def state_folder() -> Path:
    """Return the folder of the files that commands keep between runs."""
    base = os.environ.get("XDG_STATE_HOME")  # XDG Base Directory Specification
    return (Path(base) if base else Path.home() / ".local" / "state") / "headrace"
