"""The file that says which queues the bridge empties and what they carry. See docs/bridge.md."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

CarriedBy = Literal[
    "s3", "s3-sns", "s3-eventbridge", "rekognition", "textract", "polly", "transcribe", "mediaconvert", "custom"
]

_BY_BUCKET = ("s3", "s3-sns", "s3-eventbridge")
_BY_TOPIC = ("s3-sns", "rekognition", "textract", "polly")
_AWS_QUEUE = re.compile(r"https://sqs\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?/")

BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
TopicArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_.-]+$")]
KeyArn = Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[A-Za-z0-9-]+$")]


class SourcesFileError(ValueError):
    """The file cannot be used; one line for each mistake, with its place in the file."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class QueueSource(_Strict):
    """One queue, what it carries, and from where. `sources` are those of custom events."""

    url: Annotated[str, Field(pattern=r"^https?://[^/]+/\d{12}/[A-Za-z0-9_-]+(\.fifo)?$")]
    carries: tuple[CarriedBy, ...]
    buckets: tuple[BucketName, ...] = ()
    prefix: str = ""
    suffix: str = ""
    topics: tuple[TopicArn, ...] = ()
    sources: tuple[str, ...] = ()
    kms: KeyArn | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> QueueSource:
        if not self.carries:
            raise ValueError(f"carries: name one of {', '.join(get_args(CarriedBy))}")
        wanted = {"buckets": (_BY_BUCKET, self.buckets), "topics": (_BY_TOPIC, self.topics)}
        for name, (carried, given) in {**wanted, "sources": (("custom",), self.sources)}.items():
            needing = [each for each in self.carries if each in carried]
            if needing and not given:
                raise ValueError(f"{needing[0]!r} needs {name}")
            if given and not needing:
                raise ValueError(f"{name} are given, but it carries none of {', '.join(carried)}")
        if "s3" in self.carries and self.url.endswith(".fifo"):
            raise ValueError("S3 itself cannot send to a FIFO queue: carry 's3-eventbridge'")
        return self

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.url.rpartition("/")[2]


class SourcesConfig(_Strict):
    """Every queue of one bridge. `account` owns buckets and rules; `region` is theirs and the queues'."""

    region: Annotated[str, Field(pattern=r"^[a-z]{2}(-[a-z]+)+-\d$")]
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    queue: tuple[QueueSource, ...]

    @model_validator(mode="after")
    def _fits(self) -> SourcesConfig:
        if not self.queue:
            raise ValueError("queue: there is none; begin one with [[queue]]")
        urls = [each.url for each in self.queue]
        for at, url in enumerate(urls):
            if url in urls[:at]:
                raise ValueError(f"queue[{at}].url: the same queue as queue[{urls.index(url)}]")
            found = _AWS_QUEUE.match(url)
            if found and found[1] != self.region:
                raise ValueError(f"queue[{at}].url: is in {found[1]}, region says {self.region}")
        return self

    @property
    def urls(self) -> tuple[str, ...]:
        """The queues, as the bridge takes them."""
        return tuple(each.url for each in self.queue)

    @property
    def partition(self) -> str:
        """The first part of every ARN after `arn`."""
        return {"cn": "aws-cn", "us-gov": "aws-us-gov"}.get(self.region.rpartition("-")[0].rpartition("-")[0], "aws")

    def queue_arn(self, queue: QueueSource) -> str:
        """Give a queue's ARN. Its account is in its URL and can be another one."""
        account = urlsplit(queue.url).path.split("/")[1]
        return f"arn:{self.partition}:sqs:{self.region}:{account}:{queue.name}"

    def bucket_arn(self, bucket: str) -> str:
        """Give a bucket's ARN, which names neither region nor account."""
        return f"arn:{self.partition}:s3:::{bucket}"

    def rule_arn(self, rule: str) -> str:
        """Give the ARN of a rule on the default event bus."""
        return f"arn:{self.partition}:events:{self.region}:{self.account}:rule/{rule}"


def load_sources(path: Path) -> SourcesConfig:
    """Read the file. Raises `SourcesError` for what is wrong in it, OSError when it cannot be read."""
    try:
        return SourcesConfig.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesFileError(f"{path}: no TOML: {error}") from None
    except ValidationError as error:
        raise SourcesFileError("\n".join(f"{path}: {_line(each)}" for each in error.errors())) from None


def _line(detail: ErrorDetails) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in detail["loc"]).lstrip(".")
    if detail["type"] == "extra_forbidden":
        model = QueueSource if detail["loc"][0] == "queue" else SourcesConfig
        return f"{place}: unknown; there are {', '.join(model.model_fields)}"
    if detail["type"] == "missing":
        return f"{place}: missing"
    said = detail["msg"].removeprefix("Value error, ")
    return f"{place}: {said}" if place else said
