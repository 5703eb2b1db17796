"""Build rule stages whose targets are sinks."""

from __future__ import annotations

import asyncio
from functools import partial

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.base import InvalidTargetError, Sink
from headrace.connectors.sinks.registry import create_sink, sink_names
from headrace.console.routing.machine_target import starting
from headrace.schemas import topics
from headrace.schemas.delivery import Delivery, DeliveryError
from headrace.schemas.kafka.settings import KafkaSettings
from headrace.schemas.kafka.topic_follower import TopicFollower, each_value
from headrace.schemas.runtime.token_bucket import TokenBucket
from headrace.schemas.settings import load
from headrace.streams.errors import error_of_kind
from headrace.streams.routing.rule import MACHINE, TOPIC, InvalidRuleError, Rule, read_folder
from headrace.streams.routing.rule_stage import SendDelivery, rule_stage
from headrace.streams.routing.rule_table import RuleTable
from headrace.streams.settings import PipelineSettings
from headrace.streams.stage import Stage

ANSWER_SECONDS = 30.0


def rules(folder: str | None = None) -> tuple[Rule, ...]:
    """Read the rules of a folder, by default those of HEADRACE_RULES. Raises `InvalidRuleError`."""
    if folder is None and follows():
        return load_table(AwsSession()).rules()
    folder = load(PipelineSettings).rules if folder is None else folder
    return read_folder(folder, sink_names()) if folder else ()


def follows() -> bool:
    """Return whether the rules are those of `headrace rules apply`, which change while a worker runs."""
    return load(PipelineSettings).rules == topics.RULES.name


def load_table(aws: AwsSession) -> RuleTable:
    """Read the applied rules from Kafka. Their sinks use `aws`. Raises `InvalidRuleError` if Kafka does not respond."""
    table = RuleTable(partial(opened, aws), sink_names())
    follower = TopicFollower(load(KafkaSettings), (topics.RULES,), each_value(table.take))
    complete = follower.start(ANSWER_SECONDS)
    follower.stop()
    table.rejected = tuple(follower.skipped())
    if not complete:
        raise InvalidRuleError(f"HEADRACE_RULES is {topics.RULES.name}, but Kafka did not respond: headrace doctor")
    return table


def rule_stages(aws: AwsSession, table: RuleTable | None) -> tuple[Stage, ...]:
    """Return a stage for each enabled rule, of the table or else of the folder. Raises `InvalidRuleError`."""
    if table is not None:
        return table.stages()
    return tuple(stage_of(aws, rule) for rule in rules() if rule.enabled)


def stage_of(aws: AwsSession, rule: Rule) -> Stage:
    """Build the stage of a rule with its sink. Raises `InvalidRuleError` for an invalid target."""
    return rule_stage(rule, opened(aws, rule))


def opened(aws: AwsSession, rule: Rule) -> SendDelivery | None:
    """Create the sink of a rule's target; None for a topic. Raises `InvalidRuleError` for an invalid target."""
    if rule.target.kind == TOPIC:
        return None
    if rule.target.kind == MACHINE:
        return starting(rule)
    try:
        sink = create_sink(rule.target.kind, rule.target.address, rule.target.settings, aws)
    except InvalidTargetError as error:
        raise InvalidRuleError(f"{rule.name}: [target] {error}") from error
    return sending(sink, rule.rate)


def sending(sink: Sink, rate: float = 0.0) -> SendDelivery:
    """Adapt a sink: map its errors to stage errors, and send at most `rate` deliveries per second (0: no limit)."""
    bucket = TokenBucket(rate) if rate else None

    async def send(delivery: Delivery) -> None:
        if bucket is not None:
            await asyncio.sleep(bucket.wait_seconds())
        try:
            await sink(delivery)
        except DeliveryError as failure:
            raise error_of_kind(failure.kind, failure.code, str(failure), failure.after) from failure

    return send
