"""What must be there in AWS for the queues of a sources file to carry what they should."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.connectors.bridge_sources.config import QueueSource, SourcesConfig

RequirementKind = Literal[
    "queue", "queue policy", "S3 notification", "S3 to EventBridge", "SNS topic", "SNS subscription", "rule"
]
Principal = Literal["s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"]

_EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")
_PATTERNS: dict[str, dict[str, Any]] = {
    "transcribe": {"source": ["aws.transcribe"], "detail-type": ["Transcribe Job State Change"]},
    "mediaconvert": {
        "source": ["aws.mediaconvert"],
        "detail-type": ["MediaConvert Job State Change"],
        "detail": {"status": ["COMPLETE", "ERROR", "CANCELED"]},
    },
}


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that must be there. `subject` is a name, URL or ARN; `target` is where it leads."""

    kind: RequirementKind
    subject: str
    target: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    events: tuple[str, ...] = ()
    pattern: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        said = f"{self.kind}  {self.subject}" + (f" -> {self.target}" if self.target else "")
        given = [f"{name} {value}" for name, value in self.filters]
        given += [" ".join(self.events)] if self.events else []
        given += [json.dumps(self.pattern)] if self.pattern else []
        return "  ".join([said, *given])


@dataclass(frozen=True, slots=True)
class AllowedSender:
    """A service that must be allowed to send to a queue, and for which of its resources."""

    principal: Principal
    arns: tuple[str, ...]


def requirements(sources: SourcesConfig) -> Iterator[Requirement]:
    """Give everything that one file needs, queue by queue."""
    for queue in sources.queue:
        arn = sources.queue_arn(queue)
        yield Requirement("queue", queue.url)
        for sender in allowed_senders(sources, queue):
            yield Requirement("queue policy", queue.url, sender.principal)
        yield from _of_buckets(queue, arn)
        yield from (Requirement("SNS topic", topic) for topic in queue.topics)
        yield from (Requirement("SNS subscription", topic, arn) for topic in queue.topics)
        for rule, pattern in rules(queue).items():
            yield Requirement("rule", rule, arn, pattern=pattern)


def allowed_senders(sources: SourcesConfig, queue: QueueSource) -> list[AllowedSender]:
    """Give the services that send to a queue."""
    found = []
    if "s3" in queue.carries:
        found.append(AllowedSender("s3.amazonaws.com", tuple(map(sources.bucket_arn, queue.buckets))))
    if queue.topics:
        found.append(AllowedSender("sns.amazonaws.com", queue.topics))
    if rules(queue):
        found.append(AllowedSender("events.amazonaws.com", tuple(map(sources.rule_arn, rules(queue)))))
    return found


def rules(queue: QueueSource) -> dict[str, dict[str, Any]]:
    """Give the rules on the default event bus that lead to a queue: name to pattern."""
    patterns: dict[str, dict[str, Any]] = {}
    for carried in queue.carries:
        if carried == "s3-eventbridge":
            patterns[carried] = _s3_pattern(queue)
        elif carried == "custom":
            patterns[carried] = {"source": list(queue.sources)}
        elif carried in _PATTERNS:
            patterns[carried] = _PATTERNS[carried]
    return {f"{queue.name.removesuffix('.fifo')}-{carried}": pattern for carried, pattern in patterns.items()}


def _of_buckets(queue: QueueSource, arn: str) -> Iterator[Requirement]:
    filters = tuple((name, value) for name, value in (("prefix", queue.prefix), ("suffix", queue.suffix)) if value)
    for bucket in queue.buckets:
        if "s3" in queue.carries:
            yield Requirement("S3 notification", bucket, arn, filters, _EVENTS)
        if "s3-sns" in queue.carries:
            # Which of several topics a bucket tells is its owner's choice; the first is the one for S3.
            yield Requirement("S3 notification", bucket, queue.topics[0], filters, _EVENTS)
        if "s3-eventbridge" in queue.carries:
            yield Requirement("S3 to EventBridge", bucket)


def _s3_pattern(queue: QueueSource) -> dict[str, Any]:
    detail: dict[str, Any] = {"bucket": {"name": list(queue.buckets)}}
    if queue.prefix and queue.suffix:
        detail["object"] = {"key": [{"wildcard": f"{_literal(queue.prefix)}*{_literal(queue.suffix)}"}]}
    elif queue.prefix or queue.suffix:
        name = "prefix" if queue.prefix else "suffix"
        detail["object"] = {"key": [{name: queue.prefix or queue.suffix}]}
    return {"source": ["aws.s3"], "detail-type": ["Object Created", "Object Deleted"], "detail": detail}


def _literal(text: str) -> str:
    """Escape what a wildcard would take for a sign. Source: EventBridge User Guide, "Wildcard matching"."""
    return text.replace("\\", "\\\\").replace("*", "\\*")
