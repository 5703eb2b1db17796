"""What a worker needs to know, read once from the environment."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict


class StreamSettings(BaseSettings):
    """The stages and the services behind them."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    results_bucket: str = Field(description="Bucket that holds every stage's results")
    jobs_topic_arn: str = Field(default="", description="SNS topic that Rekognition, Textract and Polly tell of ends")
    jobs_role_arn: str = Field(default="", description="Role that lets Rekognition and Textract publish to that topic")
    mediaconvert_role_arn: str = Field(default="", description="Role that lets MediaConvert read media, write results")
    clamd: str = Field(default="", description="host:port of a ClamAV daemon; without one a content check is built in")
    language: str = Field(default="", description="Language code of all speech; without one it is identified")
    min_confidence: float = Field(default=50.0, ge=0, le=100, description="Labels below this percentage are left out")
    max_object_bytes: int = Field(default=2 * 2**30, gt=0, description="Larger objects are dead-lettered `too_large`")
    in_flight: int = Field(default=64, gt=0, description="Records in work at a time, per stage and process")
    slots: Annotated[dict[str, int], NoDecode] = Field(
        default={},
        description="Jobs at work at a time, over all workers, such as labels=10; else a service's quota is shared",
    )
    rates: Annotated[dict[str, float], NoDecode] = Field(
        default={},
        description="Calls a second, over all workers, such as rekognition.detect_labels=50",
    )
    buffer_bytes: int = Field(
        default=64 * 2**20, gt=0, description="Bytes of records held ready, per stage and process"
    )
    aws_threads: int = Field(default=32, gt=0, description="AWS calls at a time, per process")
    drain_seconds: float = Field(default=20.0, gt=0, description="How long a stop waits for records in work")
    commit_seconds: float = Field(default=0.5, gt=0, description="How often offsets are committed")
    session_seconds: float = Field(default=10.0, ge=6, description="How long a silent worker keeps its partitions")
    metrics_port: int = Field(default=0, ge=0, description="HTTP port of /metrics, /live and /ready; 0 means none")

    @property
    def job_channel(self) -> dict[str, str]:
        """Where Rekognition and Textract are to tell of the end of a job."""
        return {"SNSTopicArn": self.jobs_topic_arn, "RoleArn": self.jobs_role_arn}

    @field_validator("slots", "rates", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """Read `name=number,name=number`."""
        if not isinstance(value, str):
            return value
        pairs = [each.partition("=") for each in value.split(",") if each.strip()]
        return {name.strip(): number for name, _, number in pairs}


class PipelineSettings(BaseSettings):
    """Which stages there are, and what their calls cost."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    pipeline: str = Field(default="", description="TOML file that switches stages on and off; see docs/ai-services.md")
    rules: str = Field(default="", description="Folder of rules, or system.rules: those in force; docs/routing.md")
    prices: str = Field(
        default="", description="TOML file of prices that go before those of `streams/costs/prices.toml`"
    )
