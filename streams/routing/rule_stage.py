"""A rule as a stage: its own consumer group, retry topic and dead-letter topic, on the runner of all stages."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event
from headrace.schemas.topics import Topic
from headrace.streams.engine.headers import original_headers, record_history, text
from headrace.streams.errors import PermanentError, StageError
from headrace.streams.routing.event_format import to_eventbridge_event
from headrace.streams.routing.input_transformer import transform
from headrace.streams.routing.rule import Rule, RuleRetryPolicy
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class OutgoingDelivery:
    """What is handed to a target. `id` is the same on every attempt, `key` orders what belongs together."""

    id: str
    key: str
    body: str
    detail_type: str
    source: str
    rule: str


SendDelivery = Callable[[OutgoingDelivery], Awaitable[None]]
"""Hands something to a target, and returns when that has it. Raises a `Failure`."""


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule with what reaches its target; None where that is a topic."""

    rule: Rule
    send: SendDelivery | None


Current = Callable[[], ActiveRule | None]
"""Gives a rule as it is now; None when it is there no longer."""


def rule_stage(rule: Rule, send: SendDelivery | None) -> Stage:
    """Build the stage of a rule; `send` reaches its target, None where that is a topic."""
    in_force = ActiveRule(rule, send)
    return reloadable_rule_stage(rule, lambda: in_force)


def reloadable_rule_stage(rule: Rule, current: Current, clock: Callable[[], float] = time.time) -> Stage:
    """Build the stage of a rule that may become another while it runs; what it reads stays."""

    async def route(
        received: ConsumerRecord, record: Event, envelope: EventMetadata
    ) -> tuple[ProducerRecord, ...] | None:
        now = current()
        if now is None or not now.rule.enabled:
            return None
        event = to_eventbridge_event(received, record, envelope)
        if not now.rule.matcher.matches(event):
            return None
        if now.send is None:
            return (_forwarded(received, envelope, now.rule),)
        event["headrace"]["rule"] = {"name": now.rule.name, "version": now.rule.version}
        try:
            await now.send(_outgoing(event, received, envelope, now.rule))
        except StageError as failure:
            raise _in_time(failure, received, now.rule.retry, clock()) from failure
        return ()

    known = {topic.name: topic for topic in topics.SHARED}
    reads = tuple(known.get(name) or Topic(name, "") for name in rule.reads)
    return Stage(rule.stage_name, reads=reads, route=route, ordered=rule.ordered, max_attempts=rule.retry.attempts)


def _in_time(failure: StageError, received: ConsumerRecord, policy: RuleRetryPolicy, now: float) -> StageError:
    """Give the failure itself, or say that it is too late for another try."""
    age = now - record_history(received).timestamp
    if isinstance(failure, PermanentError) or not policy.within_seconds or age < policy.within_seconds:
        return failure
    return PermanentError("expired", f"not delivered within {policy.within_seconds:g} s: {failure.why}")


def _outgoing(
    event: Mapping[str, Any], received: ConsumerRecord, envelope: EventMetadata, rule: Rule
) -> OutgoingDelivery:
    return OutgoingDelivery(
        id=derived_id(envelope.id, rule.stage_name, 1),
        key=(received.key or b"").decode(errors="replace"),
        body=transform(rule.target.input, event, rule.name),
        detail_type=str(event.get("detail-type", "")),
        source=str(event.get("source", "")),
        rule=rule.name,
    )


def _forwarded(received: ConsumerRecord, envelope: EventMetadata, rule: Rule) -> ProducerRecord:
    """Pass a record on as it came. Its id stays: whoever knows it knows it again."""
    marks = (text("rule", rule.name), text("rule-version", rule.version))
    headers = (*original_headers(received.headers), *marks)
    return ProducerRecord(rule.target.address, received.key, received.value, headers)
