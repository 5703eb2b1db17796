"""`headrace topics apply --partitions`: show or carry out the plan for more partitions."""

from __future__ import annotations

import time
from collections.abc import Sequence

from confluent_kafka import KafkaException

from headrace.console.errors import CommandError
from headrace.console.kafka.log_reader import LogReader
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.console.pipeline import partition_plan
from headrace.console.pipeline.partition_plan import PartitionPlan, ReadingState
from headrace.console.terminal.output import print_line
from headrace.console.terminal.screen import Column, Console, Table
from headrace.schemas.kafka import clients
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.settings import load
from headrace.schemas.topics import Topic
from headrace.streams.stage import Stage

POLL_SECONDS = 1.0
ORDER = (
    "With another number of partitions most keys move to another partition.",
    "Records of a key keep their order if every earlier one is finished and nothing writes meanwhile:",
    "stop the bridge, let the stages finish, stop the workers, add the partitions, start the workers and the bridge.",
)


def show_partition_plan(wanted: Sequence[Topic], stages: Sequence[Stage]) -> None:
    """Print which topics get more partitions, and what must end first. Changes nothing."""
    settings = load(KafkaSettings)
    try:
        log = LogReader(settings)
        plan = partition_plan.plan_partitions(wanted, log.topics(), stages)
        _print(plan)
        if plan.changes:
            lines, _ = _obstacles(log, partition_plan.reading_stages(plan, stages))
            for line in (*ORDER, *(f"not yet: {line}" for line in lines)):
                print_line(line)
            print_line("nothing was changed; --execute adds the partitions")
    except KafkaException as error:
        raise CommandError(clients.describe_error(error, settings)) from error


def add_partitions(wanted: Sequence[Topic], stages: Sequence[Stage], wait_seconds: float) -> None:
    """Add the missing partitions once no record of their topics is unfinished and no worker of their readers runs.

    Raises:
        CommandError: this is not so within `wait_seconds`, or Kafka rejects the change.
    """
    settings = load(KafkaSettings)
    try:
        log = LogReader(settings)
        plan = partition_plan.plan_partitions(wanted, log.topics(), stages)
        _print(plan)
        if not plan.changes:
            return
        before = _wait(log, partition_plan.reading_stages(plan, stages), wait_seconds)
        numbers = {change.topic: change.wanted for change in plan.changes}
        clients.add_partitions(clients.admin(settings), numbers)
        changed = {place: span for place, span in before.items() if place[0] in numbers}
        late = partition_plan.arrived(changed, log.spans(numbers))
    except KafkaException as error:
        raise CommandError(clients.describe_error(error, settings)) from error
    for change in plan.changes:
        print_line(f"{change.topic}: {change.wanted} partitions")
    if late:
        print_line(
            f"warning: {late:,} records were written meanwhile; later records of their keys may overtake them",
            error=True,
        )


def _wait(log: LogReader, stages: Sequence[Stage], seconds: float) -> dict[TopicAndPartition, OffsetRange]:
    """Wait until nothing stands in the way, and return the offsets at that time."""
    deadline, printed = time.monotonic() + seconds, ""
    while True:
        lines, spans = _obstacles(log, stages)
        if not lines:
            return spans
        if time.monotonic() >= deadline:
            raise CommandError(
                f"no partition was added: {'; '.join(lines)}. Stop the bridge, let the stages finish, stop the workers "
                "and repeat, or wait with --wait SECONDS"
            )
        if (text := "; ".join(lines)) != printed:
            print_line(f"waiting: {text}", error=True)
            printed = text
        time.sleep(POLL_SECONDS)


def _obstacles(log: LogReader, stages: Sequence[Stage]) -> tuple[list[str], dict[TopicAndPartition, OffsetRange]]:
    spans = log.spans(dict.fromkeys(topic.name for stage in stages for topic in stage.inputs))
    read = {stage.group: {topic.name for topic in stage.inputs} for stage in stages}
    groups = log.groups({group: [place for place in spans if place[0] in names] for group, names in read.items()})
    return partition_plan.obstacles(stages, ReadingState(groups, spans)), spans


def _print(plan: PartitionPlan) -> None:
    table = Table(Column("topic", no_wrap=True), box=None, pad_edge=False, header_style="bold")
    table.add_column("partitions", justify="right")
    table.add_column("wanted", justify="right")
    table.add_column("read by")
    for change in plan.changes:
        table.add_row(change.topic, str(change.now), str(change.wanted), ", ".join(change.readers) or "no stage")
    for kept in plan.kept:
        table.add_row(kept.topic, str(kept.now), str(kept.wanted), f"not changed: {kept.reason}")
    if plan.changes or plan.kept:
        Console().print(table)
    if not plan.changes:
        print_line("no topic gets more partitions")
