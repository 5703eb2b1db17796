"""A rule as a stage: its own consumer group, retry topic and dead-letter topic, on the runner of all stages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from schemas import topics
from schemas.envelope import Envelope
from schemas.identity import derived_id
from schemas.message import Message, Received
from schemas.records import Event
from schemas.topics import Topic
from streams.origin import own_headers, text
from streams.routing.form import event_of
from streams.routing.rule import Rule
from streams.routing.transform import transformed
from streams.stage import Stage


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


def rule_stage(rule: Rule, send: Send | None) -> Stage:
    """Build the stage of a rule; `send` reaches its target, None where that is a topic."""

    async def route(received: Received, record: Event, envelope: Envelope) -> tuple[Message, ...] | None:
        event = event_of(received, record, envelope)
        if not rule.matcher.matches(event):
            return None
        if send is None:
            return (_forwarded(received, envelope, rule),)
        await send(_outgoing(event, received, envelope, rule))
        return ()

    known = {topic.name: topic for topic in topics.SHARED}
    reads = tuple(known.get(name) or Topic(name, "") for name in rule.reads)
    return Stage(rule.stage_name, reads=reads, route=route, ordered=rule.ordered)


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
    headers = (*own_headers(received.headers), text("rule", rule.name))
    return Message(rule.target.address, received.key, received.value, headers)
