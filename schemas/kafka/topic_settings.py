"""The numbers of partitions of a deployment's topics."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.schemas import topics
from headrace.schemas.settings import SettingsError, load
from headrace.schemas.topics import ALL_TOPICS, Topic


class TopicSettings(BaseSettings):
    """The numbers of partitions of new topics."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    partitions: Annotated[dict[str, Annotated[int, Field(gt=0, le=100_000)]], NoDecode] = Field(
        default={},
        description="Partitions of new topics: a number for all, numbers by topic, or both, such as"
        " 16,media.ready=64; default: 4",
    )

    @field_validator("partitions", mode="before")
    @classmethod
    def _by_topic(cls, value: object) -> object:
        """Parse `number,topic=number`; `*` is the key of a number for all."""
        if not isinstance(value, str):
            return value
        pairs = [each.rpartition("=") for each in value.split(",") if each.strip()]
        return {name.strip() or ALL_TOPICS: number.strip() for name, _, number in pairs}


def configured_topics(stages: Iterable[str]) -> tuple[Topic, ...]:
    """Return the topics of a pipeline with the partitions of HEADRACE_PARTITIONS.

    Raises:
        SettingsError: HEADRACE_PARTITIONS is invalid.
    """
    partitions = load(TopicSettings).partitions
    try:
        return topics.with_partitions(topics.table(stages), partitions)
    except ValueError as error:
        raise SettingsError(f"HEADRACE_PARTITIONS: {error}") from None
