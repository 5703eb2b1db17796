"""A replay into a sandbox: a stage works a part of its inputs again, apart from everything that is live.

Its consumer group, its topics and its folder in the results bucket bear the trial's name. Nothing else is written,
nothing is paid for, and no job is started.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
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
from headrace.schemas.settings import load
from headrace.schemas.topics import Topic
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import JobWatch, Router, Stage

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
DAYS = 7
BATCH = 200


@dataclass(frozen=True, slots=True)
class ShadowRun:
    """What a trial is called, and of which stage it is."""

    name: str
    stage: Stage

    @property
    def group(self) -> str:
        """Its consumer group."""
        return group_of(self.name)

    @property
    def ended(self) -> str:
        """The topic that says of each record how it ended, and how that compares with what there was."""
        return ended_of(self.name)

    def apart(self, topic: str) -> str:
        """Name the topic that stands for one of the stage's own."""
        return f"{_prefix(self.name)}{topic}"

    def topics(self) -> list[Topic]:
        """Every topic that it writes. They keep records for a week."""
        letters = topics.dead_letters(self.stage.name)
        own = [letters, *([self.stage.writes] if self.stage.writes else [])]
        renamed = [replace(each, name=self.apart(each.name), retention_days=DAYS) for each in own]
        return [*renamed, Topic(self.ended, "how each record ended", retention_days=DAYS)]


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """Which records a trial works, and which of them an earlier run has worked already."""

    trial: ShadowRun
    target: str
    spans: Mapping[TopicAndPartition, OffsetRange]
    done: int = 0

    @property
    def records(self) -> int:
        """How many are left."""
        return sum(span.high - span.low for span in self.spans.values())


def group_of(name: str) -> str:
    """Name the consumer group of a trial."""
    return f"headrace.replay.{name}"


def ended_of(name: str) -> str:
    """Name the topic that says how the records of a trial ended."""
    return f"{_prefix(name)}ended"


def _prefix(name: str) -> str:
    return f"replay.{name}."


def trial_of(name: str, stage: Stage) -> ShadowRun:
    """Check what is asked for. Raises `Refused` for a name or a stage that cannot be tried apart."""
    if not NAME.fullmatch(name):
        raise CommandError(f"--into {name}: lower-case letters, digits and hyphens, a letter first, at most 40")
    if isinstance(stage.handler, Router):
        raise CommandError(f"{stage.name} hands records on to others, which a trial must not: headrace rules explain")
    if isinstance(stage.handler, JobWatch):
        raise CommandError(f"{stage.name} looks after jobs, of which there are none in a trial")
    return ShadowRun(name, stage)


def plan_trial(
    cluster: KafkaAdmin, trial: ShadowRun, scope: RewindScope, target: RewindTarget, past: Iterable[AuditEntry]
) -> TrialPlan:
    """Say what a trial will work; one that was stopped goes on. Raises `Refused` for a name that is taken."""
    trials = [each for each in past if each.group == trial.group and each.what == "trial"]
    before = trials[-1] if trials else None
    if before is not None and trial.ended in cluster.names():
        return _rest(cluster, trial, before, target)
    spans, lows = plan_for_target(cluster, scope, target)
    return TrialPlan(trial, str(target), {place: OffsetRange(lows[place], span.high) for place, span in spans.items()})


def _rest(cluster: KafkaAdmin, trial: ShadowRun, before: AuditEntry, target: RewindTarget) -> TrialPlan:
    """Go on with a trial that was cut short. Raises `Refused` for one that is over, or another one."""
    if before.state == "done" or before.stage != trial.stage.name or not target.is_meant(before.asked):
        raise CommandError(
            f"there is a trial {trial.name} of {before.stage} to {before.asked}, {before.state}:"
            f" headrace replay diff {trial.name} shows it, headrace replay discard {trial.name} makes room"
        )
    positions = cluster.positions(trial.group, [(each.topic, each.partition) for each in before.shifts])
    left = {}
    for each in before.shifts:
        place = each.topic, each.partition
        left[place] = OffsetRange(positions[place].offset if place in positions else each.low, each.after)
    found = TrialPlan(trial, before.asked, left)
    return replace(found, done=sum(each.after - each.low for each in before.shifts) - found.records)


def execute(cluster: KafkaAdmin, planned: TrialPlan, action: AuditEntry) -> None:
    """Work what was planned; the log says how it ended. It may be cut short at any moment: the next run goes on."""
    trial = planned.trial
    cluster.create(trial.topics())
    spans = planned.spans
    shifts = tuple(audit.OffsetShift(*place, None, span.high, span.low) for place, span in sorted(spans.items()))
    begun = msgspec.structs.replace(action, shifts=shifts, letters=planned.records)
    with ReplayControl(cluster, begun) as orders, journal.recorded(cluster, begun, lambda: orders.sent):
        for worked in _work(cluster, planned):
            orders.check(worked)
        cluster.move(trial.group, {place: span.high for place, span in spans.items()})


def _work(cluster: KafkaAdmin, planned: TrialPlan) -> Iterator[int]:
    """Work batch after batch, and say after each how many records that were."""
    trial, worked = planned.trial, 0
    with (
        closing(TrialExecutor(trial.stage, trial.name, load(StreamSettings), cluster.codec())) as trying,
        bar(f"trying {trial.stage.name}", planned.records) as advance,
    ):
        for batch in cluster.read(planned.spans, values=True):
            cluster.write(_said(trial, trying.batch(batch)))
            cluster.move(trial.group, {(batch[-1].topic, batch[-1].partition): batch[-1].offset + 1})
            advance(len(batch))
            worked += len(batch)
            yield worked


def discard(cluster: KafkaAdmin, name: str) -> list[str]:
    """Delete a trial's topics and its group, and name them. Raises `Refused` while it is at work, or where is none."""
    there = [each for each in cluster.names() if each.startswith(_prefix(name))]
    if not there:
        raise CommandError(f"there is no trial {name}: headrace replay list")
    if cluster.members(group_of(name)):
        raise CommandError(f"trial {name} is at work: end it first")
    cluster.forget(there, group_of(name))
    return there


def compared(cluster: KafkaAdmin, name: str) -> dict[str, RecordDiff]:
    """Read how the records of a trial ended, by where each lies. Raises `Refused` where there is no such trial."""
    spans = cluster.spans([ended_of(name)])
    if not spans:
        raise CommandError(f"there is no trial {name}: headrace replay list")
    found: dict[str, RecordDiff] = {}
    for batch in cluster.read(spans, values=True):
        for record in batch:
            said = msgspec.json.decode(record.value or b"", type=RecordDiff)
            found[said.record] = said  # a record that was worked twice, because a run was killed, counts once
    return found


def _said(trial: ShadowRun, tried: Iterable[TrialResult]) -> list[ProducerRecord]:
    """Address what the stage would have sent to the trial's topics, and say how each record ended."""
    found = []
    for each in tried:
        found += [msgspec.structs.replace(said, topic=trial.apart(said.topic)) for said in each.messages]
        found.append(ProducerRecord(trial.ended, each.compared.key.encode(), msgspec.json.encode(each.compared)))
    return found
