"""Settings of the webhook, read once from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, FilePath, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.connectors.webhook.sns_signature import TOPIC_ARN


class WebhookSettings(BaseSettings):
    """The topics, the address and the limits of the webhook."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_WEBHOOK_", frozen=True, extra="ignore")

    topic_arns: Annotated[tuple[str, ...], NoDecode] = Field(
        min_length=1, description="SNS topics whose messages the webhook takes, by ARN, separated by commas"
    )
    host: str = Field(default="0.0.0.0", description="Address that the webhook listens on")
    port: int = Field(default=8080, ge=0, le=65535, description="TCP port that the webhook listens on")
    tls_file: FilePath | None = Field(
        default=None, description="PEM file of the webhook's own certificate chain and key; unset, a proxy must end TLS"
    )
    ca_file: FilePath | None = Field(
        default=None, description="PEM file of certificates that the webhook trusts besides the public roots"
    )
    max_body_bytes: int = Field(
        default=1_000_000, ge=1024, le=2_000_000, description="Largest request that the webhook reads"
    )
    max_age_seconds: float = Field(
        default=3600.0, gt=0, description="Oldest message that the webhook takes; SNS tries for an hour"
    )
    rate: float = Field(default=1000.0, gt=0, description="Requests a second that the webhook reads")
    at_once: int = Field(default=100, ge=1, description="Requests that the webhook reads and answers at a time")
    connections: int = Field(
        default=500, ge=1, description="Open connections; one that waits for a request makes room for a new one"
    )
    drain_seconds: float = Field(
        default=20.0, gt=0, description="How long a stop of the webhook waits for acknowledgements"
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
                raise ValueError(f"{arn} is no ARN of a standard SNS topic")
        return value
