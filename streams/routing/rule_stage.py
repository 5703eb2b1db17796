"""A rule as a stage: its own consumer group, retry topic and dead-letter topic, on the runner of all stages."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.schemas import topics
from headrace.schemas.cloudevents import Envelope
from headrace.schemas.ids import derived_id
from headrace.schemas.messages import Message, Received
from headrace.schemas.records import Event
from headrace.schemas.topics import Topic
from headrace.streams.engine.headers import origin_of, own_headers, text
from headrace.streams.errors import Failure, Unprocessable
from headrace.streams.routing.event_format import event_of
from headrace.streams.routing.input_transformer import transformed
from headrace.streams.routing.rule import RetryPolicy, Rule
from headrace.streams.stage import Stage


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What is handed to a target. `id` is the same on every attempt, `key` orders what belongs together."""

    id: str
    key: str
    body: str
    detail_type: str
    source: str
    rule: str


Send = Callable[[Outgoing], Awaitable[None]]
"""Hands something to a target, and returns when that has it. Raises a `Failure`."""


@dataclass(frozen=True, slots=True)
class InForce:
    """A rule with what reaches its target; None where that is a topic."""

    rule: Rule
    send: Send | None


Current = Callable[[], InForce | None]
"""Gives a rule as it is now; None when it is there no longer."""


def rule_stage(rule: Rule, send: Send | None) -> Stage:
    """Build the stage of a rule; `send` reaches its target, None where that is a topic."""
    in_force = InForce(rule, send)
    return live_stage(rule, lambda: in_force)


def live_stage(rule: Rule, current: Current, clock: Callable[[], float] = time.time) -> Stage:
    """Build the stage of a rule that may become another while it runs; what it reads stays."""

    async def route(received: Received, record: Event, envelope: Envelope) -> tuple[Message, ...] | None:
        now = current()
        if now is None or not now.rule.enabled:
            return None
        event = event_of(received, record, envelope)
        if not now.rule.matcher.matches(event):
            return None
        if now.send is None:
            return (_forwarded(received, envelope, now.rule),)
        event["headrace"]["rule"] = {"name": now.rule.name, "version": now.rule.version}
        try:
            await now.send(_outgoing(event, received, envelope, now.rule))
        except Failure as failure:
            raise _in_time(failure, received, now.rule.retry, clock()) from failure
        return ()

    known = {topic.name: topic for topic in topics.SHARED}
    reads = tuple(known.get(name) or Topic(name, "") for name in rule.reads)
    return Stage(rule.stage_name, reads=reads, route=route, ordered=rule.ordered, max_attempts=rule.retry.attempts)


def _in_time(failure: Failure, received: Received, policy: RetryPolicy, now: float) -> Failure:
    """Give the failure itself, or say that it is too late for another try."""
    age = now - origin_of(received).timestamp
    if isinstance(failure, Unprocessable) or not policy.within_seconds or age < policy.within_seconds:
        return failure
    return Unprocessable("expired", f"not delivered within {policy.within_seconds:g} s: {failure.why}")


def _outgoing(event: Mapping[str, Any], received: Received, envelope: Envelope, rule: Rule) -> Outgoing:
    return Outgoing(
        id=derived_id(envelope.id, rule.stage_name, 1),
        key=(received.key or b"").decode(errors="replace"),
        body=transformed(rule.target.input, event, rule.name),
        detail_type=str(event.get("detail-type", "")),
        source=str(event.get("source", "")),
        rule=rule.name,
    )


def _forwarded(received: Received, envelope: Envelope, rule: Rule) -> Message:
    """Pass a record on as it came. Its id stays: whoever knows it knows it again."""
    marks = (text("rule", rule.name), text("rule-version", rule.version))
    headers = (*own_headers(received.headers), *marks)
    return Message(rule.target.address, received.key, received.value, headers)
