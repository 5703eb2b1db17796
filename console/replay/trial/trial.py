"""Shadow run: a stage processes a range of its inputs again, isolated from live data.

It writes only to the consumer group, topics and results folder that carry its name. It makes no billed call and
starts no job.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, replace

import msgspec

from headrace.console.errors import CommandError
from headrace.console.kafka.admin import KafkaAdmin
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.replay import audit, journal
from headrace.console.replay.audit import AuditEntry
from headrace.console.replay.control import ReplayControl
from headrace.console.replay.rewind.moves import RewindScope
from headrace.console.replay.rewind.rewind import plan_for_target
from headrace.console.replay.rewind.targets import RewindTarget
from headrace.console.replay.trial.diff import RecordDiff
from headrace.console.replay.trial.executor import TrialExecutor, TrialResult
from headrace.console.terminal.progress_bar import bar
from headrace.schemas import topics
from headrace.schemas.messages import ProducerRecord
from headrace.schemas.parsing import InvalidValueError, parse_struct
from headrace.schemas.settings import load
from headrace.schemas.topics import Topic
from headrace.streams.handlers import JobWatch, Router
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
RETENTION_DAYS = 7
BATCH = 200


@dataclass(frozen=True, slots=True)
class ShadowRun:
    """The name and the stage of a shadow run."""

    name: str
    stage: Stage

    @property
    def group(self) -> str:
        """The consumer group."""
        return group_of(self.name)

    @property
    def diff_topic(self) -> str:
        """The topic with one `RecordDiff` per record."""
        return diff_topic_of(self.name)

    def shadow_topic(self, topic: str) -> str:
        """Return the topic that replaces one of the stage's own."""
        return f"{_prefix(self.name)}{topic}"

    def topics(self) -> list[Topic]:
        """Return every topic that it writes, with a retention of 7 days."""
        letters = topics.dead_letters(self.stage.name)
        own = [letters, *([self.stage.writes] if self.stage.writes else [])]
        renamed = [replace(each, name=self.shadow_topic(each.name), retention_days=RETENTION_DAYS) for each in own]
        return [*renamed, Topic(self.diff_topic, "comparison of each record", retention_days=RETENTION_DAYS)]


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """The offsets that a shadow run processes; `done` counts the records of earlier runs."""

    trial: ShadowRun
    target: str
    spans: Mapping[TopicAndPartition, OffsetRange]
    done: int = 0

    @property
    def records(self) -> int:
        """The number of remaining records."""
        return sum(span.high - span.low for span in self.spans.values())


def group_of(name: str) -> str:
    """Return the consumer group of a shadow run."""
    return f"headrace.replay.{name}"


def diff_topic_of(name: str) -> str:
    """Return the topic with the comparisons of a shadow run."""
    return f"{_prefix(name)}ended"


def _prefix(name: str) -> str:
    return f"replay.{name}."


def trial_of(name: str, stage: Stage) -> ShadowRun:
    """Return a shadow run. Raises `CommandError` for an invalid name or a stage that cannot run as a shadow."""
    if not NAME.fullmatch(name):
        raise CommandError(
            f"--shadow {name}: use at most 40 lower-case letters, digits and hyphens, starting with a letter"
        )
    if isinstance(stage.handler, Router):
        raise CommandError(
            f"{stage.name} sends records to a target, which a shadow run must not. Use: headrace rules explain"
        )
    if isinstance(stage.handler, JobWatch):
        raise CommandError(f"{stage.name} checks running jobs, and a shadow run starts none")
    return ShadowRun(name, stage)


def plan_trial(
    cluster: KafkaAdmin, trial: ShadowRun, scope: RewindScope, target: RewindTarget, past: Iterable[AuditEntry]
) -> TrialPlan:
    """Plan a shadow run; a stopped one continues. Raises `CommandError` if the name is taken."""
    trials = [each for each in past if each.group == trial.group and each.kind == "trial"]
    before = trials[-1] if trials else None
    if before is not None and trial.diff_topic in cluster.names():
        return _rest(cluster, trial, before, target)
    spans, lows = plan_for_target(cluster, scope, target)
    return TrialPlan(trial, str(target), {place: OffsetRange(lows[place], span.high) for place, span in spans.items()})


