"""The AWS resources that the queues of a sources file require."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from headrace.connectors.bridge_sources.config import QueueSource, SourcesConfig
from headrace.connectors.events.event_source import CarriedBy

RequirementKind = Literal[
    "queue", "queue policy", "S3 notification", "S3 to EventBridge", "SNS topic", "SNS subscription", "rule"
]
Principal = Literal["s3.amazonaws.com", "sns.amazonaws.com", "events.amazonaws.com"]

_CARRIERS: tuple[CarriedBy, ...] = ("s3", "sns", "eventbridge")
_EVENTS = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:*")


@dataclass(frozen=True, slots=True)
class Requirement:
    """One required AWS resource. `subject` is a name, URL or ARN; `target` is what it sends to."""

    kind: RequirementKind
    subject: str
    target: str = ""
    filters: tuple[tuple[str, str], ...] = ()
    events: tuple[str, ...] = ()
    pattern: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        parts = [f"{self.kind}  {self.subject}" + (f" -> {self.target}" if self.target else "")]
        parts += [f"{name} {value}" for name, value in self.filters]
        parts += [" ".join(self.events)] if self.events else []
        parts += [json.dumps(self.pattern)] if self.pattern else []
        return "  ".join(parts)


@dataclass(frozen=True, slots=True)
class AllowedSender:
    """A service that must be allowed to send to a queue, and its resources."""

    principal: Principal
    arns: tuple[str, ...]


def requirements(sources: SourcesConfig) -> Iterator[Requirement]:
    """Yield the requirements of a file, queue by queue."""
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
    """Return the services that send to a queue."""
    senders = []
    if queue.is_carried_by("s3"):
        senders.append(AllowedSender("s3.amazonaws.com", tuple(map(sources.bucket_arn, queue.buckets))))
    if queue.topics:
        senders.append(AllowedSender("sns.amazonaws.com", queue.topics))
    if rules(queue):
        senders.append(AllowedSender("events.amazonaws.com", tuple(map(sources.rule_arn, rules(queue)))))
    return senders


def rules(queue: QueueSource) -> dict[str, dict[str, Any]]:
    """Return the EventBridge rules that target a queue: name to pattern, on the default event bus."""
    name = queue.name.removesuffix(".fifo")
    return {f"{name}-{source.name}": dict(source.pattern(queue)) for source in queue.event_sources if source.pattern}


def _of_buckets(queue: QueueSource, arn: str) -> Iterator[Requirement]:
    filters = tuple((name, value) for name, value in (("prefix", queue.prefix), ("suffix", queue.suffix)) if value)
    carriers = [source.carried_by for source in queue.event_sources if "buckets" in source.requirements]
    for bucket in queue.buckets:
        for carrier in sorted(carriers, key=_CARRIERS.index):
            if carrier == "s3":
                yield Requirement("S3 notification", bucket, arn, filters, _EVENTS)
            elif carrier == "sns":
                # A bucket may notify any of the topics; by convention the first is the one for S3.
                yield Requirement("S3 notification", bucket, queue.topics[0], filters, _EVENTS)
            else:
                yield Requirement("S3 to EventBridge", bucket)
