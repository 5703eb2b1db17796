"""Settings of sinks that rules cannot change, read from the environment of the worker."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.connectors.sinks.ssrf_guard import PrivateTargets


class TargetSettings(BaseSettings):
    """What the rules of a worker may address."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    private_targets: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Private hosts and networks that HTTP rules may address, such as hooks.internal,10.1.0.0/16",
    )

    http_connections: str = Field(
        default="", description="TOML file with the connections that HTTP tasks of state machines may use"
    )

    @property
    def allowed(self) -> PrivateTargets:
        """Return the parsed hosts and networks."""
        return PrivateTargets.parse(self.private_targets)

    @field_validator("private_targets", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value

    @field_validator("private_targets")
    @classmethod
    def _parsed(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        PrivateTargets.parse(value)
        return value
