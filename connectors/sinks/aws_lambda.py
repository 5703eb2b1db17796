"""Invoke a Lambda function, asynchronously or waiting for its result.

Source: AWS Lambda API Reference, Invoke.
"""

from __future__ import annotations

import asyncio

from headrace.connectors.aws.client import AwsSession
from headrace.connectors.sinks.aws_batch import call
from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind, SinkSettings
from headrace.schemas.aws_limits import LAMBDA_ASYNC_BYTES, LAMBDA_SYNC_BYTES
from headrace.schemas.delivery import Delivery, DeliveryError

MAX_BYTES = {"Event": LAMBDA_ASYNC_BYTES, "RequestResponse": LAMBDA_SYNC_BYTES}
MAX_ERROR_BYTES = 300


def lambda_sink(name: str, settings: SinkSettings, aws: AwsSession) -> Sink:
    """Invoke a function, by its name or ARN. With `wait = true` an error of the function fails the delivery."""
    wait = settings.get("wait", False)
    if not isinstance(wait, bool):
        raise InvalidTargetError(f"wait = true or false, not {wait!r}")
    kind = "RequestResponse" if wait else "Event"
    region = name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 6 else ""

    def invoke(delivery: Delivery) -> None:
        parameters = {"FunctionName": name, "InvocationType": kind, "Payload": delivery.body.encode()}
        answer = call(aws, "lambda", "invoke", region, **parameters)
        if "FunctionError" in answer:
            details = answer["Payload"].read()[:MAX_ERROR_BYTES].decode(errors="replace")
            raise DeliveryError("transient", "function_error", f"{answer['FunctionError']}: {details}")

    async def deliver(delivery: Delivery) -> None:
        size = len(delivery.body.encode())
        if size > MAX_BYTES[kind]:
            raise DeliveryError(
                "permanent", "too_large", f"{size:,} bytes, and Lambda takes at most {MAX_BYTES[kind]:,}"
            )
        await asyncio.to_thread(invoke, delivery)

    return deliver


SINK = SinkKind("lambda", lambda_sink, arn_service="lambda", action="lambda:InvokeFunction")
