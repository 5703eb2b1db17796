"""Checks that AWS makes and MiniStack does not, with the errors recorded on AWS.

The recordings are in `tests/data/aws-recordings`: `sqs.json` and `events.json`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headrace.schemas.aws_limits import BATCH_ENTRIES
from headrace.schemas.parsing import InvalidValueError, parse_json

Parameters = Mapping[str, Any]

MAX_EVENTS_BYTES = 2**20
REQUIRED = ("Source", "DetailType", "Detail")
"""The members that an entry of PutEvents needs."""

_DEDUPLICATION_ID = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True)
class Rejection:
    """An error response. `query_code` is the code of the query protocol, which the SDK reports for SQS."""

    code: str
    message: str
    query_code: str = ""


def rejection(target: str, parameters: Parameters) -> Rejection | None:
    """Return the error of AWS for a request with a header `X-Amz-Target`; None if MiniStack decides."""
    check = _CHECKS.get(target)
    return check(parameters) if check else None


def entry_errors(parameters: Parameters) -> dict[int, Rejection]:
    """Return the error of each invalid entry of PutEvents, by its position."""
    found = {}
    for number, entry in enumerate(_entries(parameters)):
        missing = next((name for name in REQUIRED if not entry.get(name)), None)
        if missing:
            reason = f"Parameter {missing} is not valid. Reason: {missing} is a required argument."
            found[number] = Rejection("InvalidArgument", reason)
        elif not _is_object(str(entry["Detail"])):
            found[number] = Rejection("MalformedDetail", "Detail is malformed.")
    return found


def _too_many_entries(parameters: Parameters) -> Rejection | None:
    count = len(_entries(parameters))
    if count <= BATCH_ENTRIES:
        return None
    name = "TooManyEntriesInBatchRequest"
    message = f"Maximum number of entries per request are {BATCH_ENTRIES}. You have sent {count}."
    return Rejection(name, message, f"AWS.SimpleQueueService.{name}")


def _send_batch(parameters: Parameters) -> Rejection | None:
    if too_many := _too_many_entries(parameters):
        return too_many
    is_fifo = str(parameters.get("QueueUrl", "")).endswith(".fifo")
    if is_fifo and not all(entry.get("MessageGroupId") for entry in _entries(parameters)):
        return _invalid("The request must contain the parameter MessageGroupId.")
    return None


def _send(parameters: Parameters) -> Rejection | None:
    if not parameters.get("MessageBody"):
        message = "The request must contain the parameter MessageBody."
        return Rejection("MissingRequiredParameterException", message, "MissingParameter")
    given = parameters.get("MessageDeduplicationId")
    if given is None or _DEDUPLICATION_ID.fullmatch(str(given)):
        return None
    return _invalid(
        f"Value {given} for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId can only "
        "include alphanumeric and punctuation characters. 1 to 128 in length."
    )


def _receive(parameters: Parameters) -> Rejection | None:
    most, wait = _number(parameters, "MaxNumberOfMessages", 1), _number(parameters, "WaitTimeSeconds", 0)
    if not 1 <= most <= BATCH_ENTRIES:
        return _invalid(
            f"Value {most} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
        )
    if not 0 <= wait <= 20:
        return _invalid(
            f"Value {wait} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."
        )
    return None


def _put_events(parameters: Parameters) -> Rejection | None:
    texts = (str(entry.get(name, "")) for entry in _entries(parameters) for name in REQUIRED)
    size = sum(len(text.encode()) for text in texts)
    if size <= MAX_EVENTS_BYTES:
        return None
    return Rejection("ValidationException", "Total size of the entries in the request is over the limit.")


def _entries(parameters: Parameters) -> list[dict[str, Any]]:
    """Return the entries if all are objects; MiniStack answers any others."""
    found = parameters.get("Entries")
    return found if isinstance(found, list) and all(isinstance(entry, dict) for entry in found) else []


def _number(parameters: Parameters, name: str, default: int) -> int:
    value = parameters.get(name, default)
    return value if isinstance(value, int) else default


def _invalid(message: str) -> Rejection:
    return Rejection("InvalidParameterValueException", message, "InvalidParameterValue")


def _is_object(text: str) -> bool:
    try:
        return isinstance(parse_json(text), dict)
    except InvalidValueError:
        return False


_CHECKS: Mapping[str, Callable[[Parameters], Rejection | None]] = {
    "AmazonSQS.SendMessage": _send,
    "AmazonSQS.SendMessageBatch": _send_batch,
    "AmazonSQS.DeleteMessageBatch": _too_many_entries,
    "AmazonSQS.ChangeMessageVisibilityBatch": _too_many_entries,
    "AmazonSQS.ReceiveMessage": _receive,
    "AWSEvents.PutEvents": _put_events,
}
