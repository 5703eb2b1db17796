"""Settings of the views, from the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.console.settings import state_folder

POSTGRESQL = "postgresql+psycopg://"


class ViewsSettings(BaseSettings):
    """Where the views are."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    views: str = Field(
        default="",
        description="Database of the views: postgresql+psycopg://..., or a folder for SQLite files; "
        "default: views in the state folder of the user",
    )

    @property
    def folder(self) -> Path:
        """The folder of the SQLite files."""
        if self.views:
            return Path(self.views.removeprefix("sqlite:///"))
        return state_folder() / "views"
