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

from headrace.console.errors import Refused
from headrace.console.kafka.admin import Cluster
from headrace.console.kafka.offsets import Place, Span
from headrace.console.replay import audit, journal
from headrace.console.replay.audit import Action
from headrace.console.replay.control import Orders
from headrace.console.replay.rewind.moves import Scope
from headrace.console.replay.rewind.rewind import aimed
from headrace.console.replay.rewind.targets import Target
from headrace.console.replay.trial.diff import Compared
from headrace.console.replay.trial.executor import Tried, Trying
from headrace.console.terminal.progress_bar import bar
from headrace.schemas import topics
from headrace.schemas.messages import Message
from headrace.schemas.settings import load
from headrace.schemas.topics import Topic
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

NAME = re.compile(r"[a-z][a-z0-9-]{0,39}")
DAYS = 7
BATCH = 200


@dataclass(frozen=True, slots=True)
class Trial:
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
class Plan:
    """Which records a trial works, and which of them an earlier run has worked already."""

    trial: Trial
    target: str
    spans: Mapping[Place, Span]
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


def trial_of(name: str, stage: Stage) -> Trial:
    """Check what is asked for. Raises `Refused` for a name or a stage that cannot be tried apart."""
    if not NAME.fullmatch(name):
        raise Refused(f"--into {name}: lower-case letters, digits and hyphens, a letter first, at most 40")
    if stage.route is not None:
        raise Refused(f"{stage.name} hands records on to others, which a trial must not: headrace rules explain")
    if stage.check is not None:
        raise Refused(f"{stage.name} looks after jobs, of which there are none in a trial")
    return Trial(name, stage)


def plan(cluster: Cluster, trial: Trial, scope: Scope, target: Target, past: Iterable[Action]) -> Plan:
    """Say what a trial will work; one that was stopped goes on. Raises `Refused` for a name that is taken."""
    trials = [each for each in past if each.group == trial.group and each.what == "trial"]
    before = trials[-1] if trials else None
    if before is not None and trial.ended in cluster.names():
        return _rest(cluster, trial, before, target)
    spans, lows = aimed(cluster, scope, target)
    return Plan(trial, str(target), {place: Span(lows[place], span.high) for place, span in spans.items()})


def _rest(cluster: Cluster, trial: Trial, before: Action, target: Target) -> Plan:
    """Go on with a trial that was cut short. Raises `Refused` for one that is over, or another one."""
    if before.state == "done" or before.stage != trial.stage.name or not target.is_meant(before.asked):
        raise Refused(
            f"there is a trial {trial.name} of {before.stage} to {before.asked}, {before.state}:"
            f" headrace replay diff {trial.name} shows it, headrace replay discard {trial.name} makes room"
        )
    positions = cluster.positions(trial.group, [(each.topic, each.partition) for each in before.shifts])
    left = {}
    for each in before.shifts:
        place = each.topic, each.partition
        left[place] = Span(positions[place].offset if place in positions else each.low, each.after)
    found = Plan(trial, before.asked, left)
    return replace(found, done=sum(each.after - each.low for each in before.shifts) - found.records)


def execute(cluster: Cluster, planned: Plan, action: Action) -> None:
    """Work what was planned; the log says how it ended. It may be cut short at any moment: the next run goes on."""
    trial = planned.trial
    cluster.create(trial.topics())
    spans = planned.spans
    shifts = tuple(audit.Shift(*place, None, span.high, span.low) for place, span in sorted(spans.items()))
    begun = msgspec.structs.replace(action, shifts=shifts, letters=planned.records)
    with Orders(cluster, begun) as orders, journal.carried_out(cluster, begun, lambda: orders.sent):
        for worked in _work(cluster, planned):
            orders.obey(worked)
        cluster.move(trial.group, {place: span.high for place, span in spans.items()})


def _work(cluster: Cluster, planned: Plan) -> Iterator[int]:
    """Work batch after batch, and say after each how many records that were."""
    trial, worked = planned.trial, 0
    with (
        closing(Trying(trial.stage, trial.name, load(StreamSettings), cluster.codec())) as trying,
        bar(f"trying {trial.stage.name}", planned.records) as advance,
    ):
        for batch in cluster.read(planned.spans, values=True):
            cluster.write(_said(trial, trying.batch(batch)))
            cluster.move(trial.group, {(batch[-1].topic, batch[-1].partition): batch[-1].offset + 1})
            advance(len(batch))
            worked += len(batch)
            yield worked


def discard(cluster: Cluster, name: str) -> list[str]:
    """Delete a trial's topics and its group, and name them. Raises `Refused` while it is at work, or where is none."""
    there = [each for each in cluster.names() if each.startswith(_prefix(name))]
    if not there:
        raise Refused(f"there is no trial {name}: headrace replay list")
    if cluster.members(group_of(name)):
        raise Refused(f"trial {name} is at work: end it first")
    cluster.forget(there, group_of(name))
    return there


def compared(cluster: Cluster, name: str) -> dict[str, Compared]:
    """Read how the records of a trial ended, by where each lies. Raises `Refused` where there is no such trial."""
    spans = cluster.spans([ended_of(name)])
    if not spans:
        raise Refused(f"there is no trial {name}: headrace replay list")
    found: dict[str, Compared] = {}
    for batch in cluster.read(spans, values=True):
        for record in batch:
            said = msgspec.json.decode(record.value or b"", type=Compared)
            found[said.record] = said  # a record that was worked twice, because a run was killed, counts once
    return found


def _said(trial: Trial, tried: Iterable[Tried]) -> list[Message]:
    """Address what the stage would have sent to the trial's topics, and say how each record ended."""
    found = []
    for each in tried:
        found += [msgspec.structs.replace(said, topic=trial.apart(said.topic)) for said in each.messages]
        found.append(Message(trial.ended, each.compared.key.encode(), msgspec.json.encode(each.compared)))
    return found
