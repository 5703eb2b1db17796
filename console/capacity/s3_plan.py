"""The S3 requests of a day, and what they and the stored results cost. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from headrace.console.capacity.demand import Demand
from headrace.streams.costs.prices import PriceList

OPERATIONS = {"list": "ListObjectsV2", "get": "GetObject", "put": "PutObject"}
STORAGE = "Storage"
GB = 10**9
MONTH_DAYS = 30
ANSWERS = 2
"""Objects that a stage stores if it keeps the answer of a service: the event and the answer."""


@dataclass(frozen=True, slots=True)
class S3Plan:
    """Requests a day by operation; those of the views are part of them. Prices are in US dollars."""

    requests: dict[str, float]
    views_requests: float
    stored_gb: float
    requests_usd: float
    storage_usd_per_month: float


def plan_s3(demand: Demand, prices: PriceList) -> S3Plan:
    """Plan the requests of all stages, and those of the views: one for each stored answer, for the search."""
    counts = {name: sum(stage.s3[name] for stage in demand.stages) for name in OPERATIONS}
    views = sum(each.records for each in demand.stages if each.records and each.s3["put"] / each.records >= ANSWERS)
    counts["get"] += views
    requests = {operation: counts[name] for name, operation in OPERATIONS.items()}
    usd = sum(number * _usd(prices, operation) for operation, number in requests.items())
    stored = demand.stored_bytes / GB
    return S3Plan(requests, views, stored, usd, stored * MONTH_DAYS * _usd(prices, STORAGE))


def _usd(prices: PriceList, operation: str) -> float:
    price = prices.price_of("s3", operation)
    return price.usd if price else 0.0
