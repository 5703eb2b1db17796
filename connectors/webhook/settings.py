"""Settings of the webhook, read once from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FilePath, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.connectors.webhook.sns_signature import TOPIC_ARN
from headrace.schemas.safe_text import safe_text
from headrace.schemas.settings import MAX_DRAIN_SECONDS


class WebhookSettings(BaseSettings):
    """The SNS topics, the address and the limits of the webhook."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_WEBHOOK_", frozen=True, extra="ignore")

    topic_arns: Annotated[tuple[str, ...], NoDecode] = Field(
        min_length=1, description="ARNs of the accepted SNS topics, separated by commas"
    )
    host: str = Field(default="0.0.0.0", description="Address that the webhook listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port that the webhook listens on")
    tls_file: FilePath | None = Field(
        default=None, description="PEM file with certificate chain and key; default: a proxy terminates TLS"
    )
    ca_file: FilePath | None = Field(
        default=None, description="PEM file of trusted certificates, in addition to the public roots"
    )
    max_body_bytes: int = Field(
        default=2_000_000, ge=1024, le=2_000_000, description="Maximum size of a request in bytes"
    )
    max_age_seconds: float = Field(
        default=3600.0, gt=0, le=7 * 86400, description="Maximum age of a message in seconds; SNS retries for an hour"
    )
    rate: float = Field(
        default=1000.0, ge=0.001, le=1_000_000, description="Maximum requests per second of the webhook"
    )
    max_concurrent_requests: int = Field(
        default=100, ge=1, le=100_000, description="Maximum concurrent requests of the webhook"
    )
    connections: int = Field(
        default=500,
        ge=1,
        le=1_000_000,
        description="Maximum open connections; at the limit, one without a request is closed",
    )
    drain_seconds: float = Field(
        default=20.0, gt=0, le=MAX_DRAIN_SECONDS, description="Seconds to wait for acknowledgements at shutdown"
    )

    @field_validator("topic_arns", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value

    @field_validator("topic_arns")
    @classmethod
    def _standard_topics(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for arn in value:
            if not TOPIC_ARN.fullmatch(arn):
                raise ValueError(f"{safe_text(arn, 200)} is not the ARN of a standard SNS topic")
        return value
