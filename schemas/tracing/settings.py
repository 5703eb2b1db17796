"""The standard variables of OpenTelemetry that Headrace reads itself; the exporter reads its own.

Source: OpenTelemetry Specification, "Environment Variable Specification".
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from headrace.schemas.settings import is_http_url
from headrace.schemas.tracing.sampler import SamplerName

DEFAULT_ENDPOINT = "http://localhost:4318"
Protocol = Literal["", "http/protobuf"]


class TracingSettings(BaseSettings):
    """Whether traces are exported, and how many."""

    model_config = SettingsConfigDict(env_prefix="OTEL_", frozen=True, extra="ignore")

    exporter_otlp_endpoint: str = Field(
        default="", description="URL of an OTLP receiver, such as http://localhost:4318; setting it turns traces on"
    )
    exporter_otlp_traces_endpoint: str = Field(
        default="", description="URL for traces only, with its path, such as http://localhost:4318/v1/traces"
    )
    exporter_otlp_protocol: Protocol = Field(default="", description="Protocol of the exporter: http/protobuf")
    exporter_otlp_traces_protocol: Protocol = Field(default="", description="Protocol for traces: http/protobuf")
    traces_exporter: Literal["", "otlp", "none"] = Field(
        default="", description="Exporter of traces: otlp or none; default: otlp if an endpoint is set"
    )
    sdk_disabled: bool = Field(default=False, description="Export no traces")
    traces_sampler: SamplerName = Field(
        default="parentbased_always_on", description="Which traces are exported, such as parentbased_traceidratio"
    )
    traces_sampler_arg: float = Field(default=1.0, ge=0, le=1, description="Share of the traces of a ratio sampler")
    bsp_schedule_delay: int = Field(default=5000, ge=1, le=3_600_000, description="Milliseconds between exports")
    bsp_max_queue_size: int = Field(
        default=2048, ge=1, le=1_000_000, description="Spans that wait for an export; further ones are dropped"
    )
    bsp_max_export_batch_size: int = Field(default=512, ge=1, le=100_000, description="Maximum spans of one export")

    @property
    def endpoint(self) -> str:
        """Return the URL of the receiver, without the path that the exporter may add."""
        return self.exporter_otlp_traces_endpoint or self.exporter_otlp_endpoint or DEFAULT_ENDPOINT

    @property
    def is_enabled(self) -> bool:
        """Whether traces are exported."""
        if self.sdk_disabled or self.traces_exporter == "none":
            return False
        return bool(self.traces_exporter or self.exporter_otlp_endpoint or self.exporter_otlp_traces_endpoint)

    @model_validator(mode="after")
    def _check_endpoints(self) -> TracingSettings:
        for name in ("exporter_otlp_endpoint", "exporter_otlp_traces_endpoint"):
            if (url := getattr(self, name)) and not is_http_url(url):
                raise ValueError(f"OTEL_{name.upper()} must be a URL, http://... or https://...")
        return self
