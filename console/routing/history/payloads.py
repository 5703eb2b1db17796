"""The events and payloads of records, as a rule sees and sends them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from headrace.console.routing.history.pairs import RulePair
from headrace.schemas.cloudevents import InvalidEventError, from_headers
from headrace.schemas.messages import ConsumerRecord
from headrace.schemas.serde.codec import Codec, DecodeError
from headrace.streams.errors import PermanentError
from headrace.streams.routing.event_format import to_eventbridge_event
from headrace.streams.routing.rule import TOPIC, Rule
from headrace.streams.routing.rule_stage import build_delivery

UNCHANGED = "the record, unchanged"


def event_of(record: ConsumerRecord, codec: Codec) -> dict[str, Any] | None:
    """Return the event that rules match; None for an undecodable record."""
    try:
        return to_eventbridge_event(record, codec.decode_or_fetch(record.value), from_headers(record.headers))
    except (DecodeError, InvalidEventError):
        return None


def payload(rule: Rule, record: ConsumerRecord, event: Mapping[str, Any]) -> str:
    """Return what a rule sends for an event, or why it cannot send it."""
    if rule.target.kind == TOPIC:
        return UNCHANGED
    try:
        return build_delivery(event, record, from_headers(record.headers), rule).body
    except PermanentError as error:
        return f"invalid payload: {error.why}"


def payloads(pair: RulePair, record: ConsumerRecord, event: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the payloads of the active and of the candidate rule; None where there is no such rule.

    The names and versions of the rules, which payloads can contain, are those of the candidate.
    """
    version = pair.candidate.version if pair.candidate else ""
    rules = (replace(rule, name=pair.name, version=version) if rule else None for rule in (pair.active, pair.candidate))
    before, after = (payload(rule, record, event) if rule else None for rule in rules)
    return before, after
