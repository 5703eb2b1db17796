"""The AWS operations that Headrace calls, from its source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from botocore import xform_name

from headrace.connectors.aws.aws_shapes import service_model
from headrace.streams.aws.error_codes import OPERATIONS

ROOT = Path(__file__).parents[3]
FOLDERS = ("connectors", "streams", "console")
CALL = re.compile(r'"(sns|sqs|events|lambda|s3)",\s*"([a-z0-9_]+)"')
DIRECT = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessageBatch",
    "sqs:ChangeMessageVisibilityBatch",
    "sqs:GetQueueAttributes",
    "sns:ConfirmSubscription",
)
"""Calls of the bridge and the webhook, whose clients serve one service."""


def used_operations() -> set[str]:
    """Return the operations as `service:Operation`, as in IAM."""
    found = {*_named(), *((service, call) for service, calls in OPERATIONS.items() for call in calls)}
    return {*DIRECT, *(f"{service}:{name}" for service, call in found if (name := _operation(service, call)))}


def _named() -> Iterator[tuple[str, str]]:
    """Yield the calls that the source names, and pairs of strings that are no calls."""
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*.py"):
            yield from CALL.findall(path.read_text("utf-8"))


def _operation(service: str, call: str) -> str | None:
    """Return the operation of a method of boto3."""
    names = {xform_name(name): name for name in service_model(service).operation_names}
    return names.get(call)
