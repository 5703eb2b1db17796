"""What a stage will cost for a record, before it is called: its paid operations by the table of prices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from headrace.streams.costs.prices import operation_of, price_of
from headrace.streams.rules.record_predicate import record_predicate
from headrace.streams.stage import Stage

CHARACTERS_A_WORD = 6
COMPREHEND_UNIT = 100
TOKENS_A_WORD = 1.4
WRITTEN_SHARE = 0.1


def estimate(stage: Stage, record: Any) -> float | None:
    """Give US dollars for one record; 0 where nothing is paid, None where the record does not tell the amount."""
    starts_a_job = stage.job is not None and record_predicate(stage.job.when)(record)
    priced: list[float] = []
    for call in stage.paid_operations:
        service, _, method = call.partition(".")
        if method == "converse" and (tokens := units("1000 tokens", record)):
            priced += [tokens * share for share in _per_1000_tokens(service)]
        if stage.run is not None and stage.job is not None and _is_job(method) != starts_a_job:
            continue
        for name in _operations(method, stage.priced_features):
            price = price_of(service, name)
            if price is None:
                continue
            amount = units(price.unit, record)
            if amount is None:
                return None
            priced.append(amount * price.usd)
    return round(sum(priced), 6) if priced or not stage.paid_operations else None


def units(unit: str, record: Any) -> float | None:
    """Say how many units a record comes to; None where it does not tell."""
    match unit:
        case "image":
            return 1.0
        case "minute":
            seconds: float | None = getattr(record, "duration_seconds", None)
            return None if seconds is None else seconds / 60
        case "unit" | "character":
            words: int | None = getattr(record, "words", None)
            if words is None:
                return None
            characters = words * CHARACTERS_A_WORD
            return max(3.0, characters / COMPREHEND_UNIT) if unit == "unit" else float(characters)
        case "page" if getattr(record, "kind", "") == "image":
            return 1.0
        case "1000 tokens":
            said: int | None = getattr(record, "words", None)
            return None if said is None else said * TOKENS_A_WORD / 1000
    return None


def _per_1000_tokens(service: str) -> list[float]:
    """What a thousand tokens cost that are read, with the few that are written about them."""
    read, written = (price_of(service, f"Converse {way}") for way in ("input", "output"))
    return [read.usd, written.usd * WRITTEN_SHARE] if read and written else []


def _operations(method: str, parts: Sequence[str]) -> list[str]:
    """Name what a call is priced by: its operation, or the parts of it."""
    name = operation_of(method)
    return [f"{name} {part}".rstrip() for part in parts] or [name]


def _is_job(method: str) -> bool:
    return method.startswith(("start_", "create_"))
