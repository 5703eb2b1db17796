"""The traffic and storage of each topic. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headrace.console.capacity.demand import Demand, TopicDemand
from headrace.console.capacity.workload import DAY_SECONDS, Workload, check_number
from headrace.schemas import topics as topic_table
from headrace.schemas.topics import Topic, is_dead_letters
from headrace.streams.costs.daily_budget import followed_topics
from headrace.streams.stage import Stage

MOST_REPLICAS = 100
MOST_RETENTION_DAYS = 36_500
PROJECTORS = 1
"""Each record is read once more, by the projector of the views."""


@dataclass(frozen=True, slots=True)
class TopicPlan:
    """A topic in numbers: records and bytes per second on average, and bytes that are stored.

    `written` counts a record once for each replica, `read` once for each consumer and for each other replica.
    `retention_days` is None for a compacted topic, which keeps the newest record of each key.
    """

    topic: str
    partitions: int
    records_per_second: float
    record_bytes: float
    consumers: int
    written_bytes_per_second: float
    read_bytes_per_second: float
    retention_days: float | None
    stored_bytes: float


@dataclass(frozen=True, slots=True)
class KafkaPolicy:
    """The number of replicas of a record, and a retention in days for every topic that is not compacted."""

    replicas: int = 3
    retention_days: float | None = None


def check_policy(policy: KafkaPolicy) -> None:
    """Check a number of replicas and a retention. Raises `CommandError`."""
    check_number("--replicas", policy.replicas, 1, MOST_REPLICAS)
    if policy.retention_days is not None:
        check_number("--retention", policy.retention_days, 0.01, MOST_RETENTION_DAYS, " days")


def plan_topics(
    demand: Demand, consumers: Mapping[str, int], partitions: Mapping[str, int], policy: KafkaPolicy
) -> tuple[TopicPlan, ...]:
    """Plan every topic that has records, in the order of the topic table."""
    table = topic_table.table(each.stage.name for each in demand.stages)
    return tuple(
        _plan(topic, demand.topics[topic.name], consumers[topic.name], partitions[topic.name], policy)
        for topic in table
        if topic.name in demand.topics
    )


def count_consumers(stages: Sequence[Stage], workers: Mapping[str, int], has_daily_budget: bool) -> Mapping[str, int]:
    """Count how often a record of each topic is read.

    The group of each stage that reads the topic has it once, and the views too. Every worker of a stage with jobs
    follows the slots; with a daily budget, every worker of a paid stage follows the spending.
    """
    table = topic_table.table(stage.name for stage in stages)
    found = Counter({topic.name: PROJECTORS + sum(topic in stage.inputs for stage in stages) for topic in table})
    found[topic_table.SLOTS.name] += sum(workers.get(stage.name, 0) for stage in stages if stage.job)
    if has_daily_budget:
        paid = sum(workers.get(stage.name, 0) for stage in stages if stage.paid_operations)
        found.update({topic.name: paid for topic in followed_topics(stages)})
    return found


def peak_bytes_per_second(plans: Sequence[TopicPlan], workload: Workload) -> tuple[float, float]:
    """Return what is written and read in a second of the peak hour, over all topics."""
    written = sum(each.written_bytes_per_second for each in plans) * workload.peak
    return written, sum(each.read_bytes_per_second for each in plans) * workload.peak


def _plan(topic: Topic, found: TopicDemand, consumers: int, partitions: int, policy: KafkaPolicy) -> TopicPlan:
    per_second = found.size / DAY_SECONDS
    days = None if topic.compacted else _retention(topic, policy)
    return TopicPlan(
        topic=topic.name,
        partitions=partitions,
        records_per_second=found.records / DAY_SECONDS,
        record_bytes=found.size / found.records if found.records else 0.0,
        consumers=consumers,
        written_bytes_per_second=per_second * policy.replicas,
        read_bytes_per_second=per_second * (consumers + policy.replicas - 1),
        retention_days=days,
        stored_bytes=0.0 if days is None else found.size * days * policy.replicas,
    )


def _retention(topic: Topic, policy: KafkaPolicy) -> float:
    if policy.retention_days is None or is_dead_letters(topic.name):
        return topic.retention_days
    return policy.retention_days
