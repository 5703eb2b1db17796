"""AWS client of a shadow run: replays recorded responses, and makes no billed call.

The response of a service is stored beside the result. Reads of S3 and of existing jobs are free and are made. Every
other call is refused, and its record becomes a dead letter of the shadow run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from headrace.streams.aws.client import AwsClient
from headrace.streams.errors import PermanentError
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.text_features import TEXT_FEATURES
from headrace.streams.vision_features import VISION_FEATURES

REFUSED = "would_be_paid"
"""Error code of records that need a refused call."""

_FREE = ("get_", "list_", "put_object")


@dataclass(slots=True)
class RecordedAnswers:
    """The recorded response for one record, and how many calls it has served."""

    answer: Any = None
    calls: int = field(default=0)


_RECORDED: ContextVar[RecordedAnswers] = ContextVar("recorded")


@contextmanager
def recorded_answer(answer: bytes | None) -> Iterator[None]:
    """Serve calls within the block from `answer`, the JSON stored beside a stage's result; None if there is none."""
    try:
        parsed = json.loads(answer) if answer else None
    except ValueError:
        parsed = None
    token = _RECORDED.set(RecordedAnswers(parsed))
    try:
        yield
    finally:
        _RECORDED.reset(token)


class RecordedAws(AwsClient):
    """Serves recorded responses; raises `PermanentError` for billed calls and job starts."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, RateLimits({}, {}))

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Return the recorded response, or make the call if it is free."""
        recorded = _RECORDED.get(RecordedAnswers())
        shape = None if service == "s3" else _shape(operation)
        if shape is not None and recorded.answer is not None:
            try:
                answer = shape(recorded.answer, recorded.calls)
            except (LookupError, TypeError):
                answer = None
            if answer is not None:
                recorded.calls += 1
                return answer
        if operation.startswith(_FREE):
            return await super().call(service, operation, **parameters)
        raise PermanentError(
            REFUSED, f"a shadow run makes no billed calls, and has no recorded response of {service} {operation}"
        )


RecordedShape = Callable[[Any, int], dict[str, Any] | None]


def _shape(operation: str) -> RecordedShape | None:
    """Return how to rebuild an operation's response from the form in which `streams.aws` stores it."""
    if operation in ("detect_document_text", "get_document_text_detection"):
        return _pages
    if operation == TEXT_FEATURES["sentiment"].method:
        return _sentiment
    if operation == TEXT_FEATURES["language"].method:
        return lambda answer, calls: {TEXT_FEATURES["language"].field: answer} if not calls else None
    if operation == "index_faces":
        return _whole
    if operation == "search_faces":
        return lambda answer, calls: answer["Searches"][calls - 1]
    if operation == "search_faces_by_image":
        return lambda answer, calls: dict(answer) if not calls and "SearchedFaceBoundingBox" in answer else None
    if operation == "get_face_search":
        return _finished
    if any(operation == feature.image for feature in VISION_FEATURES.values()):
        return _whole
    if any(operation == feature.get for feature in VISION_FEATURES.values()):
        return _finished
    return None


_SUCCEEDED = {"JobStatus": "SUCCEEDED"}
"""Only results of successful jobs are stored, without their status."""


def _whole(answer: Any, calls: int) -> dict[str, Any] | None:
    return dict(answer) if not calls else None


def _finished(answer: Any, calls: int) -> dict[str, Any] | None:
    return {**_SUCCEEDED, **answer} if not calls else None


def _pages(answer: Any, calls: int) -> dict[str, Any] | None:
    if calls:
        return None
    response = {**_SUCCEEDED, "DocumentMetadata": {"Pages": answer["Pages"]}, "Blocks": answer["Blocks"]}
    if missing := answer.get("MissingPages"):
        response |= {"JobStatus": "PARTIAL_SUCCESS", "Warnings": [{"Pages": missing}]}
    return response


def _sentiment(answer: Any, calls: int) -> dict[str, Any] | None:
    part = answer[calls]
    return {"Sentiment": part["sentiment"], "SentimentScore": part["scores"]}
