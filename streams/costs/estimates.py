"""Estimate the cost of a stage for a record from its paid operations and the price table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.streams.costs.prices import DECIMALS, PriceList, billed_minutes, operation_of
from headrace.streams.media.sampling import most_frames
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import Stage

CHARACTERS_PER_WORD = 6
CHARACTERS_PER_COMPREHEND_UNIT = 100
TOKENS_PER_WORD = 1.4
OUTPUT_TOKEN_SHARE = 0.1

# Amazon Nova User Guide, "Image understanding" and "Video understanding": tokens of the largest picture, and one frame
# a second up to 960 frames.
TOKENS_PER_PICTURE = 2_600
TOKENS_PER_FRAME = 288
MOST_FRAMES = 960
TOKENS_PER_QUESTION = 400
TOKENS_PER_DESCRIPTION = 600


def estimate(stage: Stage, record: Any, prices: PriceList) -> float | None:
    """Return US dollars for one record: 0 if nothing is billed, None if the record does not determine the amount."""
    priced: list[float] = []
    for service, method in billed_calls(stage, record):
        if method == "converse":
            priced += _tokens_priced(service, record, prices)
        for name in _operations(method, stage.priced_features):
            price = prices.price_of(service, f"{name} {_modality(record)}") or prices.price_of(service, name)
            if price is None:
                continue
            amount = units(price.unit, record, service)
            if amount is None:
                return None
            priced.append(amount * price.usd * texts_sent(method, record))
    return round(sum(priced), DECIMALS) if priced or not stage.paid_operations else None


def billed_calls(stage: Stage, record: Any) -> list[tuple[str, str]]:
    """Return the service and the SDK method of each call that a stage makes for a record.

    A stage with a job for some records and a call for others makes the calls of one of both.
    """
    job = stage.job
    calls = [(service, method) for service, _, method in (call.partition(".") for call in stage.paid_operations)]
    if job is None or job.otherwise is None:
        return calls
    starts_a_job = record_predicate(job.when)(record)
    return [(service, method) for service, method in calls if _is_job(method) == starts_a_job]


def texts_sent(method: str, record: Any) -> int:
    """Return how many texts of a record an SDK method is called for: subtitles are translated beside the transcript."""
    return 2 if method == "translate_text" and getattr(record, "subtitles", None) else 1


def units(unit: str, record: Any, service: str = "") -> float | None:
    """Return the number of billing units of a record at a service; None if it does not determine them."""
    match unit:
        case "image" if getattr(record, "kind", "") != "video":
            return 1.0
        case "image":  # sampled frames, at most
            return None if record.duration_seconds is None else most_frames(record.duration_seconds)
        case "minute":
            seconds: float | None = getattr(record, "duration_seconds", None)
            return None if seconds is None else billed_minutes(service, seconds)
        case "unit" | "character":
            words: int | None = getattr(record, "words", None)
            if words is None:
                return None
            characters = words * CHARACTERS_PER_WORD
            return max(3.0, characters / CHARACTERS_PER_COMPREHEND_UNIT) if unit == "unit" else float(characters)
        case "page" if getattr(record, "kind", "") == "image":
            return 1.0
        case "1000 tokens" if (tokens := _tokens(record)) is not None:
            return tokens[0] / 1000
    return None


def _tokens_priced(service: str, record: Any, prices: PriceList) -> list[float]:
    """Return the cost of the expected input and output tokens; empty if the record does not determine their number."""
    tokens = _tokens(record)
    input_price, output_price = (prices.price_of(service, f"Converse {direction}") for direction in ("input", "output"))
    if tokens is None or input_price is None or output_price is None:
        return []
    return [tokens[0] * input_price.usd / 1000, tokens[1] * output_price.usd / 1000]


def _tokens(record: Any) -> tuple[float, float] | None:
    """Return the expected numbers of input and output tokens of a text, a picture or a video."""
    words: int | None = getattr(record, "words", None)
    if words is not None:
        return words * TOKENS_PER_WORD, words * TOKENS_PER_WORD * OUTPUT_TOKEN_SHARE
    if getattr(record, "kind", "") == "image":
        return TOKENS_PER_PICTURE + TOKENS_PER_QUESTION, TOKENS_PER_DESCRIPTION
    seconds: float | None = getattr(record, "duration_seconds", None)
    if seconds is None:
        return None
    frames = min(max(seconds, 1.0), MOST_FRAMES)
    return frames * TOKENS_PER_FRAME + TOKENS_PER_QUESTION, TOKENS_PER_DESCRIPTION


def _operations(method: str, features: Sequence[str]) -> list[str]:
    """Return the price table entries of a call: its operation, or its operation with each priced feature."""
    name = operation_of(method)
    return [f"{name} {feature}".rstrip() for feature in features] or [name]


def _modality(record: Any) -> str:
    """Return the kind of media of a record, by which some operations have prices of their own."""
    kind = getattr(record, "kind", "video")  # a record without a kind is the proxy of a video
    return "document" if kind == "other" else str(kind)


def _is_job(method: str) -> bool:
    return method.startswith(("start_", "get_")) or method == "create_job"
