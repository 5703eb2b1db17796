"""Rules with their targets: the one place that knows both the stages and the sinks."""

from __future__ import annotations

import asyncio
from functools import cache

from headrace.connectors.sinks.base import InvalidTargetError, Sink
from headrace.connectors.sinks.registry import create_sink, sink_names
from headrace.schemas import topics
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower
from headrace.schemas.runtime.token_bucket import TokenBucket
from headrace.schemas.settings import load
from headrace.streams.errors import (
    OutageError,
    PermanentError,
    RetryAt,
    StageError,
    ThrottledError,
    TransientError,
)
from headrace.streams.routing.rule import TOPIC, InvalidRuleError, Rule, read_folder
from headrace.streams.routing.rule_stage import SendDelivery, rule_stage
from headrace.streams.routing.rule_table import RuleTable
from headrace.streams.settings import PipelineSettings
from headrace.streams.stage import Stage

ANSWER_SECONDS = 30.0


def rules(folder: str | None = None) -> tuple[Rule, ...]:
    """Read the rules of a folder, or those that are set: of a folder, or in force; none without either.

    Raises `BadRule`.
    """
    if folder is None and follows():
        return table().rules()
    folder = load(PipelineSettings).rules if folder is None else folder
    return read_folder(folder, sink_names()) if folder else ()


def follows() -> bool:
    """Whether the rules are those that `headrace rules apply` has put in force, and may change at any time."""
    return load(PipelineSettings).rules == topics.RULES.name


@cache
def table() -> RuleTable:
    """Give the rules in force, as far as they are known now. Raises `BadRule` when Kafka cannot be asked."""
    found = RuleTable(opened, sink_names())
    follower = TopicFollower(load(KafkaSettings), (topics.RULES,), found.take)
    there = follower.start(ANSWER_SECONDS)
    follower.stop()
    if not there:
        raise InvalidRuleError(f"HEADRACE_RULES is {topics.RULES.name}, and Kafka does not answer")
    return found


def rule_stages() -> tuple[Stage, ...]:
    """Give a stage for each rule that is enabled. Raises `BadRule`."""
    if follows():
        return table().stages()
    return tuple(stage_of(rule) for rule in rules() if rule.enabled)


def stage_of(rule: Rule) -> Stage:
    """Build the stage of a rule with what reaches its target. Raises `BadRule` for a target that cannot be used."""
    return rule_stage(rule, opened(rule))


def opened(rule: Rule) -> SendDelivery | None:
    """Open what reaches a rule's target, None for a topic. Raises `BadRule` for a target that cannot be used."""
    if rule.target.kind == TOPIC:
        return None
    try:
        sink = create_sink(rule.target.kind, rule.target.address, rule.target.settings)
    except InvalidTargetError as error:
        raise InvalidRuleError(f"{rule.name}: [target] {error}") from error
    return sending(sink, rule.rate)


def sending(sink: Sink, rate: float = 0.0) -> SendDelivery:
    """Let a sink's failures be those of a stage, and its deliveries no more than so many a second; 0 is no bound."""
    bucket = TokenBucket(rate) if rate else None

    async def send(delivery: Delivery) -> None:
        if bucket is not None:
            await asyncio.sleep(bucket.wait_seconds())
        try:
            await sink(delivery)
        except DeliveryError as failure:
            raise _failure(failure) from failure

    return send


def _failure(failure: DeliveryError) -> StageError:
    why = str(failure)
    match failure.kind:
        case "outage":
            return OutageError(why)
        case "throttled":
            return RetryAt(why, failure.after) if failure.after else ThrottledError(why, failure.code)
        case "transient":
            return TransientError(why, failure.code)
    return PermanentError(failure.code, why)
