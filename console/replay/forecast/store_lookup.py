"""Forecast many records concurrently against the results store, without writing to it."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from headrace.console.errors import CommandError
from headrace.console.replay.forecast.effects import Forecaster, RecordForecast
from headrace.schemas.records import Event
from headrace.schemas.settings import load
from headrace.streams.aws.client import AwsClient
from headrace.streams.aws.s3 import S3Bucket
from headrace.streams.costs.prices import load_price_list
from headrace.streams.engine import epochs
from headrace.streams.errors import StageError
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsStore
from headrace.streams.reuse.bucket import ContentBucket
from headrace.streams.reuse.lookup import ReuseLookup
from headrace.streams.settings import StreamSettings, result_settings
from headrace.streams.stage import Stage

T = TypeVar("T")

CONCURRENCY = 32


@contextmanager
def bucket() -> Iterator[ContentBucket]:
    """Return the results bucket of the settings."""
    aws = AwsClient(CONCURRENCY, RateLimits({}, {}))
    try:
        yield S3Bucket(aws, load(StreamSettings).results_bucket)
    finally:
        aws.close()


@contextmanager
def create_forecaster(stage: Stage, fresh: bool = False) -> Iterator[Forecaster]:
    """Return the forecaster of a stage for its current epoch, or with `fresh` for the next one."""
    with bucket() as results_bucket:
        current = _run(epochs.with_current_epoch(results_bucket, stage))
        planned = replace(current, epoch=current.epoch + fresh)
        yield Forecaster(planned, ResultsStore(results_bucket), load_price_list(), _reuse(planned, results_bucket))


def _reuse(stage: Stage, results_bucket: ContentBucket) -> ReuseLookup | None:
    """Return the lookup of a stage that reuses results; the settings of its worker are those of this process."""
    if not stage.reuse:
        return None
    return ReuseLookup(stage, results_bucket, result_settings(load(StreamSettings)))


def begin_epoch(stage: Stage, change: int) -> None:
    """Add `change` to the epoch of a stage."""
    with bucket() as results_bucket:
        current = _run(epochs.with_current_epoch(results_bucket, stage))
        _run(epochs.start_epoch(results_bucket, stage.name, max(0, current.epoch + change)))


def forecast_records(forecaster: Forecaster, events: Iterable[Event | None]) -> list[RecordForecast]:
    """Forecast records in their order.

    Raises:
        CommandError: the results store cannot be read.
    """
    return _run(_effects(forecaster, events))


def _run(lookup: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(lookup)
    except StageError as failure:
        raise CommandError(f"cannot read the results store: {failure}. --sample 0 plans without it") from failure


async def _effects(forecaster: Forecaster, events: Iterable[Event | None]) -> list[RecordForecast]:
    slots = asyncio.Semaphore(CONCURRENCY)

    async def one(event: Event | None) -> RecordForecast:
        async with slots:
            return await forecaster.effect(event)

    return list(await asyncio.gather(*(one(event) for event in events)))
