"""The minimal Kafka ACLs of each part, from the topics that it reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from headrace.connectors import readiness
from headrace.connectors.backfill import producer
from headrace.schemas import topics
from headrace.schemas.topics import Topic
from headrace.streams.stage import JobWatch, Stage

AclResource = Literal["topic", "group"]
AclOperation = Literal["Read", "Write", "Describe"]

Roles = Mapping[str, tuple["AclRule", ...]]


@dataclass(frozen=True, slots=True, order=True)
class AclRule:
    """One ACL. Read and Write imply Describe."""

    resource: AclResource
    name: str
    operation: AclOperation

    def arguments(self, principal: str) -> str:
        """Format the rule as arguments of kafka-acls.sh."""
        return f"--add --allow-principal '{principal}' --operation {self.operation} --{self.resource} '{self.name}'"


def roles(stages: Sequence[Stage], forwards: Mapping[str, str], followed: Sequence[Topic] = ()) -> Roles:
    """List the ACLs of each part by name. `forwards` maps the stage of a rule to its target topic.

    `followed` are the topics that every paid stage reads for the daily budget.
    """
    carrier = _rules(writes=readiness.REQUIRED_TOPICS)
    backfill = _rules(reads=(topics.BACKFILLS,), writes=producer.NEEDED)
    found = {"bridge": carrier, "webhook": carrier, "backfill": backfill}
    return found | {
        stage.name: _stage(stage, forwards.get(stage.name), followed if stage.paid_operations else ())
        for stage in stages
    }


def _stage(stage: Stage, forwards: str | None, followed: Sequence[Topic]) -> tuple[AclRule, ...]:
    """Read inputs in the group of the stage; write results, retries, dead letters, schemas and reports."""
    of_jobs = (topics.JOBS_STARTED, topics.JOBS_FINISHED) if stage.job else ()
    own = (topics.retry(stage.name), topics.dead_letters(stage.name), topics.SCHEMAS, topics.WORKERS)
    writes = [*own, *_results(stage)]
    rules = {
        *_rules((*stage.inputs, topics.SCHEMAS, *of_jobs, *followed), writes),
        AclRule("group", stage.group, "Read"),
    }
    if forwards:
        rules.add(AclRule("topic", forwards, "Write"))
    # Every worker reads the number of partitions.
    if not any(rule.name == topics.READY.name for rule in rules):
        rules.add(AclRule("topic", topics.READY.name, "Describe"))
    return tuple(sorted(rules))


def _results(stage: Stage) -> Iterator[Topic]:
    if stage.writes:
        yield stage.writes
    if stage.job:
        yield topics.JOBS_STARTED
    if isinstance(stage.handler, JobWatch):
        yield topics.JOBS_FINISHED


def _rules(reads: Iterable[Topic] = (), writes: Iterable[Topic] = ()) -> tuple[AclRule, ...]:
    read = {AclRule("topic", topic.name, "Read") for topic in reads}
    return tuple(sorted(read | {AclRule("topic", topic.name, "Write") for topic in writes}))
