"""What the bridge needs to know, read once from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class BridgeSettings(BaseSettings):
    """The queues, and how much of them is held at a time."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    queue_urls: Annotated[tuple[str, ...], NoDecode] = Field(
        min_length=1, description="SQS queues that the bridge empties, by URL, separated by commas"
    )
    bridge_receivers: int = Field(default=4, ge=1, le=64, description="Long polls at a time, per standard queue")
    bridge_in_flight: int = Field(default=1000, ge=10, description="Messages held at a time, per process")
    bridge_poll_seconds: int = Field(
        default=5, ge=1, le=20, description="How long a long poll waits for messages; a stop of the bridge waits for it"
    )
    bridge_drain_seconds: float = Field(default=20.0, gt=0, description="How long a stop of the bridge waits at most")
    leave_unreadable: bool = Field(
        default=False, description="Leave what nobody can read to the queue's own redrive, instead of `bridge.dlq`"
    )

    @field_validator("queue_urls", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return tuple(each.strip() for each in value.split(",") if each.strip()) if isinstance(value, str) else value
