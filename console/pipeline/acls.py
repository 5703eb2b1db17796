"""The minimal Kafka ACLs of each component, from the topics that it reads and writes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from headrace.connectors import readiness
from headrace.connectors.backfill import producer
from headrace.schemas import topics
from headrace.schemas.topics import Topic
from headrace.streams.handlers import JobWatch
from headrace.streams.routing.rule import PREFIX
from headrace.streams.stage import Stage

AclResource = Literal["topic", "group"]
AclOperation = Literal["Read", "Write", "Describe", "Create", "Alter"]

Roles = Mapping[str, tuple["AclRule", ...]]


VIEWS_GROUP = "headrace.views"
"""Consumer group that shares partitions between projectors. It has no committed offsets."""
ACTIVITIES_GROUP = "headrace.activities"
"""Consumer group of the Step Functions API, which gives the tasks of activities to their workers."""
MACHINE_COMMANDS = (topics.MACHINE_DEFINITIONS, topics.MACHINE_INBOX)
"""Topics that are written to deploy state machines, and to start, stop, redrive and answer executions."""


@dataclass(frozen=True, slots=True, order=True)
class AclRule:
    """One ACL. Read and Write imply Describe."""

    resource: AclResource
    name: str
    operation: AclOperation

    def arguments(self, principal: str) -> str:
        """Format the rule as arguments of kafka-acls.sh."""
        return f"--add --allow-principal '{principal}' --operation {self.operation} --{self.resource} '{self.name}'"


@dataclass(frozen=True, slots=True)
class AclScope:
    """What is deployed.

    `forwards` maps the stage of a rule to its target topic. `followed` are the topics that every paid stage reads for
    the daily budget. `redrive_groups` have the positions of redrives. `rules_on_log`: rules come from `system.rules`.
    """

    stages: Sequence[Stage]
    forwards: Mapping[str, str] = field(default_factory=dict)
    followed: Sequence[Topic] = ()
    redrive_groups: Sequence[str] = ()
    rules_on_log: bool = False

    @property
    def topics(self) -> tuple[Topic, ...]:
        """The topics of the stages."""
        return topics.table(stage.name for stage in self.stages)

    @property
    def groups(self) -> tuple[str, ...]:
        """The consumer groups of stages and redrives."""
        return (*(stage.group for stage in self.stages), *self.redrive_groups)


def roles(scope: AclScope) -> Roles:
    """List the ACLs of each component by name."""
    carrier = _topics(reads=(topics.SCHEMAS,), writes=readiness.WRITTEN_TOPICS)
    backfill = _topics(reads=(topics.SCHEMAS, topics.BACKFILLS), writes=producer.WRITTEN)
    machines = any(topic in scope.topics for topic in MACHINE_COMMANDS)
    return {
        "bridge": carrier,
        "webhook": carrier,
        "backfill": backfill,
        **{stage.name: _stage(stage, scope) for stage in scope.stages},
        "console": _console(scope),
        "views": _views(scope),
        "operator": _operator(scope),
        **({"machine-api": _machine_api()} if machines else {}),
        "topics": _deployer(scope),
    }


def _stage(stage: Stage, scope: AclScope) -> tuple[AclRule, ...]:
    """Read inputs in the group of the stage; write results, retries, dead letters and status reports."""
    reads = [*stage.inputs, *stage.follows, topics.SCHEMAS]
    reads += (topics.JOBS_FINISHED, topics.SLOTS) if stage.job else ()
    reads += scope.followed if stage.paid_operations else ()
    reads += (topics.RULES,) if scope.rules_on_log and stage.name.startswith(PREFIX) else ()
    writes = (
        *((topics.SPENDING,) if stage.paid_operations and topics.SPENDING in scope.followed else ()),
        topics.retry(stage.name),
        topics.dead_letters(stage.name),
        topics.WORKERS,
        topics.LOSSES,
        *_results(stage),
    )
    rules = {*_topics(reads, writes), AclRule("group", stage.group, "Read")}
    if target := scope.forwards.get(stage.name):
        rules.add(AclRule("topic", target, "Write"))
    # Every worker reads the number of partitions.
    if not any(rule.name == topics.READY.name for rule in rules):
        rules.add(AclRule("topic", topics.READY.name, "Describe"))
    return tuple(sorted(rules))


def _console(scope: AclScope) -> tuple[AclRule, ...]:
    """Read every topic and committed offset; change nothing."""
    return tuple(sorted({*_topics(scope.topics), *(AclRule("group", name, "Describe") for name in scope.groups)}))


def _views(scope: AclScope) -> tuple[AclRule, ...]:
    """Read every topic, and share partitions with other projectors; change nothing."""
    return tuple(sorted({*_topics(scope.topics), AclRule("group", VIEWS_GROUP, "Read")}))


def _operator(scope: AclScope) -> tuple[AclRule, ...]:
    """Read every topic, move offsets, redrive dead letters, record decisions, apply rules, and run machines."""
    written = (
        topics.AUDIT,
        topics.DISPOSITIONS,
        topics.LOSSES,
        topics.RULES,
        *(topic for topic in scope.topics if topic in (topics.PEOPLE_FACTS, *MACHINE_COMMANDS)),
        *(topics.retry(stage.name) for stage in scope.stages),
    )
    groups = (AclRule("group", name, "Read") for name in scope.groups)
    return tuple(sorted({*_topics(scope.topics, written), *groups}))


def _machine_api() -> tuple[AclRule, ...]:
    """Write what deploys machines and advances executions; share the tasks of activities with other processes."""
    reads = (topics.SCHEMAS, topics.MACHINE_DEFINITIONS, topics.MACHINE_ACTIVITIES)
    return tuple(sorted({*_topics(reads, MACHINE_COMMANDS), AclRule("group", ACTIVITIES_GROUP, "Read")}))


def _deployer(scope: AclScope) -> tuple[AclRule, ...]:
    """Create the topics and add partitions, once the groups have read them; publish the schemas."""
    operations: tuple[AclOperation, ...] = ("Create", "Describe", "Alter")
    changed = {AclRule("topic", topic.name, operation) for topic in scope.topics for operation in operations}
    groups = {AclRule("group", name, "Describe") for name in scope.groups}
    return tuple(sorted({*changed, *groups, *_topics((topics.SCHEMAS,), (topics.SCHEMAS,))}))


def _results(stage: Stage) -> Iterator[Topic]:
    if stage.writes:
        yield stage.writes
    if stage.job:
        yield topics.JOBS_STARTED
        yield topics.SLOTS
    if isinstance(stage.handler, JobWatch):
        yield topics.JOBS_FINISHED
    yield from stage.emits


def _topics(reads: Iterable[Topic] = (), writes: Iterable[Topic] = ()) -> tuple[AclRule, ...]:
    read = {AclRule("topic", topic.name, "Read") for topic in reads}
    return tuple(sorted(read | {AclRule("topic", topic.name, "Write") for topic in writes}))
