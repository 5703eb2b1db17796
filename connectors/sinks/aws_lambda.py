"""Invoke a Lambda function, asynchronously or waiting for its result.

Source: AWS Lambda API Reference, Invoke.
"""

from __future__ import annotations

import asyncio

from headrace.connectors.aws import client
from headrace.connectors.sinks.base import InvalidTargetError, Sink, SinkKind, SinkSettings, error_from_aws_code
from headrace.schemas.delivery import Delivery, DeliveryError

MOST_BYTES = {"Event": 256 * 1024, "RequestResponse": 6 * 1024 * 1024}
LONGEST = 300


def lambda_sink(name: str, settings: SinkSettings) -> Sink:
    """Invoke a function, by its name or ARN. With `wait = true` an error of the function fails the delivery."""
    wait = settings.get("wait", False)
    if not isinstance(wait, bool):
        raise InvalidTargetError(f"wait = true or false, not {wait!r}")
    kind = "RequestResponse" if wait else "Event"
    region = name.split(":")[3] if name.startswith("arn:") and name.count(":") >= 6 else ""

    def invoke(delivery: Delivery) -> None:
        try:
            answer = client.call_once(
                "lambda",
                "invoke",
                region,
                FunctionName=name,
                InvocationType=kind,
                Payload=delivery.body.encode(),
            )
        except client.AwsCallError as error:
            raise error_from_aws_code(error.code, str(error)) from error
        if "FunctionError" in answer:
            details = answer["Payload"].read()[:LONGEST].decode(errors="replace")
            raise DeliveryError("transient", "function_error", f"{answer['FunctionError']}: {details}")

    async def deliver(delivery: Delivery) -> None:
        size = len(delivery.body.encode())
        if size > MOST_BYTES[kind]:
            raise DeliveryError(
                "permanent", "too_large", f"{size:,} bytes, and Lambda takes at most {MOST_BYTES[kind]:,}"
            )
        await asyncio.to_thread(invoke, delivery)

    return deliver


SINK = SinkKind("lambda", lambda_sink, arn_service="lambda")
