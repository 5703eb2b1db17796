"""Where a process serves its metrics."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class MetricsSettings(BaseSettings):
    """The address of `/metrics`, and of the probes of a worker."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    metrics_host: str = Field(
        default="127.0.0.1", description="Address that /metrics, /live and /ready listen on; 0.0.0.0 in a container"
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="HTTP port of /metrics, /live and /ready; 0: disabled"
    )
