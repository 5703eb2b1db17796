"""Record losses of records on `system.losses`, in the log and in the metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime

from headrace.schemas.kafka.producer import AsyncProducer
from headrace.schemas.messages import SendError
from headrace.streams.engine import metrics
from headrace.streams.engine.losses import LostRange, records_lost, to_record

RETRY_SECONDS = 1.0


class LossReporter:
    """Writes the losses of the stages of one process."""

    def __init__(self, producer: AsyncProducer, clock: Callable[[], datetime]) -> None:
        self._producer = producer
        self._clock = clock

    async def report(self, stage: str, loss: LostRange) -> None:
        """Record a loss and return once it is durable: the stage must not commit behind it before."""
        fact = records_lost(stage, loss, self._clock())
        metrics.LOST_RECORDS.labels(stage, loss.topic).inc(fact.records)
        metrics.log.error("records_lost", stage=stage, reason=fact.describe(), action="headrace audit losses")
        while True:
            try:
                return await self._producer.send([to_record(fact)])
            except SendError as error:
                metrics.log.error("loss_not_recorded", stage=stage, reason=str(error))
                await asyncio.sleep(RETRY_SECONDS)
