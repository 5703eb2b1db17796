"""Run a rule as a stage with its own consumer group, retry topic and dead-letter topic."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.schemas import topics
from headrace.schemas.cloudevents import EventMetadata
from headrace.schemas.delivery import Delivery
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import ConsumerRecord, ProducerRecord
from headrace.schemas.records import Event
from headrace.schemas.topics import Topic
from headrace.streams.engine.headers import original_headers, record_history, text, timestamp_ms
from headrace.streams.errors import PermanentError, ShadowMatch, StageError
from headrace.streams.handlers import Router, RouteTarget
from headrace.streams.retry_policy import RetryPolicy
from headrace.streams.routing.event_format import to_eventbridge_event
from headrace.streams.routing.input_transformer import InvalidPayloadError, RuleContext, transform
from headrace.streams.routing.rule import Rule, RuleRetryPolicy
from headrace.streams.stage import Stage

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SendDelivery = Callable[[Delivery], Awaitable[None]]
"""Sends a delivery and returns when the target has acknowledged it. Raises `StageError`."""


@dataclass(frozen=True, slots=True)
class ActiveRule:
    """A rule with the function that sends to its target; None if the target is a topic."""

    rule: Rule
    send: SendDelivery | None


Current = Callable[[], ActiveRule | None]
"""Returns the current version of a rule; None if the rule was removed."""


def rule_stage(rule: Rule, send: SendDelivery | None) -> Stage:
    """Build the stage of a rule; `send` delivers to its target and is None if the target is a topic."""
    active = ActiveRule(rule, send)
    return reloadable_rule_stage(rule, lambda: active)


def reloadable_rule_stage(rule: Rule, current: Current, clock: Callable[[], float] = time.time) -> Stage:
    """Build the stage of a rule that may change while it runs, except for the topics it reads."""

    async def route(
        received: ConsumerRecord, record: Event, envelope: EventMetadata
    ) -> tuple[ProducerRecord, ...] | None:
        active = current()
        if active is None or not active.rule.enabled:
            return None
        event = to_eventbridge_event(received, record, envelope)
        if not active.rule.matcher.matches(event):
            return None
        if active.rule.shadow:
            raise ShadowMatch
        if active.send is None:
            return (_forwarded(received, envelope, active.rule),)
        try:
            await active.send(build_delivery(event, received, envelope, active.rule))
        except StageError as failure:
            raise _expired_or(failure, received, active.rule.retry, clock()) from failure
        return ()

    known = {topic.name: topic for topic in topics.SHARED}
    reads = tuple(known.get(name) or Topic(name, "") for name in rule.reads)
    return Stage(
        rule.stage_name,
        reads=reads,
        handler=Router(route, RouteTarget(rule.target.kind, rule.target.address, rule.shadow)),
        ordered=rule.ordered,
        retry_policy=RetryPolicy(rule.retry.attempts),
    )


def _expired_or(failure: StageError, received: ConsumerRecord, policy: RuleRetryPolicy, now: float) -> StageError:
    """Return the failure, or a permanent one if the event is older than the retry policy allows."""
    age = now - record_history(received).timestamp
    if isinstance(failure, PermanentError) or not policy.within_seconds or age < policy.within_seconds:
        return failure
    return PermanentError("expired", f"not delivered within {policy.within_seconds:g} s: {failure.why}")


def build_delivery(event: Mapping[str, Any], received: ConsumerRecord, envelope: EventMetadata, rule: Rule) -> Delivery:
    """Build the delivery of an event. Raises `PermanentError` for an event that the template cannot take."""
    event = {**event, "headrace": {**event["headrace"], "rule": {"name": rule.name, "version": rule.version}}}
    context = RuleContext(rule.name, rule_arn(rule, event), _ingestion_time(received))
    try:
        body = transform(rule.target.input, event, context)
    except InvalidPayloadError as error:
        raise PermanentError("invalid_payload", f"[target.input] of rule {rule.name}: {error}") from error
    return Delivery(
        id=derived_id(envelope.id, rule.stage_name, 1),
        key=(received.key or b"").decode(errors="replace"),
        body=body,
        detail_type=str(event.get("detail-type", "")),
        source=str(event.get("source", "")),
    )


def rule_arn(rule: Rule, event: Mapping[str, Any]) -> str:
    """Return the ARN that `<aws.events.rule-arn>` inserts, in the region and account of the target or the event."""
    parts = rule.target.address.split(":")
    is_arn = parts[0] == "arn" and len(parts) >= 6
    partition, region, account = (parts[1], parts[3], parts[4]) if is_arn else ("aws", "", "")
    region, account = (own or str(event.get(name) or "") for own, name in ((region, "region"), (account, "account")))
    return f"arn:{partition}:events:{region}:{account}:rule/{rule.name}"


def _ingestion_time(received: ConsumerRecord) -> str:
    """Return when the broker received a record for the first time, in seconds and UTC."""
    milliseconds = timestamp_ms(record_history(received).timestamp)
    return f"{(EPOCH + timedelta(milliseconds=milliseconds)).isoformat(timespec='seconds')[:19]}Z"


def _forwarded(received: ConsumerRecord, envelope: EventMetadata, rule: Rule) -> ProducerRecord:
    """Copy a record unchanged, with the same event id, so that consumers can deduplicate it."""
    rule_headers = (text("rule", rule.name), text("rule-version", rule.version))
    headers = (*original_headers(received.headers), *rule_headers)
    return ProducerRecord(rule.target.address, received.key, received.value, headers)
