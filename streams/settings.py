"""Settings of a worker, read from environment variables."""

from __future__ import annotations

from typing import Annotated

from pydantic import AliasChoices, Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from headrace.schemas.aws_limits import S3_OBJECT_BYTES
from headrace.schemas.settings import MAX_DRAIN_SECONDS

_Slots = Annotated[int, Field(gt=0, le=1_000_000)]
_Rate = Annotated[float, Field(gt=0, le=1_000_000)]


class StreamSettings(BaseSettings):
    """Settings of the stages and of the services that they call."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    results_bucket: str = Field(description="Bucket of the results store")
    jobs_topic_arn: str = Field(default="", description="SNS topic for job completion notifications")
    jobs_role_arn: str = Field(
        default="", description="IAM role with which Rekognition and Textract publish to the SNS topic"
    )
    mediaconvert_role_arn: str = Field(
        default="", description="IAM role with which MediaConvert reads media and writes results"
    )
    clamd: str = Field(default="", description="host:port of a ClamAV daemon; default: built-in content check")
    language: str = Field(default="", description="Language code of all speech; default: identified by Transcribe")
    min_confidence: float = Field(default=50.0, ge=0, le=100, description="Minimum confidence of labels in percent")
    max_object_bytes: int = Field(
        default=2 * 2**30, gt=0, le=S3_OBJECT_BYTES, description="Larger objects are dead-lettered `too_large`"
    )
    in_flight: int = Field(default=64, gt=0, le=100_000, description="Concurrent records per stage and process")
    slots: Annotated[dict[str, _Slots], NoDecode] = Field(
        default={},
        description="Concurrent jobs over all workers, such as labels=10; default: the stages share the service quota",
    )
    rates: Annotated[dict[str, _Rate], NoDecode] = Field(
        default={},
        description="Calls per second over all workers, such as rekognition.detect_labels=50",
    )
    machine_actions: str = Field(
        default=(
            "lambda:invoke,sns:publish,sqs:sendMessage,events:putEvents,s3:getObject,s3:listObjectsV2,"
            "rekognition:*,transcribe:*,textract:*,comprehend:*,translate:*,polly:*,mediaconvert:*"
        ),
        description="AWS actions that tasks of state machines may call; * stands for any characters",
    )
    buffer_bytes: int = Field(
        default=64 * 2**20, gt=0, le=2**40, description="Buffered bytes of records per stage and process"
    )
    aws_threads: int = Field(default=32, gt=0, le=10_000, description="Concurrent AWS calls per process")
    drain_seconds: float = Field(
        default=20.0, gt=0, le=MAX_DRAIN_SECONDS, description="Seconds to finish running records at shutdown"
    )
    commit_seconds: float = Field(default=0.5, ge=0.01, le=60, description="Seconds between offset commits")
    session_seconds: float = Field(default=10.0, ge=6, le=1800, description="Consumer group session timeout in seconds")

    @property
    def task_actions(self) -> tuple[str, ...]:
        """The patterns of `machine_actions`, such as `rekognition:*`."""
        return tuple(each.strip() for each in self.machine_actions.split(",") if each.strip())

    @property
    def job_channel(self) -> dict[str, str]:
        """Return the `NotificationChannel` of a Rekognition or Textract job."""
        return {"SNSTopicArn": self.jobs_topic_arn, "RoleArn": self.jobs_role_arn}

    @field_validator("slots", "rates", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """Parse `name=number,name=number`."""
        if not isinstance(value, str):
            return value
        pairs = [each.partition("=") for each in value.split(",") if each.strip()]
        return {name.strip(): number for name, _, number in pairs}


RESULT_SETTINGS = ("language", "min_confidence")
"""Settings that change results of stages. Results made with other values are not reused."""


def result_settings(settings: StreamSettings) -> tuple[str, ...]:
    """Return the settings that change results, as text."""
    return tuple(f"{name}={getattr(settings, name)}" for name in RESULT_SETTINGS)


class PipelineSettings(BaseSettings):
    """Settings of the pipeline and its rules."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    pipeline: str = Field(
        default="", description="TOML file that enables and configures stages; see docs/ai-services.md"
    )
    rules: str = Field(
        default="", description="Folder of rules, or system.rules for the rules topic; see docs/routing.md"
    )


class PriceSettings(BaseSettings):
    """The price list of the deployment."""

    model_config = SettingsConfigDict(env_prefix="HEADRACE_", frozen=True, extra="ignore")

    prices: str = Field(default="", description="TOML file of prices that override `streams/costs/prices.toml`")
    region: str = Field(
        default="us-east-1",
        validation_alias=AliasChoices("AWS_DEFAULT_REGION", "AWS_REGION"),
        description="Region whose prices apply: that of the AWS calls; AWS_REGION if it is not set",
    )
