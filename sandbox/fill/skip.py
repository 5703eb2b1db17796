"""Keep the stages from processing made-up events: their consumer groups start behind them."""

from __future__ import annotations

from collections.abc import Sequence

from headrace.console.kafka.consumer_groups import ConsumerGroups
from headrace.console.kafka.log_reader import LogReader
from headrace.console.kafka.offsets import OffsetRange, TopicAndPartition
from headrace.sandbox.errors import SandboxError
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.streams.stage import Stage


def check_idle(settings: KafkaSettings, stages: Sequence[Stage]) -> None:
    """Check that no stage runs and that none has unprocessed records, which `skip_to_end` would skip.

    Raises:
        SandboxError: a stage runs or has unprocessed records.
    """
    groups = ConsumerGroups(settings)
    running = [name for name, members in groups.members([stage.group for stage in stages]).items() if members]
    if running:
        raise SandboxError(
            "A worker is running and would process the made-up events: `headrace sandbox down`, then"
            " `headrace sandbox up`, and fill before the next demo."
        )
    spans = _spans(settings, stages)
    positions = groups.positions({stage.group: _inputs(stage, spans) for stage in stages})
    for stage in stages:
        for place in _inputs(stage, spans):
            committed = positions[stage.group].get(place)
            begin = max(committed.offset if committed else 0, spans[place].low)
            if begin < spans[place].high:
                raise SandboxError(
                    f"The stage {stage.name} has not processed all records of {place[0]}: fill a new sandbox with"
                    " --data FOLDER, or run `headrace worker --all` until `headrace status` shows no lag."
                )


def skip_to_end(settings: KafkaSettings, stages: Sequence[Stage]) -> None:
    """Move the consumer group of each stage behind all records that it reads."""
    groups, spans = ConsumerGroups(settings), _spans(settings, stages)
    for stage in stages:
        groups.move(stage.group, {place: spans[place].high for place in _inputs(stage, spans)})


def _spans(settings: KafkaSettings, stages: Sequence[Stage]) -> dict[TopicAndPartition, OffsetRange]:
    names = dict.fromkeys(topic.name for stage in stages for topic in stage.inputs)
    return LogReader(settings).spans([*names])


def _inputs(stage: Stage, spans: dict[TopicAndPartition, OffsetRange]) -> list[TopicAndPartition]:
    names = {topic.name for topic in stage.inputs}
    return [place for place in spans if place[0] in names]
