"""AWS as a trial calls it: nothing is paid for and nothing started. What a service answered before, it answers again.

The whole answer of a service lies beside the result that was made of it. Reads of S3 and of jobs that are there cost
nothing and are made. Every other call is refused, and its record ends as a dead letter of the trial.
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

REFUSED = "would_be_paid"
"""The code of the letters of records that need a call that was refused."""

_FREE = ("get_", "list_", "put_object")


@dataclass(slots=True)
class RecordedAnswers:
    """What the service answered for one record: the whole answer, and how often it was asked for again."""

    answer: Any = None
    asked: int = field(default=0)


_MEMORY: ContextVar[RecordedAnswers] = ContextVar("memory")


@contextmanager
def remembering(answer: bytes | None) -> Iterator[None]:
    """Within the block, calls are answered from this: the JSON that lies beside a stage's result, if there is one."""
    try:
        known = json.loads(answer) if answer else None
    except ValueError:
        known = None
    token = _MEMORY.set(RecordedAnswers(known))
    try:
        yield
    finally:
        _MEMORY.reset(token)


class RecordedAws(AwsClient):
    """Answers from memory; raises `Unprocessable` for what would be paid or started."""

    def __init__(self, threads: int) -> None:
        super().__init__(threads, RateLimits({}, {}))

    async def call(self, service: str, operation: str, **parameters: Any) -> dict[str, Any]:
        """Answer one operation as the service did, or look where looking is free."""
        memory = _MEMORY.get(RecordedAnswers())
        shape = None if service == "s3" else _shape(operation)
        if shape is not None and memory.answer is not None:
            try:
                answer = shape(memory.answer, memory.asked)
            except (LookupError, TypeError):
                answer = None
            if answer is not None:
                memory.asked += 1
                return answer
        if operation.startswith(_FREE):
            return await super().call(service, operation, **parameters)
        raise PermanentError(REFUSED, f"a trial does not call {service} {operation}, and has no answer of it")


RecordedShape = Callable[[Any, int], dict[str, Any] | None]


def _shape(operation: str) -> RecordedShape | None:
    """Say how the kept answer becomes the service's own again: the kept form is that of `streams.<service>`."""
    if operation in ("detect_document_text", "get_document_text_detection"):
        return _pages
    if operation == "detect_sentiment":
        return _mood
    if operation == "detect_dominant_language":
        return lambda answer, asked: {"Languages": answer} if not asked else None
    is_vision = operation.endswith(("_detection", "_recognition", "_moderation")) and operation.startswith("get_")
    if is_vision or operation in _IMAGES:
        return _whole
    return None


_IMAGES = ("detect_labels", "detect_moderation_labels", "detect_faces", "detect_text", "recognize_celebrities")


def _whole(answer: Any, asked: int) -> dict[str, Any] | None:
    return dict(answer) if not asked else None


def _pages(answer: Any, asked: int) -> dict[str, Any] | None:
    return None if asked else {"DocumentMetadata": {"Pages": answer["Pages"]}, "Blocks": answer["Blocks"]}


def _mood(answer: Any, asked: int) -> dict[str, Any] | None:
    part = answer[asked]
    return {"Sentiment": part["sentiment"], "SentimentScore": part["scores"]}
