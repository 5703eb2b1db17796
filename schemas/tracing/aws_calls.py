"""Count the calls of an AWS client, and record them as spans of the current one, by the events of botocore.

The name of a span has service and operation, its attributes the HTTP status and the error code. Parameters and
responses may be secret.
Source: botocore, "Event System"; OpenTelemetry Semantic Conventions, "AWS SDK".
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any, Literal

from headrace.schemas.aws_errors import kind_of
from headrace.schemas.delivery import FailureKind
from headrace.schemas.spans import Span, current_span

CallResult = Literal["ok", "unreachable"] | FailureKind
"""How a call ended: `unreachable` without a response, else by the kind of its error code."""
CallKey = tuple[str, str, CallResult]
"""Service, operation and result."""

_SPAN = "headrace_span"
_SUCCESS = range(200, 400)


class AwsCallCounts:
    """The number of AWS calls of this process. Thread-safe."""

    def __init__(self) -> None:
        self._counts: Counter[CallKey] = Counter()
        self._lock = threading.Lock()

    def add(self, key: CallKey) -> None:
        """Count one call."""
        with self._lock:
            self._counts[key] += 1

    def read(self) -> dict[CallKey, int]:
        """Return the numbers of calls so far."""
        with self._lock:
            return dict(self._counts)


CALLS = AwsCallCounts()


def observe(client: Any, counts: AwsCallCounts = CALLS) -> None:
    """Count and record the calls of a boto3 client. A retry of the SDK belongs to its call."""
    service = client.meta.service_model.service_name

    def before(model: Any, context: dict[str, Any], **_: Any) -> None:
        parent = current_span()
        if parent is not None:
            context[_SPAN] = _start(parent, str(model.service_model.service_id), model.name)

    def after(http_response: Any, parsed: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        status, code = http_response.status_code, ""
        if status not in _SUCCESS:
            code = parsed.get("Error", {}).get("Code", "") or str(status)
        counts.add((service, model.name, kind_of(code, status) if code else "ok"))
        _end(context, status, code)

    def failed(exception: Exception, context: dict[str, Any], **event: Any) -> None:
        counts.add((service, event["event_name"].rpartition(".")[2], "unreachable"))
        _end(context, 0, type(exception).__name__)

    events = client.meta.events
    events.register("before-call", before)
    events.register("after-call", after)
    events.register("after-call-error", failed)


def _start(parent: Span, service: str, operation: str) -> Span | None:
    return parent.recorder.start(f"{service}.{operation}", "client", parent.context)


def _end(context: dict[str, Any], status: int, code: str) -> None:
    span: Span | None = context.pop(_SPAN, None)
    if span is None:
        return
    if status:
        span.attributes["http.response.status_code"] = status
    if code:
        span.error = span.attributes["error.type"] = code
    span.recorder.end(span)
