"""The sources file: the queues of a bridge and the events that they carry. See docs/bridge.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from headrace.connectors.events import sources
from headrace.connectors.events.event_source import CarriedBy, EventSource, RequiredSetting
from headrace.schemas.parsing import InvalidValueError, read_toml
from headrace.schemas.safe_text import escape

SOURCES = sources.by_name()
_AWS_QUEUE = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/")

BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
TopicArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$")]
KeyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$")]


class SourcesFileError(ValueError):
    """The sources file is invalid: one line an error, with its place in the file."""


def _known_source(name: str) -> str:
    if name not in SOURCES:
        raise ValueError(f"unknown; known: {', '.join(map(repr, SOURCES))}")
    return name


SourceName = Annotated[str, AfterValidator(_known_source)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueueSource(_Strict):
    """One queue and the events that it carries. `sources` are the EventBridge sources of custom events."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]+/\d{12}/[A-Za-z0-9_-]+(\.fifo)?$")]
    carries: tuple[SourceName, ...]
    buckets: tuple[BucketName, ...] = ()
    prefix: str = ""
    suffix: str = ""
    topics: tuple[TopicArn, ...] = ()
    sources: tuple[str, ...] = ()
    kms: KeyArn | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> QueueSource:
        if not self.carries:
            raise ValueError(f"carries: name one of {', '.join(SOURCES)}")
        settings: dict[RequiredSetting, Sequence[str]] = {
            "buckets": self.buckets,
            "topics": self.topics,
            "sources": self.sources,
        }
        for setting, values in settings.items():
            requiring = [source.name for source in self.event_sources if setting in source.requirements]
            if requiring and not values:
                raise ValueError(f"{requiring[0]!r} needs {setting}")
            if values and not requiring:
                possible = [source.name for source in SOURCES.values() if setting in source.requirements]
                raise ValueError(f"{setting} are given, but it carries none of {', '.join(possible)}")
        if self.is_carried_by("s3") and self.url.endswith(".fifo"):
            raise ValueError("S3 itself cannot send to a FIFO queue: carry 's3-eventbridge'")
        return self

    @property
    def event_sources(self) -> tuple[EventSource, ...]:
        """The event sources that the queue carries."""
        return tuple(SOURCES[name] for name in self.carries)

    def is_carried_by(self, service: CarriedBy) -> bool:
        """Whether the service sends to the queue."""
        return any(source.carried_by == service for source in self.event_sources)

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.url.rpartition("/")[2]


class SourcesConfig(_Strict):
    """All queues of one bridge. `account` owns the buckets and rules; `region` holds them and the queues."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    queue: tuple[QueueSource, ...]

    @model_validator(mode="after")
    def _fits(self) -> SourcesConfig:
        if not self.queue:
            raise ValueError("queue: missing; start one with [[queue]]")
        urls = [each.url for each in self.queue]
        for at, url in enumerate(urls):
            if url in urls[:at]:
                raise ValueError(f"queue[{at}].url: the same queue as queue[{urls.index(url)}]")
            match = _AWS_QUEUE.match(url)
            if match and match[1] != self.region:
                raise ValueError(f"queue[{at}].url: the queue is in {match[1]}, not {self.region}")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """The queue URLs."""
        return tuple(each.url for each in self.queue)

    @property
    def partition(self) -> str:
        """The first part of every ARN after `arn`."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rpartition("-")[0].rpartition("-")[0], "aws")

    def queue_arn(self, queue: QueueSource) -> str:
        """Return the ARN of a queue. The account comes from the URL and may differ from `account`."""
        account = urlsplit(queue.url).path.split("/")[1]
        return f"arn:{self.partition}:sqs:{self.region}:{account}:{queue.name}"

    def bucket_arn(self, bucket: str) -> str:
        """Return the ARN of a bucket, which has no region and no account."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def rule_arn(self, rule: str) -> str:
        """Return the ARN of a rule on the default event bus."""
        return f"arn:{self.partition}:events:{self.region}:{self.account}:rule/{rule}"


def load_sources(path: Path) -> SourcesConfig:
    """Read the file.

    Raises:
        SourcesFileError: The file is invalid.
        OSError: The file cannot be read.
    """
    try:
        return SourcesConfig.model_validate(read_toml(path))
    except InvalidValueError as error:
        raise SourcesFileError(f"{path}: not TOML: {error}") from None
    except ValidationError as error:
        raise SourcesFileError("\n".join(escape(f"{path}: {_line(each)}") for each in error.errors())) from None


def _line(detail: ErrorDetails) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    if detail["type"] == "extra_forbidden":
        model = QueueSource if detail["loc"][0] == "queue" else SourcesConfig
        return f"{place}: unknown; known: {', '.join(model.model_fields)}"
    if detail["type"] == "missing":
        return f"{place}: missing"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{place}: {message}" if place else message
