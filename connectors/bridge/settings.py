"""Settings of the bridge, read once from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.schemas.settings import MAX_DRAIN_SECONDS, is_http_url


class BridgeSettings(BaseSettings):
    """The queues, the limits, and the SQS client."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    queue_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        min_length=1, description="URLs of the SQS queues, separated by commas"
    )
    bridge_receivers: int = Field(default=4, ge=1, le=64, description="Concurrent long polls per standard queue")
    bridge_in_flight: int = Field(default=1000, ge=10, le=120_000, description="Maximum messages in flight per process")
    bridge_poll_seconds: int = Field(
        default=5, ge=1, le=20, description="Long poll duration in seconds; stopping waits for a pending long poll"
    )
    bridge_drain_seconds: float = Field(
        default=20.0, gt=0, le=MAX_DRAIN_SECONDS, description="Maximum drain time in seconds when the bridge stops"
    )
    leave_unreadable: bool = Field(
        default=False, description="Return unparseable messages to the queue instead of writing them to `bridge.dlq`"
    )
    sqs_fast_path: bool = Field(
        default=True, description="Make the frequent SQS calls without boto3; `false` makes every call with boto3"
    )

    @field_validator("queue_urls")
    @classmethod
    def _are_urls(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(map(is_http_url, value)):
            raise ValueError("each must be the URL of a queue, https://...")
        return value

    @field_validator("queue_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(url.strip() for url in value.split(",") if url.strip()) if isinstance(value, str) else value
