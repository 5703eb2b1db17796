"""Rules with their targets: the one place that knows both the stages and the sinks."""

from __future__ import annotations

from connectors.sinks.delivery import BadTarget, Delivery, NotDelivered, Sink
from schemas.settings import load
from streams.failures import Failure, NotYet, Outage, Throttled, Transient, Unprocessable
from streams.routing.rule import BadRule, Rule, read_folder
from streams.routing.stage import Outgoing, Send, rule_stage
from streams.settings import PipelineSettings
from streams.stage import Stage


def rules(folder: str | None = None) -> tuple[Rule, ...]:
    """Read the rules of a folder, or of the one that is set; none without one. Raises `BadRule`."""
    folder = load(PipelineSettings).rules if folder is None else folder
    return read_folder(folder) if folder else ()


def rule_stages() -> tuple[Stage, ...]:
    """Give a stage for each rule that is enabled. Raises `BadRule`."""
    return tuple(stage_of(rule) for rule in rules() if rule.enabled)


def stage_of(rule: Rule) -> Stage:
    """Build the stage of a rule with what reaches its target. Raises `BadRule` for a target that cannot be used."""
    if rule.target.kind == "topic":
        return rule_stage(rule, None)
    from connectors.sinks.open import open_sink

    try:
        sink = open_sink(rule.target.kind, rule.target.address, rule.target.settings)
    except BadTarget as error:
        raise BadRule(f"{rule.name}: [target] {error}") from error
    return rule_stage(rule, sending(sink))


def sending(sink: Sink) -> Send:
    """Let a sink's failures be those of a stage."""

    async def send(outgoing: Outgoing) -> None:
        delivery = Delivery(outgoing.id, outgoing.key, outgoing.body, outgoing.detail_type, outgoing.source)
        try:
            await sink(delivery)
        except NotDelivered as failure:
            raise _failure(failure) from failure

    return send


def _failure(failure: NotDelivered) -> Failure:
    why = str(failure)
    match failure.kind:
        case "outage":
            return Outage(why)
        case "throttled":
            return NotYet(why, failure.after) if failure.after else Throttled(why, failure.code)
        case "transient":
            return Transient(why, failure.code)
    return Unprocessable(failure.code, why)