def _rest(cluster: KafkaAdmin, trial: ShadowRun, before: AuditEntry, target: RewindTarget) -> TrialPlan:
    """Plan the rest of an interrupted shadow run. Raises `CommandError` if it is done, or was another one."""
    if before.state == "done" or before.stage != trial.stage.name or not target.is_same_as(before.request):
        raise CommandError(
            f"shadow run {trial.name} of {before.stage} to {before.request} exists ({before.state}). To see it:"
            f" headrace replay diff {trial.name}; to delete it: headrace replay discard {trial.name}"
        )
    positions = cluster.positions(trial.group, [(each.topic, each.partition) for each in before.shifts])
    remaining = {}
    for each in before.shifts:
        place = each.topic, each.partition
        remaining[place] = OffsetRange(positions[place].offset if place in positions else each.low, each.after)
    plan = TrialPlan(trial, before.request, remaining)
    return replace(plan, done=sum(each.after - each.low for each in before.shifts) - plan.records)


def execute(cluster: KafkaAdmin, plan: TrialPlan, action: AuditEntry) -> None:
    """Process the planned records. After an interruption the next run continues."""
    trial = plan.trial
    cluster.create(trial.topics())
    spans = plan.spans
    shifts = tuple(audit.OffsetShift(*place, None, span.high, span.low) for place, span in sorted(spans.items()))
    begun = msgspec.structs.replace(action, shifts=shifts, letters=plan.records)
    with ReplayControl(cluster, begun) as control, journal.recorded(cluster, begun, lambda: control.sent):
        for processed in _process(cluster, plan):
            control.check(processed)
        cluster.move(trial.group, {place: span.high for place, span in spans.items()})


def _process(cluster: KafkaAdmin, plan: TrialPlan) -> Iterator[int]:
    """Process batch by batch; yield the number of records processed so far."""
    trial, processed = plan.trial, 0
    with (
        closing(TrialExecutor(trial.stage, trial.name, load(StreamSettings), cluster.codec())) as executor,
        bar(f"shadow run of {trial.stage.name}", plan.records) as advance,
    ):
        for batch in cluster.read(plan.spans, values=True):
            cluster.write(_messages(trial, executor.process(batch)))
            cluster.move(trial.group, {(batch[-1].topic, batch[-1].partition): batch[-1].offset + 1})
            advance(len(batch))
            processed += len(batch)
            yield processed


def discard(cluster: KafkaAdmin, name: str) -> list[str]:
    """Delete the topics and the group of a shadow run; return the topics.

    Raises:
        CommandError: there is no such shadow run, or it is running.
    """
    names = [each for each in cluster.names() if each.startswith(_prefix(name))]
    if not names:
        raise CommandError(f"no shadow run {name}. To list replays: headrace replay list")
    if cluster.members(group_of(name)):
        raise CommandError(f"shadow run {name} is running. Stop it first: headrace replay stop ID")
    cluster.forget(names, group_of(name))
    return names


def compared(cluster: KafkaAdmin, name: str) -> dict[str, RecordDiff]:
    """Return the comparisons of a shadow run by record. Raises `CommandError` if there is none."""
    spans = cluster.spans([diff_topic_of(name)])
    if not spans:
        raise CommandError(f"no shadow run {name}. To list replays: headrace replay list")
    diffs: dict[str, RecordDiff] = {}
    for batch in cluster.read(spans, values=True):
        for record in batch:
            with suppress(InvalidValueError):  # a record of another program
                diff = parse_struct(record.value or b"", RecordDiff)
                diffs[diff.record] = diff  # a killed run may have written a record twice
    return diffs


def _messages(trial: ShadowRun, results: Iterable[TrialResult]) -> list[ProducerRecord]:
    """Return the records for the topics of the shadow run, each result followed by its comparison."""
    messages = []
    for each in results:
        messages += [msgspec.structs.replace(sent, topic=trial.shadow_topic(sent.topic)) for sent in each.messages]
        messages.append(ProducerRecord(trial.diff_topic, each.diff.key.encode(), msgspec.json.encode(each.diff)))
    return messages
