"""The sink kinds by name. A kind is imported on first use.

A new kind is a file with `SINK = SinkKind(...)` and one line in `BUILT_IN`. Other packages register theirs under the
entry-point group `headrace.sinks`.
"""

from __future__ import annotations

from functools import cache
from importlib.metadata import EntryPoint, entry_points

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind, SinkSettings

GROUP = "headrace.sinks"

BUILT_IN = {
    "sns": "headrace.connectors.sinks.sns:SINK",
    "sqs": "headrace.connectors.sinks.sqs:SINK",
    "eventbridge": "headrace.connectors.sinks.eventbridge:SINK",
    "lambda": "headrace.connectors.sinks.aws_lambda:SINK",
    "http": "headrace.connectors.sinks.http:SINK",
}


def sink_names() -> tuple[str, ...]:
    """Return the names of all sink kinds, the built-in ones first. Imports none of them."""
    return tuple(_registered())


def sink_kind(name: str) -> SinkKind:
    """Import a sink kind.

    Raises:
        InvalidTargetError: There is no such kind, or its entry point leads to something else.
    """
    point = _registered().get(name)
    if point is None:
        raise InvalidTargetError(f"{name}: unknown sink; known: {', '.join(sink_names())}")
    kind = point.load()
    if not isinstance(kind, SinkKind) or kind.name != name:
        raise InvalidTargetError(f"{point.value}: not a SinkKind named {name!r} (entry point of {GROUP})")
    return kind


def sink_of_arn(arn: str) -> SinkKind | None:
    """Return the sink kind that delivers to an ARN, None if there is none."""
    service = arn.split(":")[2] if arn.count(":") >= 5 else ""
    kinds = map(sink_kind, sink_names()) if service else ()
    return next((kind for kind in kinds if kind.arn_service == service), None)


def create_sink(kind: str, address: str, settings: SinkSettings, aws: AwsSession) -> Sink:
    """Open the sink for a target. Makes no call.

    Raises:
        InvalidTargetError: The kind, the address or a setting cannot be used.
    """
    return sink_kind(kind).create(address, settings, aws)


@cache
def _registered() -> dict[str, EntryPoint]:
    built_in = {name: EntryPoint(name, value, GROUP) for name, value in BUILT_IN.items()}
    return {**built_in, **{point.name: point for point in entry_points(group=GROUP) if point.name not in built_in}}
