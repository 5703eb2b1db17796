"""The results store as a replay looks into it: many look-ups at a time, and nothing is written."""

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
from headrace.streams.engine import epochs
from headrace.streams.errors import StageError
from headrace.streams.limits.rate_limits import RateLimits
from headrace.streams.results import ResultsBucket, ResultsStore
from headrace.streams.settings import StreamSettings
from headrace.streams.stage import Stage

T = TypeVar("T")

AT_A_TIME = 32


@contextmanager
def bucket() -> Iterator[ResultsBucket]:
    """Give the results bucket that the environment names."""
    aws = AwsClient(AT_A_TIME, RateLimits({}, {}))
    try:
        yield S3Bucket(aws, load(StreamSettings).results_bucket)
    finally:
        aws.close()


@contextmanager
def create_forecaster(stage: Stage, fresh: bool = False) -> Iterator[Forecaster]:
    """Tell what a stage will do in its present epoch, or in the one after it."""
    with bucket() as held:
        of = _asked(epochs.with_current_epoch(held, stage))
        yield Forecaster(replace(of, epoch=of.epoch + fresh), ResultsStore(held))


def begin_epoch(stage: Stage, change: int) -> None:
    """Begin a stage's next epoch, or go back to the one before."""
    with bucket() as held:
        of = _asked(epochs.with_current_epoch(held, stage))
        _asked(epochs.start_epoch(held, stage.name, max(0, of.epoch + change)))


def forecast_records(foresight: Forecaster, events: Iterable[Event | None]) -> list[RecordForecast]:
    """Tell what becomes of records, in their order. Raises `Refused` when the store cannot be asked."""
    return _asked(_effects(foresight, events))


def _asked(question: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(question)
    except StageError as failure:
        raise CommandError(f"the results cannot be looked at: {failure}; --sample 0 plans without them") from failure


async def _effects(foresight: Forecaster, events: Iterable[Event | None]) -> list[RecordForecast]:
    free = asyncio.Semaphore(AT_A_TIME)

    async def one(event: Event | None) -> RecordForecast:
        async with free:
            return await foresight.effect(event)

    return list(await asyncio.gather(*(one(event) for event in events)))
