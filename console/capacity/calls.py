"""The calls of AI services that a stage makes for a record. Pure."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from headrace.console.pipeline.fan_out import StageDelivery
from headrace.streams.costs.estimates import CHARACTERS_PER_WORD, billed_calls, texts_sent
from headrace.streams.costs.prices import operation_of
from headrace.streams.limits.service_inputs import text_rule
from headrace.streams.media.sampling import most_frames
from headrace.streams.stage import Stage

ONCE_PER_WORKER = frozenset({"create_collection", "describe_project_versions"})
WORDS_PER_PASSAGE = 15
"""A passage that is embedded is a sentence."""
FRAMES = frozenset(
    {"detect_labels", "detect_moderation_labels", "detect_faces", "detect_text", "recognize_celebrities"}
    | {"detect_custom_labels"}
)
"""Operations that a stage which samples a video calls once for each frame."""


def ai_calls(delivery: StageDelivery) -> Counter[str]:
    """Return the number of calls by service and SDK method, such as `rekognition.detect_labels`.

    The answer of a job is taken to have one page.
    """
    found: Counter[str] = Counter()
    for service, method in billed_calls(delivery.stage, delivery.record):
        if method not in ONCE_PER_WORKER:
            found[f"{service}.{method}"] += _count(service, method, delivery)
    return found


def sampled_frames(stage: Stage, record: Any) -> int:
    """Return the largest number of frames that a stage samples of a file; 0 if it sends the file itself."""
    seconds = getattr(record, "duration_seconds", None)
    if getattr(record, "kind", "") != "video" or seconds is None or "ffmpeg" not in stage.programs:
        return 0
    samples = any(method in FRAMES for _, method in billed_calls(stage, record))
    return most_frames(seconds) if samples else 0


def _count(service: str, method: str, delivery: StageDelivery) -> int:
    words = getattr(delivery.record, "words", None)
    if words is not None and not delivery.is_job:
        return texts_sent(method, delivery.record) * _parts(service, method, words)
    if method in FRAMES and (frames := sampled_frames(delivery.stage, delivery.record)):
        return frames
    return 1


def _parts(service: str, method: str, words: int) -> int:
    """Return into how many calls a text is divided."""
    if method == "invoke_model":
        return max(1, math.ceil(words / WORDS_PER_PASSAGE))
    try:
        largest = text_rule(service, operation_of(method)).max_bytes
    except KeyError:
        return 1
    return max(1, math.ceil(words * CHARACTERS_PER_WORD / largest)) if largest else 1
